# What nobody sees otherwise: the functions succeed, and count what they could not do.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = {
    SignInsNotRecorded = { function = "record", meaning = "sign-ins were recorded neither in the table nor in the queue: their users may look inactive" }
    RecordsRefused     = { function = "disable", meaning = "records of the stream were malformed and left alone" }
    UsersToReview      = { function = "disable", meaning = "users signed in while they were being disabled and were changed by somebody else since: decide whether to enable them, see the audit table" }
    UsersUnreachable   = { function = "disable", meaning = "users could not be warned for want of a verified address" }
  }

  alarm_name          = "${var.context.name_prefix}-${local.name}-${lower(replace(each.key, "/([a-z])([A-Z])/", "$1-$2"))}"
  alarm_description   = "One or more ${each.value.meaning}."
  namespace           = "Switchyard"
  metric_name         = each.key
  dimensions          = { service = "${local.name}-${each.value.function}" }
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

# Expiries that wait: the stream keeps its records for 24 hours.
resource "aws_cloudwatch_metric_alarm" "iterator_age" {
  alarm_name          = "${var.context.name_prefix}-${local.name}-iterator-age"
  alarm_description   = "Expired users have waited 6 hours or more; after 24 the stream drops them. Logs: ${module.disable_function.log_group_name}"
  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = module.disable_function.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 21600000
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
