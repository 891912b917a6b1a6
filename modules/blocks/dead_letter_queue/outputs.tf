output "arn" {
  description = "ARN of the queue."
  value       = local.arn # made of names, so that policies with it are known at plan time
  depends_on  = [aws_sqs_queue.this]
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "alarm_name" {
  description = "Name of the alarm on the first message."
  value       = aws_cloudwatch_metric_alarm.this.alarm_name
}
