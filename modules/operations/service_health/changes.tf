# Changed tags: a new resource gets its alarms, one that leaves a service loses them. Many changes are one run.

module "changes" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = "${local.name}-changes"
  visibility_timeout_seconds = 5400
  senders = {
    TagChanges = {
      service     = "events.amazonaws.com"
      source_arns = ["arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}"]
    }
  }
}

module "rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.name
  description = "Matches changed tags of the kinds of resources that have alarms"

  event_pattern = jsonencode({
    source        = ["aws.tag"]
    "detail-type" = ["Tag Change on Resource"]
    detail        = { service = ["apigateway", "dynamodb", "elasticloadbalancing", "lambda", "sns", "sqs", "states"] }
  })

  targets = {
    queue = { arn = module.changes.arn, kind = "sqs" }
  }

  depends_on = [aws_lambda_invocation.alarms]
}

resource "aws_lambda_event_source_mapping" "changes" {
  event_source_arn                   = module.changes.arn
  function_name                      = module.functions.functions.reconcile.arn
  batch_size                         = 1000
  maximum_batching_window_in_seconds = var.batching_seconds
  tags                               = var.context.tags

  scaling_config {
    maximum_concurrency = 2 # the least; CloudWatch accepts 3 PutMetricAlarm calls a second
  }

  depends_on = [aws_lambda_invocation.alarms]
}
