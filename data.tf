# Written by `make docs` (tools/root.py) from modules/data/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  data_settings = {
    "burst_search"             = ["batch", "check_seconds", "examples", "fan_out", "force_destroy", "limits", "page_size", "retention_days", "searches", "sources", "strategy", "timeout_seconds", "worker"]
    "burst_search.sources[*]"  = ["bucket", "kms_key_arn", "prefix"]
    "burst_search.searches[*]" = ["layer_arn", "module"]
    "burst_search.worker"      = ["concurrency", "memory_size", "threads", "timeout_seconds"]
    "burst_search.batch"       = ["bytes", "objects"]
    "burst_search.limits"      = ["calls", "matches", "object_bytes", "objects", "worker_seconds"]
  }
}

module "burst_search" {
  source = "./modules/data/burst_search"
  count  = var.burst_search == null ? 0 : 1

  context         = module.context.context
  sources         = try(var.burst_search.sources, null)
  examples        = try(var.burst_search.examples, null)
  searches        = try(var.burst_search.searches, null)
  strategy        = try(var.burst_search.strategy, null)
  worker          = try(var.burst_search.worker, null)
  batch           = try(var.burst_search.batch, null)
  fan_out         = try(var.burst_search.fan_out, null)
  limits          = try(var.burst_search.limits, null)
  timeout_seconds = try(var.burst_search.timeout_seconds, null)
  check_seconds   = try(var.burst_search.check_seconds, null)
  page_size       = try(var.burst_search.page_size, null)
  retention_days  = try(var.burst_search.retention_days, null)
  force_destroy   = try(var.burst_search.force_destroy, null)
}

variable "burst_search" {
  description = "Searches hundreds of thousands of objects in S3 in one burst of Lambda calls, and costs next to nothing between searches. { sources } for the defaults, null for off. See modules/data/burst_search."
  type        = any
  default     = null

  validation {
    condition     = var.burst_search == null || can(keys(var.burst_search))
    error_message = "burst_search must be an object; null for off."
  }

  validation {
    condition     = var.burst_search == null || alltrue([for name in ["sources"] : try(var.burst_search[name], null) != null])
    error_message = "burst_search needs sources."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search), []), local.data_settings["burst_search"])) == 0
    error_message = "burst_search has no setting ${join(", ", setsubtract(try(keys(var.burst_search), []), local.data_settings["burst_search"]))}. Its settings are: ${join(", ", local.data_settings["burst_search"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.burst_search.sources), []) : try(keys(a), [])]), local.data_settings["burst_search.sources[*]"])) == 0
    error_message = "burst_search.sources[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.burst_search.sources), []) : try(keys(a), [])]), local.data_settings["burst_search.sources[*]"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.sources[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.burst_search.searches), []) : try(keys(a), [])]), local.data_settings["burst_search.searches[*]"])) == 0
    error_message = "burst_search.searches[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.burst_search.searches), []) : try(keys(a), [])]), local.data_settings["burst_search.searches[*]"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.searches[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search.worker), []), local.data_settings["burst_search.worker"])) == 0
    error_message = "burst_search.worker has no setting ${join(", ", setsubtract(try(keys(var.burst_search.worker), []), local.data_settings["burst_search.worker"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.worker"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search.batch), []), local.data_settings["burst_search.batch"])) == 0
    error_message = "burst_search.batch has no setting ${join(", ", setsubtract(try(keys(var.burst_search.batch), []), local.data_settings["burst_search.batch"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.batch"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search.limits), []), local.data_settings["burst_search.limits"])) == 0
    error_message = "burst_search.limits has no setting ${join(", ", setsubtract(try(keys(var.burst_search.limits), []), local.data_settings["burst_search.limits"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.limits"])}."
  }
}

output "burst_search" {
  description = "Outputs of modules/data/burst_search; null when off."
  value       = one(module.burst_search[*])
}
