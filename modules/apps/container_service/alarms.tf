locals {
  balancer = { LoadBalancer = aws_lb.this.arn_suffix }

  alarms = {
    unhealthy-tasks = {
      description = "One or more tasks of ${local.name} have failed their health checks for 3 minutes. ECS replaces them; the log says why they fail: ${local.log_group_name}"
      namespace   = "AWS/ApplicationELB"
      metric      = "UnHealthyHostCount"
      dimensions  = merge(local.balancer, { TargetGroup = aws_lb_target_group.this.arn_suffix })
      statistic   = "Maximum"
      threshold   = 1
      periods     = 3
      missing     = "notBreaching"
    }
    no-tasks = {
      description = "No task of ${local.name} is healthy: the load balancer answers 503."
      namespace   = "AWS/ApplicationELB"
      metric      = "HealthyHostCount"
      dimensions  = merge(local.balancer, { TargetGroup = aws_lb_target_group.this.arn_suffix })
      statistic   = "Maximum"
      threshold   = 0
      periods     = 3
      missing     = "notBreaching"
    }
    errors = {
      description = "Tasks of ${local.name} answered ${var.error_threshold} or more requests a minute with 5xx. Log: ${local.log_group_name}"
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_Target_5XX_Count"
      dimensions  = local.balancer
      statistic   = "Sum"
      threshold   = var.error_threshold
      periods     = 1
      missing     = "notBreaching"
    }
    load-balancer-errors = {
      description = "The load balancer of ${local.name} itself answered ${var.error_threshold} or more requests a minute with 5xx: no task could answer them."
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_ELB_5XX_Count"
      dimensions  = local.balancer
      statistic   = "Sum"
      threshold   = var.error_threshold
      periods     = 1
      missing     = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if name != "no-tasks" || var.scaling.minimum > 0 }

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.periods
  comparison_operator = each.key == "no-tasks" ? "LessThanOrEqualToThreshold" : "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}

# A deployment that the circuit breaker ended, of the pipeline or of an administrator.
module "deployments" {
  source = "../../blocks/topic"

  context             = var.context
  name                = "${var.name}-deployments"
  display_name        = "Failed deployments of ${local.name}"
  email_subscriptions = var.notification_emails
  publishers          = { FailedDeployments = { service = "events.amazonaws.com" } }
}

module "failed" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = "${var.name}-deployments"
  description = "Failed deployments of ${local.name}"
  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Deployment State Change"]
    resources     = [local.service_arn]
    detail        = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
  })
  targets = {
    topic = {
      arn  = module.deployments.arn
      kind = "sns"
      input_transformer = {
        input_paths    = { reason = "$.detail.reason", deployment = "$.detail.deploymentId" }
        input_template = "\"Deployment <deployment> of ${local.name} failed: <reason> ECS starts the last completed deployment again. Log of the tasks: ${local.log_group_name}\""
      }
    }
  }
}
