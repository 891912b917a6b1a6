locals {
  functions = merge(
    { for function in module.initiate_auth : "initiate-auth" => function },
    { for function in module.respond_to_challenge : "respond-to-challenge" => function },
    { for function in module.sample : "sample" => function },
    { for function in module.web : "web" => function },
  )

  # Cognito's access tokens carry this scope when they may change factors and ask GetUser; ID tokens carry none.
  challenge_route = {
    user_pool_scopes = ["aws.cognito.signin.user.admin"]
    throttle         = { rate_limit = 25, burst_limit = 25 }
  }

  challenge_routes = {
    "POST /initiate-auth" = merge(local.challenge_route, {
      function = "initiate-auth"
      body     = null # optional, which a model does not allow: the function checks it
    })
    "POST /respond-to-challenge" = merge(local.challenge_route, {
      function = "respond-to-challenge"
      body = jsonencode({
        type                 = "object"
        additionalProperties = false
        required             = ["challengeType", "code"]
        properties = {
          challengeType = { type = "string", enum = ["SOFTWARE_TOKEN_STEP_UP", "SMS_STEP_UP", "MAYBE_SOFTWARE_TOKEN_STEP_UP"] }
          code          = { type = "string", pattern = "^[0-9]{6}$" }
        }
      })
    })
  }

  sample_routes    = [for route in ["GET /info", "POST /transfer"] : route if var.sample]
  operation_routes = concat(keys(var.routes), local.sample_routes)

  routes = merge(
    { for key, route in var.routes : key => { function = key, body = route.body } },
    { for key, route in local.challenge_routes : key => route if local.cognito },
    { for key in local.sample_routes : key => { function = "sample" } },
    { for path in ["/", "/app.css", "/app.js", "/config.json"] : "GET ${path}" => { function = "web", authorize = false } if var.web_client != null },
  )
}

module "api" {
  source = "../../blocks/rest_api"

  context     = var.context
  name        = local.name
  description = "Operations that may require a second factor"
  functions = merge(
    { for key, route in var.routes : key => { name = route.function_name, invoke_arn = route.invoke_arn } },
    { for key, function in local.functions : key => { name = function.name, invoke_arn = function.invoke_arn } },
  )
  routes         = local.routes
  throttle       = var.throttle
  user_pool_arns = local.cognito ? [local.user_pool_arn] : []
  authorizer = {
    name        = module.authorizer.name
    invoke_arn  = module.authorizer.invoke_arn
    ttl_seconds = 0 # a kept policy would outlive a setting, a session and a token
  }
}

module "sample" {
  source = "../../blocks/function"
  count  = var.sample ? 1 : 0

  context           = var.context
  name              = "${local.name}-sample"
  description       = "Answers the sample operations"
  package           = "identity/step_up_auth"
  handler           = "identity.step_up_auth.sample.handler"
  memory_size       = 128
  dead_letter_queue = false
}

module "web" {
  source = "../../blocks/function"
  count  = var.web_client == null ? 0 : 1

  context           = var.context
  name              = "${local.name}-web"
  description       = "Serves the web client"
  package           = "identity/step_up_auth"
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
