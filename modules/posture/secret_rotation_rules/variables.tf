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
  description = "Name of the configuration recorder, if the same apply creates it, so that the rules are created after it; null if the account has one already."
  type        = string
  default     = null
}

variable "scope_tag" {
  description = "Tag that limits the evaluation to the secrets that have it, such as `{ key = \"ENVIRONMENT\", value = \"PRODUCTION\" }`. Without `value`, any value matches. Null evaluates all secrets. The two periodic rules (`maximum_days_since_rotation`, `maximum_days_unused`) always evaluate every secret."
  type = object({
    key   = string
    value = optional(string)
  })
  default = null

  validation {
    condition     = var.scope_tag == null || try(can(regex("^.{1,128}$", var.scope_tag.key)) && (var.scope_tag.value == null || can(regex("^.{1,256}$", var.scope_tag.value))), false)
    error_message = "scope_tag must have a key of 1 to 128 characters and a value of 1 to 256 characters, or no value to match any."
  }
}

variable "maximum_rotation_days" {
  description = "Maximum number of days between two rotations in a secret's schedule; 0 for any schedule."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.maximum_rotation_days >= 0 && var.maximum_rotation_days <= 1000 && floor(var.maximum_rotation_days) == var.maximum_rotation_days
    error_message = "maximum_rotation_days must be a whole number from 1 to 1000 (the longest schedule), or 0 for no maximum."
  }
}

variable "maximum_rotation_hours" {
  description = "Maximum number of hours between two rotations, instead of `maximum_rotation_days`; null to use days."
  type        = number
  default     = null

  validation {
    condition     = var.maximum_rotation_hours == null || try(var.maximum_rotation_hours >= 4 && floor(var.maximum_rotation_hours) == var.maximum_rotation_hours, false)
    error_message = "maximum_rotation_hours must be a whole number of 4 (the shortest schedule) or more, or null."
  }
}

variable "maximum_days_since_rotation" {
  description = "Number of days within which every secret must have been rotated (Security Hub's SecretsManager.4 allows 1 to 180). Setting it adds a rule; null for no rule."
  type        = number
  default     = null

  validation {
    condition     = var.maximum_days_since_rotation == null || try(var.maximum_days_since_rotation >= 1 && floor(var.maximum_days_since_rotation) == var.maximum_days_since_rotation, false)
    error_message = "maximum_days_since_rotation must be a whole number of 1 or more, or null."
  }
}

variable "maximum_days_unused" {
  description = "Number of days within which every secret must have been read (Security Hub's SecretsManager.3 allows 1 to 365). Setting it adds a rule; null for no rule."
  type        = number
  default     = null

  validation {
    condition     = var.maximum_days_unused == null || try(var.maximum_days_unused >= 1 && floor(var.maximum_days_unused) == var.maximum_days_unused, false)
    error_message = "maximum_days_unused must be a whole number of 1 or more, or null."
  }
}

variable "customer_managed_keys" {
  description = "Adds a rule: secrets must be encrypted with a customer managed key of their account, and with one of `key_arns` if set. `{}` allows any such key; null for no rule."
  type = object({
    key_arns = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.customer_managed_keys == null || try(alltrue([for arn in var.customer_managed_keys.key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))]), false)
    error_message = "customer_managed_keys.key_arns must hold ARNs of keys (arn:aws:kms:REGION:ACCOUNT:key/ID), not aliases."
  }
}

variable "periodic_frequency" {
  description = "How often the two periodic rules evaluate every secret."
  type        = string
  default     = "TwentyFour_Hours"
  nullable    = false

  validation {
    condition     = contains(["One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"], var.periodic_frequency)
    error_message = "periodic_frequency must be One_Hour, Three_Hours, Six_Hours, Twelve_Hours or TwentyFour_Hours."
  }
}

variable "organization_rules" {
  description = "Whether to deploy the rules to every account of the organization, in this Region. Only the management account or a delegated administrator account can do this, and each account needs a recorder. Notices of single secrets are sent only for this account; the report lists the secrets of all."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.organization_rules || try(length(var.aggregator.account_ids) == 0, false)
    error_message = "organization_rules needs the organization's aggregator, which the report reads: set aggregator = {}."
  }
}

variable "excluded_accounts" {
  description = "IDs of the accounts that `organization_rules` excludes, such as accounts without a recorder."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.excluded_accounts : can(regex("^[0-9]{12}$", id))])
    error_message = "excluded_accounts must hold account IDs of 12 digits."
  }
}

variable "aggregator" {
  description = "Aggregates the results of other accounts and Regions: `{}` for the whole organization; `account_ids` for single accounts (include this one if needed; the others must authorize this account and Region); `regions` to limit the Regions. Null for this account and Region only."
  type = object({
    account_ids = optional(set(string), [])
    regions     = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.aggregator == null || try(alltrue([for id in var.aggregator.account_ids : can(regex("^[0-9]{12}$", id))]), false)
    error_message = "aggregator.account_ids must hold account IDs of 12 digits."
  }
  validation {
    condition     = var.aggregator == null || try(alltrue([for region in var.aggregator.regions : can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", region))]), false)
    error_message = "aggregator.regions must hold names of Regions, such as \"eu-central-1\"."
  }
}

variable "notices" {
  description = "Whether to notify the topic of each secret of this account and Region that begins to break a rule. The first evaluation notifies of every secret that breaks one: where these are many, set this after the first report."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_emails" {
  description = "Email addresses that receive notices and summaries of reports after they confirm their subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "notification_emails must be e-mail addresses, such as \"security@example.com\"."
  }
}

variable "schedule_expression" {
  description = "Schedule of the report, as `cron(...)` or `rate(...)`, in UTC."
  type        = string
  default     = "cron(0 6 ? * MON *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.schedule_expression))
    error_message = "schedule_expression must be cron(...) or rate(...), such as \"cron(0 6 ? * MON *)\"."
  }
}

variable "expiration_days" {
  description = "Number of days after which reports are deleted; null to keep them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1 && floor(var.expiration_days) == var.expiration_days, false)
    error_message = "expiration_days must be a whole number of 1 or more, or null to keep the reports."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket even if it contains reports."
  type        = bool
  default     = false
  nullable    = false
}
