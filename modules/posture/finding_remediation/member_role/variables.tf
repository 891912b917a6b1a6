variable "function_role_arns" {
  description = "ARNs of the functions' roles, by remediation: the output `role_arns` of finding_remediation, or some of its elements. For each, the module creates a role that only this function's role can assume."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.function_role_arns) > 0 && alltrue([for key, arn in var.function_role_arns : contains(["elastic_ip", "macie_bucket", "macie_object", "s3_lifecycle", "s3_public", "s3_versioning"], key) && can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", arn))])
    error_message = "function_role_arns must map names of remediations to ARNs of roles (arn:aws:iam::ACCOUNT:role/NAME). Use the output role_arns of finding_remediation."
  }
}

variable "role_prefix" {
  description = "Prefix of the roles' names: `member_role_prefix` of finding_remediation."
  type        = string
  default     = "finding-remediation"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,48}$", var.role_prefix))
    error_message = "role_prefix must consist of 1 to 48 letters, digits and _+=,.@- characters, without a path."
  }
}

variable "external_id" {
  description = "External id that the functions must present: `member_external_id` of finding_remediation; null for none."
  type        = string
  default     = null
}

variable "organization_id" {
  description = "ID of the organization to which the functions' account must belong (o-…); null for no such condition."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id must be the id of an organization, such as \"o-a1b2c3d4e5\"."
  }
}

variable "bucket_patterns" {
  description = "Names or patterns of the buckets that the roles may access, with `*` and `?` as in IAM."
  type        = set(string)
  default     = ["*"]
  nullable    = false
}

variable "object_kms_key_arns" {
  description = "ARNs of the KMS keys that encrypt remediated objects, by Region: the output `object_kms_key_arns` of finding_remediation."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "source_kms_key_arns" {
  description = "ARNs of the customer managed keys that may encrypt objects before remediation; null for any key of this account whose policy allows IAM policies to grant its use. The roles use them through S3 only."
  type        = set(string)
  default     = null
}

variable "exempt_tag" {
  description = "Key of the tag that exempts an Elastic IP from release: `exempt_tag` of finding_remediation."
  type        = string
  default     = "KeepElasticIp"
  nullable    = false
}

variable "exempt_bucket_tag" {
  description = "Key of the tag that exempts a bucket: `exempt_bucket_tag` of finding_remediation; null for none."
  type        = string
  default     = null
}

variable "delete_old_version" {
  description = "Whether macie_object may delete the version that a finding is about: `delete_old_version` of finding_remediation."
  type        = bool
  default     = false
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the roles; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the roles."
  type        = map(string)
  default     = {}
  nullable    = false
}
