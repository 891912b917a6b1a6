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

variable "quotas" {
  description = "Request quotas of AWS KMS to watch, by a short name of your choice. Each has its `quota_code` or its `quota_name` in Service Quotas, from which the usage metric is read. `maximum` is the highest value (requests per second) that `increase_request` may request."
  type = map(object({
    quota_code = optional(string)
    quota_name = optional(string)
    maximum    = optional(number)
  }))
  default = {
    symmetric = { quota_code = "L-6E3AF000" }
    rsa       = { quota_code = "L-2AC98190" }
    ecc       = { quota_code = "L-DC14942D" }
  }
  nullable = false

  validation {
    condition     = length(var.quotas) > 0 && alltrue([for name in keys(var.quotas) : can(regex("^[a-z][a-z0-9_]{0,29}$", name))])
    error_message = "quotas must contain at least one quota, with a name of up to 30 lowercase letters, digits and underscores, such as \"symmetric\"."
  }
  validation {
    condition     = alltrue([for q in var.quotas : (q.quota_code == null) != (q.quota_name == null)])
    error_message = "Each entry of quotas needs either quota_code (such as \"L-6E3AF000\") or quota_name (such as \"Cryptographic operations (ML-DSA) request rate\")."
  }
  validation {
    condition     = alltrue([for q in var.quotas : q.quota_code == null || can(regex("^L-[0-9A-F]{8}$", q.quota_code))])
    error_message = "quota_code must be a code of Service Quotas, such as \"L-6E3AF000\"."
  }
  validation {
    condition     = alltrue([for q in var.quotas : q.maximum == null || try(q.maximum > 0, false)])
    error_message = "maximum must be a number of requests per second above 0."
  }
}

variable "thresholds" {
  description = "Percentages of the applied quota, measured over a minute, that raise the warning and the critical alarm. KMS throttles bursts within a minute even below 100 %."
  type = object({
    warning  = optional(number, 60)
    critical = optional(number, 80)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.thresholds.warning > 0 && var.thresholds.warning < var.thresholds.critical && var.thresholds.critical <= 100
    error_message = "thresholds must be percentages with 0 < warning < critical <= 100."
  }
}

variable "evaluation" {
  description = "Number of minutes (`datapoints`) out of the latest `periods` minutes that must reach the threshold. With the defaults, one minute raises an alarm, and it ends after five minutes below the threshold, so that calls around the threshold do not notify you every minute."
  type = object({
    datapoints = optional(number, 1)
    periods    = optional(number, 5)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.evaluation.datapoints >= 1 && var.evaluation.datapoints <= var.evaluation.periods && var.evaluation.periods <= 1440
    error_message = "evaluation must have 1 <= datapoints <= periods <= 1440."
  }
}

variable "trail_log_group" {
  description = "Name of the log group of this account and Region to which a CloudTrail trail sends its management events, with those of KMS; null for none. It adds an alarm on throttled calls, and the callers with the most calls and the most throttled calls to the dashboard."
  type        = string
  default     = null

  validation {
    condition     = var.trail_log_group == null || can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.trail_log_group))
    error_message = "trail_log_group must be the name of a log group, such as \"aws-cloudtrail-logs\", not an ARN."
  }
}

variable "dashboard" {
  description = "Create a dashboard of utilisation, calls and quotas."
  type        = bool
  default     = true
  nullable    = false
}

variable "increase_request" {
  description = "Request a larger quota from Service Quotas when a critical alarm is raised: the applied value times `multiplier`, never above the quota's `maximum`, and not while a request is open or within `cooldown_hours` of the last one. With `dry_run`, the function only reports what it would request, and has no permission to request it. Null for no function."
  type = object({
    cooldown_hours = optional(number, 24)
    dry_run        = optional(bool, true)
    multiplier     = optional(number, 1.5)
  })
  default = null

  validation {
    condition     = var.increase_request == null || try(var.increase_request.multiplier > 1 && var.increase_request.multiplier <= 10, false)
    error_message = "increase_request.multiplier must be above 1 and at most 10."
  }
  validation {
    condition     = var.increase_request == null || try(var.increase_request.cooldown_hours >= 1, false)
    error_message = "increase_request.cooldown_hours must be 1 or more."
  }
  validation {
    condition     = var.increase_request == null || alltrue([for q in var.quotas : q.maximum != null])
    error_message = "increase_request needs a maximum for each of quotas: the highest value, in requests per second, that it may request."
  }
}
