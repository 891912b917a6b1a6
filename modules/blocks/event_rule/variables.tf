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
  description = "Name of the rule, to which the environment's prefix is prepended."
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
  description = "Purpose of the rule, shown in the console."
  type        = string
  nullable    = false
}

variable "event_pattern" {
  description = "Pattern that events on the default event bus must match, as JSON."
  type        = string
  nullable    = false
}

variable "targets" {
  description = "Targets that receive matching events, by target ID. `kind` is the target's service as in its ARN: `lambda`, `states`, `codepipeline`, `codebuild`, `sqs` or `sns`. This block creates the permissions to call functions and to start state machines, pipelines and builds; a queue must name the rule in its `senders`, a topic EventBridge in its `publishers`. `input` (JSON) replaces the event; `input_transformer` builds an input from parts of the event."
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
    condition     = alltrue([for t in var.targets : contains(["lambda", "states", "codepipeline", "codebuild", "sqs", "sns"], t.kind)])
    error_message = "kind must be the target's service as in its ARN: lambda, states, codepipeline, codebuild, sqs or sns."
  }
  validation {
    condition     = alltrue([for t in var.targets : t.input == null || t.input_transformer == null])
    error_message = "A target takes input or input_transformer, not both."
  }
}
