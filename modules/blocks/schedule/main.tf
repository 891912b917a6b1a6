locals {
  name     = "${var.context.name_prefix}-${var.name}"
  arn_root = "arn:${var.context.partition}:scheduler:${var.context.region}:${var.context.account_id}"
  arn      = "${local.arn_root}:schedule/default/${local.name}"

  dead_letter_queue_name = "${local.name}-schedule-dlq"
  dead_letter_queue_arn  = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.dead_letter_queue_name}"

  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  role_name_full = "${local.name}-schedule-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  # Services that encrypt what the schedule sends them: SQS for its dead-letter queue, and the target's service.
  key_services = [for service in ["sns", "sqs", "states"] : service if service == "sqs" || startswith(var.action, "${service}:")]
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = local.dead_letter_queue_name
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
  alarm_name          = "${local.dead_letter_queue_name}-depth"
  alarm_description   = "1 or more messages are waiting in ${local.dead_letter_queue_name}"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = local.dead_letter_queue_name }
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
  name                 = local.role_name
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
          "aws:SourceArn" = "${local.arn_root}:schedule-group/default"
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
        Sid       = "UseKeyThroughServices"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = [for service in local.key_services : "${service}.${var.context.region}.*"] } }
      },
      {
        Sid       = "ReadOwnSchedule"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.context.kms_key_arn
        Condition = { StringEquals = { "kms:EncryptionContext:aws:scheduler:schedule:arn" = local.arn } }
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
