# ARNs and names are computed from the inputs, so that policies that contain them are known at plan time;
# depends_on makes consumers wait for the resource and its policies.

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

output "dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue."
  value       = local.dlq_arn
  depends_on  = [aws_sqs_queue.dead_letter]
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = values(aws_cloudwatch_metric_alarm.this)[*].alarm_name
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    queue             = aws_sqs_queue.this
    dead_letter_queue = aws_sqs_queue.dead_letter
    alarms            = aws_cloudwatch_metric_alarm.this
  }
}
