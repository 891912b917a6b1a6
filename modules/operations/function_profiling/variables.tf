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

variable "functions" {
  description = "Functions to profile, by a key of your choice, which names the profiling group: `function_name`; `runtime`; `architecture` (CodeGuru Profiler takes `x86_64` only); `agent`: `package` (the function's package has `codeguru_profiler_agent`, and its handler the decorator `with_lambda_profiler`) or `layer` (AWS's layer starts the agent; one wrapper script per function); `role_name` (role that gets the permissions of the agent; null if you attach the output `wiring` yourself); `enabled` (false keeps the group and its profiles, and makes agents stop)."
  type = map(object({
    function_name = string
    runtime       = string
    architecture  = optional(string, "x86_64")
    agent         = optional(string, "package")
    role_name     = optional(string)
    enabled       = optional(bool, true)
  }))
  nullable = false

  validation {
    condition     = length(var.functions) >= 1 && length(var.functions) <= 40
    error_message = "functions must have 1 to 40 functions, such as { orders = { function_name = \"orders\", runtime = \"python3.12\" } }."
  }
  validation {
    condition     = alltrue([for key, f in var.functions : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", key))])
    error_message = "Each key of functions must have 1 to 100 letters, digits, hyphens and underscores: it names the profiling group."
  }
  validation {
    condition     = alltrue([for f in var.functions : can(regex("^[A-Za-z0-9_-]{1,64}$", f.function_name))])
    error_message = "function_name must be the name of the function, 1 to 64 letters, digits, hyphens and underscores; not an ARN."
  }
  validation {
    condition     = length(distinct(values(var.functions)[*].function_name)) == length(var.functions)
    error_message = "Each function_name must be used once: a function sends its profiles to one group."
  }
  validation {
    condition     = alltrue([for f in var.functions : contains(["x86_64"], f.architecture)])
    error_message = "architecture must be x86_64: CodeGuru Profiler does not support functions on arm64. Check their code with tools.profile_check instead."
  }
  validation {
    condition     = alltrue([for f in var.functions : contains(["package", "layer"], f.agent)])
    error_message = "agent must be package or layer."
  }
  validation {
    condition     = alltrue([for f in var.functions : can(regex("^python3\\.(9|1[0-3])$", f.runtime))])
    error_message = "runtime must be python3.9 to python3.13, the versions of CodeGuru Profiler's Python agent. Set up other runtimes by hand, or check Python code with tools.profile_check."
  }
  validation {
    condition     = alltrue([for f in var.functions : f.role_name == null || can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", f.role_name))])
    error_message = "role_name must be the name of the function's role, not its ARN; null if you attach the permissions yourself."
  }
}

variable "service_regions" {
  description = "Regions that offer Amazon CodeGuru Profiler, as of November 2026; a plan in another Region is refused. Change it when AWS changes the list."
  type        = set(string)
  default     = ["ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "us-east-1", "us-east-2", "us-west-2"]
  nullable    = false

  validation {
    condition     = contains(var.service_regions, var.context.region)
    error_message = "Amazon CodeGuru Profiler is not offered in ${var.context.region}. Deploy this capability in one of ${join(", ", sort(var.service_regions))}, or leave it off and use tools.profile_check alone; add the Region to service_regions once AWS offers the service there."
  }
}

variable "layer_arn" {
  description = "ARN of the layer with the agent, for functions with agent `layer`; null for the version that AWS documents."
  type        = string
  default     = null

  validation {
    condition     = var.layer_arn == null || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.layer_arn))
    error_message = "layer_arn must be the ARN of a layer's version: arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION."
  }
}

variable "review_schedule_expression" {
  description = "When all profiling groups are reviewed, in UTC, in addition to the service's events: `cron(...)` or `rate(...)`."
  type        = string
  default     = "cron(0 6 * * ? *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.review_schedule_expression))
    error_message = "review_schedule_expression must be cron(...) or rate(...), such as \"cron(0 6 * * ? *)\"."
  }
}

variable "silent_days" {
  description = "Days without a profile after which a function is reported as silent."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.silent_days >= 1 && var.silent_days <= 365 && floor(var.silent_days) == var.silent_days
    error_message = "silent_days must be a whole number from 1 to 365."
  }
}

variable "window_days" {
  description = "Days of profiles that recommendations are read for: more for functions that run rarely."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.window_days >= 1 && var.window_days <= 30 && floor(var.window_days) == var.window_days
    error_message = "window_days must be a whole number from 1 to 30."
  }
}

variable "notification_emails" {
  description = "Email addresses that are notified of changes, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "history_days" {
  description = "Days for which earlier versions of the report can be read."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.history_days >= 1 && floor(var.history_days) == var.history_days
    error_message = "history_days must be a whole number of 1 or more."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the reports."
  type        = bool
  default     = false
  nullable    = false
}
