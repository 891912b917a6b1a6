variable "name_prefix" {
  description = "Begins the name of everything made; another one makes a second, independent environment in the same account."
  type        = string
  default     = "switchyard"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must have 2 to 20 lower-case letters, digits and hyphens, begin with a letter and not end in a hyphen."
  }
}

variable "alarm_emails" {
  description = "Addresses that are told of each alarm, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", e))])
    error_message = "alarm_emails must be e-mail addresses, such as \"security@example.com\"."
  }
}

variable "log_retention_days" {
  description = "Days for which logs, also S3 access logs, are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds every role made; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy (arn:aws:iam::ACCOUNT:policy/NAME)."
  }
}

variable "build_dir" {
  description = "Folder that holds the packages `make package` builds; relative to the folder Terraform runs in."
  type        = string
  default     = "build"
  nullable    = false

  validation {
    condition     = length(var.build_dir) > 0 && !endswith(var.build_dir, "/")
    error_message = "build_dir must be a path without a slash at its end."
  }
}

variable "access_log_force_destroy" {
  description = "Let `terraform destroy` delete the S3 access logs."
  type        = bool
  default     = false
  nullable    = false
}

variable "api_gateway_logging" {
  description = "Set the role with which API Gateway writes logs in this account and Region; REST APIs need one. False where the account already has it: the setting exists once."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of everything made."
  type        = map(string)
  default     = {}
  nullable    = false
}
