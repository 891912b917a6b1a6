output "destination_arn" {
  description = "ARN of the destination of the logs, for logging configurations that are created elsewhere."
  value       = local.destination_arn
  depends_on  = [aws_kinesis_firehose_delivery_stream.this, aws_cloudwatch_log_resource_policy.this]
}

output "bucket_name" {
  description = "Name of the bucket created for the logs; null without one."
  value       = one(concat(module.bucket[*].id, module.waf_bucket[*].id))
}

output "stream_name" {
  description = "Name of the Firehose stream; null without one."
  value       = one(aws_kinesis_firehose_delivery_stream.this[*].name)
}

output "log_group_name" {
  description = "Name of the log group created for the logs; null without one."
  value       = one(aws_cloudwatch_log_group.this[*].name)
}

output "rule_name" {
  description = "Name of the Config rule."
  value       = aws_config_config_rule.this.name
}

output "rule_arn" {
  description = "ARN of the Config rule."
  value       = aws_config_config_rule.this.arn
}

output "document_name" {
  description = "Name of the Automation document, to remediate a single web ACL yourself."
  value       = aws_ssm_document.this.name
}

output "automation_role_arn" {
  description = "ARN of the role that the Automation document assumes."
  value       = aws_iam_role.automation.arn
}

output "function_names" {
  description = "Names of the functions: `evaluate` and `remediate`."
  value       = { evaluate = module.evaluate.functions.evaluate.name, remediate = module.remediate.functions.remediate.name }
}

output "schedule_name" {
  description = "Name of the schedule that starts the evaluation of all web ACLs; null without one."
  value       = one(module.schedule[*].name)
}

output "topic_arn" {
  description = "ARN of the topic that receives failed remediations."
  value       = module.failures.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue of evaluations that failed after all retries."
  value       = module.evaluate.functions.evaluate.dead_letter_queue_url
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    aws_cloudwatch_metric_alarm.stream[*].alarm_name,
    module.evaluate.alarm_names, module.remediate.alarm_names, module.failure_rule.alarm_names,
    flatten(module.schedule[*].alarm_names),
  ))
}
