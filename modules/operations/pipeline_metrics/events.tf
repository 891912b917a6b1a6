# EventBridge -> queue -> function. The function waits for a batch, so that there is no object for each event.
locals {
  rule_arn_root = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}"

  pipeline_arns = flatten([
    for region in setunion([var.context.region], var.regions) : [
      for pattern in var.pipelines : "arn:${var.context.partition}:codepipeline:${region}:${var.context.account_id}:${pattern}"
    ]
  ])
}

module "queue" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = local.name
  visibility_timeout_seconds = 360 + var.batch_seconds
  senders = {
    Rules = {
      service     = "events.amazonaws.com"
      source_arns = concat([local.rule_arn_root], length(var.incident_alarms) == 0 ? [] : ["${local.rule_arn_root}-alarms"])
    }
  }
  alarms = { age_seconds = 3600 }
}

module "rules" {
  source = "../../blocks/event_rule"
  for_each = merge(
    {
      pipelines = {
        name        = local.name
        description = "Changes of state of pipelines, their stages and actions"
        pattern = jsonencode({
          source = ["aws.codepipeline"]
          "detail-type" = [
            "CodePipeline Pipeline Execution State Change",
            "CodePipeline Stage Execution State Change",
            "CodePipeline Action Execution State Change",
          ]
          detail = { pipeline = [for pattern in var.pipelines : { wildcard = pattern }] }
        })
      }
    },
    length(var.incident_alarms) == 0 ? {} : {
      alarms = {
        name        = "${local.name}-alarms"
        description = "Changes of state of the alarms that are incidents"
        pattern = jsonencode({
          source        = ["aws.cloudwatch"]
          "detail-type" = ["CloudWatch Alarm State Change"]
          detail        = { alarmName = keys(var.incident_alarms) }
        })
      }
    },
  )

  context       = var.context
  name          = each.value.name
  description   = each.value.description
  event_pattern = each.value.pattern
  targets       = { queue = { arn = module.queue.arn, kind = "sqs" } }
}

# Lets rules of other accounts send events to the default bus of this one. One statement for each account, which leaves
# the other statements of the bus policy alone.
resource "aws_cloudwatch_event_permission" "member" {
  for_each = var.members

  principal    = each.key
  statement_id = "${var.context.name_prefix}-${local.name}-${each.key}"
}

resource "aws_lambda_event_source_mapping" "collect" {
  event_source_arn                   = module.queue.arn
  function_name                      = module.functions.functions.collect.arn
  batch_size                         = var.batch_seconds == 0 ? 10 : 2000
  maximum_batching_window_in_seconds = var.batch_seconds
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  scaling_config {
    maximum_concurrency = 2
  }
}
