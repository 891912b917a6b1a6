# This module has no resources. It defines the remediations, for the functions here and the roles in member accounts.

variable "partition" {
  description = "Partition of the account."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "ID of the account of the resources."
  type        = string
  nullable    = false
}

variable "bucket_patterns" {
  description = "Names or patterns of the buckets that may be remediated, with `*` and `?` as in IAM."
  type        = set(string)
  default     = ["*"]
  nullable    = false
}

variable "public_buckets" {
  description = "Names or patterns of buckets that are meant to be public."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "object_kms_key_arns" {
  description = "ARNs of the KMS keys that encrypt remediated objects, by Region."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "source_kms_key_arns" {
  description = "ARNs of the keys that may encrypt objects before remediation; null for any key of the account."
  type        = set(string)
  default     = null
}

variable "copy_single_max_mib" {
  description = "Size in MiB up to which one call copies an object."
  type        = number
  default     = 5120
  nullable    = false
}

variable "copy_part_mib" {
  description = "Size in MiB of the parts in which larger objects are copied."
  type        = number
  default     = 512
  nullable    = false
}

variable "noncurrent_days" {
  description = "Number of days after which noncurrent versions expire."
  type        = number
  default     = 90
  nullable    = false
}

variable "exempt_tag" {
  description = "Key of the tag that exempts an Elastic IP from release."
  type        = string
  default     = "KeepElasticIp"
  nullable    = false
}

variable "exempt_bucket_tag" {
  description = "Key of the tag that exempts a bucket; null for none."
  type        = string
  default     = null
}

variable "delete_old_version" {
  description = "Whether macie_object deletes the version that a finding is about."
  type        = bool
  default     = false
  nullable    = false
}
