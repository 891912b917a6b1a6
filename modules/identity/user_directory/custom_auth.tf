# Sign-in by one-time code. Cognito waits 5 seconds for a trigger.

module "codes" {
  source = "../../blocks/table"
  count  = var.custom_auth == null ? 0 : 1

  context             = var.context
  name                = "${local.name}-codes"
  hash_key            = "Id"
  ttl_attribute       = "ExpiresAt"
  deletion_protection = false # it holds counts of the last hours
}

module "define_challenge" {
  source = "../../blocks/function"
  count  = var.custom_auth == null ? 0 : 1

  context           = var.context
  name              = local.functions.define_auth_challenge
  description       = "Decides the next step of a sign-in by code"
  package           = "identity/user_directory"
  handler           = "identity.user_directory.define_challenge.handler"
  timeout           = 5
  dead_letter_queue = false

  environment = {
    ATTEMPTS       = tostring(var.custom_auth.attempts)
    PASSWORD_FIRST = tostring(var.custom_auth.password_first)
  }
}

module "create_challenge" {
  source = "../../blocks/function"
  count  = var.custom_auth == null ? 0 : 1

  context           = var.context
  name              = local.functions.create_auth_challenge
  description       = "Sends a one-time code"
  package           = "identity/user_directory"
  handler           = "identity.user_directory.create_challenge.handler"
  memory_size       = 512
  timeout           = 5
  dead_letter_queue = false
  key_services      = concat(["dynamodb"], var.custom_auth.topic_arn == null ? [] : ["sns"])

  environment = {
    TABLE             = module.codes[0].name
    SENDER            = var.custom_auth.topic_arn == null ? var.email.from_address : ""
    IDENTITY_ARN      = var.custom_auth.topic_arn == null ? var.email.identity_arn : ""
    CONFIGURATION_SET = try(coalesce(var.email.configuration_set), "")
    TOPIC_ARN         = var.custom_auth.topic_arn == null ? "" : var.custom_auth.topic_arn
    SUBJECT           = var.custom_auth.subject
    MESSAGE           = var.custom_auth.message
    CODE_LENGTH       = tostring(var.custom_auth.code_length)
    LIFETIME_SECONDS  = tostring(var.custom_auth.code_seconds)
    CODES_PER_HOUR    = tostring(var.custom_auth.codes_per_hour)
  }

  policy_statements = concat(
    [{
      sid       = "CountCodes"
      actions   = ["dynamodb:UpdateItem"]
      resources = [module.codes[0].arn]
    }],
    var.custom_auth.topic_arn == null ? [] : [{
      sid       = "PublishCodes"
      actions   = ["sns:Publish"]
      resources = [var.custom_auth.topic_arn]
    }],
    var.custom_auth.topic_arn != null ? [] : [{
      sid     = "MailCodes"
      actions = ["ses:SendEmail"]
      resources = concat([var.email.identity_arn], [
        for set in compact([var.email.configuration_set]) : "arn:${var.context.partition}:ses:${var.context.region}:${var.context.account_id}:configuration-set/${set}"
      ])
      conditions = {
        StringEquals = { "ses:FromAddress" = [local.code_sender] }
      }
    }],
  )
}

module "verify_challenge" {
  source = "../../blocks/function"
  count  = var.custom_auth == null ? 0 : 1

  context           = var.context
  name              = local.functions.verify_auth_challenge_response
  description       = "Checks the answer to a one-time code"
  package           = "identity/user_directory"
  handler           = "identity.user_directory.verify_challenge.handler"
  memory_size       = 512
  timeout           = 5
  dead_letter_queue = false
  key_services      = ["dynamodb"]

  environment = {
    TABLE    = module.codes[0].name
    ATTEMPTS = tostring(var.custom_auth.attempts)
  }

  policy_statements = [{
    sid       = "CountAnswers"
    actions   = ["dynamodb:UpdateItem"]
    resources = [module.codes[0].arn]
  }]
}

locals {
  # ses:FromAddress is the bare address.
  code_sender = var.email == null ? "" : try(regex("<([^>]+)>", var.email.from_address)[0], var.email.from_address)
}

# The trigger must answer alike whether a mail went out or not, so its own error metric cannot tell.
resource "aws_cloudwatch_metric_alarm" "delivery" {
  count = var.custom_auth == null ? 0 : 1

  alarm_name          = "${var.context.name_prefix}-${local.name}-code-delivery"
  alarm_description   = "One-time codes could not be handed over to SES or the topic. Logs: ${module.create_challenge[0].log_group_name}"
  namespace           = "Switchyard"
  metric_name         = "CodeDeliveryFailed"
  dimensions          = { service = local.functions.create_auth_challenge }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
