locals {
  # One metric ID for each quota, used in all widgets.
  ids = { for index, quota in sort(keys(var.quotas)) : quota => "m${index}" }

  usage = {
    for quota, id in local.ids : quota => concat(
      flatten([try(local.metrics[quota].namespace, "AWS/Usage"), try(local.metrics[quota].name, "CallCount")]),
      flatten([for name, value in try(local.metrics[quota].dimensions, {}) : [name, value]]),
    )
  }

  widgets = concat(
    [{
      type   = "metric"
      x      = 0
      y      = 0
      width  = 24
      height = 8
      properties = {
        title  = "Utilisation of the applied quotas"
        region = var.context.region
        view   = "timeSeries"
        stat   = "Sum"
        period = 60
        yAxis  = { left = { min = 0, label = "%", showUnits = false } }
        annotations = {
          horizontal = [
            { label = "critical", value = var.thresholds.critical, color = "#d62728" },
            { label = "warning", value = var.thresholds.warning, color = "#ff7f0e" },
          ]
        }
        metrics = concat(
          [for quota, id in local.ids : [{ expression = "(${id}/SERVICE_QUOTA(${id}))*100", label = quota, id = "u${id}" }]],
          [for quota, id in local.ids : concat(local.usage[quota], [{ id = id, visible = false }])],
        )
      }
    }],
    [
      for index, quota in sort(keys(var.quotas)) : {
        type   = "metric"
        x      = (index % 3) * 8
        y      = 8 + floor(index / 3) * 6
        width  = 8
        height = 6
        properties = {
          title  = "${data.aws_servicequotas_service_quota.this[quota].quota_name}: calls per minute"
          region = var.context.region
          view   = "timeSeries"
          stat   = "Sum"
          period = 60
          yAxis  = { left = { min = 0, showUnits = false } }
          metrics = [
            [{ expression = "SERVICE_QUOTA(${local.ids[quota]})", label = "quota", id = "q${local.ids[quota]}" }],
            concat(local.usage[quota], [{ id = local.ids[quota], label = "calls" }]),
          ]
        }
      }
    ],
    [{
      type   = "alarm"
      x      = 0
      y      = 8 + ceil(length(var.quotas) / 3) * 6
      width  = 24
      height = 4
      properties = {
        title  = "Alarms"
        alarms = concat([for alarm in local.alarms : "${local.arn_root}:${alarm.name}"], [for alarm in aws_cloudwatch_metric_alarm.throttled : "${local.arn_root}:${alarm.alarm_name}"])
      }
    }],
    local.caller_widgets,
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.context.name_prefix}-${local.name}-${var.context.region}"
  dashboard_body = jsonencode({ start = "-P7D", periodOverride = "inherit", widgets = local.widgets })
}
