output "stream_arn" {
  description = "ARN of the stream, for its producers."
  value       = aws_kinesis_stream.this.arn
}

output "stream_name" {
  description = "Name of the stream, for its producers."
  value       = aws_kinesis_stream.this.name
}

output "kms_key_arn" {
  description = "Key of the stream: producers need kms:GenerateDataKey on it."
  value       = aws_kms_key.this.arn
}

output "shared" {
  description = "For each consumer, the value of an entry in `streams` of cross_account_stream: `stream_arn`, `consumer_arn` (null without enhanced fan-out), `kms_key_arn`. It exists when the policies let the consumer read."
  value = {
    for name, c in var.consumers : name => {
      stream_arn   = aws_kinesis_stream.this.arn
      consumer_arn = c.enhanced_fan_out ? aws_kinesis_stream_consumer.this[name].arn : null
      kms_key_arn  = aws_kms_key.this.arn
    }
  }
  depends_on = [aws_kinesis_resource_policy.stream, aws_kinesis_resource_policy.consumer]
}
