# Findings posted by themselves, each once: the rule matches NEW only, and what it posted is set NOTIFIED.

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
        # Findings of products without compliance, such as GuardDuty, have none.
        Compliance = { Status = [{ "anything-but" = ["PASSED"] }, { exists = false }] }
      }
    }
  })

  # Two targets, each with retries for a day and a dead letter: neither waits for the other, so a finding is set
  # NOTIFIED without having been posted only when its event is in the dead-letter queue, which alarms.
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
  max_receive_count          = 10 # an hour of tries
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
      description       = "Sets findings that were posted to NOTIFIED, so that their next update is not posted"
      handler           = "posture.finding_chat.notified.handler"
      timeout           = 60
      dead_letter_queue = false # the queue that feeds it has one
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
  # BatchUpdateFindings takes a hundred findings; the second in which they gather is one in which a repeat passes.
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  # GetFindings is allowed three times a second in the whole account.
  scaling_config {
    maximum_concurrency = 2
  }
}
