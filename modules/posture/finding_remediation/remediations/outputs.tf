output "remediations" {
  description = "Each remediation by its name: action, automatic, environment, batch_size, timeout and statements (statements in the shape of the function block's `policy_statements`)."
  value       = { for key, remediation in local.remediations : key => merge(remediation, { statements = concat(remediation.statements, local.added[key]) }) }
}
