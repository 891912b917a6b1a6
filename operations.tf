# Written by `make docs` (tools/root.py) from modules/operations/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  operations_settings = {
    "function_profiling"              = ["force_destroy", "functions", "history_days", "layer_arn", "notification_emails", "review_schedule_expression", "service_regions", "silent_days", "window_days"]
    "function_profiling.functions[*]" = ["agent", "architecture", "enabled", "function_name", "role_name", "runtime"]
    "volume_alarms"                   = ["agent", "critical_actions", "evaluation_periods", "expiration_days", "force_destroy", "gone_after_hours", "ignored_drives", "ignored_file_systems", "included_drives", "instance_names", "instance_tags", "metric_names", "metrics_delay_seconds", "namespaces", "notification_emails", "own_account", "period_seconds", "schedule_expression", "targets", "tiers", "treat_missing_data", "warning_actions", "without_metrics_threshold"]
    "volume_alarms.tiers[*]"          = ["critical", "unit", "up_to_gib", "warning"]
    "volume_alarms.targets[*]"        = ["account_id", "critical_actions", "enabled", "external_id", "region", "role_arn", "warning_actions"]
    "volume_alarms.metric_names"      = ["free_bytes", "free_megabytes", "free_percent", "total_bytes", "used_percent"]
    "volume_alarms.agent"             = ["instance_tags", "interval_seconds", "mode", "schedule_expression"]
  }
}

module "function_profiling" {
  source = "./modules/operations/function_profiling"
  count  = var.function_profiling == null ? 0 : 1

  context                    = module.context.context
  functions                  = try(var.function_profiling.functions, null)
  service_regions            = try(var.function_profiling.service_regions, null)
  layer_arn                  = try(var.function_profiling.layer_arn, null)
  review_schedule_expression = try(var.function_profiling.review_schedule_expression, null)
  silent_days                = try(var.function_profiling.silent_days, null)
  window_days                = try(var.function_profiling.window_days, null)
  notification_emails        = try(var.function_profiling.notification_emails, null)
  history_days               = try(var.function_profiling.history_days, null)
  force_destroy              = try(var.function_profiling.force_destroy, null)
}

variable "function_profiling" {
  description = "Finds work that your functions repeat in each call, such as clients that a handler creates again. { functions } for the defaults, null for off. See modules/operations/function_profiling."
  type        = any
  default     = null

  validation {
    condition     = var.function_profiling == null || can(keys(var.function_profiling))
    error_message = "function_profiling must be an object; null for off."
  }

  validation {
    condition     = var.function_profiling == null || alltrue([for name in ["functions"] : try(var.function_profiling[name], null) != null])
    error_message = "function_profiling needs functions."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.function_profiling), []), local.operations_settings["function_profiling"])) == 0
    error_message = "function_profiling has no setting ${join(", ", setsubtract(try(keys(var.function_profiling), []), local.operations_settings["function_profiling"]))}. Its settings are: ${join(", ", local.operations_settings["function_profiling"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.function_profiling.functions), []) : try(keys(a), [])]), local.operations_settings["function_profiling.functions[*]"])) == 0
    error_message = "function_profiling.functions[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.function_profiling.functions), []) : try(keys(a), [])]), local.operations_settings["function_profiling.functions[*]"]))}. Its settings are: ${join(", ", local.operations_settings["function_profiling.functions[*]"])}."
  }
}

output "function_profiling" {
  description = "Outputs of modules/operations/function_profiling; null when off."
  value       = one(module.function_profiling[*])
}

module "volume_alarms" {
  source = "./modules/operations/volume_alarms"
  count  = var.volume_alarms == null ? 0 : 1

  context                   = module.context.context
  tiers                     = try(var.volume_alarms.tiers, null)
  instance_names            = try(var.volume_alarms.instance_names, null)
  instance_tags             = try(var.volume_alarms.instance_tags, null)
  own_account               = try(var.volume_alarms.own_account, null)
  targets                   = try(var.volume_alarms.targets, null)
  warning_actions           = try(var.volume_alarms.warning_actions, null)
  critical_actions          = try(var.volume_alarms.critical_actions, null)
  notification_emails       = try(var.volume_alarms.notification_emails, null)
  namespaces                = try(var.volume_alarms.namespaces, null)
  metric_names              = try(var.volume_alarms.metric_names, null)
  ignored_file_systems      = try(var.volume_alarms.ignored_file_systems, null)
  ignored_drives            = try(var.volume_alarms.ignored_drives, null)
  included_drives           = try(var.volume_alarms.included_drives, null)
  period_seconds            = try(var.volume_alarms.period_seconds, null)
  evaluation_periods        = try(var.volume_alarms.evaluation_periods, null)
  treat_missing_data        = try(var.volume_alarms.treat_missing_data, null)
  gone_after_hours          = try(var.volume_alarms.gone_after_hours, null)
  schedule_expression       = try(var.volume_alarms.schedule_expression, null)
  metrics_delay_seconds     = try(var.volume_alarms.metrics_delay_seconds, null)
  without_metrics_threshold = try(var.volume_alarms.without_metrics_threshold, null)
  agent                     = try(var.volume_alarms.agent, null)
  expiration_days           = try(var.volume_alarms.expiration_days, null)
  force_destroy             = try(var.volume_alarms.force_destroy, null)
}

variable "volume_alarms" {
  description = "Warns you before a disk is full: a warning and a critical alarm on the free space of every volume of your Windows and Linux instances, written and removed as instances and drives come and go. {} for the defaults, null for off. See modules/operations/volume_alarms."
  type        = any
  default     = null

  validation {
    condition     = var.volume_alarms == null || can(keys(var.volume_alarms))
    error_message = "volume_alarms must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.volume_alarms), []), local.operations_settings["volume_alarms"])) == 0
    error_message = "volume_alarms has no setting ${join(", ", setsubtract(try(keys(var.volume_alarms), []), local.operations_settings["volume_alarms"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(flatten([var.volume_alarms.tiers]), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.tiers[*]"])) == 0
    error_message = "volume_alarms.tiers[*] has no setting ${join(", ", setsubtract(flatten([for a in try(flatten([var.volume_alarms.tiers]), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.tiers[*]"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.tiers[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.volume_alarms.targets), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.targets[*]"])) == 0
    error_message = "volume_alarms.targets[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.volume_alarms.targets), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.targets[*]"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.targets[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.volume_alarms.metric_names), []), local.operations_settings["volume_alarms.metric_names"])) == 0
    error_message = "volume_alarms.metric_names has no setting ${join(", ", setsubtract(try(keys(var.volume_alarms.metric_names), []), local.operations_settings["volume_alarms.metric_names"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.metric_names"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.volume_alarms.agent), []), local.operations_settings["volume_alarms.agent"])) == 0
    error_message = "volume_alarms.agent has no setting ${join(", ", setsubtract(try(keys(var.volume_alarms.agent), []), local.operations_settings["volume_alarms.agent"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.agent"])}."
  }
}

output "volume_alarms" {
  description = "Outputs of modules/operations/volume_alarms; null when off."
  value       = one(module.volume_alarms[*])
}
