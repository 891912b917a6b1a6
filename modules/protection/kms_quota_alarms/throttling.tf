# Usage metrics count calls, not callers, and their minutes hide bursts. CloudTrail records each call of KMS with its
# caller, and its error: the source reads callers from there with CloudWatch Logs Insights.
locals {
  throttled_name = "${var.context.name_prefix}-${local.name}-throttled"

  # A trail of all Regions has the calls of all Regions in its log group. A role's sessions count as the role; without
  # a role, the caller is a user, or a service that calls on behalf of the account.
  calls = join(" | ", [
    "filter eventSource = 'kms.amazonaws.com' and awsRegion = '${var.context.region}'",
    "fields coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, userIdentity.invokedBy) as caller",
  ])
  busiest = "stats count(*) as calls by caller, eventName | sort calls desc | limit 20"

  caller_widgets = var.trail_log_group == null ? [] : [
    for index, widget in [
      { title = "Callers with the most calls", query = "${local.calls} | ${local.busiest}" },
      { title = "Callers that were throttled", query = "${local.calls} | filter errorCode = 'ThrottlingException' | ${local.busiest}" },
      ] : {
      type   = "log"
      x      = index * 12
      y      = 12 + ceil(length(var.quotas) / 3) * 6
      width  = 12
      height = 8
      properties = {
        title  = widget.title
        region = var.context.region
        view   = "table"
        query  = "SOURCE '${var.trail_log_group}' | ${widget.query}"
      }
    }
  ]
}

resource "aws_cloudwatch_log_metric_filter" "throttled" {
  count = var.trail_log_group == null ? 0 : 1

  name           = local.throttled_name
  log_group_name = var.trail_log_group
  pattern        = "{ ($.eventSource = \"kms.amazonaws.com\") && ($.errorCode = \"ThrottlingException\") && ($.awsRegion = \"${var.context.region}\") }"

  metric_transformation {
    namespace = "Switchyard"
    name      = local.throttled_name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "throttled" {
  count = var.trail_log_group == null ? 0 : 1

  alarm_name          = local.throttled_name
  alarm_description   = "KMS throttled calls in ${var.context.region}, also if no quota is near its limit: bursts within a second count. The dashboard shows the callers. Retry with backoff, cache data keys, or request a larger quota."
  namespace           = "Switchyard"
  metric_name         = local.throttled_name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching" # the filter publishes nothing without a throttled call
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags

  depends_on = [aws_cloudwatch_log_metric_filter.throttled]
}
