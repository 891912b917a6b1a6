# ARNs and names follow from the inputs, so that policies made of them are known at plan time;
# depends_on makes whoever uses them wait for what they name.

output "arn" {
  description = "ARN of the queue."
  value       = local.arn
  depends_on  = [aws_sqs_queue.this]
}

output "name" {
  description = "Name of the queue."
  value       = local.name
  depends_on  = [aws_sqs_queue.this]
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dead_letter.url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = values(aws_cloudwatch_metric_alarm.this)[*].alarm_name
}

output "resources" {
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    queue             = aws_sqs_queue.this
    dead_letter_queue = aws_sqs_queue.dead_letter
    alarms            = aws_cloudwatch_metric_alarm.this
  }
}
