module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "identity/step_up_auth"

  functions = merge(concat(
    [{
      authorizer = {
        name              = "${local.name}-authorizer"
        description       = "Decides whether a token may call an operation at this time"
        handler           = "identity.step_up_auth.authorizer.handler"
        layer_arns        = [aws_lambda_layer_version.jwt.arn]
        memory_size       = 512 # more memory means more CPU, and callers wait for the start
        timeout           = 10
        dead_letter_queue = false # only API Gateway calls it, and waits for the answer
        key_services      = ["dynamodb"]
        # A 401 counts as an error, and every step-up begins with one.
        alarms = { errors = var.alarms.unauthorized }
        environment = merge(local.trust, {
          SETTING_TABLE          = module.settings.name
          SESSION_TABLE          = module.sessions.name
          SESSION_TABLE_ITEM_TTL = tostring(var.session_seconds)
          DEFAULT_STEP_UP_STATE  = var.default_step_up_state
          ACR_VALUES             = jsonencode(var.acr_values)
        })
        policy_statements = [
          {
            sid       = "ReadSettings"
            actions   = ["dynamodb:BatchGetItem"]
            resources = [module.settings.arn]
          },
          {
            sid       = "ReadSessionsAndNoteRefusals"
            actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
            resources = [module.sessions.arn]
          },
        ]
      }
    }],
    local.cognito ? [{
      "initiate-auth" = {
        name              = "${local.name}-initiate-auth"
        description       = "Returns which second factor is required, and sends the code if it is by SMS or e-mail"
        handler           = "identity.step_up_auth.initiate_auth.handler"
        layer_arns        = [aws_lambda_layer_version.jwt.arn]
        memory_size       = 512
        timeout           = 29 # API Gateway's limit
        dead_letter_queue = false
        key_services      = ["dynamodb"]
        environment = merge(local.trust, {
          SETTING_TABLE         = module.settings.name
          SESSION_TABLE         = module.sessions.name
          FACTOR_TABLE          = module.factors[0].name
          DEFAULT_STEP_UP_STATE = var.default_step_up_state
          FACTORS               = jsonencode(local.factors)
        })
        # Cognito operations that take the user's token need no IAM permission.
        policy_statements = [
          {
            sid       = "ReadSettings"
            actions   = ["dynamodb:BatchGetItem"]
            resources = [module.settings.arn]
          },
          {
            sid       = "GuardFactors"
            actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
            resources = [module.factors[0].arn]
          },
          {
            sid       = "NoteChallenges"
            actions   = ["dynamodb:Query", "dynamodb:UpdateItem"]
            resources = [module.sessions.arn]
          },
        ]
      }
      "respond-to-challenge" = {
        name              = "${local.name}-respond-to-challenge"
        description       = "Checks the second factor and completes the step-up"
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
          FACTORS                = jsonencode(local.factors)
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
      "factor-change" = {
        name         = "${local.name}-factor-change"
        description  = "Revokes the step-ups of users who change their second factor"
        handler      = "identity.step_up_auth.factor_change.handler"
        timeout      = 60
        key_services = ["dynamodb"]
        environment = {
          SESSION_TABLE = module.sessions.name
          FACTOR_TABLE  = module.factors[0].name
          KEEP_SECONDS  = tostring(3650 * 86400) # Cognito's longest refresh token: refreshed tokens keep their auth_time
          USER_POOL_ID  = local.pool_id
        }
        policy_statements = [
          {
            sid       = "NoteChanges"
            actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
            resources = [module.factors[0].arn]
          },
          {
            # CloudTrail hides which attributes a call has changed: the user's present ones are compared.
            sid       = "ReadTheUsersContacts"
            actions   = ["cognito-idp:ListUsers"]
            resources = [local.user_pool_arn]
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
    }] : [],
    var.sample ? [{
      sample = {
        name              = "${local.name}-sample"
        description       = "Answers the sample operations"
        handler           = "identity.step_up_auth.sample.handler"
        memory_size       = 128
        dead_letter_queue = false
      }
    }] : [],
    var.web_client == null ? [] : [{
      web = {
        name              = "${local.name}-web"
        description       = "Serves the web client"
        handler           = "identity.step_up_auth.web.handler"
        dead_letter_queue = false
        environment = {
          AUTHORIZE_URL = var.web_client.authorize_url
          TOKEN_URL     = var.web_client.token_url
          CLIENT_ID     = var.web_client.client_id
          SCOPES        = var.web_client.scopes
          COGNITO_URL   = coalesce(var.web_client.cognito_url, "https://cognito-idp.${var.context.region}.amazonaws.com/")
          OPERATIONS    = jsonencode(local.operation_routes)
        }
      }
    }],
  )...)

  metric_alarms = local.cognito ? {
    "${local.name}-factor-changes" = {
      description = "${var.alarms.factor_changes} or more changes of a second factor within 5 minutes: an attacker with a stolen token can make such changes. Log: /aws/lambda/${var.context.name_prefix}-${local.name}-factor-change"
      metric      = "FactorChanged"
      dimensions  = { service = "${local.name}-factor-change" }
      threshold   = var.alarms.factor_changes
    }
  } : {}
}
