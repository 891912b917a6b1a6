# Written by `make docs` (tools/root.py) from modules/apps/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  apps_settings = {
    "contact_form"            = ["alert", "deletion_protection", "iam_authorization", "maximum_characters", "page", "retention_days", "throttle", "user_pool", "web_acl_arn"]
    "contact_form.alert"      = ["configuration_set", "from_address", "include_message", "sentiments", "to_addresses"]
    "contact_form.throttle"   = ["burst_limit", "rate_limit"]
    "contact_form.user_pool"  = ["arn", "client_ids", "scopes"]
    "iot_messaging"           = ["api_key_ids", "commands", "deletion_protection", "maximum_bytes", "retention_days", "things", "throttle", "webhook"]
    "iot_messaging.things[*]" = ["active", "attributes", "csrs"]
    "iot_messaging.commands"  = ["expiry_seconds", "maximum_bytes"]
    "iot_messaging.webhook"   = ["kms_key_arn", "message", "previous_secret_hours", "retain", "secret_arn", "signature_header", "signature_prefix"]
    "iot_messaging.throttle"  = ["burst_limit", "rate_limit"]
  }
}

module "contact_form" {
  source = "./modules/apps/contact_form"
  count  = var.contact_form == null ? 0 : 1

  context             = module.context.context
  alert               = try(var.contact_form.alert, null)
  retention_days      = try(var.contact_form.retention_days, null)
  maximum_characters  = try(var.contact_form.maximum_characters, null)
  throttle            = try(var.contact_form.throttle, null)
  page                = try(var.contact_form.page, null)
  web_acl_arn         = try(var.contact_form.web_acl_arn, null)
  iam_authorization   = try(var.contact_form.iam_authorization, null)
  user_pool           = try(var.contact_form.user_pool, null)
  deletion_protection = try(var.contact_form.deletion_protection, null)
}

variable "contact_form" {
  description = "Turns messages of your website's visitors into tickets: a visitor sends a form and gets a ticket number at once, and your team gets a mail about each complaint. { alert } for the defaults, null for off. See modules/apps/contact_form."
  type        = any
  default     = null

  validation {
    condition     = var.contact_form == null || can(keys(var.contact_form))
    error_message = "contact_form must be an object; null for off."
  }

  validation {
    condition     = var.contact_form == null || alltrue([for name in ["alert"] : try(var.contact_form[name], null) != null])
    error_message = "contact_form needs alert."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form), []), local.apps_settings["contact_form"])) == 0
    error_message = "contact_form has no setting ${join(", ", setsubtract(try(keys(var.contact_form), []), local.apps_settings["contact_form"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form.alert), []), local.apps_settings["contact_form.alert"])) == 0
    error_message = "contact_form.alert has no setting ${join(", ", setsubtract(try(keys(var.contact_form.alert), []), local.apps_settings["contact_form.alert"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form.alert"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form.throttle), []), local.apps_settings["contact_form.throttle"])) == 0
    error_message = "contact_form.throttle has no setting ${join(", ", setsubtract(try(keys(var.contact_form.throttle), []), local.apps_settings["contact_form.throttle"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form.throttle"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form.user_pool), []), local.apps_settings["contact_form.user_pool"])) == 0
    error_message = "contact_form.user_pool has no setting ${join(", ", setsubtract(try(keys(var.contact_form.user_pool), []), local.apps_settings["contact_form.user_pool"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form.user_pool"])}."
  }
}

output "contact_form" {
  description = "Outputs of modules/apps/contact_form; null when off."
  value       = one(module.contact_form[*])
}

module "iot_messaging" {
  source = "./modules/apps/iot_messaging"
  count  = var.iot_messaging == null ? 0 : 1

  context             = module.context.context
  things              = try(var.iot_messaging.things, null)
  retention_days      = try(var.iot_messaging.retention_days, null)
  maximum_bytes       = try(var.iot_messaging.maximum_bytes, null)
  commands            = try(var.iot_messaging.commands, null)
  api_key_ids         = try(var.iot_messaging.api_key_ids, null)
  webhook             = try(var.iot_messaging.webhook, null)
  throttle            = try(var.iot_messaging.throttle, null)
  deletion_protection = try(var.iot_messaging.deletion_protection, null)
}

variable "iot_messaging" {
  description = "Connects devices with your applications: what a device publishes over MQTT is in a table some milliseconds later, and what you send by REST arrives at the device, also when it sleeps. { things } for the defaults, null for off. See modules/apps/iot_messaging."
  type        = any
  default     = null

  validation {
    condition     = var.iot_messaging == null || can(keys(var.iot_messaging))
    error_message = "iot_messaging must be an object; null for off."
  }

  validation {
    condition     = var.iot_messaging == null || alltrue([for name in ["things"] : try(var.iot_messaging[name], null) != null])
    error_message = "iot_messaging needs things."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging), []), local.apps_settings["iot_messaging"])) == 0
    error_message = "iot_messaging has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging), []), local.apps_settings["iot_messaging"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.iot_messaging.things), []) : try(keys(a), [])]), local.apps_settings["iot_messaging.things[*]"])) == 0
    error_message = "iot_messaging.things[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.iot_messaging.things), []) : try(keys(a), [])]), local.apps_settings["iot_messaging.things[*]"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.things[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging.commands), []), local.apps_settings["iot_messaging.commands"])) == 0
    error_message = "iot_messaging.commands has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging.commands), []), local.apps_settings["iot_messaging.commands"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.commands"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging.webhook), []), local.apps_settings["iot_messaging.webhook"])) == 0
    error_message = "iot_messaging.webhook has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging.webhook), []), local.apps_settings["iot_messaging.webhook"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.webhook"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging.throttle), []), local.apps_settings["iot_messaging.throttle"])) == 0
    error_message = "iot_messaging.throttle has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging.throttle), []), local.apps_settings["iot_messaging.throttle"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.throttle"])}."
  }
}

output "iot_messaging" {
  description = "Outputs of modules/apps/iot_messaging; null when off."
  value       = one(module.iot_messaging[*])
}
