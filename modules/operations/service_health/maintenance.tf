# The function publishes one value when a window begins. The window's alarm, which suppresses the actions of the others,
# is raised for as long as this value is in its evaluation range.

module "window" {
  source   = "../../blocks/schedule"
  for_each = { for name, w in var.maintenance_windows : name => w if w.schedule_expression != null }

  context             = var.context
  name                = "${local.name}-${each.key}"
  description         = "Begins the maintenance window ${each.key}"
  schedule_expression = each.value.schedule_expression
  timezone            = each.value.timezone
  target_arn          = module.functions.functions.reconcile.arn
  action              = "lambda:InvokeFunction"
  input               = jsonencode({ window = each.key })
  # A window that begins late would end late.
  maximum_retry_attempts       = 3
  maximum_event_age_in_seconds = 300

  depends_on = [aws_lambda_invocation.alarms]
}
