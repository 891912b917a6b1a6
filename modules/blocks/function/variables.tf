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
  description = "Name of the function; the environment's prefix goes in front."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must hold lower-case letters, digits and hyphens only, begin with a letter and not end in a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}") <= 64
    error_message = "name must be shorter: ${var.context.name_prefix}-${var.name} is longer than the 64 characters AWS allows."
  }
}

variable "description" {
  description = "What the function does, for whoever meets it in the console."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 256
    error_message = "description must have 1 to 256 characters."
  }
}

variable "package" {
  description = "Package that holds the handler, as `domain/capability`: the file `<build_dir>/<package>.zip`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_]+(/[a-z0-9_]+)+$", var.package))
    error_message = "package must be domain/capability without .zip, such as \"posture/finding_export\"."
  }
}

variable "handler" {
  description = "Python path of the handler, such as `posture.finding_export.export.handler`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_]*(\\.[a-z_][a-z0-9_]*)+$", var.handler))
    error_message = "handler must be module.function with its package, such as \"posture.finding_export.export.handler\"."
  }
}

variable "environment" {
  description = "Environment variables; encrypted with the stack's key."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "policy_statements" {
  description = "What the role may do: one statement for each purpose, with the actions and resources it needs and no more."
  type = list(object({
    sid        = string
    actions    = list(string)
    resources  = list(string)
    effect     = optional(string, "Allow")
    conditions = optional(map(map(list(string))), {})
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue(flatten([
      for s in var.policy_statements : [for a in s.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+\\*?$", a))] if s.effect != "Deny"
    ]))
    error_message = "Each action must be named, such as \"s3:GetObject\" or \"s3:Get*\"; \"*\" and \"s3:*\" are refused unless the effect is Deny."
  }
  validation {
    condition     = alltrue([for s in var.policy_statements : contains(["Allow", "Deny"], s.effect)])
    error_message = "effect must be Allow or Deny."
  }
  validation {
    condition     = alltrue([for s in var.policy_statements : can(regex("^[A-Za-z0-9]+$", s.sid))]) && length(distinct(var.policy_statements[*].sid)) == length(var.policy_statements)
    error_message = "Each sid must be made of letters and digits and be used once, such as \"ReadReports\"."
  }
  validation {
    condition     = alltrue([for s in var.policy_statements : length(s.actions) > 0 && length(s.resources) > 0])
    error_message = "Each statement needs at least one action and one resource."
  }
}

variable "key_services" {
  description = "Services whose data the function reads or writes under the stack's key, such as `[\"s3\", \"dynamodb\"]`: it may use the key through them and through nothing else."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for s in var.key_services : can(regex("^[a-z0-9-]+$", s))])
    error_message = "key_services takes service names as they appear in kms:ViaService before the Region, such as \"s3\", \"sqs\" or \"secretsmanager\"."
  }
}

variable "memory_size" {
  description = "Memory in MiB; CPU grows with it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number between 128 and 10240."
  }
}

variable "timeout" {
  description = "Seconds after which a call is ended."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout must be a whole number of seconds between 1 and 900."
  }
}

variable "architecture" {
  description = "Instruction set, `arm64` or `x86_64`. The common layer is built for arm64: with x86_64, bring dependencies of your own."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "reserved_concurrency" {
  description = "How many calls may run at once; protects what the function calls. Null shares the account's pool."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 0, false)
    error_message = "reserved_concurrency must be 0 (stops the function) or more, or null for no limit of its own."
  }
}

variable "dead_letter_queue" {
  description = "Keep asynchronous calls that failed for good in a queue, with an alarm on its first message. False for functions that are only called synchronously."
  type        = bool
  default     = true
  nullable    = false
}

variable "maximum_retry_attempts" {
  description = "How often Lambda retries an asynchronous call that failed."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = contains([0, 1, 2], var.maximum_retry_attempts)
    error_message = "maximum_retry_attempts must be 0, 1 or 2."
  }
}

variable "maximum_event_age_in_seconds" {
  description = "How long an asynchronous call may wait before it goes to the dead-letter queue."
  type        = number
  default     = 21600
  nullable    = false

  validation {
    condition     = var.maximum_event_age_in_seconds >= 60 && var.maximum_event_age_in_seconds <= 21600
    error_message = "maximum_event_age_in_seconds must be between 60 and 21600 (6 hours)."
  }
}

variable "layer_arns" {
  description = "Layers beside the common one."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.layer_arns) <= 4
    error_message = "layer_arns may hold 4 layers: Lambda takes 5 and the common one is among them."
  }
}

variable "vpc" {
  description = "Subnets and security groups to run in; null for no VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "vpc needs at least one subnet (two in different zones survive the loss of one) and one security group."
  }
}

variable "invokers" {
  description = "Services that may call the function, by a name for the permission: the service principal and the ARN of the one resource that calls (not for `config.amazonaws.com`, which is held to this account). Event rules and schedules of this library bring their own permission."
  type = map(object({
    principal  = string
    source_arn = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for i in var.invokers : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", i.principal))])
    error_message = "principal must be a service principal such as \"sns.amazonaws.com\"; accounts and \"*\" are refused."
  }
  validation {
    condition     = alltrue([for i in var.invokers : i.source_arn != null || i.principal == "config.amazonaws.com"])
    error_message = "source_arn is missing: only AWS Config, held to this account, may go without."
  }
}

variable "alarms" {
  description = "Failed (`errors`) and throttled (`throttles`) calls within 5 minutes at which an alarm goes off."
  type = object({
    errors    = optional(number, 1)
    throttles = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.errors >= 1 && var.alarms.throttles >= 1
    error_message = "alarms.errors and alarms.throttles must be 1 or more."
  }
}
