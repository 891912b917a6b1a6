# Identity: one module block, variable and output per capability.

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
