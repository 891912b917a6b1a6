output "function_name" {
  description = "Name of the function that copies changed secrets; null without targets."
  value       = one(module.functions[*].functions.replicate.name)
}

output "reconcile_function_name" {
  description = "Name of the function that compares; invoke it with {\"repair\": false} to get only the drift report. Null without targets."
  value       = one(module.functions[*].functions.reconcile.name)
}

output "writer_role_arns" {
  description = "ARNs of the roles of the two functions, for the trust policy of roles in other accounts."
  value       = concat(module.functions[*].functions.replicate.role_arn, module.functions[*].functions.reconcile.role_arn)
}

output "target_policies" {
  description = "For each target in another account, the policies of the role in that account, as JSON: `trust_policy` and `policy`. The module `target_access` creates that role with Terraform."
  value = {
    for key, access in module.remote_access : key => {
      trust_policy = access.trust_policy
      policy       = access.policy
    }
  }
}

output "queue_url" {
  description = "URL of the queue of changes; null without targets."
  value       = one(module.queue[*].url)
}

output "queue_arn" {
  description = "ARN of the queue of changes; null without targets."
  value       = one(module.queue[*].arn)
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue, which keeps changes that could not be copied; null without targets."
  value       = one(module.queue[*].dead_letter_queue_url)
}

output "rule_name" {
  description = "Name of the rule that matches changes; null without targets."
  value       = one(module.rule[*].name)
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    flatten([module.queue[*].alarm_names, module.functions[*].alarm_names, module.rule[*].alarm_names, module.schedule[*].alarm_names]),
  ))
}

output "managed_secret_arns" {
  description = "ARN of each managed secret, by name. The ARNs of its replicas differ only in the Region."
  value       = { for name, secret in aws_secretsmanager_secret.managed : name => secret.arn }
}
