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

variable "vpc_id" {
  description = "VPC of the cluster, whose producers connect from there."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Subnets of the cluster and of the pollers that read it, in two or more Availability Zones. They need a route to S3 (a gateway endpoint or NAT), where Lambda keeps failed records. A change replaces the cluster."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "subnet_ids must have two or more ids of subnets, in different Availability Zones, such as subnet-0123456789abcdef0."
  }
}

variable "client_security_group_ids" {
  description = "Security groups of producers and other clients, which may connect to the cluster."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.client_security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", id))])
    error_message = "client_security_group_ids must be ids of security groups, such as sg-0123456789abcdef0."
  }
}

variable "topics" {
  description = "Topics whose messages are kept: each has a mapping and a delivery stream, for all of its partitions. They must exist: apply with none, create them with `python -m tools.telemetry topic`, then name them here."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for topic in var.topics : can(regex("^[a-z0-9][a-z0-9_-]*$", topic))])
    error_message = "A topic here has lowercase letters, digits, hyphens and underscores and begins with a letter or digit: it becomes part of other names."
  }

  validation {
    condition     = alltrue([for topic in var.topics : length("${var.context.name_prefix}-device-telemetry-${topic}") <= 64])
    error_message = "A topic must be shorter: with the prefix ${var.context.name_prefix}-device-telemetry- it exceeds the 64 characters of a delivery stream's name."
  }
}

variable "enabled" {
  description = "Read the topics into the table; false stops and keeps the place."
  type        = bool
  default     = true
  nullable    = false
}

variable "pollers" {
  description = "Event pollers of each topic: `minimum` are always there and paid for, `maximum` at most. A poller reads up to 5 MB a second, and one partition is read by one poller."
  type = object({
    minimum = optional(number, 1)
    maximum = optional(number, 4)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.pollers.minimum >= 1 && var.pollers.minimum <= 200 && floor(var.pollers.minimum) == var.pollers.minimum
    error_message = "pollers.minimum must be a whole number from 1 to 200."
  }

  validation {
    condition     = var.pollers.maximum >= var.pollers.minimum && var.pollers.maximum <= 2000 && floor(var.pollers.maximum) == var.pollers.maximum
    error_message = "pollers.maximum must be a whole number from pollers.minimum to 2000."
  }
}

variable "batch_size" {
  description = "Most records of one call of the function. An event has at most 6 MB."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10000 && floor(var.batch_size) == var.batch_size
    error_message = "batch_size must be a whole number from 1 to 10000."
  }
}

variable "batching_window_seconds" {
  description = "Seconds for which Lambda gathers records before a call; 0 for half a second."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.batching_window_seconds >= 0 && var.batching_window_seconds <= 300 && floor(var.batching_window_seconds) == var.batching_window_seconds
    error_message = "batching_window_seconds must be a whole number from 0 to 300."
  }
}

variable "maximum_retry_attempts" {
  description = "Retries of a record that is alone before it is parked, while its partition waits. A batch that fails is first split, which uses none of them."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_retry_attempts >= 0 && var.maximum_retry_attempts <= 10000 && floor(var.maximum_retry_attempts) == var.maximum_retry_attempts
    error_message = "maximum_retry_attempts must be a whole number from 0 to 10000: with endless retries (-1), one record that always fails would stop its partition."
  }
}

variable "clock_skew_seconds" {
  description = "Seconds by which a reading may be ahead of AWS's clock. One that is further ahead is malformed: it would hide all later ones."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.clock_skew_seconds >= 0 && var.clock_skew_seconds <= 86400 && floor(var.clock_skew_seconds) == var.clock_skew_seconds
    error_message = "clock_skew_seconds must be a whole number from 0 to 86400."
  }
}

variable "silent_minutes" {
  description = "Minutes without a reading after which a device is silent."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = var.silent_minutes >= 1 && var.silent_minutes <= 525600 && floor(var.silent_minutes) == var.silent_minutes
    error_message = "silent_minutes must be a whole number from 1 to 525600."
  }
}

variable "silent_devices" {
  description = "Silent devices that raise the alarm."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.silent_devices >= 1 && floor(var.silent_devices) == var.silent_devices
    error_message = "silent_devices must be a whole number of 1 or more."
  }
}

variable "watch_schedule_expression" {
  description = "When silent devices are looked for, in UTC."
  type        = string
  default     = "rate(5 minutes)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.watch_schedule_expression))
    error_message = "watch_schedule_expression must be cron(...) or rate(...), such as \"rate(5 minutes)\"."
  }
}

variable "notification_emails" {
  description = "Email addresses that are notified of each device that falls silent."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@ ]+@[^@ ]+[.][^@ ]+$", address))])
    error_message = "notification_emails must be email addresses."
  }
}

variable "device_days" {
  description = "Days after its last reading for which the table keeps a device. A device that is gone for good is silent until then."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.device_days >= 1 && var.device_days <= 3650 && floor(var.device_days) == var.device_days
    error_message = "device_days must be a whole number from 1 to 3650."
  }
}

variable "history_days" {
  description = "Days for which the history is kept; null keeps it."
  type        = number
  default     = 365

  validation {
    condition     = var.history_days == null || try(var.history_days >= 1 && floor(var.history_days) == var.history_days, false)
    error_message = "history_days must be a whole number of 1 or more, or null to keep it."
  }
}

variable "parked_days" {
  description = "Days for which parked records are kept; null keeps them."
  type        = number
  default     = 365

  validation {
    condition     = var.parked_days == null || try(var.parked_days >= 1 && floor(var.parked_days) == var.parked_days, false)
    error_message = "parked_days must be a whole number of 1 or more, or null to keep it."
  }
}

variable "buffering" {
  description = "Firehose writes an object after so many seconds or MiB."
  type = object({
    seconds = optional(number, 300)
    mib     = optional(number, 64)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.buffering.seconds >= 0 && var.buffering.seconds <= 900 && floor(var.buffering.seconds) == var.buffering.seconds
    error_message = "buffering.seconds must be a whole number from 0 to 900."
  }

  validation {
    condition     = var.buffering.mib >= 1 && var.buffering.mib <= 128 && floor(var.buffering.mib) == var.buffering.mib
    error_message = "buffering.mib must be a whole number from 1 to 128."
  }
}

variable "query_limit_mib" {
  description = "Mebibytes that a query may scan before Athena stops it."
  type        = number
  default     = 10240
  nullable    = false

  validation {
    condition     = var.query_limit_mib >= 10 && floor(var.query_limit_mib) == var.query_limit_mib
    error_message = "query_limit_mib must be a whole number of 10 or more."
  }
}

variable "lag_records" {
  description = "Records by which the table may be behind a topic before an alarm."
  type        = number
  default     = 100000
  nullable    = false

  validation {
    condition     = var.lag_records >= 1 && floor(var.lag_records) == var.lag_records
    error_message = "lag_records must be a whole number of 1 or more."
  }
}

variable "error_threshold" {
  description = "Failed calls of the function within 5 minutes that raise an alarm. A record that always fails makes several: its batch is split, and tried again."
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
    condition     = var.timeout_seconds >= 5 && var.timeout_seconds <= 840 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 5 to 840: Lambda lets a function that reads Kafka run for 14 minutes."
  }
}

variable "memory_mb" {
  description = "Memory of the function in MiB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be a whole number from 128 to 10240."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the table and the buckets with the data in them."
  type        = bool
  default     = false
  nullable    = false
}
