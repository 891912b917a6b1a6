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
  description = "Name of the state machine, to which the environment's prefix is prepended."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}") <= 80
    error_message = "name must be shorter: ${var.context.name_prefix}-${var.name} is longer than the 80 characters AWS allows."
  }
}

variable "type" {
  description = "`STANDARD`, or `EXPRESS` for executions of at most 5 minutes that a caller can wait for (StartSyncExecution). AWS cannot change it: a new type replaces the state machine."
  type        = string
  default     = "STANDARD"
  nullable    = false
}

variable "definition" {
  description = "Definition in the Amazon States Language, as JSON."
  type        = string
  nullable    = false

  validation {
    condition     = can(jsondecode(var.definition).States)
    error_message = "definition must be a JSON object with StartAt and States; write it as jsonencode({ StartAt = ..., States = ... })."
  }
}

variable "policy_statements" {
  description = "Permissions of the role: one statement for each purpose, with only the actions and resources that it needs."
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
    error_message = "Each statement must name its actions, such as \"s3:GetObject\" or \"s3:Get*\"; \"*\" and \"s3:*\" are refused unless the effect is Deny."
  }
  validation {
    condition     = alltrue([for s in var.policy_statements : contains(["Allow", "Deny"], s.effect)])
    error_message = "effect must be Allow or Deny."
  }
  validation {
    condition     = alltrue([for s in var.policy_statements : can(regex("^[A-Za-z0-9]+$", s.sid))]) && length(distinct(var.policy_statements[*].sid)) == length(var.policy_statements)
    error_message = "Each sid must consist of letters and digits and be used once, such as \"ReadReports\"."
  }
  validation {
    condition     = alltrue([for s in var.policy_statements : length(s.actions) > 0 && length(s.resources) > 0])
    error_message = "Each statement needs at least one action and one resource."
  }
}
