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
  description = "Name of the queue; the environment's prefix goes in front."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name)) && length("${var.context.name_prefix}-${var.name}") <= 80
    error_message = "name must hold lower-case letters, digits and hyphens only, begin with a letter, not end in a hyphen, and with the prefix be 80 characters at most."
  }
}

variable "rule_arn" {
  description = "EventBridge rule that sends what it could not deliver. Roles of this account need no entry."
  type        = string
  default     = null
}
