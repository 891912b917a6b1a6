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
  description = "Name of the topic, to which the environment's prefix is prepended."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}") <= 256
    error_message = "name must be shorter: ${var.context.name_prefix}-${var.name} is longer than the 256 characters AWS allows."
  }
}

variable "display_name" {
  description = "Sender name in emails."
  type        = string
  default     = null

  validation {
    condition     = var.display_name == null || try(length(var.display_name) <= 100, false)
    error_message = "display_name must have at most 100 characters."
  }
}

variable "email_subscriptions" {
  description = "Email addresses that receive each message, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.email_subscriptions : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "email_subscriptions must be email addresses, such as \"security@example.com\"."
  }
}

variable "publishers" {
  description = "Services that may publish, by the sid of their statement: the service principal and the ARNs (patterns allowed) of the resources that publish. EventBridge (`events.amazonaws.com`) has no `source_arns`: it does not present its rules to SNS. Roles of this account need no entry."
  type = map(object({
    service     = string
    source_arns = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for sid, p in var.publishers : can(regex("^[A-Za-z0-9]+$", sid)) && can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", p.service))])
    error_message = "Each key of publishers must be a sid of letters and digits, and service must be a service principal such as \"events.amazonaws.com\"."
  }
  validation {
    condition     = alltrue([for p in var.publishers : length(p.source_arns) > 0 || p.service == "events.amazonaws.com"])
    error_message = "Each publisher except EventBridge needs at least one source ARN: without one, resources of that service in any account could publish."
  }
  validation {
    condition     = alltrue([for p in var.publishers : length(p.source_arns) == 0 || p.service != "events.amazonaws.com"])
    error_message = "events.amazonaws.com takes no source_arns: EventBridge does not present its rules to SNS, and a condition on them would refuse every event."
  }
}
