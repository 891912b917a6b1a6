# From NON_COMPLIANT to COMPLIANT: Config -> Automation document -> function -> AWS WAF -> Config.
locals {
  failures_name = "${local.name}-failures"

  # IAM is global: the Region in the name separates the roles of two Regions.
  automation_role_name = "${var.context.name_prefix}-${local.name}-ssm-${var.context.region}"

  logging_filter = var.logging_filter == null ? "" : jsonencode({
    DefaultBehavior = var.logging_filter.default_behavior
    Filters = [
      for filter in var.logging_filter.filters : {
        Behavior    = filter.behavior
        Requirement = filter.requirement
        Conditions = concat(
          [for action in sort(filter.actions) : { ActionCondition = { Action = action } }],
          [for label in sort(filter.labels) : { LabelNameCondition = { LabelName = label } }],
        )
      }
    ]
  })
}

# A separate call of the block: this role's policy names the rule, and the rule names the function that evaluates.
module "remediate" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/web_acl_logging"

  functions = {
    remediate = {
      name              = "${local.name}-remediate"
      description       = "Enables the logging of a web ACL"
      handler           = "posture.web_acl_logging.remediate.handler"
      timeout           = 180
      dead_letter_queue = false # The Automation execution waits for the answer, and AWS Config retries.
      environment = merge(local.policy_environment, {
        CONFIG_RULE_NAME = aws_config_config_rule.this.name
        LOGGING_FILTER   = local.logging_filter
        REDACTED_HEADERS = jsonencode(sort(var.redacted_headers))
      })
      policy_statements = concat(
        [
          local.read_statement,
          # Also distinguishes a deleted web ACL from one without logging.
          local.tags_statement,
          local.look_up_statement,
          {
            sid       = "PutLogging"
            actions   = ["wafv2:PutLoggingConfiguration"]
            resources = local.web_acl_arns
            conditions = {
              ArnEquals = { "wafv2:LogDestinationResource" = [local.destination_arn] }
            }
          },
          {
            sid       = "Reevaluate"
            actions   = ["config:StartConfigRulesEvaluation"]
            resources = [aws_config_config_rule.this.arn]
          },
        ],
        local.destination_statements,
      )
    }
  }
}

resource "aws_iam_role" "automation" {
  name                 = local.automation_role_name
  description          = "Allows Automation to run the remediation of ${local.rule_name}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByAutomation"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ssm.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.context.partition}:ssm:*:${var.context.account_id}:automation-execution/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "automation" {
  name = "remediation"
  role = aws_iam_role.automation.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "CallRemediation"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = module.remediate.functions.remediate.arn
    }]
  })
}

resource "aws_ssm_document" "this" {
  name            = local.rule_name
  document_type   = "Automation"
  document_format = "JSON"
  tags            = var.context.tags

  content = jsonencode({
    schemaVersion = "0.3"
    description   = "Enables the logging of a web ACL, with the function ${module.remediate.functions.remediate.name}"
    assumeRole    = "{{ AutomationAssumeRole }}"
    parameters = {
      WebACLId = {
        type           = "String"
        description    = "The web ACL's resource id in AWS Config, usually its ARN"
        allowedPattern = "^[A-Za-z0-9_:/-]+$"
      }
      AutomationAssumeRole = {
        type        = "AWS::IAM::Role::Arn"
        description = "Role that calls the function"
      }
    }
    mainSteps = [{
      name           = "giveLogging"
      action         = "aws:invokeLambdaFunction"
      timeoutSeconds = 200
      maxAttempts    = 1
      onFailure      = "Abort"
      isEnd          = true
      inputs = {
        FunctionName   = module.remediate.functions.remediate.name
        InvocationType = "RequestResponse"
        Payload        = "{\"webAclId\": \"{{ WebACLId }}\"}"
      }
    }]
  })
}

resource "aws_config_remediation_configuration" "this" {
  config_rule_name = aws_config_config_rule.this.name
  resource_type    = "AWS::WAFv2::WebACL"
  target_type      = "SSM_DOCUMENT"
  target_id        = aws_ssm_document.this.name

  automatic                  = true
  maximum_automatic_attempts = var.maximum_automatic_attempts
  retry_attempt_seconds      = var.retry_attempt_seconds

  # In the order in which the provider reads them back: by name.
  parameter {
    name         = "AutomationAssumeRole"
    static_value = aws_iam_role.automation.arn
  }

  parameter {
    name           = "WebACLId"
    resource_value = "RESOURCE_ID"
  }

  # These must exist first, because an attempt that fails without them counts.
  depends_on = [
    aws_cloudwatch_log_resource_policy.this,
    aws_iam_role_policy.automation,
    aws_kinesis_firehose_delivery_stream.this,
  ]
}

# --- a remediation that failed -------------------------------------------------------------------------------------

module "failures" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.failures_name
  display_name        = "Web ACLs without logging"
  email_subscriptions = var.notification_emails

  publishers = {
    FailureRule = { service = "events.amazonaws.com" }
  }
}

module "failure_rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.failures_name
  description = "Failed remediations of web ACLs"

  event_pattern = jsonencode({
    source        = ["aws.ssm"]
    "detail-type" = ["EC2 Automation Execution Status-change Notification"]
    detail = {
      Definition = [local.rule_name]
      Status     = ["Cancelled", "Failed", "TimedOut"]
    }
  })

  targets = {
    topic = {
      arn  = module.failures.arn
      kind = "sns"
      input_transformer = {
        input_paths = {
          execution = "$.detail.ExecutionId"
          status    = "$.detail.Status"
        }
        input_template = "\"The logging of a web ACL could not be enabled: Automation execution <execution> of ${local.rule_name} is <status>. For the web ACL and the reason, run: aws ssm get-automation-execution --automation-execution-id <execution>\""
      }
    }
  }
}
