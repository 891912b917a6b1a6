# ARN and name follow from the inputs, so that policies made of them are known at plan time;
# depends_on makes whoever uses them wait until events are delivered.

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
  description = "URL of the queue of events that could not be delivered."
  value       = aws_sqs_queue.dead_letter.url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [aws_cloudwatch_metric_alarm.dead_letter.alarm_name]
}

output "resources" {
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    rule        = aws_cloudwatch_event_rule.this
    targets     = aws_cloudwatch_event_target.this
    permissions = aws_lambda_permission.this
    role_policy = one(aws_iam_role_policy.this[*])
  }
}
