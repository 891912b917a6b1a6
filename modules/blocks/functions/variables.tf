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

variable "package" {
  description = "Package that contains the handlers, as `domain/capability`: the file `<build_dir>/<package>.zip`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_]+(/[a-z0-9_]+)+$", var.package))
    error_message = "package must be domain/capability without .zip, such as \"posture/finding_export\"."
  }
}

variable "functions" {
  description = "The functions, by a key of your choice: `name` (the environment's prefix is prepended), `description`, `handler` (its Python path, such as `posture.finding_export.export.handler`); `environment` (encrypted with the stack's key); `policy_statements` (permissions of the role: one statement for each purpose, with only the actions and resources that it needs); `key_services` (services whose data the function reads or writes under the stack's key, such as `[\"s3\", \"dynamodb\"]`: the function can use the key only through these services); `memory_size` (MiB; CPU grows with it); `timeout` (seconds); `reserved_concurrency` (concurrent calls, null for the account's pool); `layer_arns` (in addition to the common layer); `dead_letter_queue` (keep asynchronous calls that failed after all retries, with an alarm on the first one; false for functions that are only called synchronously); `invokers` (services that may call the function, by the ID of the permission: the service principal and the ARN of the one resource that calls; `config.amazonaws.com`, which is restricted to this account, needs no ARN; event rules and schedules of this library create their own permissions); `alarms` (number of failed or throttled calls within 5 minutes that raises an alarm)."
  type = map(object({
    name        = string
    description = string
    handler     = string
    environment = optional(map(string), {})
    policy_statements = optional(list(object({
      sid        = string
      actions    = list(string)
      resources  = list(string)
      effect     = optional(string, "Allow")
      conditions = optional(map(map(list(string))), {})
    })), [])
    key_services         = optional(set(string), [])
    memory_size          = optional(number, 256)
    timeout              = optional(number, 30)
    reserved_concurrency = optional(number)
    layer_arns           = optional(list(string), [])
    dead_letter_queue    = optional(bool, true)
    invokers = optional(map(object({
      principal  = string
      source_arn = optional(string)
    })), {})
    alarms = optional(object({
      errors    = optional(number, 1)
      throttles = optional(number, 1)
    }), {})
  }))
  nullable = false

  validation {
    condition     = alltrue([for f in var.functions : can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", f.name))])
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = alltrue([for f in var.functions : length("${var.context.name_prefix}-${f.name}") <= 64])
    error_message = "name must be shorter: with the prefix ${var.context.name_prefix}- it exceeds the 64 characters that AWS allows."
  }
  validation {
    condition     = length(distinct([for f in var.functions : f.name])) == length(var.functions)
    error_message = "Each name must be used once."
  }
  validation {
    condition     = alltrue([for f in var.functions : length(f.description) > 0 && length(f.description) <= 256])
    error_message = "description must have 1 to 256 characters."
  }
  validation {
    condition     = alltrue([for f in var.functions : can(regex("^[a-z_][a-z0-9_]*(\\.[a-z_][a-z0-9_]*)+$", f.handler))])
    error_message = "handler must be the Python path of the function, including its package, such as \"posture.finding_export.export.handler\"."
  }
  validation {
    condition = alltrue(flatten([
      for f in var.functions : [for s in f.policy_statements : [for a in s.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+\\*?$", a))] if s.effect != "Deny"]
    ]))
    error_message = "Each statement must name its actions, such as \"s3:GetObject\" or \"s3:Get*\"; \"*\" and \"s3:*\" are refused unless the effect is Deny."
  }
  validation {
    condition     = alltrue(flatten([for f in var.functions : [for s in f.policy_statements : contains(["Allow", "Deny"], s.effect)]]))
    error_message = "effect must be Allow or Deny."
  }
  validation {
    condition = alltrue(flatten([
      for f in var.functions : [
        [for s in f.policy_statements : can(regex("^[A-Za-z0-9]+$", s.sid))],
        length(distinct(f.policy_statements[*].sid)) == length(f.policy_statements),
      ]
    ]))
    error_message = "Each sid must consist of letters and digits and be used once in a function, such as \"ReadReports\"."
  }
  validation {
    condition     = alltrue(flatten([for f in var.functions : [for s in f.policy_statements : length(s.actions) > 0 && length(s.resources) > 0]]))
    error_message = "Each statement needs at least one action and one resource."
  }
  validation {
    condition     = alltrue(flatten([for f in var.functions : [for s in f.key_services : can(regex("^[a-z0-9-]+$", s))]]))
    error_message = "key_services takes service names as they appear in kms:ViaService before the Region, such as \"s3\", \"sqs\" or \"secretsmanager\"."
  }
  validation {
    condition     = alltrue(flatten([for f in var.functions : [for i in f.invokers : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", i.principal))]]))
    error_message = "principal must be a service principal such as \"sns.amazonaws.com\"; accounts and \"*\" are refused."
  }
  validation {
    condition     = alltrue(flatten([for f in var.functions : [for i in f.invokers : i.source_arn != null || i.principal == "config.amazonaws.com"]]))
    error_message = "source_arn is missing: it is optional only for AWS Config, which is restricted to this account."
  }
  validation {
    condition     = alltrue([for f in var.functions : length(f.layer_arns) <= 4])
    error_message = "layer_arns can have at most 4 layers: Lambda accepts 5, and the common layer is one of them."
  }
  validation {
    condition     = alltrue([for f in var.functions : f.alarms.errors >= 1 && f.alarms.throttles >= 1])
    error_message = "alarms.errors and alarms.throttles must be 1 or more."
  }
}

variable "metric_alarms" {
  description = "Alarms on metrics that the functions publish, by name (the environment's prefix is prepended). An alarm is raised when the metric's `statistic` reaches `threshold` within 5 minutes. `description` says what happened and where to look; `treat_missing_data = \"ignore\"` keeps the alarm's state until the next data point."
  type = map(object({
    description        = string
    namespace          = optional(string, "Switchyard")
    metric             = string
    dimensions         = map(string)
    statistic          = optional(string, "Sum")
    threshold          = optional(number, 1)
    treat_missing_data = optional(string, "notBreaching")
  }))
  default  = {}
  nullable = false
}
