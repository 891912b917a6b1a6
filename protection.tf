# Keys, secrets and the edge: one module block, variable and output per capability.

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
