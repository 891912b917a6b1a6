# Identity: one module block, variable and output per capability.

module "step_up_auth" {
  source = "./modules/identity/step_up_auth"
  count  = var.step_up_auth == null ? 0 : 1

  context               = module.context.context
  acr_values            = var.step_up_auth.acr_values
  alarms                = var.step_up_auth.alarms
  audiences             = var.step_up_auth.audiences
  client_ids            = var.step_up_auth.client_ids
  default_step_up_state = var.step_up_auth.default_step_up_state
  deletion_protection   = var.step_up_auth.deletion_protection
  issuer_url            = var.step_up_auth.issuer_url
  jwks_url              = var.step_up_auth.jwks_url
  maximum_attempts      = var.step_up_auth.maximum_attempts
  operations            = var.step_up_auth.operations
  required_claims       = var.step_up_auth.required_claims
  routes                = var.step_up_auth.routes
  sample                = var.step_up_auth.sample
  session_seconds       = var.step_up_auth.session_seconds
  throttle              = var.step_up_auth.throttle
  token_types           = var.step_up_auth.token_types
  web_client            = var.step_up_auth.web_client
}

variable "step_up_auth" {
  description = "Second factor at the moment of a privileged API call; { issuer_url, client_ids } for the defaults, null for off. See modules/identity/step_up_auth."
  type = object({
    acr_values = optional(set(string))
    alarms = optional(object({
      factor_changes = optional(number)
      unauthorized   = optional(number)
    }))
    audiences             = optional(set(string))
    client_ids            = optional(set(string))
    default_step_up_state = optional(string)
    deletion_protection   = optional(bool)
    issuer_url            = string
    jwks_url              = optional(string)
    maximum_attempts      = optional(number)
    operations = optional(map(object({
      state = optional(string)
      group = optional(string)
    })))
    required_claims = optional(map(string))
    routes = optional(map(object({
      function_name = string
      invoke_arn    = string
      body          = optional(string)
    })))
    sample          = optional(bool)
    session_seconds = optional(number)
    throttle = optional(object({
      rate_limit  = optional(number)
      burst_limit = optional(number)
    }))
    token_types = optional(set(string))
    web_client = optional(object({
      authorize_url = string
      token_url     = string
      client_id     = string
      scopes        = optional(string)
      cognito_url   = optional(string)
    }))
  })
  default = null
}

output "step_up_auth" {
  description = "Outputs of modules/identity/step_up_auth; null when off."
  value       = one(module.step_up_auth[*])
}
