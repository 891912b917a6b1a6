# Keys, secrets and the edge: one module block, variable and output per capability.

module "country_embargo" {
  source = "./modules/protection/country_embargo"
  count  = var.country_embargo == null ? 0 : 1

  context                 = module.context.context
  action                  = var.country_embargo.action
  create_web_acl          = var.country_embargo.create_web_acl
  document_file           = var.country_embargo.document_file
  document_key            = var.country_embargo.document_key
  exempt_cidrs            = var.country_embargo.exempt_cidrs
  force_destroy           = var.country_embargo.force_destroy
  forwarded_ip            = var.country_embargo.forwarded_ip
  history_days            = var.country_embargo.history_days
  notification_emails     = var.country_embargo.notification_emails
  protected_resource_arns = var.country_embargo.protected_resource_arns
  scope                   = var.country_embargo.scope
  web_acl_priority        = var.country_embargo.web_acl_priority
}

variable "country_embargo" {
  description = "Embargoed countries and address ranges kept out by AWS WAF, from one JSON file; {} for the defaults, null for off. See modules/protection/country_embargo."
  type = object({
    action         = optional(string)
    create_web_acl = optional(bool)
    document_file  = optional(string)
    document_key   = optional(string)
    exempt_cidrs   = optional(set(string))
    force_destroy  = optional(bool)
    forwarded_ip = optional(object({
      header_name       = optional(string, "X-Forwarded-For")
      fallback_behavior = optional(string, "MATCH")
      position          = optional(string, "FIRST")
    }))
    history_days            = optional(number)
    notification_emails     = optional(set(string))
    protected_resource_arns = optional(map(string))
    scope                   = optional(string)
    web_acl_priority        = optional(number)
  })
  default = null
}

output "country_embargo" {
  description = "Outputs of modules/protection/country_embargo; null when off."
  value       = one(module.country_embargo[*])
}

module "kms_quota_alarms" {
  source = "./modules/protection/kms_quota_alarms"
  count  = var.kms_quota_alarms == null ? 0 : 1

  context          = module.context.context
  dashboard        = var.kms_quota_alarms.dashboard
  evaluation       = var.kms_quota_alarms.evaluation
  increase_request = var.kms_quota_alarms.increase_request
  quotas           = var.kms_quota_alarms.quotas
  thresholds       = var.kms_quota_alarms.thresholds
}

variable "kms_quota_alarms" {
  description = "Alarms on the utilisation of KMS request quotas, and guarded requests to raise them; {} for the defaults, null for off. See modules/protection/kms_quota_alarms."
  type = object({
    dashboard = optional(bool)
    evaluation = optional(object({
      datapoints = optional(number)
      periods    = optional(number)
    }))
    increase_request = optional(object({
      cooldown_hours = optional(number)
      dry_run        = optional(bool)
      multiplier     = optional(number)
    }))
    quotas = optional(map(object({
      quota_code = optional(string)
      quota_name = optional(string)
      maximum    = optional(number)
    })))
    thresholds = optional(object({
      warning  = optional(number)
      critical = optional(number)
    }))
  })
  default = null
}

output "kms_quota_alarms" {
  description = "Outputs of modules/protection/kms_quota_alarms; null when off."
  value       = one(module.kms_quota_alarms[*])
}

module "kms_rotation" {
  source = "./modules/protection/kms_rotation"
  count  = var.kms_rotation == null ? 0 : 1

  context             = module.context.context
  expiration_days     = var.kms_rotation.expiration_days
  force_destroy       = var.kms_rotation.force_destroy
  keys                = var.kms_rotation.keys
  notification_emails = var.kms_rotation.notification_emails
  on_demand           = var.kms_rotation.on_demand
  policy              = var.kms_rotation.policy
  price               = var.kms_rotation.price
  schedule_expression = var.kms_rotation.schedule_expression
}

variable "kms_rotation" {
  description = "KMS keys that rotate by policy, evidence of every customer key's rotation, and guarded on-demand rotation; {} for the defaults, null for off. See modules/protection/kms_rotation."
  type = object({
    expiration_days = optional(number)
    force_destroy   = optional(bool)
    keys = optional(map(object({
      administrators       = optional(set(string))
      aliases              = optional(set(string))
      deletion_window_days = optional(number)
      description          = string
      grants = optional(map(object({
        encryption_context_equals = optional(map(string))
        encryption_context_subset = optional(map(string))
        grantee_principal         = string
        operations                = set(string)
        retiring_principal        = optional(string)
      })))
      multi_region         = optional(bool)
      rotation             = optional(bool)
      rotation_period_days = optional(number)
      users                = optional(set(string))
    })))
    notification_emails = optional(set(string))
    on_demand = optional(object({
      key_arns              = optional(set(string))
      minimum_hours_between = optional(number)
      quota                 = optional(number)
      reserve               = optional(number)
    }))
    policy = optional(object({
      exempt          = optional(set(string))
      max_period_days = optional(number)
      min_period_days = optional(number)
      mode            = optional(string)
    }))
    price               = optional(number)
    schedule_expression = optional(string)
  })
  default = null
}

output "kms_rotation" {
  description = "Outputs of modules/protection/kms_rotation; null when off."
  value       = one(module.kms_rotation[*])
}

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
