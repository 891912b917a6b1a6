# Identity: one module block, variable and output per capability.

module "user_directory" {
  source = "./modules/identity/user_directory"
  count  = var.user_directory == null ? 0 : 1

  context                = module.context.context
  admin_create_user_only = var.user_directory.admin_create_user_only
  allowed_email_domains  = var.user_directory.allowed_email_domains
  attributes             = var.user_directory.attributes
  clients                = var.user_directory.clients
  custom_auth            = var.user_directory.custom_auth
  default_groups         = var.user_directory.default_groups
  deletion_protection    = var.user_directory.deletion_protection
  devices                = var.user_directory.devices
  domain                 = var.user_directory.domain
  email                  = var.user_directory.email
  groups                 = var.user_directory.groups
  identity_providers     = var.user_directory.identity_providers
  mfa                    = var.user_directory.mfa
  password_policy        = var.user_directory.password_policy
  resource_servers       = var.user_directory.resource_servers
  sign_in                = var.user_directory.sign_in
  sms                    = var.user_directory.sms
  threat_protection      = var.user_directory.threat_protection
  tier                   = var.user_directory.tier
  triggers               = var.user_directory.triggers
  verification           = var.user_directory.verification
}

variable "user_directory" {
  description = "Cognito user pool: sign-in, sign-up, federation, app clients; {} for the defaults, null for off. See modules/identity/user_directory."
  type = object({
    admin_create_user_only = optional(bool)
    allowed_email_domains  = optional(set(string))
    attributes = optional(map(object({
      type            = optional(string)
      mutable         = optional(bool)
      required        = optional(bool)
      client_writable = optional(bool)
      min             = optional(number)
      max             = optional(number)
    })))
    clients = optional(map(object({
      secret               = optional(bool)
      auth_flows           = optional(set(string))
      read_attributes      = optional(set(string))
      write_attributes     = optional(set(string))
      access_token_minutes = optional(number)
      id_token_minutes     = optional(number)
      refresh_token_days   = optional(number)
      session_minutes      = optional(number)
      callback_urls        = optional(set(string))
      logout_urls          = optional(set(string))
      oauth_flows          = optional(set(string))
      oauth_scopes         = optional(set(string))
      identity_providers   = optional(set(string))
    })))
    custom_auth = optional(object({
      topic_arn      = optional(string)
      password_first = optional(bool)
      code_length    = optional(number)
      code_seconds   = optional(number)
      attempts       = optional(number)
      codes_per_hour = optional(number)
      subject        = optional(string)
      message        = optional(string)
    }))
    default_groups      = optional(set(string))
    deletion_protection = optional(bool)
    devices = optional(object({
      remember = optional(string)
      skip_mfa = optional(bool)
    }))
    domain = optional(object({
      prefix                = optional(string)
      name                  = optional(string)
      certificate_arn       = optional(string)
      managed_login_version = optional(number)
    }))
    email = optional(object({
      identity_arn      = string
      from_address      = string
      reply_to_address  = optional(string)
      configuration_set = optional(string)
    }))
    groups = optional(map(object({
      description = optional(string)
      precedence  = optional(number)
      role_arn    = optional(string)
    })))
    identity_providers = optional(map(object({
      type               = string
      details            = map(string)
      secret_arn         = optional(string)
      secret_kms_key_arn = optional(string)
      attribute_mapping  = optional(map(string))
      identifiers        = optional(list(string))
      link_users         = optional(bool)
      trust_email        = optional(bool)
    })))
    mfa = optional(object({
      mode  = optional(string)
      totp  = optional(bool)
      email = optional(bool)
      sms   = optional(bool)
    }))
    password_policy = optional(object({
      minimum_length    = optional(number)
      require_lowercase = optional(bool)
      require_uppercase = optional(bool)
      require_numbers   = optional(bool)
      require_symbols   = optional(bool)
      history           = optional(number)
      temporary_days    = optional(number)
    }))
    resource_servers = optional(map(object({
      name   = string
      scopes = map(string)
    })))
    sign_in = optional(set(string))
    sms = optional(object({
      external_id = string
    }))
    threat_protection = optional(object({
      mode             = optional(string)
      custom_auth_mode = optional(string)
      blocked_cidrs    = optional(set(string))
    }))
    tier = optional(string)
    triggers = optional(object({
      create_auth_challenge          = optional(string)
      custom_message                 = optional(string)
      define_auth_challenge          = optional(string)
      post_authentication            = optional(string)
      post_confirmation              = optional(string)
      pre_authentication             = optional(string)
      pre_sign_up                    = optional(string)
      pre_token_generation           = optional(string)
      user_migration                 = optional(string)
      verify_auth_challenge_response = optional(string)
    }))
    verification = optional(object({
      subject = optional(string)
      message = optional(string)
    }))
  })
  default = null
}

output "user_directory" {
  description = "Outputs of modules/identity/user_directory; null when off."
  value       = one(module.user_directory[*])
}

module "inactive_users" {
  source = "./modules/identity/inactive_users"
  count  = var.inactive_users == null ? 0 : 1

  context                     = module.context.context
  audit_retention_days        = var.inactive_users.audit_retention_days
  batch_size                  = var.inactive_users.batch_size
  deletion_protection         = var.inactive_users.deletion_protection
  disables_per_second         = var.inactive_users.disables_per_second
  dry_run                     = var.inactive_users.dry_run
  exempt_groups               = var.inactive_users.exempt_groups
  exempt_users                = var.inactive_users.exempt_users
  inactive_days               = var.inactive_users.inactive_days
  lists_per_second            = var.inactive_users.lists_per_second
  preload_schedule_expression = var.inactive_users.preload_schedule_expression
  user_pool_arns              = var.inactive_users.user_pool_arns
  warning                     = var.inactive_users.warning
}

variable "inactive_users" {
  description = "Cognito users who have not signed in for a while are disabled; name the pools, null for off. See modules/identity/inactive_users."
  type = object({
    audit_retention_days        = optional(number)
    batch_size                  = optional(number)
    deletion_protection         = optional(bool)
    disables_per_second         = optional(number)
    dry_run                     = optional(bool)
    exempt_groups               = optional(set(string))
    exempt_users                = optional(set(string))
    inactive_days               = optional(number)
    lists_per_second            = optional(number)
    preload_schedule_expression = optional(string)
    user_pool_arns              = list(string)
    warning = optional(object({
      days              = number
      from_address      = string
      subject           = optional(string)
      text              = optional(string)
      emails_per_second = optional(number)
    }))
  })
  default = null
}

output "inactive_users" {
  description = "Outputs of modules/identity/inactive_users; null when off."
  value       = one(module.inactive_users[*])
}

module "order_authorization" {
  source = "./modules/identity/order_authorization"
  count  = var.order_authorization == null ? 0 : 1

  context                = module.context.context
  additional_policies    = var.order_authorization.additional_policies
  admin_groups           = var.order_authorization.admin_groups
  alarms                 = var.order_authorization.alarms
  client_ids             = var.order_authorization.client_ids
  decision_cache_seconds = var.order_authorization.decision_cache_seconds
  deletion_protection    = var.order_authorization.deletion_protection
  error_headers          = var.order_authorization.error_headers
  memory_size            = var.order_authorization.memory_size
  name                   = var.order_authorization.name
  throttle               = var.order_authorization.throttle
  user_pool_arn          = var.order_authorization.user_pool_arn
}

variable "order_authorization" {
  description = "Orders behind an API that Verified Permissions decides on; null for off. See modules/identity/order_authorization."
  type = object({
    additional_policies = optional(map(string))
    admin_groups        = optional(set(string))
    alarms = optional(object({
      refused_tokens = optional(number)
      server_errors  = optional(number)
    }))
    client_ids             = set(string)
    decision_cache_seconds = optional(number)
    deletion_protection    = optional(bool)
    error_headers          = optional(map(string))
    memory_size            = optional(number)
    name                   = optional(string)
    throttle = optional(object({
      rate_limit  = optional(number)
      burst_limit = optional(number)
    }))
    user_pool_arn = string
  })
  default = null
}

output "order_authorization" {
  description = "Outputs of modules/identity/order_authorization; null when off."
  value       = one(module.order_authorization[*])
}

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
