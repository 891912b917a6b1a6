output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    module.functions.alarm_names,
    module.check_schedule.alarm_names,
    module.suppress_schedule.alarm_names,
  ))
}

output "check_function_name" {
  description = "Name of the function that checks the standards; invoke it with {\"controls\": true} to list all controls with their numbers of findings."
  value       = module.functions.functions.check.name
}

output "disabled_controls" {
  description = "Disabled controls as \"ID/standard\", with the reason."
  value       = { for key, c in aws_securityhub_standards_control_association.disabled : key => c.updated_reason if c.association_status == "DISABLED" }
}

output "finding_aggregator_arn" {
  description = "ARN of the finding aggregator; null without finding_aggregation."
  value       = one(aws_securityhub_finding_aggregator.this[*].id)
}

output "hub_arn" {
  description = "ARN of the hub."
  value       = local.hub_arn
  depends_on  = [aws_securityhub_account.this]
}

output "parameters_function_name" {
  description = "Name of the function that sets control_parameters; null without any."
  value       = try(module.functions.functions["parameters"].name, null)
}

output "configuration_policy_arns" {
  description = "ARN of each configuration policy, by its name."
  value       = { for name, policy in aws_securityhub_configuration_policy.this : name => policy.arn }
}

output "standard_arns" {
  description = "ARN of each standard, enabled or existing, by its name; available after it is enabled."
  value       = { for name in local.all_standards : name => local.standard_arns[name] }
  depends_on  = [aws_securityhub_standards_subscription.this]
}

output "status" {
  description = "Result of the check after the last apply: names of the standards that are `ready`, and those `not_ready` with status and reason."
  value       = jsondecode(aws_lambda_invocation.check.result)
}

output "suppress_function_name" {
  description = "Name of the function that applies the suppressions to findings; invoke it with {} to apply them at once."
  value       = module.functions.functions.suppress.name
}

output "suppression_rule_arns" {
  description = "ARN of the automation rule of each suppression, by its name."
  value       = { for name, rule in aws_securityhub_automation_rule.suppression : name => rule.arn }
}
