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

variable "user_pool_arns" {
  description = "ARNs of the user pools. All must be in this account and Region, whose quota they share. Append new pools at the end: the permissions are numbered."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.user_pool_arns) > 0 && length(distinct(var.user_pool_arns)) == length(var.user_pool_arns)
    error_message = "user_pool_arns must name at least one user pool, and each only once."
  }
  validation {
    condition = alltrue([
      for arn in var.user_pool_arns : can(regex("^arn:${var.context.partition}:cognito-idp:${var.context.region}:${var.context.account_id}:userpool/[\\w-]+_[0-9a-zA-Z]+$", arn))
    ])
    error_message = "user_pool_arns must be ARNs such as arn:${var.context.partition}:cognito-idp:${var.context.region}:${var.context.account_id}:userpool/${var.context.region}_AbCdEfGhI. For pools in another account or Region, deploy a stack there."
  }
  # Not in inactive_days_by_pool: the trigger needs that variable, and a pool that names the trigger would depend on itself.
  validation {
    condition     = length(setsubtract(keys(var.inactive_days_by_pool), [for arn in var.user_pool_arns : element(split("/", arn), 1)])) == 0
    error_message = "inactive_days_by_pool must have ids of pools in user_pool_arns as its keys, such as \"${var.context.region}_AbCdEfGhI\"."
  }
}

variable "inactive_days" {
  description = "Days without a sign-in after which a user is disabled. 0 is only for a trial: it disables users who have just signed in."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.inactive_days >= 0 && var.inactive_days <= 3650 && floor(var.inactive_days) == var.inactive_days
    error_message = "inactive_days must be a whole number of days from 0 to 3650."
  }
}

variable "inactive_days_by_pool" {
  description = "Days for some pools, by the id of the pool (the part of its ARN after the slash); `inactive_days` is for the others."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for days in var.inactive_days_by_pool : days >= 0 && days <= 3650 && floor(days) == days])
    error_message = "inactive_days_by_pool must have whole numbers of days from 0 to 3650."
  }
}

variable "warning" {
  description = "Email to the user, sent `days` days before the user is disabled, from an address or domain that SES has verified in this account and Region. `{date}` stands for the day. `configuration_set`: the SES configuration set to send with; null for the identity's default one. Null for no warning."
  type = object({
    days              = number
    from_address      = string
    subject           = optional(string, "Your account will be disabled on {date}")
    text              = optional(string, "You have not signed in for a long time. Sign in before {date} to keep your account; on that day it will be disabled.")
    emails_per_second = optional(number, 5)
    configuration_set = optional(string)
  })
  default = null

  validation {
    condition     = var.warning == null || try(var.warning.days >= 1 && var.warning.days < min(var.inactive_days, values(var.inactive_days_by_pool)...) && floor(var.warning.days) == var.warning.days, false)
    error_message = "warning.days must be a whole number of days, at least 1 and less than inactive_days and each of inactive_days_by_pool."
  }
  validation {
    condition     = var.warning == null || can(regex("^[^@\\s<>]+@[^@\\s<>]+$", var.warning.from_address))
    error_message = "warning.from_address must be a bare address such as accounts@example.com."
  }
  validation {
    condition     = var.warning == null || try(strcontains(var.warning.text, "{date}") && length(var.warning.subject) > 0, false)
    error_message = "warning.text must contain {date}, the day by which the user has to sign in, and warning.subject must not be empty."
  }
  validation {
    condition     = var.warning == null || try(var.warning.emails_per_second > 0 && var.warning.emails_per_second <= 500, false)
    error_message = "warning.emails_per_second must be above 0 and no more than 500: set the rate that SES allows this account, minus what other senders in the account need."
  }
  validation {
    condition     = alltrue([for w in var.warning[*] : w.configuration_set == null || can(regex("^[A-Za-z0-9_-]{1,64}$", w.configuration_set))])
    error_message = "warning.configuration_set must be the name of an SES configuration set: letters, digits, hyphens and underscores."
  }
}

variable "report" {
  description = "Report to administrators, by email to `emails`: how many users were disabled, warned or left for review in the `days` complete days (UTC) before it, and which, by `sub`. `schedule_expression` says when, `cron(...)` or `rate(...)`. Null for none."
  type = object({
    emails              = set(string)
    days                = optional(number, 7)
    schedule_expression = optional(string, "cron(0 6 ? * MON *)")
  })
  default = null

  validation {
    condition     = alltrue([for r in var.report[*] : length(r.emails) > 0 && alltrue([for e in r.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])])
    error_message = "report.emails must have at least one email address, such as \"identity-team@example.com\"."
  }
  validation {
    condition     = alltrue([for r in var.report[*] : try(r.days >= 1 && r.days <= 31 && floor(r.days) == r.days && can(regex("^(cron|rate)\\(.+\\)$", r.schedule_expression)), false)])
    error_message = "report.days must be a whole number from 1 to 31, and report.schedule_expression cron(...) or rate(...)."
  }
}

variable "exempt_users" {
  description = "Users who are never disabled, by username or `sub`: break-glass and service accounts."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(join("", var.exempt_users)) <= 2048 && alltrue([for user in var.exempt_users : length(trimspace(user)) > 0])
    error_message = "exempt_users must not contain empty names, and must fit in a function's environment (2,048 characters in all). For more users, add them to a group and name it in exempt_groups."
  }
}

variable "exempt_groups" {
  description = "Names of groups whose members are never disabled, in every pool. This check costs one API call for each expired user."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for group in var.exempt_groups : can(regex("^\\S{1,128}$", group))])
    error_message = "exempt_groups must be names of groups: 1 to 128 characters without spaces."
  }
}

variable "dry_run" {
  description = "Only record in the audit table what would be done; the function has no permission to do it."
  type        = bool
  default     = false
  nullable    = false
}

variable "disables_per_second" {
  description = "Users disabled per second. Cognito allows 25 per second for all callers in this account and Region together, and does not raise this quota."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.disables_per_second > 0 && var.disables_per_second <= 25
    error_message = "disables_per_second must be above 0 and no more than 25, the quota of AdminDisableUser."
  }
}

variable "lists_per_second" {
  description = "ListUsers requests per second during the preload, 60 users each. Cognito allows 30 per second for all callers in this account and Region together."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.lists_per_second > 0 && var.lists_per_second <= 30
    error_message = "lists_per_second must be above 0 and no more than 30, the quota of ListUsers."
  }
}

variable "batch_size" {
  description = "Maximum number of stream records in one invocation of the function that disables users."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 1000 && floor(var.batch_size) == var.batch_size
    error_message = "batch_size must be a whole number from 1 to 1000; an invocation leaves the records that it cannot handle in its 5 minutes for the next one."
  }
}

variable "preload_schedule_expression" {
  description = "Schedule on which users without a record get one, `cron(...)` or `rate(...)`. Empty for no schedule: you then start the state machine by hand."
  type        = string
  default     = "cron(0 3 ? * SUN *)"
  nullable    = false

  validation {
    condition     = var.preload_schedule_expression == "" || can(regex("^(cron|rate)\\(.+\\)$", var.preload_schedule_expression))
    error_message = "preload_schedule_expression must be cron(...) or rate(...), or empty."
  }
}

variable "audit_retention_days" {
  description = "Days for which entries of the audit table are kept; 0 to keep them forever."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.audit_retention_days >= 0 && floor(var.audit_retention_days) == var.audit_retention_days
    error_message = "audit_retention_days must be a whole number of days, or 0 to keep entries forever."
  }
}

variable "deletion_protection" {
  description = "Protect the tables from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
