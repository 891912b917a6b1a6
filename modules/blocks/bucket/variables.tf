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

variable "name" {
  description = "Name of the bucket, to which the environment's prefix is prepended."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]*[a-z0-9])?$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.leading}${var.context.name_prefix}-${var.name}-${var.context.account_id}-${var.context.region}") <= 63
    error_message = "name must be shorter: ${var.leading}${var.context.name_prefix}-${var.name}-${var.context.account_id}-${var.context.region} is longer than the 63 characters AWS allows."
  }
}

variable "leading" {
  description = "Start of the bucket's name, for services that deliver only to buckets with a certain name: `aws-waf-logs-` for AWS WAF."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = contains(["", "aws-waf-logs-"], var.leading)
    error_message = "leading must be empty or \"aws-waf-logs-\": the log bucket (modules/context) accepts access logs of no other bucket names."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects; null for the stack's key."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket even if it contains objects."
  type        = bool
  default     = false
  nullable    = false
}

variable "expiration_days" {
  description = "Days after which objects are deleted; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1 && floor(var.expiration_days) == var.expiration_days, false)
    error_message = "expiration_days must be a whole number of 1 or more, or null to keep objects."
  }
}

variable "noncurrent_days" {
  description = "Days for which overwritten and deleted objects can be restored."
  type        = number
  default     = 30
  nullable    = false
}

variable "policy_statements" {
  description = "Further statements of the bucket policy. `principals` are grouped by type (`Service`, `AWS`). `paths` are object keys or patterns (`reports/*`); `/` is the bucket itself."
  type = list(object({
    sid        = string
    principals = map(list(string))
    actions    = list(string)
    paths      = optional(list(string), ["*"])
    effect     = optional(string, "Allow")
    conditions = optional(map(map(list(string))), {})
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue(flatten([
      for s in var.policy_statements : [for a in s.actions : can(regex("^s3:[A-Za-z0-9]+\\*?$", a))] if s.effect != "Deny"
    ]))
    error_message = "Each action must be an S3 action, such as \"s3:GetObject\"; \"*\" and \"s3:*\" are refused unless the effect is Deny."
  }
  validation {
    condition = alltrue(flatten([
      for s in var.policy_statements : [for id in flatten(values(s.principals)) : id != "*"] if s.effect != "Deny"
    ]))
    error_message = "A principal of \"*\" would make the bucket public: name accounts, roles or services."
  }
  validation {
    condition     = alltrue([for s in var.policy_statements : contains(["Allow", "Deny"], s.effect)])
    error_message = "effect must be Allow or Deny."
  }
  validation {
    condition = (
      alltrue([for s in var.policy_statements : can(regex("^[A-Za-z0-9]+$", s.sid))]) &&
      length(distinct(concat(["DenyInsecureTransport", "DenyOtherEncryption", "DenyCallersKeys"], var.policy_statements[*].sid))) == 3 + length(var.policy_statements)
    )
    error_message = "Each sid must consist of letters and digits and be used once; DenyInsecureTransport, DenyOtherEncryption and DenyCallersKeys are reserved for the bucket."
  }
}
