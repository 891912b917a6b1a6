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

variable "recorder_name" {
  description = "Configuration recorder that the rules are made after; null where the account has one."
  type        = string
  default     = null
}

variable "scope_tag" {
  description = "Only secrets with this tag are evaluated, such as `{ key = \"ENVIRONMENT\", value = \"PRODUCTION\" }`; without `value`, whatever its value. Null evaluates all. The two periodic rules (`maximum_days_since_rotation`, `maximum_days_unused`) look at every secret either way."
  type = object({
    key   = string
    value = optional(string)
  })
  default = null

  validation {
    condition     = var.scope_tag == null || try(can(regex("^.{1,128}$", var.scope_tag.key)) && (var.scope_tag.value == null || can(regex("^.{1,256}$", var.scope_tag.value))), false)
    error_message = "scope_tag needs a key of 1 to 128 characters and, unless any value will do, a value of 1 to 256."
  }
}

variable "maximum_rotation_days" {
  description = "Days between two rotations that a secret's schedule may have at most; 0 only asks that it rotates."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.maximum_rotation_days >= 0 && var.maximum_rotation_days <= 1000 && floor(var.maximum_rotation_days) == var.maximum_rotation_days
    error_message = "maximum_rotation_days must be a whole number from 1 to 1000, which is the longest schedule, or 0 for no maximum."
  }
}

variable "maximum_rotation_hours" {
  description = "The same in hours, in place of `maximum_rotation_days`; null for days."
  type        = number
  default     = null

  validation {
    condition     = var.maximum_rotation_hours == null || try(var.maximum_rotation_hours >= 4 && floor(var.maximum_rotation_hours) == var.maximum_rotation_hours, false)
    error_message = "maximum_rotation_hours must be a whole number of 4 or more, which is the shortest schedule, or null."
  }
}

variable "maximum_days_since_rotation" {
  description = "Adds a rule: every secret was rotated within so many days (Security Hub's SecretsManager.4 takes 1 to 180); null leaves it out."
  type        = number
  default     = null

  validation {
    condition     = var.maximum_days_since_rotation == null || try(var.maximum_days_since_rotation >= 1 && floor(var.maximum_days_since_rotation) == var.maximum_days_since_rotation, false)
    error_message = "maximum_days_since_rotation must be a whole number of 1 or more, or null."
  }
}

variable "maximum_days_unused" {
  description = "Adds a rule: every secret was read within so many days (Security Hub's SecretsManager.3 takes 1 to 365); null leaves it out."
  type        = number
  default     = null

  validation {
    condition     = var.maximum_days_unused == null || try(var.maximum_days_unused >= 1 && floor(var.maximum_days_unused) == var.maximum_days_unused, false)
    error_message = "maximum_days_unused must be a whole number of 1 or more, or null."
  }
}

variable "customer_managed_keys" {
  description = "Adds a rule: secrets are encrypted with a customer managed key of their account, of `key_arns` if given; `{}` for any, null leaves the rule out."
  type = object({
    key_arns = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.customer_managed_keys == null || try(alltrue([for arn in var.customer_managed_keys.key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))]), false)
    error_message = "customer_managed_keys.key_arns must be ARNs of keys (arn:aws:kms:REGION:ACCOUNT:key/ID), not aliases."
  }
}

variable "periodic_frequency" {
  description = "How often the two periodic rules look at every secret."
  type        = string
  default     = "TwentyFour_Hours"
  nullable    = false

  validation {
    condition     = contains(["One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"], var.periodic_frequency)
    error_message = "periodic_frequency must be One_Hour, Three_Hours, Six_Hours, Twelve_Hours or TwentyFour_Hours."
  }
}

variable "organization_rules" {
  description = "Put the rules into every account of the organization, in this Region. Only its management account or a delegated administrator may, and each account needs a recorder. Notices of single secrets are then not sent: AWS Config does not remediate such rules; the report covers them."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.organization_rules || try(length(var.aggregator.account_ids) == 0, false)
    error_message = "organization_rules needs the organization's aggregator, from which the report reads: set aggregator = {}."
  }
}

variable "excluded_accounts" {
  description = "Accounts that `organization_rules` leave out, such as those without a recorder."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.excluded_accounts : can(regex("^[0-9]{12}$", id))])
    error_message = "excluded_accounts must be account ids of 12 digits."
  }
}

variable "aggregator" {
  description = "See the rules of other accounts and Regions from here: `{}` for all of the organization, `account_ids` for single accounts (this one is named like the others, the others must authorize this account and Region); `regions` to narrow the Regions. Null for this account and Region only."
  type = object({
    account_ids = optional(set(string), [])
    regions     = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.aggregator == null || try(alltrue([for id in var.aggregator.account_ids : can(regex("^[0-9]{12}$", id))]), false)
    error_message = "aggregator.account_ids must be account ids of 12 digits."
  }
  validation {
    condition     = var.aggregator == null || try(alltrue([for region in var.aggregator.regions : can(regex("^[a-z]{2,3}(-[a-z]+)+-[0-9]+$", region))]), false)
    error_message = "aggregator.regions must be names of Regions, such as \"eu-central-1\"."
  }
}

variable "notices" {
  description = "Tell the topic of each evaluation that finds a secret non-compliant."
  type        = bool
  default     = true
  nullable    = false
}

variable "maximum_automatic_attempts" {
  description = "How often a notice may fail within `retry_attempt_seconds` before AWS Config makes a remediation exception of the secret, and tells of it no more."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_automatic_attempts >= 1 && var.maximum_automatic_attempts <= 25 && floor(var.maximum_automatic_attempts) == var.maximum_automatic_attempts
    error_message = "maximum_automatic_attempts must be a whole number from 1 to 25."
  }
}

variable "retry_attempt_seconds" {
  description = "Seconds within which failed notices are counted."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.retry_attempt_seconds >= 1 && var.retry_attempt_seconds <= 2678000 && floor(var.retry_attempt_seconds) == var.retry_attempt_seconds
    error_message = "retry_attempt_seconds must be a whole number from 1 to 2678000 (31 days)."
  }
}

variable "notification_emails" {
  description = "Addresses that get notices and reports, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "notification_emails must be e-mail addresses, such as \"security@example.com\"."
  }
}

variable "schedule_expression" {
  description = "When the report is made: `cron(...)` or `rate(...)`, in UTC."
  type        = string
  default     = "cron(0 6 ? * MON *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.schedule_expression))
    error_message = "schedule_expression must be cron(...) or rate(...), such as \"cron(0 6 ? * MON *)\"."
  }
}

variable "expiration_days" {
  description = "Days after which reports are deleted; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1 && floor(var.expiration_days) == var.expiration_days, false)
    error_message = "expiration_days must be a whole number of 1 or more, or null to keep reports."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the reports in it."
  type        = bool
  default     = false
  nullable    = false
}
