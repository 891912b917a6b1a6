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

variable "targets" {
  description = "Targets that a function copies secrets to, by name, for copies that native replication does not support. A target in `region` selects the secrets whose names begin with one of `secret_name_prefixes` and that have all `secret_tags`, and single secrets by `secret_names` (source name = target name). `rename_prefix` replaces the beginning of names. `kms_key_arn`, in the target's Region and account, encrypts the replicas of secrets that have a customer managed key, and is required for those; replicas of secrets that are encrypted with aws/secretsmanager use aws/secretsmanager. `role_arn` (with `external_id`) is assumed to write to another account. `force_overwrite` overwrites secrets that this module did not create. `paused` stops copies and comparisons."
  type = map(object({
    region               = string
    secret_name_prefixes = optional(set(string), [])
    secret_tags          = optional(map(string), {})
    secret_names         = optional(map(string), {})
    rename_prefix = optional(object({
      from = string
      to   = string
    }))
    kms_key_arn     = optional(string)
    role_arn        = optional(string)
    external_id     = optional(string)
    force_overwrite = optional(bool, false)
    paused          = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(var.targets) + length(var.managed_secrets) > 0
    error_message = "Set targets (secrets that a function copies), managed_secrets (secrets with native replication), or both."
  }
  validation {
    condition     = alltrue([for key, t in var.targets : can(regex("^[a-z][a-z0-9-]*$", key)) && can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", t.region))])
    error_message = "The name of a target must have only lowercase letters, digits and hyphens and begin with a letter, and its region must be a Region such as \"eu-central-1\"."
  }
  validation {
    condition     = alltrue([for t in var.targets : length(t.secret_name_prefixes) + length(t.secret_names) > 0])
    error_message = "Each target needs secret_name_prefixes or secret_names; secret_name_prefixes = [\"\"] with secret_tags selects by tags only."
  }
  validation {
    condition     = alltrue([for t in var.targets : length(t.secret_tags) > 0 || !contains(t.secret_name_prefixes, "")])
    error_message = "The empty prefix would copy every secret of the account: set secret_tags too."
  }
  validation {
    condition = alltrue(flatten([
      for t in var.targets : [
        for text in concat(tolist(t.secret_name_prefixes), keys(t.secret_names), t.rename_prefix == null ? [] : [t.rename_prefix.from]) :
        can(regex("^[A-Za-z0-9/_+=.@!-]*$", text))
      ]
    ]))
    error_message = "Names and prefixes of secrets must contain only letters, digits and /_+=.@-! (`!` only in names of services' secrets, such as rds!db-…), and no wildcards: a prefix needs no * at the end."
  }
  validation {
    condition = alltrue(flatten([
      for t in var.targets : [
        for name in concat(values(t.secret_names), [for p in t.secret_name_prefixes : t.rename_prefix == null ? p : "${t.rename_prefix.to}${trimprefix(p, t.rename_prefix.from)}"]) :
        can(regex("^[A-Za-z0-9/_+=.@-]*$", name)) && (name != "" || !contains(values(t.secret_names), ""))
      ]
    ]))
    error_message = "Names of replicas must contain only letters, digits and /_+=.@-: the secrets of a service (rds!db-…) need another name at the target, by rename_prefix or secret_names."
  }
  validation {
    condition     = alltrue([for t in var.targets : length(distinct(values(t.secret_names))) == length(t.secret_names)])
    error_message = "secret_names must give each secret another name: a replica has one source."
  }
  validation {
    # What each target writes: by prefix, or exactly one secret by its name.
    condition = alltrue(flatten([
      for writes in [flatten([
        for key, t in var.targets : [
          for w in concat(
            [for p in t.secret_name_prefixes : { source = p, replica = t.rename_prefix == null ? p : "${t.rename_prefix.to}${trimprefix(p, t.rename_prefix.from)}", exact = false }],
            [for from, to in t.secret_names : { source = from, replica = to, exact = true }],
          ) :
          merge(w, {
            target = key
            place  = [t.region, try(split(":", t.role_arn)[4], var.context.account_id)]
            tags   = t.secret_tags
            names  = keys(t.secret_names)
          })
        ]
        ])] : [
        for a in writes : [
          # Both select the secrets of `b`, and give them the same names in the same place.
          for b in writes : !(
            a.target != b.target && a.place == b.place
            && startswith(b.source, a.source) && (!a.exact || (b.exact && a.source == b.source))
            && (a.exact || !contains(a.names, b.exact ? b.source : ""))
            && "${a.replica}${substr(b.source, length(a.source), -1)}" == b.replica
            && alltrue([for tag, value in a.tags : try(b.tags[tag] == value, true)])
          )
        ]
      ]
    ]))
    error_message = "Two targets must not write the same replica of a secret: give one of them another rename_prefix, other secret_names, or secret_tags that exclude each other."
  }
  validation {
    condition     = alltrue(flatten([for t in var.targets : t.rename_prefix == null ? [] : [for prefix in t.secret_name_prefixes : startswith(prefix, t.rename_prefix.from)]]))
    error_message = "Each of a target's secret_name_prefixes must begin with rename_prefix.from, otherwise some of its secrets would not be renamed."
  }
  validation {
    condition     = alltrue([for t in var.targets : t.role_arn == null ? t.external_id == null : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", t.role_arn))])
    error_message = "role_arn must be the ARN of a role in the target's account (arn:aws:iam::ACCOUNT:role/NAME); external_id requires role_arn."
  }
  validation {
    condition     = alltrue([for t in var.targets : t.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:${t.region}:[0-9]{12}:key/", t.kms_key_arn))])
    error_message = "kms_key_arn must be the ARN of a key in the target's own Region (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias: keys do not work across Regions."
  }
  validation {
    condition = alltrue([
      for t in var.targets :
      (length(t.secret_name_prefixes) == 0 || try(t.rename_prefix.from != t.rename_prefix.to, false)) && alltrue([for from, to in t.secret_names : from != to])
      if t.region == var.context.region && (t.role_arn == null || try(split(":", t.role_arn)[4] == var.context.account_id, false))
    ])
    error_message = "A target in this account and Region must rename its secrets (rename_prefix with another `to`, other names in secret_names): a secret cannot be its own replica."
  }
}

variable "managed_secrets" {
  description = "Secrets that this module creates, by name, and that Secrets Manager itself replicates to other Regions of this account under the same name. Their owner sets their values, which are never in Terraform's state. `kms_key_arn` is null for the stack's key. `replicas` are given by Region, each with a `kms_key_arn` in that Region. `recovery_window_in_days` 0 deletes immediately."
  type = map(object({
    description = string
    kms_key_arn = optional(string)
    replicas = map(object({
      kms_key_arn = string
    }))
    force_overwrite_replicas = optional(bool, false)
    recovery_window_in_days  = optional(number, 30)
    tags                     = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, s in var.managed_secrets : can(regex("^[A-Za-z0-9/_+=.@-]{1,512}$", name)) && !can(regex("-[A-Za-z0-9]{6}$", name))])
    error_message = "A secret's name must contain only letters, digits and /_+=.@-, and not end with a hyphen and six characters, which Secrets Manager itself appends to ARNs."
  }
  validation {
    condition     = alltrue(flatten([for s in var.managed_secrets : [length(s.replicas) > 0, !contains(keys(s.replicas), var.context.region)]]))
    error_message = "Each managed secret needs at least one replica, in another Region than this one."
  }
  validation {
    condition     = alltrue(flatten([for s in var.managed_secrets : [for region, r in s.replicas : can(regex("^arn:[a-z-]+:kms:${region}:[0-9]{12}:key/", r.kms_key_arn))]]))
    error_message = "kms_key_arn of a replica must be the ARN of a key in the replica's Region: if a secret has a customer managed key, its replicas need customer managed keys."
  }
  validation {
    condition     = alltrue([for s in var.managed_secrets : s.recovery_window_in_days == 0 || (s.recovery_window_in_days >= 7 && s.recovery_window_in_days <= 30)])
    error_message = "recovery_window_in_days must be 0 (deleted immediately) or between 7 and 30."
  }
}

variable "source_kms_key_arns" {
  description = "ARNs of the customer managed keys of the secrets that targets copy. Their key policies must allow access through this account's IAM policies. The stack's key, for managed secrets, does not need to be listed."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.source_kms_key_arns : can(regex("^arn:[a-z-]+:kms:${var.context.region}:[0-9]{12}:key/", arn))])
    error_message = "source_kms_key_arns must contain ARNs of keys in this Region (arn:aws:kms:REGION:ACCOUNT:key/ID), not aliases."
  }
}

variable "reconcile_schedule_expression" {
  description = "Schedule on which all secrets are compared with their replicas, and differences are repaired: `rate(...)` or `cron(...)`."
  type        = string
  default     = "rate(1 hour)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.reconcile_schedule_expression))
    error_message = "reconcile_schedule_expression must be rate(...) or cron(...), such as \"rate(1 hour)\"."
  }
}

variable "grace_minutes" {
  description = "Minutes after a change in which a difference does not count as drift. CloudTrail can take 15 minutes to report a change."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.grace_minutes >= 0 && floor(var.grace_minutes) == var.grace_minutes
    error_message = "grace_minutes must be a whole number, 0 or more."
  }
}

variable "lag_alarm_seconds" {
  description = "Age of the oldest waiting change, in seconds, that raises an alarm."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.lag_alarm_seconds >= 60
    error_message = "lag_alarm_seconds must be 60 or more."
  }
}
