# Automatic posting, once for each finding: the rule matches only NEW, and the function sets posted findings NOTIFIED.

module "severity_rule" {
  source = "../../blocks/event_rule"
  count  = local.by_label ? 1 : 0

  context     = var.context
  name        = "${local.name}-severity"
  description = "New findings of severity ${join(", ", sort(var.severities))}"

  event_pattern = jsonencode({
    source        = ["aws.securityhub"]
    "detail-type" = ["Security Hub Findings - Imported"]
    detail = {
      findings = {
        Severity    = { Label = sort(var.severities) }
        Workflow    = { Status = ["NEW"] }
        RecordState = ["ACTIVE"]
        # Findings of products without compliance, such as GuardDuty, do not have the field.
        Compliance = { Status = [{ "anything-but" = ["PASSED"] }, { exists = false }] }
      }
    }
  })

  # Two targets, each with retries for a day and a dead-letter queue, which do not wait for each other. So a finding is
  # set NOTIFIED without having been posted only if its event is in the dead-letter queue, which raises an alarm.
  targets = {
    topic = {
      arn  = module.topic.arn
      kind = "sns"
    }
    queue = {
      arn  = module.queue[0].arn
      kind = "sqs"
    }
  }
}

module "queue" {
  source = "../../blocks/queue"
  count  = local.by_label ? 1 : 0

  context                    = var.context
  name                       = local.name
  visibility_timeout_seconds = 360
  message_retention_seconds  = 1209600
  max_receive_count          = 10 # An hour of attempts.
  senders = {
    SeverityRule = {
      service     = "events.amazonaws.com"
      source_arns = ["${local.rule_arn_root}-severity"]
    }
  }
}

module "functions" {
  source = "../../blocks/functions"
  count  = local.by_label ? 1 : 0

  context = var.context
  package = "posture/finding_chat"

  functions = {
    notified = {
      name              = "${local.name}-notified"
      description       = "Sets posted findings to NOTIFIED, so that their next update is not posted"
      handler           = "posture.finding_chat.notified.handler"
      timeout           = 60
      dead_letter_queue = false # Its source queue has one.
      key_services      = ["sqs"]
      policy_statements = [
        {
          sid       = "ReadQueue"
          actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          resources = [module.queue[0].arn]
        },
        {
          sid       = "ReadFindings"
          actions   = ["securityhub:GetFindings"]
          resources = [local.hub_arn]
        },
        {
          sid       = "SetNotified"
          actions   = ["securityhub:BatchUpdateFindings"]
          resources = [local.hub_arn]
        },
      ]
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  count = local.by_label ? 1 : 0

  event_source_arn = module.queue[0].arn
  function_name    = module.functions[0].functions.notified.arn
  # BatchUpdateFindings accepts a hundred findings. An update in the second in which they gather is posted again.
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  # The whole account is allowed three GetFindings calls a second.
  scaling_config {
    maximum_concurrency = 2
  }
}
