# The trigger functions of this module. The pool names them, so nothing here may name the pool.
module "triggers" {
  source = "../../blocks/functions"

  context = var.context
  package = "identity/user_directory"

  functions = merge(concat(
    var.custom_auth == null ? [] : [{
      define_auth_challenge = {
        name              = local.functions.define_auth_challenge
        description       = "Decides the next step of a sign-in by code"
        handler           = "identity.user_directory.define_challenge.handler"
        timeout           = 5
        dead_letter_queue = false
        environment = {
          ATTEMPTS       = tostring(var.custom_auth.attempts)
          PASSWORD_FIRST = tostring(var.custom_auth.password_first)
        }
      }
      create_auth_challenge = {
        name              = local.functions.create_auth_challenge
        description       = "Sends a one-time code"
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
            resources = [
              var.email.identity_arn,
              # SES asks for the set that the identity has by default, too; its name is not known here.
              "arn:${var.context.partition}:ses:${var.context.region}:${var.context.account_id}:configuration-set/${try(coalesce(var.email.configuration_set), "*")}",
            ]
            conditions = {
              StringEquals = { "ses:FromAddress" = [local.code_sender] }
            }
          }],
        )
      }
      verify_auth_challenge_response = {
        name              = local.functions.verify_auth_challenge_response
        description       = "Checks the answer to a one-time code"
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
    }],
    contains(keys(local.functions), "pre_sign_up") ? [{
      pre_sign_up = {
        name              = local.functions.pre_sign_up
        description       = "Decides which addresses may sign up, and links users of identity providers"
        handler           = "identity.user_directory.sign_up.handler"
        memory_size       = 512
        timeout           = 5
        dead_letter_queue = false
        environment = {
          DOMAINS   = jsonencode(sort(var.allowed_email_domains))
          PROVIDERS = jsonencode({ for name, p in var.identity_providers : name => { link = p.link_users, trusted = p.trust_email, subject = try(coalesce(p.subject_attribute), "") } })
        }
      }
    }] : [],
    length(var.default_groups) > 0 ? [{
      post_confirmation = {
        name        = local.functions.post_confirmation
        description = "Adds new users to their groups"
        handler     = "identity.user_directory.post_confirmation.handler"
        memory_size = 512
        timeout     = 5
        environment = {
          GROUPS = jsonencode(sort(var.default_groups))
        }
        policy_statements = [{
          sid       = "TryAgainLater"
          actions   = ["lambda:InvokeFunction"]
          resources = ["arn:${var.context.partition}:lambda:${var.context.region}:${var.context.account_id}:function:${var.context.name_prefix}-${local.functions.post_confirmation}"]
        }]
      }
    }] : [],
  )...)

  # The trigger must answer in the same way whether an email was sent or not, so its own error metric does not show it.
  metric_alarms = var.custom_auth == null ? {} : {
    "${local.name}-code-delivery" = {
      description = "One-time codes could not be sent with SES or the topic. Logs: /aws/lambda/${var.context.name_prefix}-${local.functions.create_auth_challenge}"
      metric      = "CodeDeliveryFailed"
      dimensions  = { service = local.functions.create_auth_challenge }
    }
  }
}
