output "function_names" {
  description = "Names of the functions: `reconcile`."
  value       = { reconcile = module.functions.functions.reconcile.name }
}

output "alarm_prefix" {
  description = "Beginning of the names of the alarms that the function writes. Do not give it to alarms of your own: the function removes them."
  value       = local.alarm_prefix
}

output "topic_arns" {
  description = "ARNs of the topics, by severity: `critical` and `warning`."
  value       = { for severity, topic in module.topic : severity => topic.arn }
}

output "dashboard_name" {
  description = "Name of the dashboard, and of the folder of the saved queries."
  value       = local.dashboard_name
}

output "trace_group_arns" {
  description = "ARNs of the trace groups, by their names in `trace_groups`."
  value       = { for name, group in aws_xray_group.this : name => group.arn }
}

output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues: `function` of failed calls, `changes` of changed tags that could not be handled, `rule` and `schedule` of what could not be delivered."
  value = {
    function = module.functions.functions.reconcile.dead_letter_queue_url
    changes  = module.changes.dead_letter_queue_url
    rule     = module.rule.dead_letter_queue_url
    schedule = module.schedule.dead_letter_queue_url
  }
}

output "alarm_names" {
  description = "Names of the alarms on the capability itself."
  value = sort(concat(
    module.functions.alarm_names, module.changes.alarm_names, module.rule.alarm_names, module.schedule.alarm_names,
    flatten([for w in module.window : w.alarm_names]),
  ))
}
