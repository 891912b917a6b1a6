locals {
  name     = "${var.context.name_prefix}-${var.name}"
  regional = "${var.context.region}:${var.context.account_id}"
  arn      = "arn:${var.context.partition}:states:${local.regional}:stateMachine:${local.name}"

  # Under /aws/vendedlogs/, the log group needs no separate entry in the account's log resource policy, whose length
  # is limited.
  log_group_name = "/aws/vendedlogs/states/${local.name}"
  log_group_arn  = "arn:${var.context.partition}:logs:${local.regional}:log-group:${local.log_group_name}"

  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  role_name_full = "${local.name}-states-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  alarms = {
    ExecutionThrottled = { suffix = "throttled", meaning = "state transitions were throttled" }
    ExecutionsFailed   = { suffix = "failed", meaning = "executions failed" }
    ExecutionsTimedOut = { suffix = "timed-out", meaning = "executions timed out" }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group_name
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_iam_role" "this" {
  name                 = local.role_name
  description          = "Execution role of the state machine ${local.name}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByStateMachine"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        # Child executions of a distributed map send the state machine's ARN followed by a label.
        ArnLike = { "aws:SourceArn" = [local.arn, "${local.arn}/*"] }
      }
    }]
  })
}

resource "aws_iam_role_policy" "runtime" {
  name = "runtime"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # A log delivery belongs to the account, not to a log group: CloudWatch Logs accepts only "*" for these actions.
        # Without them, CreateStateMachine fails.
        Sid    = "DeliverLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:DescribeLogGroups",
          "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:UpdateLogDelivery",
        ]
        Resource = "*"
      },
      {
        # Trace segments do not belong to a resource: X-Ray accepts only "*".
        Sid    = "WriteTraces"
        Effect = "Allow"
        Action = [
          "xray:GetSamplingRules",
          "xray:GetSamplingTargets",
          "xray:PutTelemetryRecords",
          "xray:PutTraceSegments",
        ]
        Resource = "*"
      },
      {
        Sid       = "EncryptExecutions"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:EncryptionContext:aws:states:stateMachineArn" = [local.arn, "${local.arn}/*"] } }
      },
      {
        Sid       = "EncryptLogDelivery"
        Effect    = "Allow"
        Action    = "kms:GenerateDataKey"
        Resource  = var.context.kms_key_arn
        Condition = { StringEquals = { "kms:EncryptionContext:SourceArn" = "arn:${var.context.partition}:logs:${local.regional}:*" } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "grants" {
  count = length(var.policy_statements) > 0 ? 1 : 0

  name = "grants"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in var.policy_statements : merge(
        { Sid = s.sid, Effect = s.effect, Action = s.actions, Resource = s.resources },
        length(s.conditions) > 0 ? { Condition = s.conditions } : {},
      )
    ]
  })
}

resource "aws_sfn_state_machine" "this" {
  # checkov:skip=CKV_AWS_285:The execution history is logged in full, without inputs and outputs, which can contain personal data
  name       = local.name
  type       = var.type
  role_arn   = aws_iam_role.this.arn
  definition = var.definition
  tags       = var.context.tags

  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.context.kms_key_arn
    kms_data_key_reuse_period_seconds = 300
  }

  logging_configuration {
    level                  = "ALL"
    include_execution_data = false # inputs and outputs can contain personal data
    log_destination        = "${local.log_group_arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # CreateStateMachine checks the role's permissions on the log group; executions need the others immediately.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.runtime, aws_iam_role_policy.grants]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.value.suffix}"
  alarm_description   = "One or more ${each.value.meaning} within 5 minutes. Logs: ${local.log_group_name}"
  namespace           = "AWS/States"
  metric_name         = each.key
  dimensions          = { StateMachineArn = local.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
