locals {
  name = "${var.context.name_prefix}-${var.name}"
  arn  = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${local.name}"

  dead_letter_queue_name = "${local.name}-rule-dlq"
  dead_letter_queue_arn  = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.dead_letter_queue_name}"

  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  role_name_full = "${local.name}-rule-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  # What the rule starts with a role, by kind.
  started = { for kind in ["states", "codepipeline", "codebuild"] : kind => [for t in var.targets : t.arn if t.kind == kind] }
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = local.name
  description   = var.description
  event_pattern = var.event_pattern
  tags          = var.context.tags
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
      {
        Sid       = "UndeliveredEvents"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.dead_letter_queue_arn
        Condition = { ArnLike = { "aws:SourceArn" = [local.arn] } }
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
  count = length(flatten(values(local.started))) > 0 ? 1 : 0

  name                 = local.role_name
  description          = "Lets the rule ${local.name} start its targets"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByRule"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "events.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnEquals    = { "aws:SourceArn" = local.arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  count = length(flatten(values(local.started))) > 0 ? 1 : 0

  name = "targets"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for statement in [
        {
          Sid      = "StartStateMachines"
          Effect   = "Allow"
          Action   = "states:StartExecution"
          Resource = local.started.states
        },
        {
          # The principal that starts an execution encrypts its input.
          Sid       = "UseKeyThroughServices"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = var.context.kms_key_arn
          Condition = { StringLike = { "kms:ViaService" = ["states.${var.context.region}.*"] } }
        },
      ] : statement if length(local.started.states) > 0],
      length(local.started.codepipeline) > 0 ? [{
        Sid      = "StartPipelines"
        Effect   = "Allow"
        Action   = "codepipeline:StartPipelineExecution"
        Resource = local.started.codepipeline
      }] : [],
      length(local.started.codebuild) > 0 ? [{
        Sid      = "StartBuilds"
        Effect   = "Allow"
        Action   = "codebuild:StartBuild"
        Resource = local.started.codebuild
      }] : [],
    )
  })
}

resource "aws_lambda_permission" "this" {
  for_each = { for id, t in var.targets : id => t.arn if t.kind == "lambda" }

  statement_id  = "${local.name}-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = each.value
  principal     = "events.amazonaws.com"
  source_arn    = local.arn
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = var.targets

  rule      = aws_cloudwatch_event_rule.this.name
  target_id = each.key
  arn       = each.value.arn
  role_arn  = contains(["states", "codepipeline", "codebuild"], each.value.kind) ? aws_iam_role.this[0].arn : null
  input     = each.value.input

  retry_policy {
    maximum_retry_attempts       = 185
    maximum_event_age_in_seconds = 86400
  }

  dead_letter_config {
    arn = local.dead_letter_queue_arn
  }

  dynamic "input_transformer" {
    for_each = each.value.input_transformer[*]

    content {
      input_paths    = input_transformer.value.input_paths
      input_template = input_transformer.value.input_template
    }
  }

  # The queue's ARN above is computed from names, so Terraform cannot infer this dependency.
  depends_on = [aws_iam_role_policy.this, aws_lambda_permission.this, aws_sqs_queue.dead_letter]
}
