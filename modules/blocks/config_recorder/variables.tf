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

variable "role_arn" {
  description = "ARN of the role that Config uses, such as its service-linked role if the account already has it (arn:aws:iam::ACCOUNT:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig); null creates the service-linked role."
  type        = string
  default     = null

  validation {
    condition     = var.role_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn must be the ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)."
  }
}

variable "resource_types" {
  description = "Resource types that are recorded, such as `AWS::SecretsManager::Secret`; empty for all that Config supports."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for t in var.resource_types : can(regex("^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$", t))])
    error_message = "resource_types must be names of resource types, such as \"AWS::SecretsManager::Secret\"."
  }
}

variable "include_global_resource_types" {
  description = "Also record IAM users, groups, roles and policies when all types are recorded. Enable it in one Region of an account only; otherwise each Region charges for the same items."
  type        = bool
  default     = false
  nullable    = false
}

variable "recording_frequency" {
  description = "CONTINUOUS records each change, DAILY the state once a day. With DAILY, rules that are triggered by changes act up to a day late."
  type        = string
  default     = "CONTINUOUS"
  nullable    = false
}

variable "snapshot_frequency" {
  description = "How often Config delivers a snapshot of all recorded resources to the bucket."
  type        = string
  default     = "TwentyFour_Hours"
  nullable    = false
}

variable "expiration_days" {
  description = "Days after which snapshots and history are deleted from the bucket."
  type        = number
  default     = 2557
  nullable    = false

  validation {
    condition     = var.expiration_days >= 1 && floor(var.expiration_days) == var.expiration_days
    error_message = "expiration_days must be a whole number of 1 or more."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with everything that Config has delivered."
  type        = bool
  default     = false
  nullable    = false
}
