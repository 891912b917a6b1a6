variable "name" {
  description = "Name of the data stream; the alias of its key is `alias/<name>-stream`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,128}$", var.name))
    error_message = "name must have 1 to 128 letters, digits, hyphens and underscores."
  }
}

variable "consumers" {
  description = "Who may read the stream, by a name of your choice: `role_arn` and `role_id` of the role that reads (the output `reader` of cross_account_stream in the consumer's account; without `role_id`, apply once more after the role was created again), and `enhanced_fan_out` (true registers a consumer, which has 2 MB a second of each shard for itself and is paid for; false reads from the 2 MB a second that all such readers share)."
  type = map(object({
    role_arn         = string
    role_id          = optional(string, "")
    enhanced_fan_out = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.consumers) : can(regex("^[a-z][a-z0-9-]{0,62}[a-z0-9]$", name))])
    error_message = "The name of a consumer must have 2 to 64 lowercase letters, digits and hyphens, and begin with a letter."
  }
  validation {
    condition     = alltrue([for c in var.consumers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]+$", c.role_arn))])
    error_message = "role_arn must be the ARN of one role (arn:aws:iam::ACCOUNT:role/NAME): accounts, sessions, users and \"*\" are refused."
  }
  validation {
    condition     = alltrue([for c in var.consumers : can(regex("^[A-Z0-9]*$", c.role_id))])
    error_message = "role_id must be the unique id of the role, such as AROAEXAMPLEID, or empty."
  }
  validation {
    condition     = length([for c in var.consumers : c if c.enhanced_fan_out]) <= 20
    error_message = "A stream can have 20 registered consumers: let some of them share the throughput (enhanced_fan_out = false)."
  }
}

variable "shard_count" {
  description = "Number of shards; null for on-demand capacity."
  type        = number
  default     = null

  validation {
    condition     = var.shard_count == null || try(var.shard_count >= 1 && floor(var.shard_count) == var.shard_count, false)
    error_message = "shard_count must be a whole number of 1 or more, or null for on-demand capacity."
  }
}

variable "retention_hours" {
  description = "Hours for which the stream keeps a record: how long a consumer can be down, or be replaced, without a loss. More than 24 costs extra."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760 && floor(var.retention_hours) == var.retention_hours
    error_message = "retention_hours must be a whole number from 24 to 8760."
  }
}

variable "enforce_consumer_deletion" {
  description = "Let `terraform destroy` delete the stream even if it has registered consumers that this module did not make. False refuses, so that readers of other teams stay; the module's own consumers are deleted first in any case."
  type        = bool
  default     = false
  nullable    = false
}

variable "key_deletion_days" {
  description = "Days from `terraform destroy` to the deletion of the stream's key."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_days >= 7 && var.key_deletion_days <= 30 && floor(var.key_deletion_days) == var.key_deletion_days
    error_message = "key_deletion_days must be a whole number from 7 to 30."
  }
}

variable "tags" {
  description = "Tags of the stream and its key."
  type        = map(string)
  default     = {}
  nullable    = false
}
