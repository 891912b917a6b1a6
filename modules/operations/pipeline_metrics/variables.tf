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

variable "pipelines" {
  description = "Names of the pipelines that are measured; `*` in a name stands for any characters."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.pipelines) > 0 && alltrue([for name in var.pipelines : can(regex("^[A-Za-z0-9.@_*-]{1,100}$", name)) && !strcontains(name, "**")])
    error_message = "pipelines must have at least one name of 1 to 100 letters, digits and . @ - _, such as \"shop-*\"; [\"*\"] stands for all, and two * in a row are refused by EventBridge."
  }
}

variable "regions" {
  description = "Further Regions of this account whose history is read. For their events, a rule there must send to the event bus of this Region."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", region))])
    error_message = "regions must be codes of Regions, such as \"eu-west-1\"."
  }
}

variable "members" {
  description = "Other accounts whose pipelines are measured, by account ID: the role that reads their history (output `member_policy` has its permissions), its external ID if it asks for one, and the Regions, without which the Region of the stack is read. Their rules may send events to the default event bus of this account."
  type = map(object({
    role_arn    = string
    external_id = optional(string)
    regions     = optional(set(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for account, member in var.members : can(regex("^[0-9]{12}$", account)) && can(regex("^arn:[a-z-]+:iam::${account}:role/.+$", member.role_arn))])
    error_message = "members must be by account ID (12 digits), each with the ARN of a role in that account."
  }
  validation {
    condition     = alltrue(flatten([for member in var.members : [for region in member.regions : can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", region))]]))
    error_message = "members: regions must be codes of Regions, such as \"eu-west-1\"."
  }
  validation {
    condition     = !contains(keys(var.members), var.context.account_id)
    error_message = "members must not have the account of the stack, which is measured anyway; name its further Regions in regions."
  }
}

variable "time_zone" {
  description = "Time zone of the days and times in the views, by its name in the IANA database."
  type        = string
  default     = "UTC"
  nullable    = false

  validation {
    condition     = can(regex("^(UTC|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2})$", var.time_zone))
    error_message = "time_zone must be a name such as \"Europe/Berlin\" or \"UTC\"."
  }
}

variable "production_stages" {
  description = "Names of stages that deploy to production, in any letter case. The first of them that a pipeline has is its production stage; a pipeline without one has no deployments."
  type        = list(string)
  default     = ["Production", "Prod", "Deploy"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.production_stages : can(regex("^[A-Za-z0-9.@_-]{1,100}$", name))])
    error_message = "production_stages must be names of 1 to 100 letters, digits and . @ - _."
  }
}

variable "pipeline_production_stages" {
  description = "Production stages of single pipelines, by the name of the pipeline, where production_stages does not fit."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for pipeline, stage in var.pipeline_production_stages : can(regex("^[A-Za-z0-9.@_-]{1,100}$", pipeline)) && can(regex("^[A-Za-z0-9.@_-]{1,100}$", stage))])
    error_message = "pipeline_production_stages must have names of pipelines and stages: 1 to 100 letters, digits and . @ - _."
  }
  validation {
    condition     = length(var.production_stages) + length(var.pipeline_production_stages) > 0
    error_message = "pipeline_production_stages and production_stages are both empty: name at least one stage, or keep the default."
  }
}

variable "failure_signals" {
  description = "What makes a deployment a failed one, besides incident_alarms: `stage` (the production stage failed, also if a retry succeeded; a rejected approval does not count) and `rollback` (a rollback of the stage followed before the next deployment)."
  type        = set(string)
  default     = ["stage", "rollback"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.failure_signals, ["stage", "rollback"])) == 0
    error_message = "failure_signals takes \"stage\" and \"rollback\"; alarms are named in incident_alarms."
  }
}

variable "incident_alarms" {
  description = "CloudWatch alarms that make the latest deployment of a pipeline a failed one: name of the alarm => name of the pipeline. The deployment is restored when the alarm ends."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for alarm, pipeline in var.incident_alarms : length(alarm) > 0 && length(alarm) <= 255 && can(regex("^[A-Za-z0-9.@_-]{1,100}$", pipeline))])
    error_message = "incident_alarms must have names of alarms (1 to 255 characters) and, as values, names of pipelines (1 to 100 letters, digits and . @ - _)."
  }
  validation {
    condition     = length(jsonencode(var.incident_alarms)) <= 2000
    error_message = "incident_alarms is too long: the pattern of a rule holds 2,048 characters. Name a composite alarm for each pipeline."
  }
}

variable "incident_hours" {
  description = "Hours after a deployment within which an incident alarm counts as its failure."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.incident_hours >= 1 && var.incident_hours <= 720 && floor(var.incident_hours) == var.incident_hours
    error_message = "incident_hours must be a whole number between 1 and 720."
  }
}

variable "batch_seconds" {
  description = "Seconds for which events are collected before they are written. More seconds make fewer objects; 0 writes at once."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.batch_seconds >= 0 && var.batch_seconds <= 300 && floor(var.batch_seconds) == var.batch_seconds
    error_message = "batch_seconds must be a whole number between 0 and 300, the most that Lambda waits for a batch."
  }
}

variable "recent_days" {
  description = "Days of the history that are read again in each run, for what the events missed. The first run reads twelve months."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.recent_days >= 1 && var.recent_days <= 366 && floor(var.recent_days) == var.recent_days
    error_message = "recent_days must be a whole number between 1 and 366: CodePipeline keeps twelve months."
  }
}

variable "requests_per_second" {
  description = "Calls of CodePipeline a second with which each of two concurrent readers reads the history. An execution takes at least one call."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.requests_per_second > 0 && var.requests_per_second <= 50
    error_message = "requests_per_second must be more than 0 and at most 50."
  }
}

variable "history_schedule_expression" {
  description = "When the history is read, in UTC, as an EventBridge Scheduler expression."
  type        = string
  default     = "cron(30 0 * * ? *)"
  nullable    = false
}

variable "compact_schedule_expression" {
  description = "When past days are compacted, in UTC: after the history was read, and before the report and the refresh of QuickSight, whose queries would fail if an object vanished."
  type        = string
  default     = "cron(0 2 * * ? *)"
  nullable    = false
}

variable "report_schedule_expression" {
  description = "When the page of plots is written, in UTC; null for no page."
  type        = string
  default     = "cron(0 3 * * ? *)"
}

variable "report_days" {
  description = "Days that the page shows."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.report_days >= 7 && var.report_days <= 366 && floor(var.report_days) == var.report_days
    error_message = "report_days must be a whole number between 7 and 366."
  }
}

variable "retention_days" {
  description = "Days after which records are deleted. Queries look at these days, and at one more."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.retention_days >= 32 && var.retention_days <= 3650 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number between 32 (a month) and 3650."
  }
}

variable "query_limit_mib" {
  description = "Mebibytes that a query may scan before Athena stops it."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.query_limit_mib >= 10 && floor(var.query_limit_mib) == var.query_limit_mib
    error_message = "query_limit_mib must be a whole number of 10 or more, the least that Athena accepts."
  }
}

variable "dashboard" {
  description = "Create the CloudWatch dashboard."
  type        = bool
  default     = true
  nullable    = false
}

variable "quicksight" {
  description = "Create the data source, datasets, analysis and dashboard in QuickSight, whose subscription must exist. `owner_arns` are the users or groups who own them, `reader_arns` those who see the dashboard; `service_role_name` is the role that QuickSight uses for Athena, which gets the permissions to query (empty if another policy grants them); `refresh_time` and `refresh_time_zone` say when SPICE loads the data each day; `direct_query` asks Athena each time, without SPICE. Null for none."
  type = object({
    owner_arns        = set(string)
    reader_arns       = optional(set(string), [])
    service_role_name = optional(string, "aws-quicksight-service-role-v0")
    refresh_time      = optional(string, "04:00")
    refresh_time_zone = optional(string, "UTC")
    direct_query      = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.quicksight == null || try(length(var.quicksight.owner_arns) > 0 && alltrue([for arn in setunion(var.quicksight.owner_arns, var.quicksight.reader_arns) : can(regex("^arn:[a-z-]+:quicksight:[a-z0-9-]+:[0-9]{12}:(user|group)/[^/]+/.+$", arn))]), false)
    error_message = "quicksight: owner_arns needs at least one, and both lists take ARNs of users or groups of QuickSight, such as arn:aws:quicksight:us-east-1:111122223333:user/default/ann (aws quicksight list-users)."
  }
  validation {
    condition     = var.quicksight == null || try(can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.quicksight.refresh_time)), false)
    error_message = "quicksight: refresh_time must be a time of day such as \"04:00\"."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the records in it."
  type        = bool
  default     = false
  nullable    = false
}
