# Written by `make docs` (tools/root.py) from modules/identity/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  identity_settings = {
    "inactive_users"                                = ["audit_retention_days", "batch_size", "deletion_protection", "disables_per_second", "dry_run", "exempt_groups", "exempt_users", "inactive_days", "inactive_days_by_pool", "lists_per_second", "preload_schedule_expression", "report", "user_pool_arns", "warning"]
    "inactive_users.warning"                        = ["configuration_set", "days", "emails_per_second", "from_address", "subject", "text"]
    "inactive_users.report"                         = ["days", "emails", "schedule_expression"]
    "order_authorization"                           = ["additional_policies", "admin_groups", "alarms", "backends", "client_ids", "cors_origin", "decision_cache_seconds", "deletion_protection", "domain", "error_headers", "memory_size", "name", "throttle", "user_pool_arn"]
    "order_authorization.throttle"                  = ["burst_limit", "rate_limit"]
    "order_authorization.domain"                    = ["actions", "container", "item", "namespace", "schema", "scope_header", "templates"]
    "order_authorization.domain.container"          = ["key", "path", "type"]
    "order_authorization.domain.item"               = ["attributes", "key", "path", "type"]
    "order_authorization.domain.item.attributes[*]" = ["from", "type"]
    "order_authorization.domain.actions[*]"         = ["backend", "body", "lists", "role", "route"]
    "order_authorization.domain.templates[*]"       = ["description", "statement"]
    "order_authorization.backends[*]"               = ["function_name", "invoke_arn"]
    "order_authorization.alarms"                    = ["refused_tokens", "server_errors"]
    "step_up_auth"                                  = ["acr_values", "alarms", "audiences", "client_ids", "default_step_up_state", "deletion_protection", "factors", "issuer_url", "jwks_url", "maximum_attempts", "operations", "required_claims", "routes", "sample", "session_seconds", "throttle", "token_types", "user_pool", "web_client"]
    "step_up_auth.user_pool"                        = ["audience", "issuer"]
    "step_up_auth.operations[*]"                    = ["group", "state"]
    "step_up_auth.routes[*]"                        = ["body", "function_name", "invoke_arn"]
    "step_up_auth.web_client"                       = ["authorize_url", "client_id", "cognito_url", "scopes", "token_url"]
    "step_up_auth.throttle"                         = ["burst_limit", "rate_limit"]
    "step_up_auth.alarms"                           = ["factor_changes", "unauthorized"]
    "user_directory"                                = ["admin_create_user_only", "allowed_email_domains", "attributes", "clients", "custom_auth", "default_groups", "deletion_protection", "devices", "domain", "email", "first_factors", "groups", "identity_providers", "mfa", "password_policy", "resource_servers", "sign_in", "sms", "threat_protection", "tier", "triggers", "verification", "web_acl_arn"]
    "user_directory.threat_protection"              = ["blocked_cidrs", "custom_auth_mode", "mode"]
    "user_directory.password_policy"                = ["history", "minimum_length", "require_lowercase", "require_numbers", "require_symbols", "require_uppercase", "temporary_days"]
    "user_directory.mfa"                            = ["email", "mode", "sms", "totp"]
    "user_directory.first_factors"                  = ["email_otp", "passkey", "sms_otp"]
    "user_directory.first_factors.passkey"          = ["relying_party_id", "user_verification"]
    "user_directory.devices"                        = ["remember", "skip_mfa"]
    "user_directory.email"                          = ["configuration_set", "from_address", "identity_arn", "reply_to_address"]
    "user_directory.sms"                            = ["external_id"]
    "user_directory.verification"                   = ["message", "subject"]
    "user_directory.attributes[*]"                  = ["client_writable", "max", "min", "mutable", "required", "type"]
    "user_directory.clients[*]"                     = ["access_token_minutes", "auth_flows", "callback_urls", "id_token_minutes", "identity_providers", "logout_urls", "oauth_flows", "oauth_scopes", "read_attributes", "refresh_rotation", "refresh_token_days", "secret", "session_minutes", "write_attributes"]
    "user_directory.clients[*].refresh_rotation"    = ["grace_seconds"]
    "user_directory.groups[*]"                      = ["description", "precedence", "role_arn"]
    "user_directory.resource_servers[*]"            = ["name", "scopes"]
    "user_directory.domain"                         = ["certificate_arn", "managed_login_version", "name", "prefix"]
    "user_directory.custom_auth"                    = ["attempts", "code_length", "code_seconds", "codes_per_hour", "message", "password_first", "subject", "topic_arn"]
    "user_directory.identity_providers[*]"          = ["attribute_mapping", "details", "identifiers", "link_users", "secret_arn", "secret_kms_key_arn", "subject_attribute", "trust_email", "type"]
    "user_directory.triggers"                       = ["create_auth_challenge", "custom_message", "define_auth_challenge", "post_authentication", "post_confirmation", "pre_authentication", "pre_sign_up", "pre_token_generation", "user_migration", "verify_auth_challenge_response"]
  }
}

module "inactive_users" {
  source = "./modules/identity/inactive_users"
  count  = var.inactive_users == null ? 0 : 1

  context                     = module.context.context
  user_pool_arns              = var.user_directory != null && try(var.inactive_users.user_pool_arns, null) == null && try(var.user_directory.triggers, null) == null ? module.user_directory[0].authorizer.user_pool_arns : try(var.inactive_users.user_pool_arns, null)
  inactive_days               = try(var.inactive_users.inactive_days, null)
  inactive_days_by_pool       = try(var.inactive_users.inactive_days_by_pool, null)
  warning                     = try(var.inactive_users.warning, null)
  report                      = try(var.inactive_users.report, null)
  exempt_users                = try(var.inactive_users.exempt_users, null)
  exempt_groups               = try(var.inactive_users.exempt_groups, null)
  dry_run                     = try(var.inactive_users.dry_run, null)
  disables_per_second         = try(var.inactive_users.disables_per_second, null)
  lists_per_second            = try(var.inactive_users.lists_per_second, null)
  batch_size                  = try(var.inactive_users.batch_size, null)
  preload_schedule_expression = try(var.inactive_users.preload_schedule_expression, null)
  audit_retention_days        = try(var.inactive_users.audit_retention_days, null)
  deletion_protection         = try(var.inactive_users.deletion_protection, null)
}

variable "inactive_users" {
  description = "Disables the users of your Cognito user pools who have not signed in for a number of days, 90 by default: it records each sign-in without ever blocking one, can warn users by email beforehand, and keeps an audit trail of its actions. Uses the pool of user_directory, and its post-authentication trigger, unless user_pool_arns or user_directory.triggers is set. { user_pool_arns } for the defaults, null for off. See modules/identity/inactive_users."
  type        = any
  default     = null

  validation {
    condition     = var.inactive_users == null || can(keys(var.inactive_users))
    error_message = "inactive_users must be an object; null for off."
  }

  validation {
    condition     = var.inactive_users == null || alltrue([for name in ["user_pool_arns"] : try(var.inactive_users[name], null) != null]) || (var.user_directory != null && try(var.inactive_users.user_pool_arns, null) == null && try(var.user_directory.triggers, null) == null)
    error_message = "inactive_users needs user_pool_arns, or user_directory."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.inactive_users), []), local.identity_settings["inactive_users"])) == 0
    error_message = "inactive_users has no setting ${join(", ", setsubtract(try(keys(var.inactive_users), []), local.identity_settings["inactive_users"]))}. Its settings are: ${join(", ", local.identity_settings["inactive_users"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.inactive_users.warning), []), local.identity_settings["inactive_users.warning"])) == 0
    error_message = "inactive_users.warning has no setting ${join(", ", setsubtract(try(keys(var.inactive_users.warning), []), local.identity_settings["inactive_users.warning"]))}. Its settings are: ${join(", ", local.identity_settings["inactive_users.warning"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.inactive_users.report), []), local.identity_settings["inactive_users.report"])) == 0
    error_message = "inactive_users.report has no setting ${join(", ", setsubtract(try(keys(var.inactive_users.report), []), local.identity_settings["inactive_users.report"]))}. Its settings are: ${join(", ", local.identity_settings["inactive_users.report"])}."
  }
}

output "inactive_users" {
  description = "Outputs of modules/identity/inactive_users; null when off."
  value       = one(module.inactive_users[*])
}

module "order_authorization" {
  source = "./modules/identity/order_authorization"
  count  = var.order_authorization == null ? 0 : 1

  context                = module.context.context
  user_pool_arn          = var.user_directory != null && try(var.order_authorization.user_pool_arn, null) == null && try(var.order_authorization.client_ids, null) == null ? module.user_directory[0].user_pool_arn : try(var.order_authorization.user_pool_arn, null)
  client_ids             = var.user_directory != null && try(var.order_authorization.user_pool_arn, null) == null && try(var.order_authorization.client_ids, null) == null ? module.user_directory[0].authorizer.audience : try(var.order_authorization.client_ids, null)
  name                   = try(var.order_authorization.name, null)
  admin_groups           = try(var.order_authorization.admin_groups, null)
  additional_policies    = try(var.order_authorization.additional_policies, null)
  decision_cache_seconds = try(var.order_authorization.decision_cache_seconds, null)
  throttle               = try(var.order_authorization.throttle, null)
  error_headers          = try(var.order_authorization.error_headers, null)
  cors_origin            = try(var.order_authorization.cors_origin, null)
  domain                 = try(var.order_authorization.domain, null)
  backends               = try(var.order_authorization.backends, null)
  memory_size            = try(var.order_authorization.memory_size, null)
  alarms                 = try(var.order_authorization.alarms, null)
  deletion_protection    = try(var.order_authorization.deletion_protection, null)
}

variable "order_authorization" {
  description = "An API for orders in which Verified Permissions authorizes each action on each order, from Cedar policies that you can read. Uses the pool of user_directory unless user_pool_arn or client_ids is set. { user_pool_arn, client_ids } for the defaults, null for off. See modules/identity/order_authorization."
  type        = any
  default     = null

  validation {
    condition     = var.order_authorization == null || can(keys(var.order_authorization))
    error_message = "order_authorization must be an object; null for off."
  }

  validation {
    condition     = var.order_authorization == null || alltrue([for name in ["user_pool_arn", "client_ids"] : try(var.order_authorization[name], null) != null]) || (var.user_directory != null && try(var.order_authorization.user_pool_arn, null) == null && try(var.order_authorization.client_ids, null) == null)
    error_message = "order_authorization needs user_pool_arn and client_ids, or user_directory."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.order_authorization), []), local.identity_settings["order_authorization"])) == 0
    error_message = "order_authorization has no setting ${join(", ", setsubtract(try(keys(var.order_authorization), []), local.identity_settings["order_authorization"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.order_authorization.throttle), []), local.identity_settings["order_authorization.throttle"])) == 0
    error_message = "order_authorization.throttle has no setting ${join(", ", setsubtract(try(keys(var.order_authorization.throttle), []), local.identity_settings["order_authorization.throttle"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.throttle"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.order_authorization.domain), []), local.identity_settings["order_authorization.domain"])) == 0
    error_message = "order_authorization.domain has no setting ${join(", ", setsubtract(try(keys(var.order_authorization.domain), []), local.identity_settings["order_authorization.domain"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.domain"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.order_authorization.domain.container), []), local.identity_settings["order_authorization.domain.container"])) == 0
    error_message = "order_authorization.domain.container has no setting ${join(", ", setsubtract(try(keys(var.order_authorization.domain.container), []), local.identity_settings["order_authorization.domain.container"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.domain.container"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.order_authorization.domain.item), []), local.identity_settings["order_authorization.domain.item"])) == 0
    error_message = "order_authorization.domain.item has no setting ${join(", ", setsubtract(try(keys(var.order_authorization.domain.item), []), local.identity_settings["order_authorization.domain.item"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.domain.item"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.order_authorization.domain.item.attributes), []) : try(keys(a), [])]), local.identity_settings["order_authorization.domain.item.attributes[*]"])) == 0
    error_message = "order_authorization.domain.item.attributes[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.order_authorization.domain.item.attributes), []) : try(keys(a), [])]), local.identity_settings["order_authorization.domain.item.attributes[*]"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.domain.item.attributes[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.order_authorization.domain.actions), []) : try(keys(a), [])]), local.identity_settings["order_authorization.domain.actions[*]"])) == 0
    error_message = "order_authorization.domain.actions[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.order_authorization.domain.actions), []) : try(keys(a), [])]), local.identity_settings["order_authorization.domain.actions[*]"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.domain.actions[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.order_authorization.domain.templates), []) : try(keys(a), [])]), local.identity_settings["order_authorization.domain.templates[*]"])) == 0
    error_message = "order_authorization.domain.templates[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.order_authorization.domain.templates), []) : try(keys(a), [])]), local.identity_settings["order_authorization.domain.templates[*]"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.domain.templates[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.order_authorization.backends), []) : try(keys(a), [])]), local.identity_settings["order_authorization.backends[*]"])) == 0
    error_message = "order_authorization.backends[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.order_authorization.backends), []) : try(keys(a), [])]), local.identity_settings["order_authorization.backends[*]"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.backends[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.order_authorization.alarms), []), local.identity_settings["order_authorization.alarms"])) == 0
    error_message = "order_authorization.alarms has no setting ${join(", ", setsubtract(try(keys(var.order_authorization.alarms), []), local.identity_settings["order_authorization.alarms"]))}. Its settings are: ${join(", ", local.identity_settings["order_authorization.alarms"])}."
  }
}

output "order_authorization" {
  description = "Outputs of modules/identity/order_authorization; null when off."
  value       = one(module.order_authorization[*])
}

module "step_up_auth" {
  source = "./modules/identity/step_up_auth"
  count  = var.step_up_auth == null ? 0 : 1

  context               = module.context.context
  user_pool             = var.user_directory != null && try(var.step_up_auth.user_pool, null) == null && try(var.step_up_auth.issuer_url, null) == null && try(var.step_up_auth.client_ids, null) == null ? module.user_directory[0].authorizer : try(var.step_up_auth.user_pool, null)
  issuer_url            = try(var.step_up_auth.issuer_url, null)
  client_ids            = try(var.step_up_auth.client_ids, null)
  audiences             = try(var.step_up_auth.audiences, null)
  jwks_url              = try(var.step_up_auth.jwks_url, null)
  required_claims       = try(var.step_up_auth.required_claims, null)
  token_types           = try(var.step_up_auth.token_types, null)
  acr_values            = try(var.step_up_auth.acr_values, null)
  operations            = try(var.step_up_auth.operations, null)
  default_step_up_state = try(var.step_up_auth.default_step_up_state, null)
  session_seconds       = try(var.step_up_auth.session_seconds, null)
  maximum_attempts      = try(var.step_up_auth.maximum_attempts, null)
  factors               = try(var.step_up_auth.factors, null)
  routes                = try(var.step_up_auth.routes, null)
  sample                = try(var.step_up_auth.sample, null)
  web_client            = try(var.step_up_auth.web_client, null)
  throttle              = try(var.step_up_auth.throttle, null)
  alarms                = try(var.step_up_auth.alarms, null)
  deletion_protection   = try(var.step_up_auth.deletion_protection, null)
}

variable "step_up_auth" {
  description = "Asks your users for a second factor when they call a privileged API operation, without a change to the functions behind it. Uses the pool of user_directory unless issuer_url is set. { issuer_url, client_ids } for the defaults, null for off. See modules/identity/step_up_auth."
  type        = any
  default     = null

  validation {
    condition     = var.step_up_auth == null || can(keys(var.step_up_auth))
    error_message = "step_up_auth must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.step_up_auth), []), local.identity_settings["step_up_auth"])) == 0
    error_message = "step_up_auth has no setting ${join(", ", setsubtract(try(keys(var.step_up_auth), []), local.identity_settings["step_up_auth"]))}. Its settings are: ${join(", ", local.identity_settings["step_up_auth"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.step_up_auth.user_pool), []), local.identity_settings["step_up_auth.user_pool"])) == 0
    error_message = "step_up_auth.user_pool has no setting ${join(", ", setsubtract(try(keys(var.step_up_auth.user_pool), []), local.identity_settings["step_up_auth.user_pool"]))}. Its settings are: ${join(", ", local.identity_settings["step_up_auth.user_pool"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.step_up_auth.operations), []) : try(keys(a), [])]), local.identity_settings["step_up_auth.operations[*]"])) == 0
    error_message = "step_up_auth.operations[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.step_up_auth.operations), []) : try(keys(a), [])]), local.identity_settings["step_up_auth.operations[*]"]))}. Its settings are: ${join(", ", local.identity_settings["step_up_auth.operations[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.step_up_auth.routes), []) : try(keys(a), [])]), local.identity_settings["step_up_auth.routes[*]"])) == 0
    error_message = "step_up_auth.routes[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.step_up_auth.routes), []) : try(keys(a), [])]), local.identity_settings["step_up_auth.routes[*]"]))}. Its settings are: ${join(", ", local.identity_settings["step_up_auth.routes[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.step_up_auth.web_client), []), local.identity_settings["step_up_auth.web_client"])) == 0
    error_message = "step_up_auth.web_client has no setting ${join(", ", setsubtract(try(keys(var.step_up_auth.web_client), []), local.identity_settings["step_up_auth.web_client"]))}. Its settings are: ${join(", ", local.identity_settings["step_up_auth.web_client"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.step_up_auth.throttle), []), local.identity_settings["step_up_auth.throttle"])) == 0
    error_message = "step_up_auth.throttle has no setting ${join(", ", setsubtract(try(keys(var.step_up_auth.throttle), []), local.identity_settings["step_up_auth.throttle"]))}. Its settings are: ${join(", ", local.identity_settings["step_up_auth.throttle"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.step_up_auth.alarms), []), local.identity_settings["step_up_auth.alarms"])) == 0
    error_message = "step_up_auth.alarms has no setting ${join(", ", setsubtract(try(keys(var.step_up_auth.alarms), []), local.identity_settings["step_up_auth.alarms"]))}. Its settings are: ${join(", ", local.identity_settings["step_up_auth.alarms"])}."
  }
}

output "step_up_auth" {
  description = "Outputs of modules/identity/step_up_auth; null when off."
  value       = one(module.step_up_auth[*])
}

module "user_directory" {
  source = "./modules/identity/user_directory"
  count  = var.user_directory == null ? 0 : 1

  context                = module.context.context
  sign_in                = try(var.user_directory.sign_in, null)
  tier                   = try(var.user_directory.tier, null)
  threat_protection      = try(var.user_directory.threat_protection, null)
  password_policy        = try(var.user_directory.password_policy, null)
  mfa                    = try(var.user_directory.mfa, null)
  first_factors          = try(var.user_directory.first_factors, null)
  devices                = try(var.user_directory.devices, null)
  email                  = try(var.user_directory.email, null)
  sms                    = try(var.user_directory.sms, null)
  verification           = try(var.user_directory.verification, null)
  attributes             = try(var.user_directory.attributes, null)
  clients                = try(var.user_directory.clients, null)
  groups                 = try(var.user_directory.groups, null)
  default_groups         = try(var.user_directory.default_groups, null)
  resource_servers       = try(var.user_directory.resource_servers, null)
  domain                 = try(var.user_directory.domain, null)
  custom_auth            = try(var.user_directory.custom_auth, null)
  allowed_email_domains  = try(var.user_directory.allowed_email_domains, null)
  admin_create_user_only = try(var.user_directory.admin_create_user_only, null)
  identity_providers     = try(var.user_directory.identity_providers, null)
  triggers               = var.inactive_users != null && try(var.inactive_users.user_pool_arns, null) == null && try(var.user_directory.triggers, null) == null ? module.inactive_users[0].sign_in_trigger : try(var.user_directory.triggers, null)
  web_acl_arn            = try(var.user_directory.web_acl_arn, null)
  deletion_protection    = try(var.user_directory.deletion_protection, null)
}

variable "user_directory" {
  description = "Provides a Cognito user pool with secure settings, in which your users sign up and sign in by password with a second factor, by a one-time code sent by email, or through Apple, Google, an OIDC or a SAML provider. {} for the defaults, null for off. See modules/identity/user_directory."
  type        = any
  default     = null

  validation {
    condition     = var.user_directory == null || can(keys(var.user_directory))
    error_message = "user_directory must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory), []), local.identity_settings["user_directory"])) == 0
    error_message = "user_directory has no setting ${join(", ", setsubtract(try(keys(var.user_directory), []), local.identity_settings["user_directory"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.threat_protection), []), local.identity_settings["user_directory.threat_protection"])) == 0
    error_message = "user_directory.threat_protection has no setting ${join(", ", setsubtract(try(keys(var.user_directory.threat_protection), []), local.identity_settings["user_directory.threat_protection"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.threat_protection"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.password_policy), []), local.identity_settings["user_directory.password_policy"])) == 0
    error_message = "user_directory.password_policy has no setting ${join(", ", setsubtract(try(keys(var.user_directory.password_policy), []), local.identity_settings["user_directory.password_policy"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.password_policy"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.mfa), []), local.identity_settings["user_directory.mfa"])) == 0
    error_message = "user_directory.mfa has no setting ${join(", ", setsubtract(try(keys(var.user_directory.mfa), []), local.identity_settings["user_directory.mfa"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.mfa"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.first_factors), []), local.identity_settings["user_directory.first_factors"])) == 0
    error_message = "user_directory.first_factors has no setting ${join(", ", setsubtract(try(keys(var.user_directory.first_factors), []), local.identity_settings["user_directory.first_factors"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.first_factors"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.first_factors.passkey), []), local.identity_settings["user_directory.first_factors.passkey"])) == 0
    error_message = "user_directory.first_factors.passkey has no setting ${join(", ", setsubtract(try(keys(var.user_directory.first_factors.passkey), []), local.identity_settings["user_directory.first_factors.passkey"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.first_factors.passkey"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.devices), []), local.identity_settings["user_directory.devices"])) == 0
    error_message = "user_directory.devices has no setting ${join(", ", setsubtract(try(keys(var.user_directory.devices), []), local.identity_settings["user_directory.devices"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.devices"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.email), []), local.identity_settings["user_directory.email"])) == 0
    error_message = "user_directory.email has no setting ${join(", ", setsubtract(try(keys(var.user_directory.email), []), local.identity_settings["user_directory.email"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.email"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.sms), []), local.identity_settings["user_directory.sms"])) == 0
    error_message = "user_directory.sms has no setting ${join(", ", setsubtract(try(keys(var.user_directory.sms), []), local.identity_settings["user_directory.sms"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.sms"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.verification), []), local.identity_settings["user_directory.verification"])) == 0
    error_message = "user_directory.verification has no setting ${join(", ", setsubtract(try(keys(var.user_directory.verification), []), local.identity_settings["user_directory.verification"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.verification"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.user_directory.attributes), []) : try(keys(a), [])]), local.identity_settings["user_directory.attributes[*]"])) == 0
    error_message = "user_directory.attributes[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.user_directory.attributes), []) : try(keys(a), [])]), local.identity_settings["user_directory.attributes[*]"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.attributes[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.user_directory.clients), []) : try(keys(a), [])]), local.identity_settings["user_directory.clients[*]"])) == 0
    error_message = "user_directory.clients[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.user_directory.clients), []) : try(keys(a), [])]), local.identity_settings["user_directory.clients[*]"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.clients[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.user_directory.clients), []) : try(keys(a.refresh_rotation), [])]), local.identity_settings["user_directory.clients[*].refresh_rotation"])) == 0
    error_message = "user_directory.clients[*].refresh_rotation has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.user_directory.clients), []) : try(keys(a.refresh_rotation), [])]), local.identity_settings["user_directory.clients[*].refresh_rotation"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.clients[*].refresh_rotation"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.user_directory.groups), []) : try(keys(a), [])]), local.identity_settings["user_directory.groups[*]"])) == 0
    error_message = "user_directory.groups[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.user_directory.groups), []) : try(keys(a), [])]), local.identity_settings["user_directory.groups[*]"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.groups[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.user_directory.resource_servers), []) : try(keys(a), [])]), local.identity_settings["user_directory.resource_servers[*]"])) == 0
    error_message = "user_directory.resource_servers[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.user_directory.resource_servers), []) : try(keys(a), [])]), local.identity_settings["user_directory.resource_servers[*]"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.resource_servers[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.domain), []), local.identity_settings["user_directory.domain"])) == 0
    error_message = "user_directory.domain has no setting ${join(", ", setsubtract(try(keys(var.user_directory.domain), []), local.identity_settings["user_directory.domain"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.domain"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.custom_auth), []), local.identity_settings["user_directory.custom_auth"])) == 0
    error_message = "user_directory.custom_auth has no setting ${join(", ", setsubtract(try(keys(var.user_directory.custom_auth), []), local.identity_settings["user_directory.custom_auth"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.custom_auth"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.user_directory.identity_providers), []) : try(keys(a), [])]), local.identity_settings["user_directory.identity_providers[*]"])) == 0
    error_message = "user_directory.identity_providers[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.user_directory.identity_providers), []) : try(keys(a), [])]), local.identity_settings["user_directory.identity_providers[*]"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.identity_providers[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.user_directory.triggers), []), local.identity_settings["user_directory.triggers"])) == 0
    error_message = "user_directory.triggers has no setting ${join(", ", setsubtract(try(keys(var.user_directory.triggers), []), local.identity_settings["user_directory.triggers"]))}. Its settings are: ${join(", ", local.identity_settings["user_directory.triggers"])}."
  }
}

output "user_directory" {
  description = "Outputs of modules/identity/user_directory; null when off."
  value       = one(module.user_directory[*])
}
