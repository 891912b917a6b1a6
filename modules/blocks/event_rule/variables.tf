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
  description = "Name of the rule; the environment's prefix goes in front."
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
  description = "What the rule is for."
  type        = string
  nullable    = false
}

variable "event_pattern" {
  description = "Pattern of the events on the default bus, as JSON."
  type        = string
  nullable    = false
}

variable "targets" {
  description = "Where matching events go, by id. `kind` is the target's service as in its ARN: `lambda`, `states`, `sqs` or `sns`. Functions and state machines get their permission here; queues and topics name the rule in their `senders` and `publishers`. `input` (JSON) replaces the event; `input_transformer` makes one of its parts."
  type = map(object({
    arn   = string
    kind  = string
    input = optional(string)
    input_transformer = optional(object({
      input_paths    = optional(map(string), {})
      input_template = string
    }))
  }))
  nullable = false

  validation {
    condition     = length(var.targets) >= 1 && length(var.targets) <= 5
    error_message = "A rule takes 1 to 5 targets."
  }
  validation {
    condition     = alltrue([for t in var.targets : contains(["lambda", "states", "sqs", "sns"], t.kind)])
    error_message = "kind must be the target's service as in its ARN: lambda, states, sqs or sns."
  }
  validation {
    condition     = alltrue([for t in var.targets : t.input == null || t.input_transformer == null])
    error_message = "A target takes input or input_transformer, not both."
  }
}
