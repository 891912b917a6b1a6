output "function_names" {
  description = "Names of the functions: `reconcile`."
  value       = { reconcile = module.functions.functions.reconcile.name }
}

output "function_role_arn" {
  description = "ARN of the function's role, which `target_role` in another account trusts."
  value       = module.functions.functions.reconcile.role_arn
}

output "alarm_prefix" {
  description = "Beginning of the names of the alarms that the function writes. Do not give it to alarms of your own: the function removes them."
  value       = local.alarm_prefix
}

output "topic_arn" {
  description = "ARN of the topic that the alarms of this account and Region notify unless you name other actions."
  value       = module.topic.arn
}

output "bucket_name" {
  description = "Name of the bucket that contains the reports."
  value       = module.bucket.id
}

output "report_prefix" {
  description = "Object key prefix of the reports."
  value       = local.report_prefix
}

output "agent" {
  description = "Names of the agent's configurations (`parameters`, by platform) and of the `document` that installs it, and the ID of the `association`; null without `agent`."
  value = local.agent ? {
    parameters  = { for platform, parameter in aws_ssm_parameter.agent : platform => parameter.name }
    document    = aws_ssm_document.agent[0].name
    association = aws_ssm_association.agent[0].association_id
  } : null
}

output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues: `function` of failed calls, `starts` of instances that could not be handled."
  value = {
    function = module.functions.functions.reconcile.dead_letter_queue_url
    starts   = module.starts.dead_letter_queue_url
  }
}

output "alarm_names" {
  description = "Names of the alarms on the capability itself."
  value       = sort(concat(module.functions.alarm_names, module.rule.alarm_names, module.starts.alarm_names, module.schedule.alarm_names))
}
