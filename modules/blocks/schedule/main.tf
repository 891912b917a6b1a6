locals {
  name     = "${var.context.name_prefix}-${var.name}"
  arn_root = "arn:${var.context.partition}:scheduler:${var.context.region}:${var.context.account_id}"
  arn      = "${local.arn_root}:schedule/default/${local.name}"

  # IAM is global: the Region keeps the roles of two Regions apart, the hash keeps a cut name unique.
  role_name_full = "${local.name}-schedule-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  # Services that encrypt what the schedule hands them: its dead-letter queue's, and its target's.
  key_services = [for service in ["sns", "sqs", "states"] : service if service == "sqs" || startswith(var.action, "${service}:")]
}

module "dead_letter_queue" {
  source = "../dead_letter_queue"

  context = var.context
  name    = "${var.name}-schedule-dlq"
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
          # Scheduler presents the group: a single schedule's ARN here is never matched.
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
        Resource = module.dead_letter_queue.arn
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
  schedule_expression_timezone = var.time_zone
  kms_key_arn                  = var.context.kms_key_arn

  flexible_time_window {
    mode                      = var.flexible_window_minutes == null ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = var.flexible_window_minutes
  }

  target {
    arn      = var.target_arn
    role_arn = aws_iam_role.this.arn
    input    = var.input

    dead_letter_config {
      arn = module.dead_letter_queue.arn
    }

    retry_policy {
      maximum_retry_attempts       = var.maximum_retry_attempts
      maximum_event_age_in_seconds = var.maximum_event_age_in_seconds
    }
  }

  depends_on = [aws_iam_role_policy.this]
}
