locals {
  name = "access-analyzer"

  own_analyzer  = var.analyzer_arn == null
  analyzer_name = local.own_analyzer ? "${var.context.name_prefix}-${local.name}" : split(":analyzer/", var.analyzer_arn)[1]
  analyzer_arn  = local.own_analyzer ? "arn:${var.context.partition}:access-analyzer:${var.context.region}:${var.context.account_id}:analyzer/${local.analyzer_name}" : var.analyzer_arn

  # The function decides which findings cause a notice. To report only the end of access, it must know the beginning.
  statuses = contains(var.notification_statuses, "ACTIVE") ? sort(var.notification_statuses) : ["ACTIVE", "ARCHIVED", "RESOLVED"]
}

# Created last, so that its first findings cause notices too, and destroyed first.
resource "aws_accessanalyzer_analyzer" "this" {
  count = local.own_analyzer ? 1 : 0

  analyzer_name = local.analyzer_name
  type          = upper(var.type)
  tags          = var.context.tags

  depends_on = [aws_lambda_event_source_mapping.this, module.rule]
}

resource "aws_accessanalyzer_archive_rule" "this" {
  for_each = var.archive_rules

  analyzer_name = local.analyzer_name
  rule_name     = each.key

  dynamic "filter" {
    for_each = each.value

    content {
      criteria = filter.value.criteria
      eq       = filter.value.eq
      neq      = filter.value.neq
      contains = filter.value.contains
      exists   = filter.value.exists
    }
  }

  depends_on = [aws_accessanalyzer_analyzer.this]
}

# --- findings: rule -> queue -> function -> topic --------------------------------------------------------------

module "rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.name
  description = "Findings of ${local.analyzer_name}"

  event_pattern = jsonencode({
    source        = ["aws.access-analyzer"]
    "detail-type" = ["Access Analyzer Finding"]
    resources     = [local.analyzer_arn]
    detail = merge(
      { status = local.statuses },
      length(var.resource_types) > 0 ? { resourceType = sort(var.resource_types) } : {},
    )
  })

  targets = {
    queue = {
      arn  = module.queue.arn
      kind = "sqs"
    }
  }
}

module "queue" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = local.name
  visibility_timeout_seconds = 780 # Six times the function's timeout, and the batching window.
  message_retention_seconds  = 1209600
  senders = {
    FindingsRule = {
      service     = "events.amazonaws.com"
      source_arns = ["arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}"]
    }
  }
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = "${local.name}-notices"
  display_name        = "Access Analyzer"
  email_subscriptions = var.notification_emails
}

# Rate-based schedules without a start date run at once, and then at their rate:
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-sweep"
  description         = "Sends the findings of ${local.analyzer_name} to the queue again, also those that no event reports"
  schedule_expression = "rate(1 day)"
  target_arn          = module.functions.functions.sweep.arn
  action              = "lambda:InvokeFunction"

  depends_on = [aws_accessanalyzer_analyzer.this]
}

# The versions of findings that were reported. If this record is lost, findings are reported again.
module "table" {
  source = "../../blocks/table"

  context             = var.context
  name                = local.name
  hash_key            = "Id"
  ttl_attribute       = "ExpiresAt"
  deletion_protection = false
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/access_analyzer"

  functions = {
    respond = {
      name              = local.name
      description       = "Notifies of resources that external principals can access${var.shut_off == null ? "" : ", and shuts that access off"}"
      handler           = "posture.access_analyzer.respond.handler"
      timeout           = 120
      dead_letter_queue = false # Its source queue has one.
      key_services      = concat(["dynamodb", "sns", "sqs"], local.removes_policies ? ["s3"] : [])
      environment = merge(
        {
          ANALYZER_ARN = local.analyzer_arn
          ACCOUNT_ID   = var.context.account_id
          REGION       = var.context.region
          PARTITION    = var.context.partition
          TABLE_NAME   = module.table.name
          TOPIC_ARN    = module.topic.arn
          STATUSES     = jsonencode(sort(var.notification_statuses))
          KEEP_DAYS    = tostring(var.keep_days)
          EXEMPT       = jsonencode({ for kind, names in var.exempt : kind => sort(names) })
        },
        var.shut_off == null ? {} : { SHUT_OFF = jsonencode(var.shut_off) },
        local.removes_policies ? { EVIDENCE_BUCKET = module.evidence[0].id } : {},
      )
      policy_statements = concat(
        [
          {
            sid        = "ReadQueue"
            actions    = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            resources  = [module.queue.arn]
            effect     = "Allow"
            conditions = {}
          },
          {
            sid        = "ReadFindings"
            actions    = ["access-analyzer:GetFinding"]
            resources  = [local.analyzer_arn]
            effect     = "Allow"
            conditions = {}
          },
          {
            sid        = "RememberFindings"
            actions    = ["dynamodb:UpdateItem"]
            resources  = [module.table.arn]
            effect     = "Allow"
            conditions = {}
          },
          {
            sid        = "SendNotices"
            actions    = ["sns:Publish"]
            resources  = [module.topic.arn]
            effect     = "Allow"
            conditions = {}
          },
        ],
        local.shut_off_statements,
      )
    }
    sweep = {
      name         = "${local.name}-sweep"
      description  = "Sends active findings to the queue, also those that no event reports"
      handler      = "posture.access_analyzer.sweep.handler"
      timeout      = 300
      key_services = ["dynamodb", "sqs"]
      environment = merge(
        {
          ANALYZER_ARN = local.analyzer_arn
          QUEUE_URL    = module.queue.url
          STATUSES     = jsonencode(sort(var.notification_statuses))
          TABLE_NAME   = module.table.name
        },
        length(var.resource_types) > 0 ? { RESOURCE_TYPES = jsonencode(sort(var.resource_types)) } : {},
      )
      policy_statements = [
        {
          sid        = "ListFindings"
          actions    = ["access-analyzer:ListFindings"]
          resources  = [local.analyzer_arn]
          effect     = "Allow"
          conditions = {}
        },
        {
          sid        = "ReadOpenItems"
          actions    = ["dynamodb:Scan"]
          resources  = [module.table.arn]
          effect     = "Allow"
          conditions = {}
        },
        {
          sid        = "SendFindings"
          actions    = ["sqs:SendMessage"]
          resources  = [module.queue.arn]
          effect     = "Allow"
          conditions = {}
        },
      ]
    }
  }

  metric_alarms = local.acts ? {
    "${local.name}-shut-off-failed" = {
      description = "The function could not shut off access 1 or more times. For the resources and reasons, see the notices and the logs of ${var.context.name_prefix}-${local.name}"
      metric      = "ShutOffsFailed"
      dimensions  = { service = local.name }
      statistic   = "Maximum"
    }
  } : {}
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn        = module.queue.arn
  function_name           = module.functions.functions.respond.arn
  batch_size              = 40
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.context.tags

  # Findings that arrive together are reported together. Access Analyzer's events themselves take up to an hour.
  maximum_batching_window_in_seconds = 60

  scaling_config {
    maximum_concurrency = 5
  }
}
