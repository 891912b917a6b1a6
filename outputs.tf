output "context" {
  description = "Value that modules of this library take as their `context`, for capabilities in a stack of their own."
  value       = module.context.context
}

output "alarm_topic_arn" {
  description = "ARN of the topic that receives every alarm."
  value       = module.context.alarm_topic_arn
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts data, logs and queues."
  value       = module.context.kms_key_arn
}

output "access_log_bucket" {
  description = "Name of the bucket that receives the S3 access logs."
  value       = module.context.access_log_bucket
}
