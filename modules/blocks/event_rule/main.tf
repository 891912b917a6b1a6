locals {
  name = "${var.context.name_prefix}-${var.name}"
  arn  = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${local.name}"

  # IAM is global: the Region keeps the roles of two Regions apart, the hash keeps a cut name unique.
  role_name_full = "${local.name}-rule-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  state_machine_arns = [for t in var.targets : t.arn if t.kind == "states"]
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = local.name
  description   = var.description
  event_pattern = var.event_pattern
  tags          = var.context.tags
}

module "dead_letter_queue" {
  source = "../dead_letter_queue"

  context  = var.context
  name     = "${var.name}-rule-dlq"
  rule_arn = local.arn
}

resource "aws_iam_role" "this" {
  count = length(local.state_machine_arns) > 0 ? 1 : 0

  name                 = local.role_name
  description          = "Lets the rule ${local.name} start its state machines"
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
  count = length(local.state_machine_arns) > 0 ? 1 : 0

  name = "targets"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "StartStateMachines"
        Effect   = "Allow"
        Action   = "states:StartExecution"
        Resource = local.state_machine_arns
      },
      {
        # Who starts an execution encrypts its input.
        Sid       = "UseKeyThroughServices"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = ["states.${var.context.region}.*"] } }
      },
    ]
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
  role_arn  = each.value.kind == "states" ? aws_iam_role.this[0].arn : null
  input     = each.value.input

  retry_policy {
    maximum_retry_attempts       = var.maximum_retry_attempts
    maximum_event_age_in_seconds = var.maximum_event_age_in_seconds
  }

  dead_letter_config {
    arn = module.dead_letter_queue.arn
  }

  dynamic "input_transformer" {
    for_each = each.value.input_transformer[*]

    content {
      input_paths    = input_transformer.value.input_paths
      input_template = input_transformer.value.input_template
    }
  }

  depends_on = [aws_iam_role_policy.this, aws_lambda_permission.this]
}
