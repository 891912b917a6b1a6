output "custom_action_arns" {
  description = "ARN of each remediation's custom action."
  value       = { for key, action in aws_securityhub_action_target.this : key => action.arn }
}

output "function_names" {
  description = "Name of each remediation's function."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "role_names" {
  description = "Name of each remediation's role."
  value       = { for key, function in module.functions.functions : key => function.role_name }
}

output "role_arns" {
  description = "ARN of each remediation's role, for the module `member_role` in member accounts."
  value       = { for key, function in module.functions.functions : key => function.role_arn }
}

output "action_rule_names" {
  description = "Name of each remediation's rule for its custom action."
  value       = { for key, rule in module.action_rule : key => rule.name }
}

output "automatic_rule_names" {
  description = "Name of each automatic remediation's rule for new findings."
  value       = { for key, rule in module.automatic_rule : key => rule.name }
}

output "queue_urls" {
  description = "URL of each remediation's queue."
  value       = { for key, queue in module.queue : key => queue.url }
}

output "dead_letter_queue_urls" {
  description = "URL of each remediation's queue of events that could not be handled."
  value       = { for key, queue in module.queue : key => queue.dead_letter_queue_url }
}

output "object_kms_key_arns" {
  description = "ARNs of the KMS keys that encrypt remediated objects, by Region."
  value       = local.object_kms_key_arns
}

output "object_kms_alias_name" {
  description = "Alias of the key that this module creates for remediated objects; null if it creates none."
  value       = one(aws_kms_alias.objects[*].name)
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    module.functions.alarm_names,
    flatten([
      values(module.action_rule)[*].alarm_names,
      values(module.automatic_rule)[*].alarm_names,
      values(module.queue)[*].alarm_names,
    ]),
  ))
}
