# Alarms on each function, on its dead-letter queue, and on custom metrics of the capability.
locals {
  alarms = merge(
    {
      for key, f in local.functions : "${key}/errors" => {
        name               = "${f.name}-errors"
        description        = "${f.alarms.errors} or more calls failed within 5 minutes. Logs: ${f.log_group_name}"
        namespace          = "AWS/Lambda"
        metric             = "Errors"
        dimensions         = { FunctionName = f.name }
        statistic          = "Sum"
        threshold          = f.alarms.errors
        treat_missing_data = "notBreaching"
      }
    },
    {
      for key, f in local.functions : "${key}/throttles" => {
        name               = "${f.name}-throttles"
        description        = "${f.alarms.throttles} or more calls were throttled within 5 minutes. Logs: ${f.log_group_name}"
        namespace          = "AWS/Lambda"
        metric             = "Throttles"
        dimensions         = { FunctionName = f.name }
        statistic          = "Sum"
        threshold          = f.alarms.throttles
        treat_missing_data = "notBreaching"
      }
    },
    {
      for key, f in local.functions : "${key}/dlq-depth" => {
        name               = "${f.name}-dlq-depth"
        description        = "1 or more messages are waiting in ${f.name}-dlq"
        namespace          = "AWS/SQS"
        metric             = "ApproximateNumberOfMessagesVisible"
        dimensions         = { QueueName = "${f.name}-dlq" }
        statistic          = "Maximum"
        threshold          = 1
        treat_missing_data = "notBreaching"
      } if f.dead_letter_queue
    },
    { for name, alarm in var.metric_alarms : name => merge(alarm, { name = "${var.context.name_prefix}-${name}" }) },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = each.value.name
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.value.treat_missing_data
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
