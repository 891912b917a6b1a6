output "role_arns" {
  description = "ARN of each remediation's role in this account."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
  depends_on  = [aws_iam_role_policy.this]
}
