locals {
  name     = "finding-chat"
  by_label = length(local.routes) > 0

  rule_arn_root = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}"
  hub_arn       = "arn:${var.context.partition}:securityhub:${var.context.region}:${var.context.account_id}:hub/default"
}

# What analysts send: a topic of all channels. EventBridge delivers to an encrypted topic only if its key is customer managed and
# the key policy allows it, as that of the stack's key does for topics with the stack's prefix.
module "topic" {
  source = "../../blocks/topic"

  context      = var.context
  name         = local.name
  display_name = "Security Hub findings for chat"
  publishers = {
    ActionRule = { service = "events.amazonaws.com" }
  }
}

# The chat service creates its own subscription, without a dead-letter queue: only this shows what it refuses for good.
resource "aws_cloudwatch_metric_alarm" "undelivered" {
  for_each = merge({ action = module.topic.name }, { for id, topic in module.route_topic : id => topic.name })

  alarm_name          = "${each.value}-undelivered"
  alarm_description   = "SNS could not deliver findings to the chat service. Read them in Security Hub, and check the channel configurations of ${var.context.name_prefix}-${local.name}."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFailed"
  dimensions          = { TopicName = each.value }
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

# --- findings that an analyst sends ----------------------------------------------------------------------------

resource "aws_securityhub_action_target" "this" {
  identifier  = var.action_id
  name        = var.action_name
  description = "Posts the selected findings to ${join(", ", sort(concat(keys(var.slack_channels), keys(var.teams_channels))))}"

  lifecycle {
    precondition {
      condition     = length(var.slack_channels) + length(var.teams_channels) > 0
      error_message = "Set at least one channel in slack_channels or teams_channels: without a channel, findings are not posted anywhere."
    }
  }

  # Security Hub refuses an action in an account that has not enabled it: on create, and on destroy.
  depends_on = [var.hub_arn]
}

module "action_rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = "${local.name}-action"
  description = "Findings for which an analyst chose ${var.action_name}"

  event_pattern = jsonencode({
    source        = ["aws.securityhub"]
    "detail-type" = ["Security Hub Findings - Custom Action"]
    resources     = [aws_securityhub_action_target.this.arn]
  })

  # Send the event unchanged: the chat service formats events that it recognizes, and drops transformed ones.
  targets = {
    topic = {
      arn  = module.topic.arn
      kind = "sns"
    }
  }
}
