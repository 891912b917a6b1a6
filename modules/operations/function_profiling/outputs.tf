output "wiring" {
  description = "What each function needs to be profiled, by its key: `environment` and `layer_arns` of the function, and the permissions of its role as `policy_json` or as `policy_statements` for `modules/blocks/functions`; with `group_arn`."
  value       = local.wiring
  # An agent that starts before its group exists gets an error for each profile.
  depends_on = [aws_codeguruprofiler_profiling_group.this]
}

output "group_names" {
  description = "Names of the profiling groups, by the key of their function."
  value       = { for key, group in aws_codeguruprofiler_profiling_group.this : key => group.name }
}

output "bucket_name" {
  description = "Bucket with `report.json`, the state of all profiling groups at the last review."
  value       = module.bucket.id
}

output "topic_arn" {
  description = "ARN of the topic that sends a notification of new and ended recommendations, and of functions that stop sending profiles."
  value       = module.topic.arn
}

output "function_names" {
  description = "Names of the functions: `review`."
  value       = { review = module.functions.functions.review.name }
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue, which keeps the occasions of failed reviews."
  value       = module.functions.functions.review.dead_letter_queue_url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.rule.alarm_names, module.schedule.alarm_names))
}
