variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`. The REST API writes logs, so the account and Region need `api_gateway_logging` there once."
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

variable "alert" {
  description = "Mail to administrators about tickets: from an address or domain that SES has verified in this account and Region (`from_address`), to `to_addresses` (verified ones while SES is in its sandbox), for tickets with one of `sentiments` (`POSITIVE`, `NEGATIVE`, `NEUTRAL`, `MIXED`; `UNKNOWN` for languages without sentiment analysis, and while Comprehend fails). `include_message = false` keeps what the visitor wrote out of the mail. `configuration_set`: the SES configuration set to send with; null for the identity's default one."
  type = object({
    from_address      = string
    to_addresses      = set(string)
    sentiments        = optional(set(string), ["NEGATIVE"])
    include_message   = optional(bool, true)
    configuration_set = optional(string)
  })
  nullable = false

  validation {
    condition     = alltrue([for address in concat([var.alert.from_address], tolist(var.alert.to_addresses)) : can(regex("^[^@\\s<>,]+@[^@\\s<>,]+$", address))])
    error_message = "alert.from_address and alert.to_addresses must be bare addresses such as support@example.com."
  }
  validation {
    condition     = length(var.alert.to_addresses) >= 1 && length(var.alert.to_addresses) <= 50
    error_message = "alert.to_addresses must have 1 to 50 addresses, which is the most that SES sends one mail to."
  }
  validation {
    condition     = alltrue([for sentiment in var.alert.sentiments : contains(["POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED", "UNKNOWN"], sentiment)])
    error_message = "alert.sentiments must be from POSITIVE, NEGATIVE, NEUTRAL, MIXED and UNKNOWN; an empty set sends no mail."
  }
  validation {
    condition     = var.alert.configuration_set == null || can(regex("^[A-Za-z0-9_-]{1,64}$", var.alert.configuration_set))
    error_message = "alert.configuration_set must be the name of an SES configuration set: letters, digits, hyphens and underscores."
  }
}

variable "retention_days" {
  description = "Days after which a ticket expires. DynamoDB deletes expired items within a few days."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 1825 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of days from 1 to 1825 (5 years)."
  }
}

variable "maximum_characters" {
  description = "Number of characters that a message can have. Amazon Comprehend analyses the first 5,000 bytes; the whole message is stored."
  type        = number
  default     = 5000
  nullable    = false

  validation {
    condition     = var.maximum_characters >= 1 && var.maximum_characters <= 20000 && floor(var.maximum_characters) == var.maximum_characters
    error_message = "maximum_characters must be a whole number from 1 to 20000: with four bytes for each character, more would not fit into the input of an execution."
  }
}

variable "throttle" {
  description = "Messages per second (`rate_limit`) and at once (`burst_limit`) that the API accepts from all visitors together; it refuses others with 429. For a limit for each visitor, set `web_acl_arn` to a web ACL with a rate-based rule."
  type = object({
    rate_limit  = optional(number, 5)
    burst_limit = optional(number, 10)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate_limit > 0 && var.throttle.burst_limit > 0
    error_message = "throttle.rate_limit and throttle.burst_limit must be more than 0: 0 refuses every message."
  }
}

variable "page" {
  description = "Serve a contact page at the API's `/`."
  type        = bool
  default     = true
  nullable    = false
}

variable "web_acl_arn" {
  description = "ARN of a Regional AWS WAF web ACL to associate with the API's stage, such as one with a rate-based rule; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:${var.context.partition}:wafv2:${var.context.region}:${var.context.account_id}:regional/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a web ACL of scope REGIONAL in this account and Region: arn:${var.context.partition}:wafv2:${var.context.region}:${var.context.account_id}:regional/webacl/NAME/ID."
  }
}

variable "iam_authorization" {
  description = "Accept only requests that are signed with AWS credentials that may `execute-api:Invoke`, such as those of your back end."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.iam_authorization || var.user_pool == null
    error_message = "Set iam_authorization or user_pool, not both: a request has one kind of authorization."
  }
  validation {
    condition     = !(var.iam_authorization || var.user_pool != null) || !var.page
    error_message = "The page sends neither tokens nor signatures: set page = false with iam_authorization or user_pool."
  }
}

variable "user_pool" {
  description = "Accept only requests with an access token (JWT) of this Cognito user pool that has one of `scopes` and belongs to one of the app clients `client_ids`; null for none."
  type = object({
    arn        = string
    client_ids = set(string)
    scopes     = set(string)
  })
  default = null

  validation {
    condition     = alltrue([for pool in var.user_pool[*] : length(pool.client_ids) > 0 && length(pool.scopes) > 0])
    error_message = "user_pool needs client_ids and scopes: without scopes API Gateway accepts ID tokens, and without client_ids tokens of every app client."
  }
  validation {
    condition     = alltrue([for pool in var.user_pool[*] : can(regex("^arn:${var.context.partition}:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$", pool.arn))])
    error_message = "user_pool.arn must be the ARN of a user pool (arn:${var.context.partition}:cognito-idp:REGION:ACCOUNT:userpool/ID)."
  }
}

variable "deletion_protection" {
  description = "Protect the tables from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
