locals {
  name    = "${var.context.name_prefix}-${var.name}"
  arn     = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.name}"
  dlq_arn = "${local.arn}-dlq"
  tls_only = {
    Sid       = "DenyInsecureTransport"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }

  alarms = merge(
    var.alarms.depth != null ? { depth = { queue = local.name, metric = "ApproximateNumberOfMessagesVisible", threshold = var.alarms.depth, meaning = "messages are waiting" } } : {},
    var.alarms.age_seconds != null ? { age = { queue = local.name, metric = "ApproximateAgeOfOldestMessage", threshold = var.alarms.age_seconds, meaning = "seconds have passed since the oldest message arrived" } } : {},
    { "dlq-depth" = { queue = "${local.name}-dlq", metric = "ApproximateNumberOfMessagesVisible", threshold = 1, meaning = "messages are waiting" } },
  )
}

resource "aws_sqs_queue" "dead_letter" {
  name                       = "${local.name}-dlq"
  visibility_timeout_seconds = var.dead_letter_visibility_timeout_seconds
  message_retention_seconds  = 1209600
  kms_master_key_id          = var.context.kms_key_arn
  tags                       = var.context.tags

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.tls_only, { Resource = local.dlq_arn })]
  })

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arn]
  })
}

resource "aws_sqs_queue" "this" {
  name                       = local.name
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = var.message_retention_seconds
  delay_seconds              = var.delay_seconds
  kms_master_key_id          = var.context.kms_key_arn
  tags                       = var.context.tags

  # The policy is set here, not in an aws_sqs_queue_policy: the provider waits 25 seconds for each of those.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.tls_only, { Resource = local.arn })],
      [
        for sid, s in var.senders : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { Service = s.service }
          Action    = "sqs:SendMessage"
          Resource  = local.arn
          Condition = merge(
            { ArnLike = { "aws:SourceArn" = s.source_arns } },
            # A bucket's ARN does not contain the account, and any account can reuse the name of a deleted bucket.
            s.service == "s3.amazonaws.com" ? { StringEquals = { "aws:SourceAccount" = var.context.account_id } } : {},
          )
        }
      ],
    )
  })

  redrive_policy = jsonencode({
    deadLetterTargetArn = local.dlq_arn
    maxReceiveCount     = var.max_receive_count
  })

  # The ARN above is computed from names, so Terraform cannot infer this dependency.
  depends_on = [aws_sqs_queue.dead_letter]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.context.name_prefix}-${var.name}-${each.key}"
  alarm_description   = "${each.value.threshold} or more ${each.value.meaning} in ${each.value.queue}"
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
