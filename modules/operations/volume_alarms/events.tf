# An instance that starts or ends: at once, which removes alarms, and again when its metrics can be listed.

module "starts" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = "${local.name}-starts"
  delay_seconds              = var.metrics_delay_seconds
  visibility_timeout_seconds = 5400
  senders = {
    InstanceStates = {
      service     = "events.amazonaws.com"
      source_arns = ["arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}"]
    }
  }
}

module "rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.name
  description = "Matches EC2 instances that run, or have been terminated"

  event_pattern = jsonencode({
    source        = ["aws.ec2"]
    "detail-type" = ["EC2 Instance State-change Notification"]
    detail        = { state = ["running", "terminated"] }
  })

  targets = {
    now   = { arn = module.functions.functions.reconcile.arn, kind = "lambda" }
    later = { arn = module.starts.arn, kind = "sqs" }
  }

  depends_on = [aws_lambda_invocation.alarms]
}

resource "aws_lambda_event_source_mapping" "starts" {
  event_source_arn                   = module.starts.arn
  function_name                      = module.functions.functions.reconcile.arn
  batch_size                         = 10
  maximum_batching_window_in_seconds = 5
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  scaling_config {
    maximum_concurrency = 2 # CloudWatch accepts 3 PutMetricAlarm calls a second
  }

  depends_on = [aws_lambda_invocation.alarms]
}
