# Written by `make docs` (tools/root.py) from modules/protection/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  protection_settings = {
    "country_embargo"                                   = ["action", "change_limits", "create_web_acl", "document_file", "document_key", "exempt_cidrs", "force_destroy", "forwarded_ip", "history_days", "notification_emails", "protected_resource_arns", "repair_schedule_expression", "scope", "web_acl_priority"]
    "country_embargo.forwarded_ip"                      = ["fallback_behavior", "header_name", "trusted_proxies"]
    "country_embargo.change_limits"                     = ["addresses_percent", "countries"]
    "kms_quota_alarms"                                  = ["dashboard", "evaluation", "increase_request", "quotas", "thresholds", "trail_log_group"]
    "kms_quota_alarms.quotas[*]"                        = ["maximum", "quota_code", "quota_name"]
    "kms_quota_alarms.thresholds"                       = ["critical", "warning"]
    "kms_quota_alarms.evaluation"                       = ["datapoints", "periods"]
    "kms_quota_alarms.increase_request"                 = ["cooldown_hours", "dry_run", "multiplier"]
    "kms_rotation"                                      = ["expiration_days", "force_destroy", "keys", "notification_emails", "object_lock", "on_demand", "policy", "price", "schedule_expression"]
    "kms_rotation.keys[*]"                              = ["administrators", "aliases", "deletion_window_days", "description", "grants", "multi_region", "rotation", "rotation_period_days", "users"]
    "kms_rotation.keys[*].grants[*]"                    = ["encryption_context_equals", "encryption_context_subset", "grantee_principal", "operations", "retiring_principal"]
    "kms_rotation.policy"                               = ["exempt", "max_period_days", "min_period_days", "mode"]
    "kms_rotation.object_lock"                          = ["days", "mode"]
    "kms_rotation.on_demand"                            = ["key_arns", "minimum_hours_between", "quota", "reserve"]
    "secret_replication"                                = ["grace_minutes", "lag_alarm_seconds", "managed_secrets", "reconcile_schedule_expression", "source_kms_key_arns", "targets"]
    "secret_replication.targets[*]"                     = ["external_id", "force_overwrite", "kms_key_arn", "paused", "region", "rename_prefix", "role_arn", "secret_name_prefixes", "secret_names", "secret_tags"]
    "secret_replication.targets[*].rename_prefix"       = ["from", "to"]
    "secret_replication.managed_secrets[*]"             = ["description", "force_overwrite_replicas", "kms_key_arn", "recovery_window_in_days", "replicas", "tags"]
    "secret_replication.managed_secrets[*].replicas[*]" = ["kms_key_arn"]
  }
}

module "country_embargo" {
  source = "./modules/protection/country_embargo"
  count  = var.country_embargo == null ? 0 : 1

  context                    = module.context.context
  scope                      = try(var.country_embargo.scope, null)
  action                     = try(var.country_embargo.action, null)
  exempt_cidrs               = try(var.country_embargo.exempt_cidrs, null)
  forwarded_ip               = try(var.country_embargo.forwarded_ip, null)
  change_limits              = try(var.country_embargo.change_limits, null)
  repair_schedule_expression = try(var.country_embargo.repair_schedule_expression, null)
  document_key               = try(var.country_embargo.document_key, null)
  document_file              = try(var.country_embargo.document_file, null)
  create_web_acl             = try(var.country_embargo.create_web_acl, null)
  web_acl_priority           = try(var.country_embargo.web_acl_priority, null)
  protected_resource_arns    = try(var.country_embargo.protected_resource_arns, null)
  notification_emails        = try(var.country_embargo.notification_emails, null)
  history_days               = try(var.country_embargo.history_days, null)
  force_destroy              = try(var.country_embargo.force_destroy, null)
}

variable "country_embargo" {
  description = "Keeps requests from embargoed countries and address ranges away from your load balancers, APIs and CloudFront distributions. {} for the defaults, null for off. See modules/protection/country_embargo."
  type        = any
  default     = null

  validation {
    condition     = var.country_embargo == null || can(keys(var.country_embargo))
    error_message = "country_embargo must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.country_embargo), []), local.protection_settings["country_embargo"])) == 0
    error_message = "country_embargo has no setting ${join(", ", setsubtract(try(keys(var.country_embargo), []), local.protection_settings["country_embargo"]))}. Its settings are: ${join(", ", local.protection_settings["country_embargo"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.country_embargo.forwarded_ip), []), local.protection_settings["country_embargo.forwarded_ip"])) == 0
    error_message = "country_embargo.forwarded_ip has no setting ${join(", ", setsubtract(try(keys(var.country_embargo.forwarded_ip), []), local.protection_settings["country_embargo.forwarded_ip"]))}. Its settings are: ${join(", ", local.protection_settings["country_embargo.forwarded_ip"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.country_embargo.change_limits), []), local.protection_settings["country_embargo.change_limits"])) == 0
    error_message = "country_embargo.change_limits has no setting ${join(", ", setsubtract(try(keys(var.country_embargo.change_limits), []), local.protection_settings["country_embargo.change_limits"]))}. Its settings are: ${join(", ", local.protection_settings["country_embargo.change_limits"])}."
  }
}

output "country_embargo" {
  description = "Outputs of modules/protection/country_embargo; null when off."
  value       = one(module.country_embargo[*])
}

module "kms_quota_alarms" {
  source = "./modules/protection/kms_quota_alarms"
  count  = var.kms_quota_alarms == null ? 0 : 1

  context          = module.context.context
  quotas           = try(var.kms_quota_alarms.quotas, null)
  thresholds       = try(var.kms_quota_alarms.thresholds, null)
  evaluation       = try(var.kms_quota_alarms.evaluation, null)
  trail_log_group  = try(var.kms_quota_alarms.trail_log_group, null)
  dashboard        = try(var.kms_quota_alarms.dashboard, null)
  increase_request = try(var.kms_quota_alarms.increase_request, null)
}

variable "kms_quota_alarms" {
  description = "Warns you before AWS KMS throttles calls: alarms and a dashboard show how much of each applied request quota the account uses in this Region, including the calls of encrypting services. {} for the defaults, null for off. See modules/protection/kms_quota_alarms."
  type        = any
  default     = null

  validation {
    condition     = var.kms_quota_alarms == null || can(keys(var.kms_quota_alarms))
    error_message = "kms_quota_alarms must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_quota_alarms), []), local.protection_settings["kms_quota_alarms"])) == 0
    error_message = "kms_quota_alarms has no setting ${join(", ", setsubtract(try(keys(var.kms_quota_alarms), []), local.protection_settings["kms_quota_alarms"]))}. Its settings are: ${join(", ", local.protection_settings["kms_quota_alarms"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.kms_quota_alarms.quotas), []) : try(keys(a), [])]), local.protection_settings["kms_quota_alarms.quotas[*]"])) == 0
    error_message = "kms_quota_alarms.quotas[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.kms_quota_alarms.quotas), []) : try(keys(a), [])]), local.protection_settings["kms_quota_alarms.quotas[*]"]))}. Its settings are: ${join(", ", local.protection_settings["kms_quota_alarms.quotas[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_quota_alarms.thresholds), []), local.protection_settings["kms_quota_alarms.thresholds"])) == 0
    error_message = "kms_quota_alarms.thresholds has no setting ${join(", ", setsubtract(try(keys(var.kms_quota_alarms.thresholds), []), local.protection_settings["kms_quota_alarms.thresholds"]))}. Its settings are: ${join(", ", local.protection_settings["kms_quota_alarms.thresholds"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_quota_alarms.evaluation), []), local.protection_settings["kms_quota_alarms.evaluation"])) == 0
    error_message = "kms_quota_alarms.evaluation has no setting ${join(", ", setsubtract(try(keys(var.kms_quota_alarms.evaluation), []), local.protection_settings["kms_quota_alarms.evaluation"]))}. Its settings are: ${join(", ", local.protection_settings["kms_quota_alarms.evaluation"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_quota_alarms.increase_request), []), local.protection_settings["kms_quota_alarms.increase_request"])) == 0
    error_message = "kms_quota_alarms.increase_request has no setting ${join(", ", setsubtract(try(keys(var.kms_quota_alarms.increase_request), []), local.protection_settings["kms_quota_alarms.increase_request"]))}. Its settings are: ${join(", ", local.protection_settings["kms_quota_alarms.increase_request"])}."
  }
}

output "kms_quota_alarms" {
  description = "Outputs of modules/protection/kms_quota_alarms; null when off."
  value       = one(module.kms_quota_alarms[*])
}

module "kms_rotation" {
  source = "./modules/protection/kms_rotation"
  count  = var.kms_rotation == null ? 0 : 1

  context             = module.context.context
  keys                = try(var.kms_rotation.keys, null)
  policy              = try(var.kms_rotation.policy, null)
  schedule_expression = try(var.kms_rotation.schedule_expression, null)
  expiration_days     = try(var.kms_rotation.expiration_days, null)
  object_lock         = try(var.kms_rotation.object_lock, null)
  force_destroy       = try(var.kms_rotation.force_destroy, null)
  notification_emails = try(var.kms_rotation.notification_emails, null)
  on_demand           = try(var.kms_rotation.on_demand, null)
  price               = try(var.kms_rotation.price, null)
}

variable "kms_rotation" {
  description = "Creates KMS keys that rotate according to your policy, and on a schedule writes evidence of every customer key's rotation to S3: which keys rotate, when they last rotated, which are out of policy, and what they cost. {} for the defaults, null for off. See modules/protection/kms_rotation."
  type        = any
  default     = null

  validation {
    condition     = var.kms_rotation == null || can(keys(var.kms_rotation))
    error_message = "kms_rotation must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_rotation), []), local.protection_settings["kms_rotation"])) == 0
    error_message = "kms_rotation has no setting ${join(", ", setsubtract(try(keys(var.kms_rotation), []), local.protection_settings["kms_rotation"]))}. Its settings are: ${join(", ", local.protection_settings["kms_rotation"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.kms_rotation.keys), []) : try(keys(a), [])]), local.protection_settings["kms_rotation.keys[*]"])) == 0
    error_message = "kms_rotation.keys[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.kms_rotation.keys), []) : try(keys(a), [])]), local.protection_settings["kms_rotation.keys[*]"]))}. Its settings are: ${join(", ", local.protection_settings["kms_rotation.keys[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.kms_rotation.keys), []) : [for b in try(values(a.grants), []) : try(keys(b), [])]]), local.protection_settings["kms_rotation.keys[*].grants[*]"])) == 0
    error_message = "kms_rotation.keys[*].grants[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.kms_rotation.keys), []) : [for b in try(values(a.grants), []) : try(keys(b), [])]]), local.protection_settings["kms_rotation.keys[*].grants[*]"]))}. Its settings are: ${join(", ", local.protection_settings["kms_rotation.keys[*].grants[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_rotation.policy), []), local.protection_settings["kms_rotation.policy"])) == 0
    error_message = "kms_rotation.policy has no setting ${join(", ", setsubtract(try(keys(var.kms_rotation.policy), []), local.protection_settings["kms_rotation.policy"]))}. Its settings are: ${join(", ", local.protection_settings["kms_rotation.policy"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_rotation.object_lock), []), local.protection_settings["kms_rotation.object_lock"])) == 0
    error_message = "kms_rotation.object_lock has no setting ${join(", ", setsubtract(try(keys(var.kms_rotation.object_lock), []), local.protection_settings["kms_rotation.object_lock"]))}. Its settings are: ${join(", ", local.protection_settings["kms_rotation.object_lock"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.kms_rotation.on_demand), []), local.protection_settings["kms_rotation.on_demand"])) == 0
    error_message = "kms_rotation.on_demand has no setting ${join(", ", setsubtract(try(keys(var.kms_rotation.on_demand), []), local.protection_settings["kms_rotation.on_demand"]))}. Its settings are: ${join(", ", local.protection_settings["kms_rotation.on_demand"])}."
  }
}

output "kms_rotation" {
  description = "Outputs of modules/protection/kms_rotation; null when off."
  value       = one(module.kms_rotation[*])
}

module "secret_replication" {
  source = "./modules/protection/secret_replication"
  count  = var.secret_replication == null ? 0 : 1

  context                       = module.context.context
  targets                       = try(var.secret_replication.targets, null)
  managed_secrets               = try(var.secret_replication.managed_secrets, null)
  source_kms_key_arns           = try(var.secret_replication.source_kms_key_arns, null)
  reconcile_schedule_expression = try(var.secret_replication.reconcile_schedule_expression, null)
  grace_minutes                 = try(var.secret_replication.grace_minutes, null)
  lag_alarm_seconds             = try(var.secret_replication.lag_alarm_seconds, null)
}

variable "secret_replication" {
  description = "Keeps copies of your secrets in other Regions and accounts equal to their source, within seconds of a rotation or an edit. { targets } for the defaults, null for off. See modules/protection/secret_replication."
  type        = any
  default     = null

  validation {
    condition     = var.secret_replication == null || can(keys(var.secret_replication))
    error_message = "secret_replication must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.secret_replication), []), local.protection_settings["secret_replication"])) == 0
    error_message = "secret_replication has no setting ${join(", ", setsubtract(try(keys(var.secret_replication), []), local.protection_settings["secret_replication"]))}. Its settings are: ${join(", ", local.protection_settings["secret_replication"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.secret_replication.targets), []) : try(keys(a), [])]), local.protection_settings["secret_replication.targets[*]"])) == 0
    error_message = "secret_replication.targets[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.secret_replication.targets), []) : try(keys(a), [])]), local.protection_settings["secret_replication.targets[*]"]))}. Its settings are: ${join(", ", local.protection_settings["secret_replication.targets[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.secret_replication.targets), []) : try(keys(a.rename_prefix), [])]), local.protection_settings["secret_replication.targets[*].rename_prefix"])) == 0
    error_message = "secret_replication.targets[*].rename_prefix has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.secret_replication.targets), []) : try(keys(a.rename_prefix), [])]), local.protection_settings["secret_replication.targets[*].rename_prefix"]))}. Its settings are: ${join(", ", local.protection_settings["secret_replication.targets[*].rename_prefix"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.secret_replication.managed_secrets), []) : try(keys(a), [])]), local.protection_settings["secret_replication.managed_secrets[*]"])) == 0
    error_message = "secret_replication.managed_secrets[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.secret_replication.managed_secrets), []) : try(keys(a), [])]), local.protection_settings["secret_replication.managed_secrets[*]"]))}. Its settings are: ${join(", ", local.protection_settings["secret_replication.managed_secrets[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.secret_replication.managed_secrets), []) : [for b in try(values(a.replicas), []) : try(keys(b), [])]]), local.protection_settings["secret_replication.managed_secrets[*].replicas[*]"])) == 0
    error_message = "secret_replication.managed_secrets[*].replicas[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.secret_replication.managed_secrets), []) : [for b in try(values(a.replicas), []) : try(keys(b), [])]]), local.protection_settings["secret_replication.managed_secrets[*].replicas[*]"]))}. Its settings are: ${join(", ", local.protection_settings["secret_replication.managed_secrets[*].replicas[*]"])}."
  }
}

output "secret_replication" {
  description = "Outputs of modules/protection/secret_replication; null when off."
  value       = one(module.secret_replication[*])
}
