locals {
  name = "${var.context.name_prefix}-${var.name}"
  arn  = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.name}"
}

resource "aws_sqs_queue" "this" {
  name                      = local.name
  message_retention_seconds = 1209600
  kms_master_key_id         = var.context.kms_key_arn
  tags                      = var.context.tags

  # In the queue, not a resource beside it: the provider waits 25 seconds for each.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [
        for rule_arn in var.rule_arn[*] : {
          Sid       = "UndeliveredEvents"
          Effect    = "Allow"
          Principal = { Service = "events.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = local.arn
          Condition = { ArnLike = { "aws:SourceArn" = [rule_arn] } }
        }
      ],
    )
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name          = "${local.name}-depth"
  alarm_description   = "1 or more messages waiting in ${local.name}"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = local.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}

moved {
  from = aws_cloudwatch_metric_alarm.this["depth"]
  to   = aws_cloudwatch_metric_alarm.this
}
