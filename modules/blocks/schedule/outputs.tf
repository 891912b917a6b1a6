# ARNs and names follow from the inputs, so that policies made of them are known at plan time;
# depends_on makes whoever uses them wait for what they name.

output "arn" {
  description = "ARN of the schedule."
  value       = local.arn
  depends_on  = [aws_scheduler_schedule.this]
}

output "name" {
  description = "Name of the schedule."
  value       = local.name
  depends_on  = [aws_scheduler_schedule.this]
}

output "dead_letter_queue_url" {
  description = "URL of the queue of calls that failed for good."
  value       = aws_sqs_queue.dead_letter.url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [aws_cloudwatch_metric_alarm.dead_letter.alarm_name]
}

output "resources" {
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    schedule    = aws_scheduler_schedule.this
    role_policy = aws_iam_role_policy.this
  }
}
