locals {
  rule_arn_root = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}"
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = "${local.name}-status"
  display_name        = "Security Hub export"
  email_subscriptions = var.notification_emails

  publishers = {
    StatusRule = { service = "events.amazonaws.com" }
  }
}

module "status_rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = "${local.name}-status"
  description = "Notifies of each status change of an export"

  event_pattern = jsonencode({
    source        = ["aws.states"]
    "detail-type" = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [local.state_machine_arn]
      status          = sort(var.notification_statuses)
    }
  })

  targets = {
    topic = {
      arn  = module.topic.arn
      kind = "sns"
      input_transformer = {
        # An encrypted execution's event has neither error nor cause:
        # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
        input_paths = {
          name      = "$.detail.name"
          status    = "$.detail.status"
          execution = "$.detail.executionArn"
        }
        input_template = "\"The export of Security Hub findings <name> is <status>. Its result, or its error and cause: aws stepfunctions describe-execution --execution-arn <execution>\""
      }
    }
  }
}
