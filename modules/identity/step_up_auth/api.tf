locals {
  # Cognito's access tokens carry this scope if they may change factors and call GetUser; ID tokens carry no scope.
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
          challengeType = { type = "string", enum = ["SOFTWARE_TOKEN_STEP_UP", "SMS_STEP_UP", "EMAIL_STEP_UP", "MAYBE_SOFTWARE_TOKEN_STEP_UP"] }
          code          = { type = "string", pattern = "^[0-9]{6}$" }
        }
      })
    })
  }

  sample_routes    = var.sample ? ["GET /info", "POST /transfer"] : []
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
    { for key, function in module.functions.functions : key => { name = function.name, invoke_arn = function.invoke_arn } if !contains(["authorizer", "factor-change"], key) },
  )
  routes         = local.routes
  throttle       = var.throttle
  user_pool_arns = local.cognito ? [local.user_pool_arn] : []
  authorizer = {
    name        = module.functions.functions.authorizer.name
    invoke_arn  = module.functions.functions.authorizer.invoke_arn
    ttl_seconds = 0 # a cached policy could outlive a setting, a session and a token
  }
}
