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

variable "tiers" {
  description = "Thresholds by the size of a drive, smallest first. A drive of up to `up_to_gib` GiB (null, in the last tier, for any size) raises `warning` and `critical` when less than that is free, in `unit` `percent` or `megabytes` (1 MB is 1,048,576 bytes, as Windows counts). The size comes from the metrics; a drive whose size they do not give takes the first tier whose metric it publishes."
  type = list(object({
    up_to_gib = optional(number)
    unit      = optional(string, "percent")
    warning   = number
    critical  = number
  }))
  default = [
    { up_to_gib = 100, unit = "percent", warning = 20, critical = 10 },
    { unit = "megabytes", warning = 20480, critical = 10240 },
  ]
  nullable = false

  validation {
    condition     = length(var.tiers) > 0 && length(var.tiers) <= 20 && try(var.tiers[length(var.tiers) - 1].up_to_gib == null, false)
    error_message = "tiers needs 1 to 20 tiers, and the last one must have no up_to_gib, so that it fits every larger drive."
  }
  validation {
    condition = alltrue([
      for i, tier in var.tiers : try(tier.up_to_gib > (i == 0 ? 0 : var.tiers[i - 1].up_to_gib), false) if i < length(var.tiers) - 1
    ])
    error_message = "up_to_gib must be set in each tier but the last one, and grow from tier to tier."
  }
  validation {
    condition     = alltrue([for tier in var.tiers : contains(["percent", "megabytes"], tier.unit)])
    error_message = "unit must be percent or megabytes."
  }
  validation {
    condition     = alltrue([for tier in var.tiers : tier.critical > 0 && tier.warning > tier.critical && (tier.unit != "percent" || tier.warning < 100)])
    error_message = "critical must be more than 0, warning more than critical, and a percentage less than 100: they are the free space that is left."
  }
}

variable "instance_names" {
  description = "Patterns of the tag `Name` of the instances to watch (`*` and `?` are wildcards, capital and small letters are the same). `*` is also an instance without a name."
  type        = set(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.instance_names) > 0 && alltrue([for name in var.instance_names : length(name) > 0])
    error_message = "instance_names needs at least one pattern, such as \"*\" for all instances; an empty list would remove every alarm."
  }
}

variable "instance_tags" {
  description = "Tags, with their values, that an instance must all have to be watched."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "own_account" {
  description = "Watch the instances of this stack's account and Region; false to watch only `targets`."
  type        = bool
  default     = true
  nullable    = false
}

variable "targets" {
  description = "Further accounts and Regions to watch, by a name of your choice. `role_arn` is a role of another `account_id` (made by `target_role` in this module; `external_id` if it asks for one); without it, the target is another Region of this account. `warning_actions` and `critical_actions` are ARNs of the target's Region, since CloudWatch acts only there. Set `enabled = false` and apply before you remove a target of another account: that deletes its alarms."
  type = map(object({
    region           = string
    account_id       = optional(string)
    role_arn         = optional(string)
    external_id      = optional(string)
    warning_actions  = optional(set(string), [])
    critical_actions = optional(set(string), [])
    enabled          = optional(bool, true)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for t in var.targets : (t.role_arn == null) == (t.account_id == null || t.account_id == var.context.account_id)])
    error_message = "A target in another account needs account_id and role_arn; one in this account needs neither."
  }
  validation {
    condition     = alltrue([for t in var.targets : t.role_arn == null || can(regex("^arn:[a-z-]+:iam::${t.account_id}:role/.+$", t.role_arn))])
    error_message = "role_arn must be the ARN of a role in the target's account_id, such as \"arn:aws:iam::222222222222:role/volume-alarms\"."
  }
  validation {
    condition     = alltrue([for t in var.targets : can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", t.region))])
    error_message = "region must be the name of a Region, such as \"eu-west-1\"."
  }
  validation {
    condition     = !contains(keys(var.targets), "own") && length(distinct([for t in var.targets : "${coalesce(t.account_id, var.context.account_id)} ${t.region}"])) == length(var.targets)
    error_message = "Each account and Region can be one target only, and \"own\" is the name of this stack's."
  }
  validation {
    condition     = alltrue([for t in var.targets : t.region != var.context.region || coalesce(t.account_id, var.context.account_id) != var.context.account_id])
    error_message = "This stack's account and Region are watched without a target: remove it, and see own_account."
  }
  validation {
    condition = alltrue(flatten([
      for t in var.targets : [for arn in setunion(t.warning_actions, t.critical_actions) : can(regex("^arn:[a-z-]+:[a-z0-9-]+:${t.region}:", arn))]
    ]))
    error_message = "Actions of a target must be ARNs in the target's Region: CloudWatch refuses others."
  }
  validation {
    condition     = alltrue(flatten([for t in var.targets : [for actions in [t.warning_actions, t.critical_actions] : length(actions) >= (t.enabled ? 1 : 0) && length(actions) <= 5]]))
    error_message = "An enabled target needs 1 to 5 warning_actions and critical_actions of its own: this stack's topic cannot be reached from there."
  }
  validation {
    condition     = var.own_account || length(var.targets) > 0
    error_message = "Nothing would be watched: set own_account = true or name a target."
  }
}

variable "warning_actions" {
  description = "ARNs of what a warning of this account and Region calls, instead of this module's topic: up to 5 topics, functions and the like."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.warning_actions) <= 5 && alltrue([for arn in var.warning_actions : can(regex("^arn:[a-z-]+:[a-z0-9-]+:${var.context.region}:", arn))])
    error_message = "warning_actions takes up to 5 ARNs in this stack's Region."
  }
}

variable "critical_actions" {
  description = "ARNs of what a critical alarm of this account and Region calls, instead of this module's topic."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.critical_actions) <= 5 && alltrue([for arn in var.critical_actions : can(regex("^arn:[a-z-]+:[a-z0-9-]+:${var.context.region}:", arn))])
    error_message = "critical_actions takes up to 5 ARNs in this stack's Region."
  }
}

variable "notification_emails" {
  description = "Email addresses that this module's topic notifies of each alarm, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "namespaces" {
  description = "Namespaces in which the agents publish."
  type        = set(string)
  default     = ["CWAgent"]
  nullable    = false

  validation {
    condition     = length(var.namespaces) > 0 && length(var.namespaces) <= 10 && alltrue([for name in var.namespaces : can(regex("^[^:][^[:cntrl:]]{0,254}$", name)) && !startswith(name, "AWS/")])
    error_message = "namespaces needs 1 to 10 names of custom namespaces, such as \"CWAgent\"."
  }
}

variable "metric_names" {
  description = "Names under which the metrics are published, by what they measure. The defaults are the agent's own names and those of `agent`."
  type = object({
    free_percent   = optional(set(string), ["FreeStorageSpaceInPercent", "LogicalDisk % Free Space"])
    free_megabytes = optional(set(string), ["FreeStorageSpaceInMB", "LogicalDisk Free Megabytes"])
    used_percent   = optional(set(string), ["disk_used_percent"])
    free_bytes     = optional(set(string), ["disk_free"])
    total_bytes    = optional(set(string), ["disk_total"])
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(distinct(flatten([for names in var.metric_names : tolist(names)]))) == length(flatten([for names in var.metric_names : tolist(names)]))
    error_message = "A name can be in one list of metric_names only: it says what the metric measures."
  }
  validation {
    condition     = length(setunion(var.metric_names.free_percent, var.metric_names.free_megabytes, var.metric_names.used_percent, var.metric_names.free_bytes)) > 0
    error_message = "metric_names needs a name besides total_bytes: alarms watch free or used space."
  }
}

variable "ignored_file_systems" {
  description = "Types of file systems that get no alarm, and that the agent of `agent` does not measure."
  type        = set(string)
  default     = ["autofs", "cgroup", "cgroup2", "configfs", "debugfs", "devtmpfs", "efivarfs", "fuse.lxcfs", "iso9660", "nfs", "nfs4", "nsfs", "overlay", "proc", "ramfs", "rootfs", "squashfs", "sysfs", "tmpfs", "tracefs", "udf"]
  nullable    = false
}

variable "ignored_drives" {
  description = "Patterns of drives (`D:`, `/mnt/scratch*`; `*` and `?` are wildcards) that get no alarm."
  type        = set(string)
  default     = ["_Total", "/dev/*", "/proc/*", "/run/*", "/snap/*", "/sys/*", "/var/lib/containerd/*", "/var/lib/containers/*", "/var/lib/docker/*", "/var/lib/kubelet/*"]
  nullable    = false
}

variable "included_drives" {
  description = "Patterns of Windows volumes without a drive letter that get alarms, such as `C:\\Data` or `HarddiskVolume*`. They take precedence over `ignored_drives`."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "period_seconds" {
  description = "Seconds over which an alarm averages the metric. It must be no shorter than the interval of the agents."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.period_seconds >= 60 && var.period_seconds % 60 == 0 && var.period_seconds * var.evaluation_periods <= 86400
    error_message = "period_seconds must be a multiple of 60, and period_seconds times evaluation_periods at most 86400 (a day)."
  }
}

variable "evaluation_periods" {
  description = "Number of periods in a row below the threshold that raise an alarm."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.evaluation_periods >= 1 && floor(var.evaluation_periods) == var.evaluation_periods
    error_message = "evaluation_periods must be a whole number of 1 or more."
  }
}

variable "treat_missing_data" {
  description = "What an alarm makes of a period without data, as when an instance is stopped: `missing` (INSUFFICIENT_DATA), `ignore` (keep the state), `notBreaching` or `breaching`."
  type        = string
  default     = "missing"
  nullable    = false

  validation {
    condition     = contains(["missing", "ignore", "notBreaching", "breaching"], var.treat_missing_data)
    error_message = "treat_missing_data must be missing, ignore, notBreaching or breaching."
  }
}

variable "gone_after_hours" {
  description = "Hours without data after which a drive is gone and its alarms are removed, if its instance has been running all the time and publishes other drives."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.gone_after_hours >= 4 && var.gone_after_hours <= 336 && floor(var.gone_after_hours) == var.gone_after_hours
    error_message = "gone_after_hours must be a whole number between 4 and 336 (two weeks)."
  }
}

variable "schedule_expression" {
  description = "Schedule of the reconciliation, in UTC. It finds new and gone drives, changed sizes, and instances whose events were missed."
  type        = string
  default     = "rate(1 hour)"
  nullable    = false
}

variable "metrics_delay_seconds" {
  description = "Seconds between an instance's start and the run that looks for its metrics, which CloudWatch lists up to 15 minutes late."
  type        = number
  default     = 900
  nullable    = false
}

variable "without_metrics_threshold" {
  description = "Number of running instances without free-space metrics that raises an alarm on the stack's alarm topic."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.without_metrics_threshold >= 1
    error_message = "without_metrics_threshold must be 1 or more."
  }
}

variable "agent" {
  description = "Install and configure the CloudWatch agent by Systems Manager on instances of this account and Region; null if you manage the agent. `instance_tags` (values by tag, all of which an instance must match) chooses the instances, which need the policies AmazonSSMManagedInstanceCore and CloudWatchAgentServerPolicy. `mode` `append-config` adds to a configuration that the agent has, `fetch-config` replaces it. `interval_seconds` is the agent's interval; less than 60 makes high-resolution metrics. `schedule_expression` repeats the installation."
  type = object({
    instance_tags       = map(set(string))
    mode                = optional(string, "append-config")
    interval_seconds    = optional(number, 60)
    schedule_expression = optional(string, "rate(1 day)")
  })
  default = null

  validation {
    condition     = var.agent == null || try(length(var.agent.instance_tags) >= 1 && length(var.agent.instance_tags) <= 5 && alltrue([for values in var.agent.instance_tags : length(values) >= 1 && length(values) <= 50]), false)
    error_message = "agent.instance_tags needs 1 to 5 tags with 1 to 50 values each, such as { Monitoring = [\"volumes\"] }."
  }
  validation {
    condition     = var.agent == null || contains(["append-config", "fetch-config"], try(var.agent.mode, ""))
    error_message = "agent.mode must be append-config or fetch-config."
  }
  validation {
    condition     = var.agent == null || try(var.agent.interval_seconds >= 1 && var.agent.interval_seconds <= 172800 && floor(var.agent.interval_seconds) == var.agent.interval_seconds, false)
    error_message = "agent.interval_seconds must be a whole number between 1 and 172800."
  }
  validation {
    condition     = var.agent == null || can(regex("^(rate|cron)\\(.+\\)$", var.agent.schedule_expression))
    error_message = "agent.schedule_expression must be rate(...) or cron(...), such as \"rate(1 day)\"."
  }
  validation {
    condition     = var.agent == null || (contains(var.namespaces, "CWAgent") && contains(var.metric_names.free_percent, "FreeStorageSpaceInPercent") && contains(var.metric_names.free_megabytes, "FreeStorageSpaceInMB") && contains(var.metric_names.used_percent, "disk_used_percent"))
    error_message = "agent publishes FreeStorageSpaceInPercent, FreeStorageSpaceInMB and disk_used_percent in CWAgent: keep them in namespaces and metric_names, or manage the agent yourself."
  }
}

variable "expiration_days" {
  description = "Days after which reports are deleted; null keeps them."
  type        = number
  default     = 90
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the reports."
  type        = bool
  default     = false
  nullable    = false
}
