output "role_arn" {
  description = "ARN of the role, for the target's `role_arn`."
  value       = aws_iam_role.this.arn
  depends_on  = [aws_iam_role_policy.this]
}
