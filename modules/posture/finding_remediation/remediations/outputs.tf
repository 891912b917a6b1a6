output "remediations" {
  description = "Each remediation by its name: action, automatic, environment, batch_size, timeout and statements (statements in the shape of the function block's `policy_statements`)."
  value       = local.remediations
}
