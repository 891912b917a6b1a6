output "recorder_name" {
  description = "Name of the recorder, available once it records. Config rules depend on it."
  value       = aws_config_configuration_recorder.this.name
  depends_on  = [aws_config_configuration_recorder_status.this]
}

output "delivery_channel_name" {
  description = "Name of the delivery channel."
  value       = aws_config_delivery_channel.this.name
}

output "bucket_name" {
  description = "Name of the bucket that receives snapshots and history."
  value       = module.bucket.id
}

output "bucket_arn" {
  description = "ARN of the bucket that receives snapshots and history."
  value       = module.bucket.arn
}

output "role_arn" {
  description = "ARN of the role that Config uses."
  value       = local.role_arn
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    bucket              = module.bucket.resources
    channel             = aws_config_delivery_channel.this
    recorder            = aws_config_configuration_recorder.this
    service_linked_role = one(aws_iam_service_linked_role.config[*])
    status              = aws_config_configuration_recorder_status.this
  }
}
