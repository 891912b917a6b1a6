# ARN and name are computed from the inputs, so that policies that contain them are known at plan time;
# depends_on makes consumers wait for the table.

output "arn" {
  description = "ARN of the table; its indexes are `<arn>/index/<name>`."
  value       = local.arn
  depends_on  = [aws_dynamodb_table.this]
}

output "name" {
  description = "Name of the table."
  value       = local.name
  depends_on  = [aws_dynamodb_table.this]
}

output "stream_arn" {
  description = "ARN of the change stream; null without one."
  value       = var.stream_view_type == null ? null : aws_dynamodb_table.this.stream_arn
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    table = aws_dynamodb_table.this
  }
}
