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

variable "slack_channels" {
  description = "Slack channels that receive the findings, by name. `workspace_id` begins with T; find it in the console under \"Configured clients\". `channel_id` begins with C (public) or G (private); it is the end of the link that \"Copy link\" on the channel returns. The workspace's owner must authorize the service once, in the console. `severities`, `only` and `exclude` choose the findings that are posted automatically (see [Which channel](#which-channel-receives-what))."
  type = map(object({
    workspace_id = string
    channel_id   = string

    severities = optional(set(string))
    only = optional(object({
      products      = optional(set(string), [])
      accounts      = optional(set(string), [])
      controls      = optional(set(string), [])
      resource_tags = optional(map(set(string)), {})
    }), {})
    exclude = optional(object({
      products      = optional(set(string), [])
      accounts      = optional(set(string), [])
      controls      = optional(set(string), [])
      resource_tags = optional(map(set(string)), {})
    }), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for c in var.slack_channels : can(regex("^T[A-Z0-9]+$", c.workspace_id)) && can(regex("^[CG][A-Z0-9]+$", c.channel_id))])
    error_message = "workspace_id must begin with T and channel_id with C or G, both with only capital letters and digits. If yours are the other way round, they are transposed."
  }
  validation {
    condition     = alltrue([for name in keys(var.slack_channels) : can(regex("^[a-z0-9][a-z0-9-]{0,63}$", name))])
    error_message = "The name of a channel must consist of up to 64 lower-case letters, digits and hyphens, because it becomes part of its configuration's name."
  }
  validation {
    condition     = length(distinct([for c in var.slack_channels : [c.workspace_id, c.channel_id]])) == length(var.slack_channels)
    error_message = "Each Slack channel can be named only once: an account can have one configuration for a channel."
  }
  validation {
    condition = alltrue([
      for c in var.slack_channels :
      length(setsubtract(coalesce(c.severities, toset([])), ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"])) == 0
      && (length(c.severities == null ? var.severities : c.severities) > 0 || length(flatten([for f in [c.only, c.exclude] : concat(tolist(f.products), tolist(f.accounts), tolist(f.controls), keys(f.resource_tags))])) == 0)
    ])
    error_message = "A channel's severities must be among CRITICAL, HIGH, MEDIUM, LOW and INFORMATIONAL. A channel with `only` or `exclude` needs severities, of its own or in var.severities: the filters apply to findings that are posted automatically."
  }
  validation {
    condition = alltrue(flatten([
      for c in var.slack_channels : [
        for f in [c.only, c.exclude] : [
          [for product in f.products : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", product))],
          [for account in f.accounts : can(regex("^[0-9]{12}$", account))],
          [for control in f.controls : can(regex("^[A-Za-z0-9]+\\.([0-9]+|\\*)$", control))],
          [for key, values in f.resource_tags : trimspace(key) != "" && length(values) > 0],
        ]
      ]
    ]))
    error_message = "In `only` and `exclude`, products must be the end of a product's ARN (aws/guardduty), accounts have 12 digits, controls be IDs (S3.8) or all of a service (S3.*), and resource_tags be lists of values by key."
  }
  validation {
    condition = alltrue([
      for c in var.slack_channels : alltrue([
        for kind in ["products", "accounts", "controls"] : length(c.only[kind]) == 0 || length(c.exclude[kind]) == 0
      ]) && length(setintersection(keys(c.only.resource_tags), keys(c.exclude.resource_tags))) == 0
    ])
    error_message = "A channel cannot have products, accounts, controls or values of one tag in both `only` and `exclude`: an event pattern has one condition for each attribute. Leave the excluded ones out of `only`."
  }
}

variable "teams_channels" {
  description = "Microsoft Teams channels that receive the findings, by name. All three IDs are in the link that \"Get link to channel\" returns: `channel_id` (URL-encoded, between /channel/ and the next slash), `team_id` (groupId) and `tenant_id` (tenantId). A Teams administrator must authorize the service once, in the console. `severities`, `only` and `exclude` are as in `slack_channels`."
  type = map(object({
    tenant_id  = string
    team_id    = string
    channel_id = string

    severities = optional(set(string))
    only = optional(object({
      products      = optional(set(string), [])
      accounts      = optional(set(string), [])
      controls      = optional(set(string), [])
      resource_tags = optional(map(set(string)), {})
    }), {})
    exclude = optional(object({
      products      = optional(set(string), [])
      accounts      = optional(set(string), [])
      controls      = optional(set(string), [])
      resource_tags = optional(map(set(string)), {})
    }), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue(flatten([
      for c in var.teams_channels : [for id in [c.tenant_id, c.team_id] : can(regex("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", id))]
    ]))
    error_message = "tenant_id and team_id must be UUIDs: tenantId and groupId in the channel's link. If yours looks like 19%3a...%40thread.tacv2, it is the channel_id, and the IDs are transposed."
  }
  validation {
    condition     = alltrue([for c in var.teams_channels : can(regex("^19%3[aA][A-Za-z0-9_=+./-]+%40thread\\.[a-z0-9]+$", c.channel_id))])
    error_message = "channel_id must look like 19%3a...%40thread.tacv2, URL-encoded as in the channel's link. If yours is a UUID, it is the team_id or tenant_id, and the IDs are transposed."
  }
  validation {
    condition     = alltrue([for name in keys(var.teams_channels) : can(regex("^[a-z0-9][a-z0-9-]{0,63}$", name))])
    error_message = "The name of a channel must consist of up to 64 lower-case letters, digits and hyphens, because it becomes part of its configuration's name."
  }
  validation {
    condition     = length(setintersection([for c in var.teams_channels : lower(c.tenant_id)], [for c in var.teams_channels : lower(c.team_id)])) == 0
    error_message = "The same ID is set as tenant_id and as team_id: tenant_id is the tenantId in the channel's link, team_id its groupId."
  }
  validation {
    condition     = length(distinct([for c in var.teams_channels : [c.team_id, c.channel_id]])) == length(var.teams_channels)
    error_message = "Each Teams channel can be named only once: an account can have one configuration for a channel."
  }
  validation {
    condition = alltrue([
      for c in var.teams_channels :
      length(setsubtract(coalesce(c.severities, toset([])), ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"])) == 0
      && (length(c.severities == null ? var.severities : c.severities) > 0 || length(flatten([for f in [c.only, c.exclude] : concat(tolist(f.products), tolist(f.accounts), tolist(f.controls), keys(f.resource_tags))])) == 0)
    ])
    error_message = "A channel's severities must be among CRITICAL, HIGH, MEDIUM, LOW and INFORMATIONAL. A channel with `only` or `exclude` needs severities, of its own or in var.severities: the filters apply to findings that are posted automatically."
  }
  validation {
    condition = alltrue(flatten([
      for c in var.teams_channels : [
        for f in [c.only, c.exclude] : [
          [for product in f.products : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", product))],
          [for account in f.accounts : can(regex("^[0-9]{12}$", account))],
          [for control in f.controls : can(regex("^[A-Za-z0-9]+\\.([0-9]+|\\*)$", control))],
          [for key, values in f.resource_tags : trimspace(key) != "" && length(values) > 0],
        ]
      ]
    ]))
    error_message = "In `only` and `exclude`, products must be the end of a product's ARN (aws/guardduty), accounts have 12 digits, controls be IDs (S3.8) or all of a service (S3.*), and resource_tags be lists of values by key."
  }
  validation {
    condition = alltrue([
      for c in var.teams_channels : alltrue([
        for kind in ["products", "accounts", "controls"] : length(c.only[kind]) == 0 || length(c.exclude[kind]) == 0
      ]) && length(setintersection(keys(c.only.resource_tags), keys(c.exclude.resource_tags))) == 0
    ])
    error_message = "A channel cannot have products, accounts, controls or values of one tag in both `only` and `exclude`: an event pattern has one condition for each attribute. Leave the excluded ones out of `only`."
  }
}

variable "severities" {
  description = "Severities whose new findings are posted automatically in each channel that has no `severities` of its own: any of CRITICAL, HIGH, MEDIUM, LOW and INFORMATIONAL. Each finding is posted once and then set to NOTIFIED; passed, archived and suppressed findings, and those created earlier than `created_after`, are not posted. Empty to post only the findings that an analyst sends."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for s in var.severities : contains(["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"], s)])
    error_message = "severities must be among CRITICAL, HIGH, MEDIUM, LOW and INFORMATIONAL."
  }
}

variable "created_after" {
  description = "Time in UTC (2026-01-31T00:00:00Z) from which on a finding must be created to be posted automatically, to the minute; null for the time at which automatic posting was first applied. Older findings are neither posted nor set to NOTIFIED: the backlog stays as it is."
  type        = string
  default     = null

  validation {
    condition     = var.created_after == null || can(regex("^2.*Z$", var.created_after)) && can(timeadd(var.created_after, "0s"))
    error_message = "created_after must be a time in UTC from the year 2000 on, such as \"2026-01-31T00:00:00Z\"."
  }
}

variable "action_id" {
  description = "ID of the custom action. Set another one if the account already has an action with this ID."
  type        = string
  default     = "SendToSlack"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9]{1,20}$", var.action_id))
    error_message = "action_id must be 1 to 20 letters and digits, without the underscores that action_name may have."
  }
}

variable "action_name" {
  description = "Name of the custom action in the console's Actions menu."
  type        = string
  default     = "Send_To_Slack"
  nullable    = false

  validation {
    condition     = can(regex("^\\S(.{0,18}\\S)?$", var.action_name))
    error_message = "action_name must have 1 to 20 characters."
  }
}

variable "guardrail_policy_arns" {
  description = "ARNs of the policies that limit the commands of all channel members, whatever their roles; null for reading Security Hub. AdministratorAccess, the service's own default, is refused."
  type        = set(string)
  default     = null

  validation {
    condition     = var.guardrail_policy_arns == null || try(length(var.guardrail_policy_arns) > 0 && alltrue([for arn in var.guardrail_policy_arns : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", arn)) && !can(regex("/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$", arn))]), false)
    error_message = "guardrail_policy_arns must hold at least one IAM policy, and none of an administrator or power user. Without a policy, the service would use AdministratorAccess."
  }
}

variable "role_policy_arns" {
  description = "ARNs of the policies of the role that channel members use for commands if `user_authorization_required` is false. Posting findings needs none."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.role_policy_arns : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", arn)) && !can(regex("/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$", arn))])
    error_message = "role_policy_arns must be ARNs of IAM policies, and none of an administrator or power user: every member of the channel would have its permissions."
  }
}

variable "user_authorization_required" {
  description = "Whether members need a role of their own to run commands. If false, all members share the channel's role."
  type        = bool
  default     = true
  nullable    = false
}

variable "logging_level" {
  description = "Events that the chat service writes to CloudWatch Logs in us-east-1: `ERROR`, `INFO` (all events) or `NONE`."
  type        = string
  default     = "ERROR"
  nullable    = false

  validation {
    condition     = contains(["ERROR", "INFO", "NONE"], var.logging_level)
    error_message = "logging_level must be ERROR, INFO or NONE."
  }
}

variable "hub_arn" {
  description = "ARN of the hub, if the same apply enables Security Hub, so that the custom action is created after it; null if the account has Security Hub already."
  type        = string
  default     = null
}
