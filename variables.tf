variable "region" {
  description = "Region to deploy to; null for the Region of the environment or the profile."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "region must be the name of a Region, such as \"eu-central-1\"."
  }
}

variable "name_prefix" {
  description = "Prefix of the name of every resource; a different prefix creates a second, independent environment in the same account."
  type        = string
  default     = "switchyard"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must have 2 to 20 lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "alarm_emails" {
  description = "Email addresses that are notified of each alarm, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "alarm_emails must be email addresses, such as \"security@example.com\"."
  }
}

variable "log_retention_days" {
  description = "Days for which logs, including S3 access logs, are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that is the permissions boundary of every role of this stack; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy (arn:aws:iam::ACCOUNT:policy/NAME)."
  }
}

variable "build_dir" {
  description = "Folder that holds the packages that `make package` builds, relative to the folder that Terraform runs in."
  type        = string
  default     = "build"
  nullable    = false

  validation {
    condition     = length(var.build_dir) > 0 && !endswith(var.build_dir, "/")
    error_message = "build_dir must be a path without a slash at the end."
  }
}

variable "access_log_force_destroy" {
  description = "Let `terraform destroy` delete the S3 access logs."
  type        = bool
  default     = false
  nullable    = false
}

variable "api_gateway_logging" {
  description = "Whether this stack sets the role that API Gateway writes logs with, which exists once per account and Region; null sets it if a capability has a REST API. Set it to false where the account already has a role or another stack sets it."
  type        = bool
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
