output "plan_role_arn" {
  description = "ARN of the role that plans; the repository's variable AWS_ROLE_ARN."
  value       = aws_iam_role.this["plan"].arn
}

output "apply_role_arn" {
  description = "ARN of the role that applies; the environment's variable AWS_APPLY_ROLE_ARN."
  value       = aws_iam_role.this["apply"].arn
}

output "permissions_boundary_arn" {
  description = "ARN of the boundary; the stack's variable permissions_boundary_arn. The apply role creates no role without it."
  value       = aws_iam_policy.boundary.arn
}
