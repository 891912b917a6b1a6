variable "account_id" {
  description = "ID of the account that contains the replicas."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12-digit ID of the account that contains the replicas."
  }
}

variable "region" {
  description = "Region of the replicas."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "Partition of both accounts."
  type        = string
  default     = "aws"
  nullable    = false
}

variable "writer_role_arns" {
  description = "ARNs of the roles of the two functions that copy and compare: the output `writer_role_arns` of secret_replication."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = (length(var.writer_role_arns) > 0 || var.role_name == null) && alltrue([for arn in var.writer_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", arn))])
    error_message = "writer_role_arns must contain at least one ARN of a role if role_name is set, and only ARNs of roles (arn:aws:iam::ACCOUNT:role/NAME)."
  }
}

variable "external_id" {
  description = "External ID that the functions pass; null for none."
  type        = string
  default     = null
}

variable "secret_name_prefixes" {
  description = "Prefixes of the replicas' names, after renaming."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "secret_names" {
  description = "Full names of single replicas."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.secret_names) + length(var.secret_name_prefixes) > 0
    error_message = "Set secret_name_prefixes or secret_names: without both, no replica could be written."
  }
}

variable "kms_key_arn" {
  description = "ARN of the replicas' customer managed key, whose policy must allow access through this account's IAM policies; null for aws/secretsmanager."
  type        = string
  default     = null
}

variable "role_name" {
  description = "Name of the role to create; null for no role, if you only need the policies."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "ARN of the role's permissions boundary; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
  nullable    = false
}
