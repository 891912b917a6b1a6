output "analyzer_arn" {
  description = "ARN of the analyzer."
  value       = local.analyzer_arn
  depends_on  = [aws_accessanalyzer_analyzer.this]
}

output "analyzer_name" {
  description = "Name of the analyzer."
  value       = local.analyzer_name
  depends_on  = [aws_accessanalyzer_analyzer.this]
}

output "archive_rule_names" {
  description = "Names of the archive rules."
  value       = sort(values(aws_accessanalyzer_archive_rule.this)[*].rule_name)
}

output "topic_arn" {
  description = "ARN of the topic that receives the notices."
  value       = module.topic.arn
}

output "function_name" {
  description = "Name of the function."
  value       = module.functions.functions.respond.name
}

output "sweep_function_name" {
  description = "Name of the function that sends all active findings to the queue, each day and on request."
  value       = module.functions.functions.sweep.name
}

output "role_arn" {
  description = "ARN of the function's role, for policies that must allow it to shut access off."
  value       = module.functions.functions.respond.role_arn
}

output "queue_url" {
  description = "URL of the queue of findings."
  value       = module.queue.url
}

output "dead_letter_queue_url" {
  description = "URL of the queue of findings that could not be handled."
  value       = module.queue.dead_letter_queue_url
}

output "rule_name" {
  description = "Name of the rule that matches findings."
  value       = module.rule.name
}

output "table_name" {
  description = "Name of the table of the findings that were reported."
  value       = module.table.name
}

output "evidence_bucket" {
  description = "Name of the bucket that keeps removed access point policies; null if the settings remove none."
  value       = one(module.evidence[*].id)
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.queue.alarm_names, module.rule.alarm_names, module.functions.alarm_names, module.schedule.alarm_names)
}
