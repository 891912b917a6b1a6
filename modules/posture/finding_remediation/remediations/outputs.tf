output "remediations" {
  description = "Each remediation by its name: action, automatic, environment, batch_size, timeout and statements (the latter as `policy_statements` of the function block)."
  value       = local.remediations
}
