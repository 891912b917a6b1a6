# Checks whether the standards work: after an apply with a warning in the plan, afterwards with an alarm.

module "check_schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-check"
  description         = "Checks whether the standards are READY"
  schedule_expression = var.schedule_expression
  target_arn          = module.functions.functions.check.arn
  action              = "lambda:InvokeFunction"
  # No more retries are needed: the next run does the same.
  maximum_retry_attempts = 3
}

resource "aws_lambda_invocation" "check" {
  function_name = module.functions.functions.check.name
  input         = jsonencode({})
  triggers      = { standards = jsonencode(local.all_standards), controls = sha256(jsonencode(var.disabled_controls)) }

  depends_on = [module.functions, aws_securityhub_standards_subscription.this, aws_securityhub_standards_control_association.disabled]
}

check "standards_ready" {
  assert {
    condition     = length(jsondecode(aws_lambda_invocation.check.result).not_ready) == 0
    error_message = "Not all standards are READY: ${join(" ", [for s in jsondecode(aws_lambda_invocation.check.result).not_ready : "${s.standard} is ${s.status}: ${s.reason}"])}"
  }
}

check "suppressions_current" {
  assert {
    condition     = alltrue([for s in var.suppressions : s.until == null ? true : timecmp("${s.until}T23:59:59Z", plantimestamp()) >= 0])
    error_message = "These suppressions have expired; remove or extend them: ${join(", ", [for name, s in var.suppressions : name if s.until == null ? false : timecmp("${s.until}T23:59:59Z", plantimestamp()) < 0])}."
  }
}
