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

variable "name" {
  description = "Name of the queue, to which the environment's prefix is prepended."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}-dlq") <= 80
    error_message = "name must be shorter: with the prefix and the suffix of its dead-letter queue it exceeds the 80 characters that AWS allows."
  }
}

variable "max_receive_count" {
  description = "Number of times that a message can be received before it moves to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be between 1 and 1000. For a queue that Lambda reads, use 5 or more: with less, throttled calls move messages to the dead-letter queue."
  }
}

variable "visibility_timeout_seconds" {
  description = "Seconds for which a received message stays hidden. For a queue that a function reads, use six times the function's timeout."
  type        = number
  default     = 30
  nullable    = false
}

variable "dead_letter_visibility_timeout_seconds" {
  description = "The same for the dead-letter queue, for one that a function reads."
  type        = number
  default     = 30
  nullable    = false
}

variable "delay_seconds" {
  description = "Seconds for which a new message stays hidden, such as the time that a service needs before the message can be handled."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.delay_seconds >= 0 && var.delay_seconds <= 900 && floor(var.delay_seconds) == var.delay_seconds
    error_message = "delay_seconds must be a whole number between 0 and 900 (15 minutes)."
  }
}

variable "message_retention_seconds" {
  description = "Seconds for which a message is kept. The dead-letter queue keeps messages for 14 days."
  type        = number
  default     = 345600
  nullable    = false
}

variable "senders" {
  description = "Services that may send messages, by the sid of their statement: the service principal and the ARNs (patterns allowed) of the resources that send. Roles of this account need no entry."
  type = map(object({
    service     = string
    source_arns = list(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for sid, s in var.senders : can(regex("^[A-Za-z0-9]+$", sid)) && can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", s.service))])
    error_message = "Each key of senders must be a sid of letters and digits, and service must be a service principal such as \"events.amazonaws.com\"."
  }
  validation {
    condition     = alltrue([for s in var.senders : length(s.source_arns) > 0])
    error_message = "Each sender needs at least one source ARN: without one, resources of that service in any account could send messages."
  }
}

variable "alarms" {
  description = "Number of waiting messages (`depth`) and age of the oldest message in seconds (`age_seconds`) that raise an alarm on the queue itself; null for no alarm."
  type = object({
    depth       = optional(number)
    age_seconds = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for v in values(var.alarms) : v == null || try(v >= 1, false)])
    error_message = "alarms.depth and alarms.age_seconds must be 1 or more, or null."
  }
}
