# No resources: what the remediations are, for the functions here and for the roles in member accounts.

variable "partition" {
  description = "Partition of the account."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Account of the resources."
  type        = string
  nullable    = false
}

variable "bucket_patterns" {
  description = "Names of the buckets that may be remediated; * and ? as in IAM."
  type        = set(string)
  default     = ["*"]
  nullable    = false
}

variable "public_buckets" {
  description = "Buckets that are meant to be public."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "object_kms_key_arns" {
  description = "Key of remediated objects by Region."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "source_kms_key_arns" {
  description = "Keys that objects may be encrypted with before; null for any of the account."
  type        = set(string)
  default     = null
}

variable "copy_single_max_mib" {
  description = "Objects of up to this size are copied by one call."
  type        = number
  default     = 5120
  nullable    = false
}

variable "copy_part_mib" {
  description = "Size of the parts of bigger objects."
  type        = number
  default     = 512
  nullable    = false
}

variable "noncurrent_days" {
  description = "Days after which old versions expire."
  type        = number
  default     = 90
  nullable    = false
}

variable "exempt_tag" {
  description = "Key of the tag that keeps an Elastic IP."
  type        = string
  default     = "KeepElasticIp"
  nullable    = false
}
