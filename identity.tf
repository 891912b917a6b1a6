# Identity: one module block, variable and output per capability.

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
