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

variable "filters" {
  description = "Filters that choose the findings a run exports, unless its input has other filters, grouped by the kind of attribute as in [GetFindings](https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFindingFilters.html). A finding must match one criterion of each attribute."
  type = object({
    strings = optional(map(list(object({
      value      = string
      comparison = optional(string, "EQUALS")
    }))), {})
    dates = optional(map(list(object({
      start     = optional(string)
      end       = optional(string)
      last_days = optional(number)
    }))), {})
    numbers = optional(map(list(object({
      eq  = optional(number)
      gte = optional(number)
      lte = optional(number)
    }))), {})
    maps = optional(map(list(object({
      key        = string
      value      = string
      comparison = optional(string, "EQUALS")
    }))), {})
    cidrs    = optional(map(list(string)), {})
    booleans = optional(map(bool), {})
  })
  default = {
    strings = { RecordState = [{ value = "ACTIVE" }] }
  }
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.filters.strings), local.filter_attributes.strings)) == 0
    error_message = "filters.strings: ${join(", ", setsubtract(keys(var.filters.strings), local.filter_attributes.strings))} is not a string attribute of GetFindings. To filter by workflow use WorkflowStatus; to filter by standard use GeneratorId with comparison PREFIX."
  }
  validation {
    condition     = length(setsubtract(keys(var.filters.dates), local.filter_attributes.dates)) == 0
    error_message = "filters.dates: ${join(", ", setsubtract(keys(var.filters.dates), local.filter_attributes.dates))} is not a date attribute of GetFindings; use one of ${join(", ", local.filter_attributes.dates)}."
  }
  validation {
    condition     = length(setsubtract(keys(var.filters.numbers), local.filter_attributes.numbers)) == 0
    error_message = "filters.numbers: ${join(", ", setsubtract(keys(var.filters.numbers), local.filter_attributes.numbers))} is not a number attribute of GetFindings; use one of ${join(", ", local.filter_attributes.numbers)}."
  }
  validation {
    condition     = length(setsubtract(keys(var.filters.maps), local.filter_attributes.maps)) == 0
    error_message = "filters.maps: ${join(", ", setsubtract(keys(var.filters.maps), local.filter_attributes.maps))} is not a map attribute of GetFindings; use one of ${join(", ", local.filter_attributes.maps)}."
  }
  validation {
    condition = (
      length(setsubtract(keys(var.filters.cidrs), local.filter_attributes.cidrs)) == 0
      && alltrue(flatten([for name, cidrs in var.filters.cidrs : [for cidr in cidrs : can(cidrhost(cidr, 0)) && strcontains(cidr, ":") == strcontains(name, "V6")]]))
    )
    error_message = "filters.cidrs must hold address ranges such as 10.0.0.0/8 (2001:db8::/32 for V6), for the attributes ${join(", ", local.filter_attributes.cidrs)}."
  }
  validation {
    condition     = length(setsubtract(keys(var.filters.booleans), local.filter_attributes.booleans)) == 0
    error_message = "filters.booleans: ${join(", ", setsubtract(keys(var.filters.booleans), local.filter_attributes.booleans))} is not a boolean attribute of GetFindings; use one of ${join(", ", local.filter_attributes.booleans)}."
  }
  validation {
    condition = alltrue(flatten([
      [for c in flatten(values(var.filters.strings)) : contains(local.filter_comparisons.strings, c.comparison)],
      [for c in flatten(values(var.filters.maps)) : contains(local.filter_comparisons.maps, c.comparison)],
    ]))
    error_message = "Each comparison in filters.strings must be one of ${join(", ", local.filter_comparisons.strings)}, in filters.maps one of ${join(", ", local.filter_comparisons.maps)}."
  }
  validation {
    condition = alltrue(flatten([
      [for c in flatten(values(var.filters.strings)) : try(c.value == trimspace(c.value) && c.value != "", false)],
      [for c in flatten(values(var.filters.maps)) : try(c.value == trimspace(c.value) && c.value != "" && trimspace(c.key) != "", false)],
    ]))
    error_message = "Each value in filters.strings and filters.maps must not be empty, and must not begin or end with a blank (\"NEW \" never matches). Each key must not be blank."
  }
  validation {
    condition = alltrue(flatten([
      for name, allowed in local.filter_values :
      [for c in lookup(var.filters.strings, name, []) : try(anytrue([for one in allowed : startswith(c.comparison, "PREFIX") ? startswith(one, c.value) : one == c.value]), false)]
    ]))
    error_message = "filters.strings compares with a value that no finding has. The possible values are ${join("; ", [for name, allowed in local.filter_values : "${name} ${join(", ", allowed)}"])}."
  }
  validation {
    condition = alltrue([
      for criteria in concat(values(var.filters.strings), values(var.filters.maps)) :
      !try(contains(criteria[*].comparison, "EQUALS") && anytrue([for c in criteria : strcontains(c.comparison, "NOT_EQUALS")]), false)
    ])
    error_message = "An attribute in filters.strings or filters.maps has EQUALS together with NOT_EQUALS or PREFIX_NOT_EQUALS, which Security Hub refuses: leave one of them out."
  }
  validation {
    # In the state of a run, a relative date is a start and an end, and an address range is an object.
    condition = (
      length(base64encode(jsonencode(var.filters))) * 3 / 4
      + 32 * length(flatten(values(var.filters.dates))) + 9 * length(flatten(values(var.filters.cidrs))) <= 16384
    )
    error_message = "filters must not exceed 16,384 bytes as JSON: use fewer or shorter values, such as a PREFIX. A run passes its filters from chunk to chunk."
  }
  validation {
    condition = alltrue([
      for c in flatten(values(var.filters.dates)) :
      c.last_days != null
      ? try(c.last_days >= 1 && c.last_days <= 36500 && floor(c.last_days) == c.last_days, false) && c.start == null && c.end == null
      : c.start != null && c.end != null && try(timecmp(c.start, c.end) < 0, false)
    ])
    error_message = "Each date criterion must have either last_days (a whole number from 1 to 36500), or start and end as RFC 3339 timestamps (2026-01-31T00:00:00Z) with start before end."
  }
  validation {
    condition = alltrue([
      for c in flatten(values(var.filters.numbers)) :
      (c.eq != null || c.gte != null || c.lte != null) && try(c.gte <= c.lte, true) && try(c.gte <= c.eq, true) && try(c.eq <= c.lte, true)
    ])
    error_message = "Each number criterion needs eq, gte or lte, and gte must not exceed lte, nor eq be outside of them."
  }
  validation {
    condition = alltrue(flatten([
      for kind in [var.filters.strings, var.filters.dates, var.filters.numbers, var.filters.maps, var.filters.cidrs] :
      [for criteria in values(kind) : length(criteria) >= 1 && length(criteria) <= 20]
    ]))
    error_message = "Each attribute in filters must have 1 to 20 criteria."
  }
  validation {
    condition = sum([
      for kind in [var.filters.strings, var.filters.dates, var.filters.numbers, var.filters.maps, var.filters.cidrs, var.filters.booleans] : length(kind)
    ]) <= 10
    error_message = "filters must not have more than 10 attributes in all: Security Hub accepts no more."
  }
}

variable "schedule_expression" {
  description = "Schedule that starts runs, as an EventBridge Scheduler expression such as `cron(0 3 ? * SUN *)`; null for no schedule."
  type        = string
  default     = null

  validation {
    condition     = var.schedule_expression == null || can(regex("^(cron|rate)\\(.+\\)$", var.schedule_expression))
    error_message = "schedule_expression must be cron(...) or rate(...), such as \"cron(0 3 ? * SUN *)\"."
  }
}

variable "continuous" {
  description = "Whether to also export each new or updated finding when Security Hub publishes it."
  type        = bool
  default     = false
  nullable    = false
}

variable "notification_emails" {
  description = "Email addresses that are notified of each status change of a run. Each address must confirm its subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "notification_emails must be e-mail addresses, such as \"security@example.com\"."
  }
}

variable "notification_statuses" {
  description = "Statuses of a run that send a notification."
  type        = set(string)
  default     = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
  nullable    = false

  validation {
    condition     = length(var.notification_statuses) > 0 && length(setsubtract(var.notification_statuses, ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])) == 0
    error_message = "notification_statuses must hold one or more of RUNNING, SUCCEEDED, FAILED, TIMED_OUT and ABORTED."
  }
}

variable "destination" {
  description = "An existing bucket, possibly in another account, that receives the findings; null to create a bucket in this account. The bucket's owner attaches the outputs `destination_bucket_policy` and `destination_key_policy`. With a destination, the module creates no Athena or Glue resources."
  type = object({
    bucket_name = string
    account_id  = string
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.destination == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.destination.bucket_name))
    error_message = "destination.bucket_name must be the name of a bucket, not its ARN or URL."
  }
  validation {
    condition     = var.destination == null || can(regex("^[0-9]{12}$", var.destination.account_id))
    error_message = "destination.account_id must be the 12-digit id of the account that owns the bucket: writes to a bucket of any other account are refused."
  }
  validation {
    condition     = try(var.destination.kms_key_arn, null) == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.destination.kms_key_arn))
    error_message = "destination.kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias: S3 cannot use an alias of another account."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the module's own bucket; null for the stack's key. The key policy must allow this account's IAM policies to grant its use."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
  validation {
    condition     = var.kms_key_arn == null || var.destination == null
    error_message = "kms_key_arn applies to the module's own bucket; set destination.kms_key_arn for the key of another bucket."
  }
}

variable "prefix" {
  description = "Key prefix of the exported objects."
  type        = string
  default     = "findings/"
  nullable    = false

  validation {
    condition     = can(regex("^([a-zA-Z0-9_-]+/)+$", var.prefix))
    error_message = "prefix must consist of names of letters, digits, - and _, each followed by a slash, such as \"findings/\"."
  }
}

variable "expiration_days" {
  description = "Number of days after which exported objects are deleted; null to keep them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1 && floor(var.expiration_days) == var.expiration_days, false)
    error_message = "expiration_days must be a whole number of 1 or more, or null to keep the objects."
  }
  validation {
    condition     = var.expiration_days == null || var.destination == null
    error_message = "expiration_days applies to the module's own bucket; the owner of a destination decides how long to keep objects."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket even if it contains findings."
  type        = bool
  default     = false
  nullable    = false
}

variable "count_parameter_name" {
  description = "Name of the SSM parameter with the number of findings that the latest run has exported so far; null for `/<name prefix>/finding-export/count`."
  type        = string
  default     = null

  validation {
    condition     = var.count_parameter_name == null || can(regex("^(/[a-zA-Z0-9_.-]+)+$", var.count_parameter_name)) && !can(regex("^/(?i:aws|ssm)", var.count_parameter_name))
    error_message = "count_parameter_name must be a full path that begins with a slash, such as /sechubexport/findingcount, but not with /aws or /ssm, which AWS reserves."
  }
}

variable "requests_per_second" {
  description = "Number of GetFindings calls a second, each of which returns 100 findings. The default quota of an account is 3 a second; request an increase before you set more."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.requests_per_second > 0 && var.requests_per_second <= 1000
    error_message = "requests_per_second must be above 0 and at most 1000."
  }
}

variable "object_mib" {
  description = "Compressed size, in MiB, at which the function completes an object and begins the next. It limits the function's use of memory."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.object_mib >= 1 && var.object_mib <= 64
    error_message = "object_mib must be between 1 and 64."
  }
}

variable "chunk_seconds" {
  description = "Time in seconds that one call of the function exports before the next call continues."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.chunk_seconds >= 1 && var.chunk_seconds <= 780 && floor(var.chunk_seconds) == var.chunk_seconds
    error_message = "chunk_seconds must be a whole number between 1 and 780: a function ends after 900 seconds and needs time to complete its object."
  }
}

variable "chunks_per_execution" {
  description = "Number of chunks after which a run continues in a new execution. The history of an execution holds at most 25,000 events."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.chunks_per_execution >= 1 && var.chunks_per_execution <= 1500 && floor(var.chunks_per_execution) == var.chunks_per_execution
    error_message = "chunks_per_execution must be a whole number between 1 and 1500: each chunk with its retries may use 16 of the 25,000 events of an execution."
  }
}
