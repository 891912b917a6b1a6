output "rule_names" {
  description = "Names of the rules in each account, as shown in AWS Config."
  value       = sort(local.rule_names)
}

output "rule_arns" {
  description = "ARNs of the rules, or of the organization's rules, by the name of the managed rule, such as `secretsmanager-rotation-enabled-check`."
  value = merge(
    { for name, rule in aws_config_config_rule.this : name => rule.arn },
    { for name, rule in aws_config_organization_managed_rule.this : name => rule.arn },
  )
}

output "aggregator_name" {
  description = "Name of the aggregator; null without one."
  value       = one(aws_config_configuration_aggregator.this[*].name)
}

output "aggregator_arn" {
  description = "ARN of the aggregator; null without one."
  value       = one(aws_config_configuration_aggregator.this[*].arn)
}

output "notice_rule_name" {
  description = "Name of the EventBridge rule that sends notices; null without notices."
  value       = one(module.notices[*].name)
}

output "topic_arn" {
  description = "ARN of the topic that receives notices and summaries of reports."
  value       = module.topic.arn
}

output "bucket_name" {
  description = "Name of the bucket of the reports."
  value       = module.bucket.id
}

output "prefix" {
  description = "Key prefix of the reports."
  value       = local.prefix
}

output "function_names" {
  description = "Names of the functions: `report`."
  value       = { report = module.functions.functions.report.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.schedule.alarm_names, flatten(module.notices[*].alarm_names)))
}
