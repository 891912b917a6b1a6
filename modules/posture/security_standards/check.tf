# Whether the standards work: after an apply in the plan's own words, from then on by an alarm.

module "check" {
  source = "../../blocks/function"

  context     = var.context
  name        = "${local.name}-check"
  description = "Tells whether the standards are READY, and on request lists their controls with the findings counted"
  package     = "posture/security_standards"
  handler     = "posture.security_standards.check.handler"
  memory_size = 512
  timeout     = 900
  environment = { STANDARDS = jsonencode({ for name in local.all_standards : name => local.standard_arns[name] }) }

  policy_statements = [
    {
      sid       = "ReadStandards"
      actions   = ["securityhub:GetEnabledStandards"]
      resources = [local.hub_arn]
    },
    {
      # Neither names a resource: the API allows only "*".
      sid       = "ListControls"
      actions   = ["securityhub:ListSecurityControlDefinitions", "securityhub:BatchGetStandardsControlAssociations"]
      resources = ["*"]
    },
    {
      # BatchGetStandardsControlAssociations demands it too.
      sid       = "DescribeControls"
      actions   = ["securityhub:DescribeStandardsControls"]
      resources = [local.hub_arn]
    },
    {
      sid       = "CountFindings"
      actions   = ["securityhub:GetFindings"]
      resources = [local.hub_arn]
    },
  ]
}

module "check_schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-check"
  description         = "Checks whether the standards are READY"
  schedule_expression = var.schedule_expression
  target_arn          = module.check.arn
  action              = "lambda:InvokeFunction"
  # The next run does the same.
  maximum_retry_attempts = 3
}

resource "aws_cloudwatch_metric_alarm" "not_ready" {
  alarm_name          = "${var.context.name_prefix}-${local.name}-not-ready"
  alarm_description   = "Standards of Security Hub are not READY: nothing, or not everything, is checked. Which, and why: invoke ${module.check.name} with {}"
  namespace           = "Switchyard"
  metric_name         = "StandardsNotReady"
  dimensions          = { service = "${local.name}-check" }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  # Goes back when a later check finds them READY.
  treat_missing_data = "ignore"
  alarm_actions      = [var.context.alarm_topic_arn]
  ok_actions         = [var.context.alarm_topic_arn]
  tags               = var.context.tags
}

resource "aws_lambda_invocation" "check" {
  function_name = module.check.name
  input         = jsonencode({})
  triggers      = { standards = jsonencode(local.all_standards), controls = sha256(jsonencode(var.disabled_controls)) }

  depends_on = [module.check, aws_securityhub_standards_subscription.this, aws_securityhub_standards_control_association.disabled]
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
    error_message = "Suppressions that have ended, to be taken out or extended: ${join(", ", [for name, s in var.suppressions : name if s.until == null ? false : timecmp("${s.until}T23:59:59Z", plantimestamp()) < 0])}."
  }
}
