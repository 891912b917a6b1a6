locals {
  name     = "web-acl-logging"
  regional = "${var.context.region}:${var.context.account_id}"

  # This is also the name of the Automation document and of the remediation.
  rule_name = "${var.context.name_prefix}-${local.name}"

  segments = { REGIONAL = "regional", CLOUDFRONT = "global" }
  web_acl_arns = [
    for scope in sort(var.scopes) : "arn:${var.context.partition}:wafv2:${local.regional}:${local.segments[scope]}/webacl/*"
  ]

  policy_environment = {
    CORRECT_DESTINATION = tostring(var.correct_destination)
    DESTINATION_ARN     = local.destination_arn
    EXEMPT_ARNS         = jsonencode(sort(var.exempt_web_acl_arns))
    EXEMPT_TAGS         = jsonencode(var.exempt_tags)
    SCOPES              = jsonencode(sort(var.scopes))
  }

  look_up_statement = {
    # The ARN of a summary without one is looked up by AWS Config's ID. The API supports no resource-level permissions.
    sid       = "LookUpWebAcls"
    actions   = ["config:GetResourceConfigHistory"]
    resources = ["*"]
  }
  read_statement = {
    sid       = "ReadLogging"
    actions   = ["wafv2:GetLoggingConfiguration"]
    resources = local.web_acl_arns
  }
  tags_statement = {
    sid       = "ReadTags"
    actions   = ["wafv2:ListTagsForResource"]
    resources = local.web_acl_arns
  }
}

module "evaluate" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/web_acl_logging"

  functions = {
    evaluate = {
      name        = "${local.name}-evaluate"
      description = "Evaluates for AWS Config whether a web ACL logs"
      handler     = "posture.web_acl_logging.evaluate.handler"
      timeout     = 60
      environment = local.policy_environment
      invokers    = { Rule = { principal = "config.amazonaws.com" } }
      policy_statements = concat(
        [local.read_statement],
        length(var.exempt_tags) > 0 ? [local.tags_statement] : [],
        [
          local.look_up_statement,
          {
            # Evaluations belong to a token that AWS Config sends with each event: the API supports no resource-level permissions.
            sid       = "ReportCompliance"
            actions   = ["config:PutEvaluations"]
            resources = ["*"]
          },
        ],
      )
    }
  }
}

resource "aws_config_config_rule" "this" {
  name        = local.rule_name
  description = "Web ACLs have logging enabled"
  tags        = var.context.tags

  source {
    owner             = "CUSTOM_LAMBDA"
    source_identifier = module.evaluate.functions.evaluate.arn

    source_detail {
      event_source = "aws.config"
      message_type = "ConfigurationItemChangeNotification"
    }

    # The form in which AWS Config sends a web ACL with many rules.
    source_detail {
      event_source = "aws.config"
      message_type = "OversizedConfigurationItemChangeNotification"
    }
  }

  scope {
    compliance_resource_types = ["AWS::WAFv2::WebACL"]
  }

  lifecycle {
    precondition {
      condition     = length(jsonencode(merge(local.policy_environment, { FILTER = local.logging_filter }))) <= 3500
      error_message = "The exemptions and the filter are too long for a function's environment (3500 characters): use exempt_tags instead of exempt_web_acl_arns."
    }
  }

  # AWS Config refuses a rule in a Region without a recorder.
  depends_on = [var.recorder_name, module.evaluate]
}

# A web ACL's configuration item does not contain its logging, so only an evaluation finds changes of it, including
# those that other principals make.
module "schedule" {
  source = "../../blocks/schedule"
  count  = var.reevaluation_schedule_expression == "" ? 0 : 1

  context             = var.context
  name                = local.name
  description         = "Starts AWS Config's evaluation of all web ACLs"
  schedule_expression = var.reevaluation_schedule_expression
  target_arn          = "arn:${var.context.partition}:scheduler:::aws-sdk:config:startConfigRulesEvaluation"
  resource_arn        = aws_config_config_rule.this.arn
  action              = "config:StartConfigRulesEvaluation"
  input               = jsonencode({ ConfigRuleNames = [aws_config_config_rule.this.name] })
  # AWS Config refuses this during an evaluation and for a minute after it. The next run does the same.
  maximum_retry_attempts       = 10
  maximum_event_age_in_seconds = 1800
}
