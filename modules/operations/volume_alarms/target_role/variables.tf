variable "function_role_arn" {
  description = "ARN of the function's role: the output `function_role_arn` of volume_alarms."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", var.function_role_arn))
    error_message = "function_role_arn must be the output function_role_arn of volume_alarms (arn:aws:iam::ACCOUNT:role/NAME)."
  }
}

variable "alarm_prefix" {
  description = "Beginning of the names of the alarms: the output `alarm_prefix` of volume_alarms."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.$", var.alarm_prefix))
    error_message = "alarm_prefix must be the output alarm_prefix of volume_alarms, such as \"prod-volume-alarms.\"."
  }
}

variable "regions" {
  description = "Regions of this account that are targets."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", region))])
    error_message = "regions needs at least one Region, such as \"eu-west-1\"."
  }
}

variable "role_name" {
  description = "Name of the role."
  type        = string
  default     = "switchyard-volume-alarms"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9+=,.@_-]{1,64}$", var.role_name))
    error_message = "role_name must have 1 to 64 letters, digits and characters of +=,.@_-."
  }
}

variable "external_id" {
  description = "External ID that the function passes: the target's `external_id`; null for none."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
  nullable    = false
}
