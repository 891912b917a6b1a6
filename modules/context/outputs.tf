output "context" {
  description = "Value that capabilities and blocks take as their `context`."
  value       = merge(local.context, { layer_arns = [aws_lambda_layer_version.common.arn], package_bucket = module.packages.id })
  # A consumer of the context waits until the topic and the buckets are ready, but not for the lifecycle
  # configurations, which take S3 a minute.
  depends_on = [
    aws_api_gateway_account.this,
    module.alarm_topic,
    aws_s3_bucket_ownership_controls.access_logs,
    aws_s3_bucket_policy.access_logs,
    aws_s3_bucket_server_side_encryption_configuration.access_logs,
  ]
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts data, logs and queues."
  value       = aws_kms_key.this.arn
}

output "kms_alias_name" {
  description = "Alias of the key."
  value       = aws_kms_alias.this.name
}

output "alarm_topic_arn" {
  description = "ARN of the topic that receives every alarm."
  value       = module.alarm_topic.arn
}

output "access_log_bucket" {
  description = "Name of the bucket that receives the S3 access logs."
  value       = local.access_log_bucket
  depends_on  = [aws_s3_bucket_policy.access_logs]
}
