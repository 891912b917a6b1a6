# ARNs and names are computed from the inputs, so that policies that contain them are known at plan time;
# depends_on makes consumers wait for the resource and its policies.

output "name" {
  description = "Name of the schedule."
  value       = local.name
  depends_on  = [aws_scheduler_schedule.this]
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue, which keeps calls that failed after all retries."
  value       = aws_sqs_queue.dead_letter.url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [aws_cloudwatch_metric_alarm.dead_letter.alarm_name]
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    schedule    = aws_scheduler_schedule.this
    role_policy = aws_iam_role_policy.this
  }
}
