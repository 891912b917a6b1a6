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
  description = "Name of the schedule, to which the environment's prefix is prepended."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}") <= 64
    error_message = "name must be shorter: ${var.context.name_prefix}-${var.name} is longer than the 64 characters AWS allows."
  }
}

variable "description" {
  description = "Purpose of the schedule, shown in the console."
  type        = string
  nullable    = false
}

variable "schedule_expression" {
  description = "When the target is called, in `timezone`: `cron(...)`, `rate(...)` or `at(...)`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate|at)\\(.+\\)$", var.schedule_expression))
    error_message = "schedule_expression must be cron(...), rate(...) or at(...), such as \"cron(0 3 ? * SUN *)\"."
  }
}

variable "timezone" {
  description = "Time zone of `schedule_expression`, such as `Europe/Berlin`."
  type        = string
  default     = "UTC"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$", var.timezone))
    error_message = "timezone must be a name of the IANA time zone database, such as \"Europe/Berlin\"."
  }
}

variable "target_arn" {
  description = "ARN of the function, state machine, queue or topic to call, or a universal target such as `arn:aws:scheduler:::aws-sdk:config:startConfigRulesEvaluation`."
  type        = string
  nullable    = false
}

variable "resource_arn" {
  description = "ARN of the resource that the schedule's role may act on, for universal targets; null for the target itself."
  type        = string
  default     = null

  validation {
    condition     = (var.resource_arn != null) == strcontains(var.target_arn, ":aws-sdk:")
    error_message = "resource_arn belongs to a universal target (arn:aws:scheduler:::aws-sdk:…), which must have one."
  }
}

variable "action" {
  description = "Action that the schedule performs, and the only one that its role allows on the target: `lambda:InvokeFunction`, `states:StartExecution`, `sqs:SendMessage`, `sns:Publish` or, for a universal target, `config:StartConfigRulesEvaluation`."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["lambda:InvokeFunction", "states:StartExecution", "sqs:SendMessage", "sns:Publish", "config:StartConfigRulesEvaluation"], var.action)
    error_message = "action must be lambda:InvokeFunction, states:StartExecution, sqs:SendMessage, sns:Publish or config:StartConfigRulesEvaluation."
  }
}

variable "input" {
  description = "Input that the target receives, as JSON."
  type        = string
  default     = "{}"
  nullable    = false

  validation {
    condition     = can(jsondecode(var.input))
    error_message = "input must be JSON; write it as jsonencode({ ... })."
  }
}

variable "maximum_retry_attempts" {
  description = "Number of times that a failed call is retried before it goes to the dead-letter queue."
  type        = number
  default     = 185
  nullable    = false

  validation {
    condition     = var.maximum_retry_attempts >= 0 && var.maximum_retry_attempts <= 185
    error_message = "maximum_retry_attempts must be between 0 and 185."
  }
}

variable "maximum_event_age_in_seconds" {
  description = "Seconds for which a call is retried before it goes to the dead-letter queue."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.maximum_event_age_in_seconds >= 60 && var.maximum_event_age_in_seconds <= 86400
    error_message = "maximum_event_age_in_seconds must be between 60 and 86400 (a day)."
  }
}
