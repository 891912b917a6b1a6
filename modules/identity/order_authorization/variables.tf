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

variable "user_pool_arn" {
  description = "ARN of the Cognito user pool whose users call the API. It must be in this account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9-]+_[A-Za-z0-9]+$", var.user_pool_arn))
    error_message = "user_pool_arn must be the ARN of a user pool, such as \"arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Example\"."
  }
  validation {
    condition     = element(split(":", "${var.user_pool_arn}:::::"), 4) == var.context.account_id
    error_message = "user_pool_arn must be in account ${var.context.account_id}: Verified Permissions does not accept a user pool of another account."
  }
}

variable "client_ids" {
  description = "Ids of the pool's app clients whose access tokens are accepted."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.client_ids) > 0 && alltrue([for id in var.client_ids : can(regex("^[\\w+]{1,128}$", id))])
    error_message = "client_ids needs at least one app client id: with none, Verified Permissions accepts the tokens of all clients."
  }
}

variable "name" {
  description = "Name of the API and the table, and the first part of the functions' names. The stack's name prefix is put in front."
  type        = string
  default     = "orders"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,28}[a-z0-9]$", var.name))
    error_message = "name must have 2 to 30 lower-case letters, digits and hyphens, begin with a letter and not end in a hyphen."
  }
}

variable "admin_groups" {
  description = "Groups of the pool whose members may perform every action in every store; they appoint the first managers."
  type        = set(string)
  default     = ["order-admins"]
  nullable    = false

  validation {
    condition     = alltrue([for group in var.admin_groups : can(regex("^[^\\s\"\\\\|]{1,128}$", group))])
    error_message = "admin_groups must be names of Cognito groups, without spaces, quotes, backslashes and bars."
  }
}

variable "additional_policies" {
  description = "Cedar policies of your own, by description, such as a `forbid` that no grant overrides. Types: `Orders::User`, `Orders::Group` (`<pool id>|<group>`), `Orders::Store`, `Orders::Order`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for statement in values(var.additional_policies) : can(regex("^\\s*(@|permit|forbid|//)", statement))])
    error_message = "additional_policies must be Cedar policies: permit (...) or forbid (...)."
  }
}

variable "decision_cache_seconds" {
  description = "Seconds for which API Gateway caches the decisions on one order or store for one token, 0 to 3600. A changed policy, grant or order can take this long to have effect. Set 0 if changes must have effect at once or if policies depend on the time."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.decision_cache_seconds >= 0 && var.decision_cache_seconds <= 3600 && floor(var.decision_cache_seconds) == var.decision_cache_seconds
    error_message = "decision_cache_seconds must be a whole number from 0 (no cache) to 3600."
  }
}

variable "throttle" {
  description = "Requests per second (`rate_limit`) and in a burst (`burst_limit`) that each route accepts."
  type = object({
    rate_limit  = optional(number, 100)
    burst_limit = optional(number, 200)
  })
  default  = {}
  nullable = false
}

variable "error_headers" {
  description = "Headers of the responses that API Gateway itself sends (401, 403, 429, 5xx). Null for the defaults of the `rest_api` block."
  type        = map(string)
  default     = null
}

variable "memory_size" {
  description = "Memory of the functions in MiB. More memory means more CPU and a shorter cold start."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number between 128 and 10240."
  }
}

variable "alarms" {
  description = "Number of refused tokens (`refused_tokens`) and of responses with a 5xx status (`server_errors`) within 5 minutes that raises an alarm."
  type = object({
    refused_tokens = optional(number, 100)
    server_errors  = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.refused_tokens >= 1 && var.alarms.server_errors >= 1
    error_message = "alarms.refused_tokens and alarms.server_errors must be 1 or more."
  }
}

variable "deletion_protection" {
  description = "Protect the table of orders from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
