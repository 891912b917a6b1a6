module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/security_standards"

  functions = { for key, function in local.functions : key => function if key != "parameters" || length(var.control_parameters) > 0 }

  metric_alarms = {
    "${local.name}-not-ready" = {
      description = "Security Hub standards are not READY, so some or all of their controls are not checked. For the standards and reasons, invoke ${var.context.name_prefix}-${local.name}-check with {}"
      metric      = "StandardsNotReady"
      dimensions  = { service = "${local.name}-check" }
      statistic   = "Maximum"
      # The alarm ends when a later check finds all standards READY.
      treat_missing_data = "ignore"
    }
  }
}

locals {
  functions = {
    check = {
      name        = "${local.name}-check"
      description = "Checks whether the standards are READY, and on request lists their controls with the numbers of findings"
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
          # Neither action supports resource-level permissions.
          sid       = "ListControls"
          actions   = ["securityhub:ListSecurityControlDefinitions", "securityhub:BatchGetStandardsControlAssociations"]
          resources = ["*"]
        },
        {
          # BatchGetStandardsControlAssociations requires it too.
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
      description = "Applies the suppressions to all findings, and sets findings that are no longer covered to NEW"
      handler     = "posture.security_standards.suppress.handler"
      memory_size = 512
      timeout     = 900
      environment = { OWNER = local.owner }
      policy_statements = [
        {
          # ListAutomationRules supports no resource-level permissions.
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
    parameters = {
      name        = "${local.name}-parameters"
      description = "Sets the parameters of controls"
      handler     = "posture.security_standards.parameters.handler"
      timeout     = 900
      policy_statements = [
        {
          # Neither action supports resource-level permissions.
          sid       = "SetParameters"
          actions   = ["securityhub:UpdateSecurityControl"]
          resources = ["*"]
        },
        {
          # UpdateSecurityControl requires it too.
          sid       = "UpdateControls"
          actions   = ["securityhub:UpdateStandardsControl"]
          resources = [local.hub_arn]
        },
        {
          sid       = "ReadParameters"
          actions   = ["securityhub:BatchGetSecurityControls"]
          resources = ["*"]
        },
        {
          # BatchGetSecurityControls requires it too.
          sid       = "DescribeControls"
          actions   = ["securityhub:DescribeStandardsControls"]
          resources = [local.hub_arn]
        },
      ]
    }
  }
}
