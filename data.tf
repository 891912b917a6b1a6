# Written by `make docs` (tools/root.py) from modules/data/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  data_settings = {
    "cross_account_stream"            = ["batch_size", "batching_window_seconds", "error_threshold", "force_destroy", "iterator_age_minutes", "keep_days", "maximum_retry_attempts", "memory_mb", "parallelization_factor", "parked_days", "reserved_concurrency", "streams", "timeout_seconds"]
    "cross_account_stream.streams[*]" = ["consumer_arn", "enabled", "kms_key_arn", "silence_minutes", "start_at", "stream_arn"]
  }
}

module "cross_account_stream" {
  source = "./modules/data/cross_account_stream"
  count  = var.cross_account_stream == null ? 0 : 1

  context                 = module.context.context
  streams                 = try(var.cross_account_stream.streams, null)
  batch_size              = try(var.cross_account_stream.batch_size, null)
  batching_window_seconds = try(var.cross_account_stream.batching_window_seconds, null)
  parallelization_factor  = try(var.cross_account_stream.parallelization_factor, null)
  maximum_retry_attempts  = try(var.cross_account_stream.maximum_retry_attempts, null)
  iterator_age_minutes    = try(var.cross_account_stream.iterator_age_minutes, null)
  error_threshold         = try(var.cross_account_stream.error_threshold, null)
  timeout_seconds         = try(var.cross_account_stream.timeout_seconds, null)
  memory_mb               = try(var.cross_account_stream.memory_mb, null)
  reserved_concurrency    = try(var.cross_account_stream.reserved_concurrency, null)
  keep_days               = try(var.cross_account_stream.keep_days, null)
  parked_days             = try(var.cross_account_stream.parked_days, null)
  force_destroy           = try(var.cross_account_stream.force_destroy, null)
}

variable "cross_account_stream" {
  description = "Your functions read a Kinesis data stream that belongs to another account, without a copy of the stream and without a step outside of Terraform. {} for the defaults, null for off. See modules/data/cross_account_stream."
  type        = any
  default     = null

  validation {
    condition     = var.cross_account_stream == null || can(keys(var.cross_account_stream))
    error_message = "cross_account_stream must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.cross_account_stream), []), local.data_settings["cross_account_stream"])) == 0
    error_message = "cross_account_stream has no setting ${join(", ", setsubtract(try(keys(var.cross_account_stream), []), local.data_settings["cross_account_stream"]))}. Its settings are: ${join(", ", local.data_settings["cross_account_stream"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.cross_account_stream.streams), []) : try(keys(a), [])]), local.data_settings["cross_account_stream.streams[*]"])) == 0
    error_message = "cross_account_stream.streams[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.cross_account_stream.streams), []) : try(keys(a), [])]), local.data_settings["cross_account_stream.streams[*]"]))}. Its settings are: ${join(", ", local.data_settings["cross_account_stream.streams[*]"])}."
  }
}

output "cross_account_stream" {
  description = "Outputs of modules/data/cross_account_stream; null when off."
  value       = one(module.cross_account_stream[*])
}
