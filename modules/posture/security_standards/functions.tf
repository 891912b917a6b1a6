module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/security_standards"

  functions = {
    check = {
      name        = "${local.name}-check"
      description = "Tells whether the standards are READY, and on request lists their controls with the findings counted"
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
    suppress = {
      name        = "${local.name}-suppress"
      description = "Makes findings as the suppressions say, also those that were there before, and sets NEW what they left"
      handler     = "posture.security_standards.suppress.handler"
      memory_size = 512
      timeout     = 900
      environment = { OWNER = local.owner }
      policy_statements = [
        {
          # ListAutomationRules names no resource: the API allows only "*".
          sid       = "ListRules"
          actions   = ["securityhub:ListAutomationRules"]
          resources = ["*"]
        },
        {
          sid       = "ReadRules"
          actions   = ["securityhub:BatchGetAutomationRules"]
          resources = ["arn:${var.context.partition}:securityhub:${var.context.region}:${var.context.account_id}:automation-rule/*"]
        },
        {
          sid       = "ReadFindings"
          actions   = ["securityhub:GetFindings"]
          resources = [local.hub_arn]
        },
        {
          sid       = "UpdateFindings"
          actions   = ["securityhub:BatchUpdateFindings"]
          resources = [local.hub_arn]
        },
      ]
    }
  }

  metric_alarms = {
    "${local.name}-not-ready" = {
      description = "Standards of Security Hub are not READY: nothing, or not everything, is checked. Which, and why: invoke ${var.context.name_prefix}-${local.name}-check with {}"
      metric      = "StandardsNotReady"
      dimensions  = { service = "${local.name}-check" }
      statistic   = "Maximum"
      # Goes back when a later check finds them READY.
      treat_missing_data = "ignore"
    }
  }
}
