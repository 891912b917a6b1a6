locals {
  name     = "kms-quota"
  arn_root = "arn:${var.context.partition}:cloudwatch:${var.context.region}:${var.context.account_id}:alarm"

  alarms = merge([
    for quota in keys(var.quotas) : {
      for level, threshold in { warning = var.thresholds.warning, critical = var.thresholds.critical } :
      "${quota}-${level}" => {
        quota     = quota
        level     = level
        threshold = threshold
        name      = "${var.context.name_prefix}-${local.name}-${replace(quota, "_", "-")}-${level}"
      }
    }
  ]...)

  # For each quota, the metric that counts its calls, from Service Quotas.
  metrics = {
    for quota, found in data.aws_servicequotas_service_quota.this : quota => try({
      name      = found.usage_metric[0].metric_name
      namespace = found.usage_metric[0].metric_namespace
      dimensions = {
        Class    = found.usage_metric[0].metric_dimensions[0].class
        Resource = found.usage_metric[0].metric_dimensions[0].resource
        Service  = found.usage_metric[0].metric_dimensions[0].service
        Type     = found.usage_metric[0].metric_dimensions[0].type
      }
    }, null)
  }
}

data "aws_servicequotas_service_quota" "this" {
  for_each = var.quotas

  service_code = "kms"
  quota_code   = each.value.quota_code
  quota_name   = each.value.quota_name
}

# CloudWatch reads the quota at each evaluation, so an applied increase needs no change here.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = each.value.name
  alarm_description   = "${data.aws_servicequotas_service_quota.this[each.value.quota].quota_name}: ${each.value.threshold} % or more of the account's applied quota in ${var.context.region} was used within a minute. Calls above the quota within a second are throttled even below 100 %: retry with backoff, cache data keys, or request a larger quota (${data.aws_servicequotas_service_quota.this[each.value.quota].quota_code})."
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = var.evaluation.periods
  datapoints_to_alarm = var.evaluation.datapoints
  treat_missing_data  = "notBreaching" # without calls there is no data
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags

  metric_query {
    id          = "utilisation"
    label       = "Utilisation of the applied quota in percent"
    expression  = "(m1/SERVICE_QUOTA(m1))*100"
    return_data = true
  }

  metric_query {
    id          = "m1"
    return_data = false

    metric {
      namespace   = try(local.metrics[each.value.quota].namespace, "AWS/Usage")
      metric_name = try(local.metrics[each.value.quota].name, "CallCount")
      dimensions  = try(local.metrics[each.value.quota].dimensions, {})
      period      = 60
      stat        = "Sum"
    }
  }

  lifecycle {
    precondition {
      condition     = try(local.metrics[each.value.quota].dimensions.Resource != "", false)
      error_message = "Service Quotas has no usage metric for quotas.${each.value.quota} in ${var.context.region}, so no alarm is possible. Remove that entry."
    }
  }
}
