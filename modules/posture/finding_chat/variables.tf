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
  description = "Slack channels that get the findings, by a name for each. `workspace_id` begins with T and is in the console's \"Configured clients\"; `channel_id` begins with C (public) or G (private) and ends the link that \"Copy link\" on the channel gives. The workspace's owner authorizes the service once, in the console."
  type = map(object({
    workspace_id = string
    channel_id   = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for c in var.slack_channels : can(regex("^T[A-Z0-9]+$", c.workspace_id)) && can(regex("^[CG][A-Z0-9]+$", c.channel_id))])
    error_message = "workspace_id begins with T and channel_id with C or G, both of capitals and digits only: if yours are the other way round, the two are transposed."
  }
  validation {
    condition     = alltrue([for name in keys(var.slack_channels) : can(regex("^[a-z0-9][a-z0-9-]{0,63}$", name))])
    error_message = "A channel is named by up to 64 lower-case letters, digits and hyphens; the name becomes part of its configuration's."
  }
  validation {
    condition     = length(distinct([for c in var.slack_channels : [c.workspace_id, c.channel_id]])) == length(var.slack_channels)
    error_message = "Each Slack channel may be named once: an account has one configuration for a channel."
  }
}

variable "teams_channels" {
  description = "Channels of Microsoft Teams that get the findings, by a name for each. All three ids are in the link that \"Get link to channel\" gives: `channel_id` (URL-encoded, between /channel/ and the next slash), `team_id` (groupId) and `tenant_id` (tenantId). An administrator authorizes the service once, in the console."
  type = map(object({
    tenant_id  = string
    team_id    = string
    channel_id = string
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue(flatten([
      for c in var.teams_channels : [for id in [c.tenant_id, c.team_id] : can(regex("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", id))]
    ]))
    error_message = "tenant_id and team_id are UUIDs: tenantId and groupId of the channel's link. If yours looks like 19%3a...%40thread.tacv2, it is the channel_id, and the two are transposed."
  }
  validation {
    condition     = alltrue([for c in var.teams_channels : can(regex("^19%3[aA][A-Za-z0-9_=+./-]+%40thread\\.[a-z0-9]+$", c.channel_id))])
    error_message = "channel_id looks like 19%3a...%40thread.tacv2, URL-encoded as in the channel's link. If yours is a UUID, it is the team_id or tenant_id, and the two are transposed."
  }
  validation {
    condition     = alltrue([for name in keys(var.teams_channels) : can(regex("^[a-z0-9][a-z0-9-]{0,63}$", name))])
    error_message = "A channel is named by up to 64 lower-case letters, digits and hyphens; the name becomes part of its configuration's."
  }
  validation {
    condition     = length(setintersection([for c in var.teams_channels : lower(c.tenant_id)], [for c in var.teams_channels : lower(c.team_id)])) == 0
    error_message = "The same id is given as tenant_id and as team_id: tenant_id is the tenantId of the channel's link, team_id its groupId."
  }
  validation {
    condition     = length(distinct([for c in var.teams_channels : [c.team_id, c.channel_id]])) == length(var.teams_channels)
    error_message = "Each channel of Teams may be named once: an account has one configuration for a channel."
  }
}

variable "severities" {
  description = "Severities whose new findings are posted without anybody's doing: any of CRITICAL, HIGH, MEDIUM, LOW and INFORMATIONAL. Each is posted once and then set NOTIFIED; passed, archived and suppressed ones are not posted. Empty: only what an analyst sends."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for s in var.severities : contains(["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"], s)])
    error_message = "severities must be among CRITICAL, HIGH, MEDIUM, LOW and INFORMATIONAL."
  }
}

variable "action_id" {
  description = "Id of the custom action; another one where the account has an action of this id already."
  type        = string
  default     = "SendToSlack"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9]{1,20}$", var.action_id))
    error_message = "action_id must be 1 to 20 letters and digits, without the underscores that action_name may have."
  }
}

variable "action_name" {
  description = "What the console's Actions menu calls it."
  type        = string
  default     = "Send_To_Slack"
  nullable    = false

  validation {
    condition     = can(regex("^\\S(.{0,18}\\S)?$", var.action_name))
    error_message = "action_name must have 1 to 20 characters."
  }
}

variable "guardrail_policy_arns" {
  description = "Policies that bound what any member of a channel may do by commands, whatever the member's role; null for reading Security Hub. AdministratorAccess, what the service itself takes when none is named, is refused."
  type        = set(string)
  default     = null

  validation {
    condition     = var.guardrail_policy_arns == null || try(length(var.guardrail_policy_arns) > 0 && alltrue([for arn in var.guardrail_policy_arns : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", arn)) && !can(regex("/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$", arn))]), false)
    error_message = "guardrail_policy_arns must hold at least one IAM policy, and no administrator's or power user's: none would mean AdministratorAccess."
  }
}

variable "role_policy_arns" {
  description = "Policies of the role that members of the channels use by commands, where user_authorization_required is false. Posting findings needs none."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.role_policy_arns : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", arn)) && !can(regex("/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$", arn))])
    error_message = "role_policy_arns must be ARNs of IAM policies, and none of an administrator or power user: everybody in the channel would have it."
  }
}

variable "user_authorization_required" {
  description = "Members need a role of their own to run commands. False: all of them share the channel's role."
  type        = bool
  default     = true
  nullable    = false
}

variable "logging_level" {
  description = "What the chat service writes to CloudWatch Logs in us-east-1: `ERROR`, `INFO` (all events) or `NONE`."
  type        = string
  default     = "ERROR"
  nullable    = false

  validation {
    condition     = contains(["ERROR", "INFO", "NONE"], var.logging_level)
    error_message = "logging_level must be ERROR, INFO or NONE."
  }
}
