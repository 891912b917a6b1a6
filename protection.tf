# Keys, secrets and the edge: one module block, variable and output per capability.

module "secret_replication" {
  source = "./modules/protection/secret_replication"
  count  = var.secret_replication == null ? 0 : 1

  context                       = module.context.context
  grace_minutes                 = var.secret_replication.grace_minutes
  lag_alarm_seconds             = var.secret_replication.lag_alarm_seconds
  managed_secrets               = var.secret_replication.managed_secrets
  reconcile_schedule_expression = var.secret_replication.reconcile_schedule_expression
  source_kms_key_arns           = var.secret_replication.source_kms_key_arns
  targets                       = var.secret_replication.targets
}

variable "secret_replication" {
  description = "Copies of secrets in other Regions and accounts, kept equal to their source; null for off. See modules/protection/secret_replication."
  type = object({
    grace_minutes     = optional(number)
    lag_alarm_seconds = optional(number)
    managed_secrets = optional(map(object({
      description = string
      kms_key_arn = optional(string)
      replicas = map(object({
        kms_key_arn = string
      }))
      force_overwrite_replicas = optional(bool, false)
      recovery_window_in_days  = optional(number, 30)
      tags                     = optional(map(string), {})
    })))
    reconcile_schedule_expression = optional(string)
    source_kms_key_arns           = optional(set(string))
    targets = optional(map(object({
      region               = string
      secret_name_prefixes = optional(set(string), [])
      secret_tags          = optional(map(string), {})
      secret_names         = optional(map(string), {})
      rename_prefix = optional(object({
        from = string
        to   = string
      }))
      kms_key_arn     = optional(string)
      role_arn        = optional(string)
      external_id     = optional(string)
      force_overwrite = optional(bool, false)
    })))
  })
  default = null
}

output "secret_replication" {
  description = "Outputs of modules/protection/secret_replication; null when off."
  value       = one(module.secret_replication[*])
}
