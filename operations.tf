# Written by `make docs` (tools/root.py) from modules/operations/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  operations_settings = {
    "function_profiling"              = ["force_destroy", "functions", "history_days", "layer_arn", "notification_emails", "review_schedule_expression", "service_regions", "silent_days", "window_days"]
    "function_profiling.functions[*]" = ["agent", "architecture", "enabled", "function_name", "role_name", "runtime"]
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
