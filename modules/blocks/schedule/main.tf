locals {
  name = "${var.context.name_prefix}-${var.name}"

  dead_letter_queue_arn = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.name}-schedule-dlq"

  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  role_name = "${local.name}-schedule-${var.context.region}"
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = "${local.name}-schedule-dlq"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.context.kms_key_arn
  tags                      = var.context.tags

  # The policy is set here, not in an aws_sqs_queue_policy: the provider waits 25 seconds for each of those.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.dead_letter_queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "dead_letter" {
  alarm_name          = "${local.name}-schedule-dlq-depth"
  alarm_description   = "1 or more messages are waiting in ${local.name}-schedule-dlq"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = "${local.name}-schedule-dlq" }
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

resource "aws_iam_role" "this" {
  name                 = length(local.role_name) <= 64 ? local.role_name : "${substr(local.role_name, 0, 57)}-${substr(sha256(local.role_name), 0, 6)}"
  description          = "Lets the schedule ${local.name} call its target"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByScheduler"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = var.context.account_id
          # EventBridge Scheduler sends the ARN of the schedule group: the ARN of a single schedule would never match.
          "aws:SourceArn" = "arn:${var.context.partition}:scheduler:${var.context.region}:${var.context.account_id}:schedule-group/default"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "target"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "CallTarget"
        Effect   = "Allow"
        Action   = var.action
        Resource = coalesce(var.resource_arn, var.target_arn)
      },
      {
        Sid      = "KeepFailedCalls"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = local.dead_letter_queue_arn
      },
      {
        # Of services that encrypt what the schedule sends: SQS for its dead-letter queue, and the target's service.
        Sid      = "UseKeyThroughServices"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.context.kms_key_arn
        Condition = {
          StringLike = {
            "kms:ViaService" = [
              for service in ["sns", "sqs", "states"] : "${service}.${var.context.region}.*"
              if service == "sqs" || startswith(var.action, "${service}:")
            ]
          }
        }
      },
      {
        Sid       = "ReadOwnSchedule"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.context.kms_key_arn
        Condition = { StringEquals = { "kms:EncryptionContext:aws:scheduler:schedule:arn" = "arn:${var.context.partition}:scheduler:${var.context.region}:${var.context.account_id}:schedule/default/${local.name}" } }
      },
    ]
  })
}

resource "aws_scheduler_schedule" "this" {
  name                         = local.name
  description                  = var.description
  schedule_expression          = var.schedule_expression
  schedule_expression_timezone = var.timezone
  kms_key_arn                  = var.context.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.target_arn
    role_arn = aws_iam_role.this.arn
    input    = var.input

    dead_letter_config {
      arn = local.dead_letter_queue_arn
    }

    retry_policy {
      maximum_retry_attempts       = var.maximum_retry_attempts
      maximum_event_age_in_seconds = var.maximum_event_age_in_seconds
    }
  }

  # The queue's ARN above is computed from names, so Terraform cannot infer this dependency.
  depends_on = [aws_iam_role_policy.this, aws_sqs_queue.dead_letter]
}
