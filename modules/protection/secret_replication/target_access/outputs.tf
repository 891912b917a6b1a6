output "role_arn" {
  description = "ARN of the role, for the target's `role_arn`; null without `role_name`."
  value       = one(aws_iam_role.this[*].arn)
  depends_on  = [aws_iam_role_policy.this]
}

output "policy" {
  description = "Permissions policy of the role, as JSON."
  value       = local.policy
}

output "trust_policy" {
  description = "Trust policy of the role, as JSON."
  value       = local.trust_policy
}

output "write_statements" {
  description = "Permissions to write replicas, as `policy_statements` of the `functions` block."
  value       = local.write_statements
}
