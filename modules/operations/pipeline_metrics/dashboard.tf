# CodePipeline's own metrics are few, and of pipelines of type V2 only. The widgets count the records in the log of the
# function that writes them: count_distinct counts an execution once, however often its event came.
locals {
  log_source = "SOURCE '/aws/lambda/${var.context.name_prefix}-${local.name}-collect' | filter message = 'record'"
  log_widgets = concat(
    [
      {
        title = "Executions that reached a state"
        view  = "bar"
        query = "${local.log_source} and level_of = 'pipeline' and state in ['SUCCEEDED', 'FAILED', 'SUPERSEDED', 'STOPPED', 'CANCELED'] | stats count_distinct(execution) as executions by state"
      },
      {
        title = "Failed runs of actions"
        view  = "table"
        query = "${local.log_source} and level_of = 'action' and state = 'FAILED' | stats count_distinct(execution) as executions, latest(at) as last_failed_at by pipeline, stage, action | sort executions desc"
      },
      {
        title = "Executions that succeeded, by day (UTC)"
        view  = "timeSeries"
        query = "${local.log_source} and level_of = 'pipeline' and state = 'SUCCEEDED' | stats count_distinct(execution) as succeeded by bin(1d)"
      },
      {
        title = "Executions that failed at least once, by day (UTC)"
        view  = "timeSeries"
        query = "${local.log_source} and level_of = 'pipeline' and state = 'FAILED' | stats count_distinct(execution) as failed by bin(1d)"
      },
    ],
    var.report_schedule_expression == null ? [] : [
      {
        title = "Deployments of the current month, as the views count them"
        view  = "table"
        query = "SOURCE '/aws/lambda/${var.context.name_prefix}-${local.name}-report' | filter message = 'figures' | stats latest(month) as in_month, latest(deployments) as deployed, latest(per_day) as a_day, latest(failure_rate) as change_failure_rate, latest(lead_seconds) as median_lead_seconds, latest(restore_seconds) as median_restore_seconds by pipeline"
      },
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.context.name_prefix}-${local.name}-${var.context.region}"
  dashboard_body = jsonencode({
    start = "-P30D"
    widgets = [
      for index, widget in local.log_widgets : {
        type       = "log"
        x          = (index % 2) * 12
        y          = floor(index / 2) * 7
        width      = index == 4 ? 24 : 12
        height     = 7
        properties = merge(widget, { region = var.context.region })
      }
    ]
  })
}
