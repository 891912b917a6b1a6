output "role_arn" {
  description = "ARN of the role, for role_arn of the target; null without one."
  value       = one(aws_iam_role.this[*].arn)
  depends_on  = [aws_iam_role_policy.this]
}

output "policy" {
  description = "What the role may do, as JSON."
  value       = local.policy
}

output "trust_policy" {
  description = "Who may assume the role, as JSON."
  value       = local.trust_policy
}

output "write_statements" {
  description = "What writing replicas takes, as `policy_statements` of the function block."
  value       = local.write_statements
}
