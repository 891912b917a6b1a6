variable "repository" {
  description = "Repository on GitHub that deploys the stack, as owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[\\w.-]+/[\\w.-]+$", var.repository))
    error_message = "repository must be owner/name, such as \"example/our-stack\"."
  }
}

variable "branch" {
  description = "Branch whose pushes may plan."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w./-]+$", var.branch))
    error_message = "branch must be the name of one branch, without wildcards."
  }
}

variable "environment" {
  description = "GitHub environment whose jobs may apply. Restrict it to the branch, and require reviewers."
  type        = string
  default     = "production"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w./-]+$", var.environment))
    error_message = "environment must be the name of one environment, without wildcards."
  }
}

variable "region" {
  description = "Region of the stack; null for the Region of the environment or the profile."
  type        = string
  default     = null
}

variable "name_prefix" {
  description = "Prefix of the stack's names, as in the stack itself."
  type        = string
  default     = "switchyard"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name_prefix)) && !startswith("deploy-${var.name_prefix}", "${var.name_prefix}-")
    error_message = "name_prefix must be the stack's: 2 to 20 lowercase letters, digits and hyphens. A stack with the prefix \"deploy\" could change its own deploy roles."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the account's IAM OIDC provider for token.actions.githubusercontent.com; null to create it. An account can have one."
  type        = string
  default     = null
}

variable "state_bucket" {
  description = "Bucket of the stack's state; null for a backend that is not S3."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket == null ? true : !startswith(var.state_bucket, "${var.name_prefix}-")
    error_message = "state_bucket must not begin with the stack's prefix: its deployer could delete the bucket."
  }
}

variable "state_key" {
  description = "Key of the stack's state in its bucket."
  type        = string
  default     = "switchyard.tfstate"
  nullable    = false
}

variable "state_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the state; null for S3's own keys."
  type        = string
  default     = null
}

variable "key_alias" {
  description = "Pattern of the aliases that you give to keys (kms_rotation), without `alias/`, such as \"app/*\"; null for the stack's prefix."
  type        = string
  default     = null

  validation {
    condition     = var.key_alias == null || can(regex("^[\\w/-]{2,}\\*?$", var.key_alias))
    error_message = "key_alias must be a name, or the beginning of names followed by *, such as \"app/*\"."
  }
}

variable "secret_name" {
  description = "Pattern of the names that you give to secrets (secret_replication), such as \"app/*\"; null for the stack's prefix."
  type        = string
  default     = null

  validation {
    condition     = var.secret_name == null || can(regex("^[\\w/+=.@-]{2,}\\*?$", var.secret_name))
    error_message = "secret_name must be the beginning of names followed by *, such as \"app/*\"."
  }
}

variable "tags" {
  description = "Tags of the roles and policies."
  type        = map(string)
  default     = {}
  nullable    = false
}
