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

variable "keys" {
  description = <<-EOT
    Symmetric keys to create, by a short name. The defaults of `rotation` and `rotation_period_days` depend on `policy` (on with its maximum period, or off). Write `aliases` without `alias/`. `administrators` (role ARNs) manage the key but can neither use it nor change its policy, `users` (role ARNs) can use it, and `grants`, by name, let a role use it without the key policy, optionally only with an encryption context.
  EOT
  type = map(object({
    administrators       = optional(set(string), [])
    aliases              = optional(set(string), [])
    deletion_window_days = optional(number, 30)
    description          = string
    grants = optional(map(object({
      encryption_context_equals = optional(map(string))
      encryption_context_subset = optional(map(string))
      grantee_principal         = string
      operations                = set(string)
      retiring_principal        = optional(string)
    })), {})
    multi_region         = optional(bool, false)
    rotation             = optional(bool)
    rotation_period_days = optional(number)
    users                = optional(set(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.keys) : can(regex("^[a-z][a-z0-9_]{0,29}$", name))])
    error_message = "Names in keys must have up to 30 lowercase letters, digits and underscores, and begin with a letter."
  }
  validation {
    condition     = alltrue([for key in var.keys : key.rotation_period_days == null || try(key.rotation_period_days >= 90 && key.rotation_period_days <= 2560 && floor(key.rotation_period_days) == key.rotation_period_days, false)])
    error_message = "rotation_period_days must be a whole number of days between 90 and 2560."
  }
  validation {
    condition     = alltrue([for key in var.keys : key.rotation != false || key.rotation_period_days == null])
    error_message = "rotation_period_days has no effect on a key with rotation = false: remove one of them."
  }
  validation {
    condition     = alltrue([for key in var.keys : key.deletion_window_days >= 7 && key.deletion_window_days <= 30])
    error_message = "deletion_window_days must be between 7 and 30."
  }
  validation {
    condition     = alltrue(flatten([for key in var.keys : [for alias in key.aliases : can(regex("^[a-zA-Z0-9/_-]{1,250}$", alias)) && !startswith(alias, "aws/") && !startswith(alias, "alias/")]]))
    error_message = "aliases must be written without alias/, contain only letters, digits, hyphens, underscores and slashes, and not begin with aws/."
  }
  validation {
    condition     = length(distinct(flatten([for key in var.keys : tolist(key.aliases)]))) == length(flatten([for key in var.keys : tolist(key.aliases)]))
    error_message = "An alias points to one key: use each alias only once in keys."
  }
  validation {
    condition = alltrue(flatten([
      for key in var.keys : [for arn in setunion(key.administrators, key.users, [for g in key.grants : g.grantee_principal]) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", arn))]
    ]))
    error_message = "administrators, users and grantee_principal must be ARNs of roles (arn:aws:iam::ACCOUNT:role/NAME); \"*\" and whole accounts are refused."
  }
  validation {
    condition = alltrue(flatten([
      for key in var.keys : [for g in key.grants : length(g.operations) > 0 && length(setsubtract(g.operations, ["CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "RetireGrant"])) == 0]
    ]))
    error_message = "operations of a grant must be operations of symmetric keys: CreateGrant, Decrypt, DescribeKey, Encrypt, GenerateDataKey, GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext, GenerateDataKeyWithoutPlaintext, ReEncryptFrom, ReEncryptTo, RetireGrant."
  }
  validation {
    condition     = alltrue(flatten([for key in var.keys : [for g in key.grants : g.encryption_context_equals == null || g.encryption_context_subset == null]]))
    error_message = "A grant can have encryption_context_equals or encryption_context_subset, not both."
  }
  validation {
    condition = var.policy.mode != "require" || alltrue([
      for key in var.keys : try(coalesce(key.rotation, true) && coalesce(key.rotation_period_days, var.policy.max_period_days) <= var.policy.max_period_days, false)
      if length(setintersection([for alias in key.aliases : "alias/${alias}"], var.policy.exempt)) == 0
    ])
    error_message = "policy requires rotation every ${var.policy.max_period_days} days or sooner: change the key's rotation, or name one of its aliases (alias/NAME) in policy.exempt."
  }
  validation {
    condition = var.policy.mode != "limit" || alltrue([
      for key in var.keys : !coalesce(key.rotation, key.rotation_period_days != null) || try(coalesce(key.rotation_period_days, 365) >= var.policy.min_period_days, false)
      if length(setintersection([for alias in key.aliases : "alias/${alias}"], var.policy.exempt)) == 0
    ])
    error_message = "policy limits rotation: leave the key's rotation off${var.policy.min_period_days == null ? "" : " or at ${var.policy.min_period_days} days or more"}, or name one of its aliases (alias/NAME) in policy.exempt."
  }
}

variable "policy" {
  description = "Rotation policy for every customer key of the account and Region. Mode `require` requires rotation every `max_period_days` or more often. Mode `limit` requires rotation to be off, or no more often than every `min_period_days`. `exempt` keys (ID, ARN or `alias/…`) are in policy in both modes. The report always shows the cost, and whether `max_period_days` is met."
  type = object({
    exempt          = optional(set(string), [])
    max_period_days = optional(number, 365)
    min_period_days = optional(number)
    mode            = optional(string, "require")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["require", "limit"], var.policy.mode)
    error_message = "policy.mode must be require or limit."
  }
  validation {
    condition     = var.policy.max_period_days >= 90 && var.policy.max_period_days <= 2560 && floor(var.policy.max_period_days) == var.policy.max_period_days
    error_message = "policy.max_period_days must be a whole number of days between 90 and 2560."
  }
  validation {
    condition     = var.policy.min_period_days == null || try(var.policy.min_period_days >= 90 && var.policy.min_period_days <= 2560 && floor(var.policy.min_period_days) == var.policy.min_period_days, false)
    error_message = "policy.min_period_days must be a whole number of days between 90 and 2560, or null."
  }
}

variable "schedule_expression" {
  description = "Schedule of the evidence report, in UTC."
  type        = string
  default     = "cron(0 4 1 * ? *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.schedule_expression))
    error_message = "schedule_expression must be cron(...) or rate(...), such as \"cron(0 4 1 * ? *)\"."
  }
}

variable "expiration_days" {
  description = "Days after which reports are deleted; null keeps them."
  type        = number
  default     = null
}

variable "object_lock" {
  description = "Make reports write-once: no principal can delete a report's version within `days`; null for no lock. In mode `GOVERNANCE`, principals with `s3:BypassGovernanceRetention` can; in mode `COMPLIANCE`, not even the account's root can, and neither the mode nor the days of a written report can be reduced."
  type = object({
    days = number
    mode = optional(string, "GOVERNANCE")
  })
  default = null

  validation {
    condition     = var.object_lock == null || try(contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode), false)
    error_message = "object_lock.mode must be GOVERNANCE or COMPLIANCE."
  }
  validation {
    condition     = var.object_lock == null || try(var.object_lock.days >= 1 && var.object_lock.days <= 36500 && floor(var.object_lock.days) == var.object_lock.days, false)
    error_message = "object_lock.days must be a whole number of days between 1 and 36500 (100 years)."
  }
  validation {
    condition     = var.object_lock == null || try(var.expiration_days >= var.object_lock.days, var.expiration_days == null)
    error_message = "expiration_days must be at least object_lock.days, or null: reports cannot be deleted before."
  }
  validation {
    condition     = try(var.object_lock.mode, "") != "COMPLIANCE" || !var.force_destroy
    error_message = "force_destroy has no effect on reports locked in mode COMPLIANCE: remove one of them."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the reports."
  type        = bool
  default     = false
  nullable    = false
}

variable "notification_emails" {
  description = "Email addresses that are notified of keys out of policy and of each on-demand rotation, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "on_demand" {
  description = "On-demand rotation, with safety checks, of the keys that this module creates and of `key_arns`; null for none. A key has a permanent `quota` of on-demand rotations (25 in KMS). The last `reserve` rotations of the quota, and a rotation within `minimum_hours_between` of the last one, need `use_reserve` in the request."
  type = object({
    key_arns              = optional(set(string), [])
    minimum_hours_between = optional(number, 24)
    quota                 = optional(number, 25)
    reserve               = optional(number, 2)
  })
  default = null

  validation {
    condition     = var.on_demand == null || try(length(var.keys) + length(var.on_demand.key_arns) > 0, false)
    error_message = "on_demand needs at least one key: create keys with the variable keys, or list others in on_demand.key_arns."
  }
  validation {
    condition     = var.on_demand == null || try(alltrue([for arn in var.on_demand.key_arns : can(regex("^arn:[a-z-]+:kms:${var.context.region}:${var.context.account_id}:key/[a-z0-9-]+$", arn))]), false)
    error_message = "on_demand.key_arns must be ARNs of keys of this account and Region (arn:aws:kms:REGION:ACCOUNT:key/ID): no aliases, no patterns."
  }
  validation {
    condition     = var.on_demand == null || try(var.on_demand.quota >= 1 && var.on_demand.reserve >= 0 && var.on_demand.reserve < var.on_demand.quota && var.on_demand.minimum_hours_between >= 0, false)
    error_message = "on_demand must have quota >= 1, 0 <= reserve < quota and minimum_hours_between >= 0."
  }
}

variable "price" {
  description = "Monthly price of a key, for the cost columns: 1 US dollar in most Regions."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.price >= 0
    error_message = "price must be 0 or more."
  }
}
