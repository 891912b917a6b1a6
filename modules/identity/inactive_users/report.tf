# What was done to which users, for administrators: audit table -> function -> topic -> email.

module "report_topic" {
  source = "../../blocks/topic"
  count  = var.report == null ? 0 : 1

  context             = var.context
  name                = "${local.name}-report"
  display_name        = "Inactive users"
  email_subscriptions = var.report.emails
}

locals {
  report_functions = var.report == null ? {} : {
    report = {
      name         = "${local.name}-report"
      description  = "Reports to administrators what was done to inactive users"
      handler      = "identity.inactive_users.report.handler"
      timeout      = 300
      key_services = ["dynamodb", "sns"]
      environment = {
        AUDIT_TABLE = module.audit.name
        POOLS       = jsonencode(local.pools)
        REPORT_DAYS = tostring(var.report.days)
        TOPIC_ARN   = module.report_topic[0].arn
      }
      policy_statements = [
        {
          sid       = "ReadAudit"
          actions   = ["dynamodb:Query"]
          resources = ["${module.audit.arn}/index/by-day"]
        },
        {
          sid       = "SendReport"
          actions   = ["sns:Publish"]
          resources = [module.report_topic[0].arn]
        },
      ]
    }
  }
}

module "report_schedule" {
  source = "../../blocks/schedule"
  count  = var.report == null ? 0 : 1

  context             = var.context
  name                = "${local.name}-report"
  description         = "Starts the report on inactive users"
  schedule_expression = var.report.schedule_expression
  target_arn          = module.functions.functions.report.arn
  action              = "lambda:InvokeFunction"
  # Do not use jsonencode: it escapes < and >, and Scheduler would not recognize its placeholder.
  input = "{\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}"
}
