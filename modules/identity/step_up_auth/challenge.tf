# The second factor, by Cognito: asking for it, checking it, and hearing when it changes.

module "factors" {
  source = "../../blocks/table"
  count  = local.cognito ? 1 : 0

  context             = var.context
  name                = "${local.name}-factor"
  hash_key            = "sub"
  range_key           = "item"
  ttl_attribute       = "expiresAt"
  deletion_protection = var.deletion_protection
}

module "initiate_auth" {
  source = "../../blocks/function"
  count  = local.cognito ? 1 : 0

  context           = var.context
  name              = "${local.name}-initiate-auth"
  description       = "Says which second factor to show, and sends the code when that is by SMS"
  package           = "identity/step_up_auth"
  handler           = "identity.step_up_auth.initiate_auth.handler"
  layer_arns        = [aws_lambda_layer_version.jwt.arn]
  memory_size       = 512
  timeout           = 29 # API Gateway waits no longer
  dead_letter_queue = false
  key_services      = ["dynamodb"]

  environment = merge(local.trust, {
    SETTING_TABLE = module.settings.name
    SESSION_TABLE = module.sessions.name
    FACTOR_TABLE  = module.factors[0].name
  })

  # Cognito's operations in the name of a token need no permission.
  policy_statements = [
    {
      sid       = "ReadSettingsAndChanges"
      actions   = ["dynamodb:GetItem"]
      resources = [module.settings.arn, module.factors[0].arn]
    },
    {
      sid       = "NoteChallenges"
      actions   = ["dynamodb:Query", "dynamodb:UpdateItem"]
      resources = [module.sessions.arn]
    },
  ]
}

module "respond_to_challenge" {
  source = "../../blocks/function"
  count  = local.cognito ? 1 : 0

  context           = var.context
  name              = "${local.name}-respond-to-challenge"
  description       = "Checks the second factor and completes the step-up"
  package           = "identity/step_up_auth"
  handler           = "identity.step_up_auth.respond_to_challenge.handler"
  layer_arns        = [aws_lambda_layer_version.jwt.arn]
  memory_size       = 512
  timeout           = 29
  dead_letter_queue = false
  key_services      = ["dynamodb"]

  environment = merge(local.trust, {
    SESSION_TABLE          = module.sessions.name
    SESSION_TABLE_ITEM_TTL = tostring(var.session_seconds)
    FACTOR_TABLE           = module.factors[0].name
    MAXIMUM_ATTEMPTS       = tostring(var.maximum_attempts)
  })

  policy_statements = [
    {
      sid       = "CompleteSessions"
      actions   = ["dynamodb:Query", "dynamodb:UpdateItem"]
      resources = [module.sessions.arn]
    },
    {
      sid       = "GuardFactors"
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [module.factors[0].arn]
    },
  ]
}

module "factor_change" {
  source = "../../blocks/function"
  count  = local.cognito ? 1 : 0

  context      = var.context
  name         = "${local.name}-factor-change"
  description  = "Takes back the step-ups of users who change their second factor"
  package      = "identity/step_up_auth"
  handler      = "identity.step_up_auth.factor_change.handler"
  timeout      = 60
  key_services = ["dynamodb"]

  environment = {
    SESSION_TABLE = module.sessions.name
    FACTOR_TABLE  = module.factors[0].name
    KEEP_SECONDS  = tostring(3650 * 86400) # Cognito's longest refresh token: refreshed tokens keep their auth_time
  }

  policy_statements = [
    {
      sid       = "NoteChanges"
      actions   = ["dynamodb:PutItem"]
      resources = [module.factors[0].arn]
    },
    {
      sid       = "FindSessions"
      actions   = ["dynamodb:Query"]
      resources = ["${module.sessions.arn}/index/sub"]
    },
    {
      sid       = "TakeBackSessions"
      actions   = ["dynamodb:UpdateItem"]
      resources = [module.sessions.arn]
    },
  ]
}

# What the bearer of a token can do to the factors with it. VerifySoftwareToken and VerifyUserAttribute are not among
# them: every step-up calls them, and neither changes a factor without one of these before.
module "factor_changes" {
  source = "../../blocks/event_rule"
  count  = local.cognito ? 1 : 0

  context     = var.context
  name        = "${local.name}-factor-changes"
  description = "Users who change their second factor, as CloudTrail records it"
  event_pattern = jsonencode({
    source      = ["aws.cognito-idp"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventSource = ["cognito-idp.amazonaws.com"]
      eventName   = ["AssociateSoftwareToken", "SetUserMFAPreference", "UpdateUserAttributes"]
    }
  })
  targets = { function = { arn = module.factor_change[0].arn, kind = "lambda" } }
}

resource "aws_cloudwatch_metric_alarm" "factor_changes" {
  count = local.cognito ? 1 : 0

  alarm_name          = "${var.context.name_prefix}-${local.name}-factor-changes"
  alarm_description   = "${var.alarms.factor_changes} or more changes of a second factor within 5 minutes: a stolen token can make them. Log: ${module.factor_change[0].log_group_name}"
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = module.factor_change[0].name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarms.factor_changes
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
