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

variable "scopes" {
  description = "Scopes of the covered web ACLs: `REGIONAL` (load balancers, APIs, user pools and others of this Region) and, in us-east-1, `CLOUDFRONT` (distributions)."
  type        = set(string)
  default     = ["REGIONAL"]
  nullable    = false

  validation {
    condition     = length(var.scopes) > 0 && alltrue([for scope in var.scopes : contains(["REGIONAL", "CLOUDFRONT"], scope)])
    error_message = "scopes must hold REGIONAL, CLOUDFRONT or both. (Web ACLs of WAF Classic, which has reached its end of life, are not covered.)"
  }
  validation {
    condition     = !contains(var.scopes, "CLOUDFRONT") || var.context.region == "us-east-1"
    error_message = "scopes can hold CLOUDFRONT only in us-east-1, where AWS WAF and AWS Config keep the web ACLs of CloudFront: create a separate stack with region = \"us-east-1\"."
  }
}

variable "destination" {
  description = "Destination of the logs: `firehose` (a stream that writes to a bucket; the module creates both), `s3` (a bucket that WAF writes to every 5 minutes), `cloudwatch_logs` (a log group), or the ARN of an existing stream, bucket or log group whose name begins with `aws-waf-logs-`."
  type        = string
  default     = "firehose"
  nullable    = false

  validation {
    condition = contains(["firehose", "s3", "cloudwatch_logs"], var.destination) || anytrue([
      for form in [
        "firehose:${var.context.region}:${var.context.account_id}:deliverystream/aws-waf-logs-[A-Za-z0-9_.-]+",
        "logs:${var.context.region}:${var.context.account_id}:log-group:aws-waf-logs-[A-Za-z0-9_/.#-]+",
        "s3:::aws-waf-logs-[a-z0-9.-]+(/[^*?]+)?",
      ] : can(regex("^arn:${var.context.partition}:${form}$", var.destination))
    ])
    error_message = "destination must be firehose, s3, cloudwatch_logs, or the ARN of a stream, log group (without \":*\") or bucket of this account and Region whose name begins with aws-waf-logs-, as AWS WAF requires."
  }
}

variable "correct_destination" {
  description = "Whether to also redirect web ACLs that log elsewhere to `destination`. Their redaction and filter are kept. If false, web ACLs that already log stay as they are."
  type        = bool
  default     = false
  nullable    = false
}

variable "redacted_headers" {
  description = "Names of headers to redact in the logs of web ACLs whose logging the module enables."
  type        = set(string)
  default     = ["authorization", "cookie"]
  nullable    = false

  validation {
    condition     = length(var.redacted_headers) <= 100 && alltrue([for name in var.redacted_headers : can(regex("^[a-z0-9-]{1,64}$", name))])
    error_message = "redacted_headers must hold at most 100 names of headers in lower case, such as \"authorization\"."
  }
}

variable "logging_filter" {
  description = "Filter of the requests that are logged by web ACLs whose logging the module enables; null for all requests. Each filter keeps or drops (`behavior`) requests with any or all (`requirement`) of its `actions` and `labels`. `default_behavior` applies to all other requests."
  type = object({
    default_behavior = string
    filters = list(object({
      behavior    = string
      requirement = optional(string, "MEETS_ANY")
      actions     = optional(set(string), [])
      labels      = optional(set(string), [])
    }))
  })
  default = null

  validation {
    condition = alltrue([
      for behavior in concat(var.logging_filter[*].default_behavior, flatten([for f in var.logging_filter[*].filters : f[*].behavior])) : contains(["KEEP", "DROP"], behavior)
    ])
    error_message = "logging_filter.default_behavior and each behavior must be KEEP or DROP."
  }
  validation {
    condition = alltrue([
      for filter in flatten(var.logging_filter[*].filters) :
      contains(["MEETS_ANY", "MEETS_ALL"], filter.requirement) && length(filter.actions) + length(filter.labels) > 0
    ])
    error_message = "In logging_filter, each requirement must be MEETS_ANY or MEETS_ALL, and each filter needs an action or a label."
  }
  validation {
    condition = alltrue([
      for action in flatten([for filter in flatten(var.logging_filter[*].filters) : tolist(filter.actions)]) :
      contains(["ALLOW", "BLOCK", "COUNT", "CAPTCHA", "CHALLENGE", "EXCLUDED_AS_COUNT"], action)
    ])
    error_message = "In logging_filter, each action must be ALLOW, BLOCK, COUNT, CAPTCHA, CHALLENGE or EXCLUDED_AS_COUNT."
  }
  validation {
    condition     = var.logging_filter == null || length(flatten(var.logging_filter[*].filters)) > 0
    error_message = "logging_filter must have at least one filter; use null to log every request."
  }
}

variable "exempt_tags" {
  description = "Tags that exempt web ACLs: those with any of these tags are not changed, and are NOT_APPLICABLE to the rule."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.exempt_tags) : length(key) >= 1 && length(key) <= 128])
    error_message = "exempt_tags must map tag keys of 1 to 128 characters to their values."
  }
}

variable "exempt_web_acl_arns" {
  description = "ARNs of exempt web ACLs, which are not changed and are NOT_APPLICABLE to the rule."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.exempt_web_acl_arns : can(regex("^arn:[a-z-]+:wafv2:[a-z0-9-]+:[0-9]{12}:(regional|global)/webacl/[A-Za-z0-9_-]+/[A-Za-z0-9-]+$", arn))])
    error_message = "exempt_web_acl_arns must hold ARNs of web ACLs (arn:aws:wafv2:REGION:ACCOUNT:regional/webacl/NAME/ID), without wildcards."
  }
}

variable "reevaluation_schedule_expression" {
  description = "Schedule of the evaluation of all web ACLs, changed or not, as `rate(...)` or `cron(...)`. It finds logging that was turned off, which AWS Config does not record. Empty to evaluate only changes."
  type        = string
  default     = "rate(6 hours)"
  nullable    = false

  validation {
    condition     = can(regex("^((cron|rate)\\(.+\\))?$", var.reevaluation_schedule_expression))
    error_message = "reevaluation_schedule_expression must be rate(...) or cron(...), such as \"rate(6 hours)\", or empty."
  }
}

variable "maximum_automatic_attempts" {
  description = "Number of attempts of AWS Config to remediate a web ACL within `retry_attempt_seconds`. After that, it stops until you start the remediation again (see the README)."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_automatic_attempts >= 1 && var.maximum_automatic_attempts <= 25 && floor(var.maximum_automatic_attempts) == var.maximum_automatic_attempts
    error_message = "maximum_automatic_attempts must be a whole number between 1 and 25."
  }
}

variable "retry_attempt_seconds" {
  description = "Period in seconds in which attempts are counted for `maximum_automatic_attempts`."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.retry_attempt_seconds >= 1 && var.retry_attempt_seconds <= 2678000 && floor(var.retry_attempt_seconds) == var.retry_attempt_seconds
    error_message = "retry_attempt_seconds must be a whole number between 1 and 2678000."
  }
}

variable "notification_emails" {
  description = "Email addresses that are notified of each failed remediation after they confirm their subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "notification_emails must be e-mail addresses, such as \"security@example.com\"."
  }
}

variable "buffering" {
  description = "Amount of logs that the stream buffers before it writes an object: `mib` of logs or `seconds`, whichever is reached first."
  type = object({
    mib     = optional(number, 5)
    seconds = optional(number, 300)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.buffering.mib >= 1 && var.buffering.mib <= 128 && var.buffering.seconds >= 0 && var.buffering.seconds <= 900
    error_message = "buffering.mib must be between 1 and 128, and buffering.seconds between 0 and 900."
  }
}

variable "expiration_days" {
  description = "Number of days after which logs in the bucket that the module creates are deleted; 0 to keep them. A log group has the retention of the stack's other logs."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.expiration_days >= 0 && floor(var.expiration_days) == var.expiration_days
    error_message = "expiration_days must be a whole number of 1 or more, or 0 to keep the logs."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket even if it contains logs."
  type        = bool
  default     = false
  nullable    = false
}

variable "recorder_name" {
  description = "Name of the configuration recorder, if the same apply creates it, so that the rule is created after it; null if the account has one already."
  type        = string
  default     = null
}
