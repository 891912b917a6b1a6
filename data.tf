# Written by `make docs` (tools/root.py) from modules/data/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  data_settings = {
    "connector_config"                          = ["cluster", "connectors", "force_destroy", "history_days", "notification_emails", "plugins", "removal", "review_schedule_expression", "worker_configurations"]
    "connector_config.plugins[*]"               = ["bucket_arn", "content_type", "description", "key", "object_version", "sha256"]
    "connector_config.worker_configurations[*]" = ["description", "plain_properties", "properties", "unlisted_properties"]
    "connector_config.cluster"                  = ["authentication", "bootstrap_servers", "encryption", "security_group_ids", "subnet_ids"]
    "connector_config.connectors[*]"            = ["capacity", "configuration", "description", "kafka_connect_version", "plain_properties", "plugins", "service_execution_role_arn", "worker_configuration"]
    "connector_config.connectors[*].capacity"   = ["max_workers", "mcu_count", "min_workers", "scale_in_percent", "scale_out_percent", "workers"]
    "connector_config.removal"                  = ["grace_days", "mode", "most", "name_prefix", "tags"]
  }
}

module "connector_config" {
  source = "./modules/data/connector_config"
  count  = var.connector_config == null ? 0 : 1

  context                    = module.context.context
  plugins                    = try(var.connector_config.plugins, null)
  worker_configurations      = try(var.connector_config.worker_configurations, null)
  cluster                    = try(var.connector_config.cluster, null)
  connectors                 = try(var.connector_config.connectors, null)
  removal                    = try(var.connector_config.removal, null)
  review_schedule_expression = try(var.connector_config.review_schedule_expression, null)
  notification_emails        = try(var.connector_config.notification_emails, null)
  history_days               = try(var.connector_config.history_days, null)
  force_destroy              = try(var.connector_config.force_destroy, null)
}

variable "connector_config" {
  description = "Keeps MSK Connect as code: plugins, worker configurations and connectors whose changes work, and whose secrets stay in Secrets Manager. {} for the defaults, null for off. See modules/data/connector_config."
  type        = any
  default     = null

  validation {
    condition     = var.connector_config == null || can(keys(var.connector_config))
    error_message = "connector_config must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.connector_config), []), local.data_settings["connector_config"])) == 0
    error_message = "connector_config has no setting ${join(", ", setsubtract(try(keys(var.connector_config), []), local.data_settings["connector_config"]))}. Its settings are: ${join(", ", local.data_settings["connector_config"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.plugins), []) : try(keys(a), [])]), local.data_settings["connector_config.plugins[*]"])) == 0
    error_message = "connector_config.plugins[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.plugins), []) : try(keys(a), [])]), local.data_settings["connector_config.plugins[*]"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.plugins[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.worker_configurations), []) : try(keys(a), [])]), local.data_settings["connector_config.worker_configurations[*]"])) == 0
    error_message = "connector_config.worker_configurations[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.worker_configurations), []) : try(keys(a), [])]), local.data_settings["connector_config.worker_configurations[*]"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.worker_configurations[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.connector_config.cluster), []), local.data_settings["connector_config.cluster"])) == 0
    error_message = "connector_config.cluster has no setting ${join(", ", setsubtract(try(keys(var.connector_config.cluster), []), local.data_settings["connector_config.cluster"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.cluster"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a), [])]), local.data_settings["connector_config.connectors[*]"])) == 0
    error_message = "connector_config.connectors[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a), [])]), local.data_settings["connector_config.connectors[*]"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.connectors[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a.capacity), [])]), local.data_settings["connector_config.connectors[*].capacity"])) == 0
    error_message = "connector_config.connectors[*].capacity has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a.capacity), [])]), local.data_settings["connector_config.connectors[*].capacity"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.connectors[*].capacity"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.connector_config.removal), []), local.data_settings["connector_config.removal"])) == 0
    error_message = "connector_config.removal has no setting ${join(", ", setsubtract(try(keys(var.connector_config.removal), []), local.data_settings["connector_config.removal"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.removal"])}."
  }
}

output "connector_config" {
  description = "Outputs of modules/data/connector_config; null when off."
  value       = one(module.connector_config[*])
}
