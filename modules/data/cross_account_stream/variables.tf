variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`."
  type = object({
    name_prefix              = string
    partition                = string
    account_id               = string
    region                   = string
    kms_key_arn              = string
    alarm_topic_arn          = string
    access_log_bucket        = string
    package_bucket           = string
    log_retention_days       = number
    layer_arns               = list(string)
    permissions_boundary_arn = optional(string)
    build_dir                = string
    tags                     = map(string)
  })
  nullable = false
}

variable "streams" {
  description = "Streams to read, by a name of your choice. For one that the module `stream` made, its output `shared[\"NAME\"]` is the value: `stream_arn`, `consumer_arn` (a registered consumer, for enhanced fan-out; null for shared throughput), `kms_key_arn` (the stream's key; null if it has none). Further: `start_at` (where a new mapping begins, an RFC 3339 time in UTC such as `2026-11-28T08:00:00Z`; null for the oldest record of the stream; a change replaces the mapping), `silence_minutes` (alarm when no record arrives for so long; null for none), `enabled` (false stops reading and keeps the place). Without streams there are only the function and its role, which the owner must name first."
  type = map(object({
    stream_arn      = string
    consumer_arn    = optional(string)
    kms_key_arn     = optional(string)
    start_at        = optional(string)
    silence_minutes = optional(number)
    enabled         = optional(bool, true)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.streams) : can(regex("^[a-z][a-z0-9-]{0,39}$", name))])
    error_message = "The name of a stream here has 1 to 40 lowercase letters, digits and hyphens and begins with a letter: it becomes part of alarm names."
  }
  validation {
    condition     = alltrue([for s in var.streams : can(regex("^arn:[a-z-]+:kinesis:[a-z0-9-]+:[0-9]{12}:stream/[a-zA-Z0-9_.-]{1,128}$", s.stream_arn))])
    error_message = "stream_arn must be the ARN of a data stream: arn:aws:kinesis:REGION:ACCOUNT:stream/NAME."
  }
  validation {
    condition     = alltrue([for s in var.streams : can(regex("^arn:[a-z-]+:kinesis:[a-z0-9-]+:[0-9]{12}:stream/", s.stream_arn)) ? split(":", s.stream_arn)[3] == var.context.region : true])
    error_message = "stream_arn must be in the function's Region ${var.context.region}: Lambda reads no stream of another Region."
  }
  validation {
    condition     = alltrue([for s in var.streams : s.consumer_arn == null || can(regex("^arn:[a-z-]+:kinesis:[a-z0-9-]+:[0-9]{12}:stream/[a-zA-Z0-9_.-]+/consumer/[a-zA-Z0-9_.-]+:[0-9]+$", s.consumer_arn))])
    error_message = "consumer_arn must be the ARN that Kinesis gave the consumer, which ends with its creation time: STREAM_ARN/consumer/NAME:NUMBER. Take it from the resource or the output; it cannot be put together from names."
  }
  validation {
    condition     = alltrue([for s in var.streams : s.consumer_arn == null || try(startswith(s.consumer_arn, "${s.stream_arn}/consumer/"), true)])
    error_message = "consumer_arn must be a consumer of the same stream_arn."
  }
  validation {
    condition     = alltrue([for s in var.streams : s.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", s.kms_key_arn))])
    error_message = "kms_key_arn must be the ARN of the stream's own key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias: AWS's key aws/kinesis cannot be shared with another account."
  }
  validation {
    condition     = alltrue([for s in var.streams : s.start_at == null || can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", s.start_at)) && can(timeadd(s.start_at, "0s"))])
    error_message = "start_at must be a time in UTC such as \"2026-11-28T08:00:00Z\", or null for the oldest record."
  }
  validation {
    condition     = alltrue([for s in var.streams : s.silence_minutes == null || try(s.silence_minutes >= 1 && s.silence_minutes <= 1440 && floor(s.silence_minutes) == s.silence_minutes, false)])
    error_message = "silence_minutes must be a whole number from 1 to 1440, or null for no alarm."
  }
  validation {
    condition     = length(distinct([for s in var.streams : coalesce(s.consumer_arn, s.stream_arn)])) == length(var.streams)
    error_message = "Each stream or consumer can be read once: Lambda refuses a second mapping of the same source to the function."
  }
}

variable "batch_size" {
  description = "Most records of one call of the function."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10000 && floor(var.batch_size) == var.batch_size
    error_message = "batch_size must be a whole number from 1 to 10000."
  }
}

variable "batching_window_seconds" {
  description = "Seconds for which Lambda gathers records before a call; 0 calls at once."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.batching_window_seconds >= 0 && var.batching_window_seconds <= 300 && floor(var.batching_window_seconds) == var.batching_window_seconds
    error_message = "batching_window_seconds must be a whole number from 0 to 300."
  }
}

variable "parallelization_factor" {
  description = "Batches of one shard at the same time. Records with one partition key stay in order."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.parallelization_factor >= 1 && var.parallelization_factor <= 10 && floor(var.parallelization_factor) == var.parallelization_factor
    error_message = "parallelization_factor must be a whole number from 1 to 10."
  }
}

variable "maximum_retry_attempts" {
  description = "Retries of a batch before it is parked. A batch that fails is first split until the record that fails is alone, which uses none of them."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_retry_attempts >= 1 && var.maximum_retry_attempts <= 10000 && floor(var.maximum_retry_attempts) == var.maximum_retry_attempts
    error_message = "maximum_retry_attempts must be a whole number from 1 to 10000: with endless retries (-1), one record that always fails stops its shard."
  }
}

variable "iterator_age_minutes" {
  description = "Age of the last record of a batch that raises an alarm: how far the function is behind. Less than the stream's retention."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.iterator_age_minutes >= 1 && var.iterator_age_minutes <= 525600
    error_message = "iterator_age_minutes must be from 1 to 525600, which is a year, the longest retention of a stream."
  }
}

variable "error_threshold" {
  description = "Failed calls within 5 minutes that raise an alarm. A record that always fails makes several: its batch is split, and tried again."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.error_threshold >= 1 && floor(var.error_threshold) == var.error_threshold
    error_message = "error_threshold must be a whole number of 1 or more."
  }
}

variable "timeout_seconds" {
  description = "Longest time of one call of the function."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 5 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 5 to 900."
  }
}

variable "memory_mb" {
  description = "Memory of the function in MiB. A batch has up to 6 MB of records, encoded."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be a whole number from 128 to 10240."
  }
}

variable "reserved_concurrency" {
  description = "Calls of the function at the same time: at least the shards times parallelization_factor. Null for the account's pool."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "reserved_concurrency must be a whole number of 1 or more, or null for the account's pool. To stop reading, set `enabled` of the stream to false."
  }
}

variable "keep_days" {
  description = "Days after its arrival for which a record stays in the table."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.keep_days >= 1 && var.keep_days <= 3650 && floor(var.keep_days) == var.keep_days
    error_message = "keep_days must be a whole number from 1 to 3650."
  }
}

variable "parked_days" {
  description = "Days for which parked batches are kept; null keeps them."
  type        = number
  default     = 365

  validation {
    condition     = var.parked_days == null || try(var.parked_days >= 1 && floor(var.parked_days) == var.parked_days, false)
    error_message = "parked_days must be a whole number of 1 or more, or null to keep parked batches."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the table and the bucket with the records in them."
  type        = bool
  default     = false
  nullable    = false
}
