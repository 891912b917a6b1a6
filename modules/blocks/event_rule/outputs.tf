# ARN and name are computed from the inputs, so that policies that contain them are known at plan time;
# depends_on makes consumers wait until the rule can deliver events.

output "arn" {
  description = "ARN of the rule."
  value       = local.arn
  depends_on  = [aws_cloudwatch_event_target.this]
}

output "name" {
  description = "Name of the rule."
  value       = local.name
  depends_on  = [aws_cloudwatch_event_target.this]
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue, which keeps events that could not be delivered."
  value       = aws_sqs_queue.dead_letter.url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [aws_cloudwatch_metric_alarm.dead_letter.alarm_name]
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    rule        = aws_cloudwatch_event_rule.this
    targets     = aws_cloudwatch_event_target.this
    permissions = aws_lambda_permission.this
    role_policy = one(aws_iam_role_policy.this[*])
  }
}
