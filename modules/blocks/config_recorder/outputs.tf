output "recorder_name" {
  description = "Name of the recorder, once it records: what rules wait for."
  value       = aws_config_configuration_recorder.this.name
  depends_on  = [aws_config_configuration_recorder_status.this]
}

output "delivery_channel_name" {
  description = "Name of the delivery channel."
  value       = aws_config_delivery_channel.this.name
}

output "bucket_name" {
  description = "Name of the bucket that gets snapshots and history."
  value       = module.bucket.id
}

output "bucket_arn" {
  description = "ARN of that bucket."
  value       = module.bucket.arn
}

output "role_arn" {
  description = "ARN of the role that Config uses."
  value       = local.role_arn
}

output "resources" {
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    bucket              = module.bucket.resources
    channel             = aws_config_delivery_channel.this
    recorder            = aws_config_configuration_recorder.this
    service_linked_role = one(aws_iam_service_linked_role.config[*])
    status              = aws_config_configuration_recorder_status.this
  }
}
