# Exports new and updated findings as Security Hub publishes them: rule -> queue -> function -> bucket.

module "continuous_queue" {
  source = "../../blocks/queue"
  count  = var.continuous ? 1 : 0

  context                    = var.context
  name                       = "${local.name}-continuous"
  visibility_timeout_seconds = 360
  senders = {
    ContinuousRule = {
      service     = "events.amazonaws.com"
      source_arns = ["${local.rule_arn_root}-continuous"]
    }
  }
}

module "continuous_rule" {
  source = "../../blocks/event_rule"
  count  = var.continuous ? 1 : 0

  context     = var.context
  name        = "${local.name}-continuous"
  description = "New and updated Security Hub findings, for export"

  event_pattern = jsonencode({
    source        = ["aws.securityhub"]
    "detail-type" = ["Security Hub Findings - Imported"]
  })

  targets = {
    queue = {
      arn  = module.continuous_queue[0].arn
      kind = "sqs"
    }
  }
}

resource "aws_lambda_event_source_mapping" "continuous" {
  count = var.continuous ? 1 : 0

  event_source_arn                   = module.continuous_queue[0].arn
  function_name                      = module.functions.functions.continuous.arn
  batch_size                         = 1000
  maximum_batching_window_in_seconds = 60
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  scaling_config {
    maximum_concurrency = 2
  }
}
