output "test_role_arn" {
  description = "Role that tests use: `sandbox.test_role_arn` of module_pipeline."
  value       = aws_iam_role.this["test"].arn
  depends_on  = [aws_iam_role_policy_attachment.test]
}

output "sweep_role_arn" {
  description = "Role that removes what tests leave: `sandbox.sweep_role_arn` of module_pipeline."
  value       = aws_iam_role.this["sweep"].arn
  depends_on  = [aws_iam_role_policy.sweep]
}
