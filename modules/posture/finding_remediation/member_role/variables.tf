variable "function_role_arns" {
  description = "Role of each remediation's function: the output `role_arns` of finding_remediation, or some of it. Each gets a role here that it alone may assume."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.function_role_arns) > 0 && alltrue([for key, arn in var.function_role_arns : contains(["elastic_ip", "macie_bucket", "macie_object", "s3_lifecycle", "s3_public", "s3_versioning"], key) && can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", arn))])
    error_message = "function_role_arns must map names of remediations to ARNs of roles (arn:aws:iam::ACCOUNT:role/NAME): take the output role_arns of finding_remediation."
  }
}

variable "role_prefix" {
  description = "What the names of the roles begin with: `member_role_prefix` of finding_remediation."
  type        = string
  default     = "finding-remediation"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,48}$", var.role_prefix))
    error_message = "role_prefix must have 1 to 48 characters that a role's name may have, without a path."
  }
}

variable "external_id" {
  description = "External id that the functions must present: `member_external_id` of finding_remediation; null for none."
  type        = string
  default     = null
}

variable "organization_id" {
  description = "Organization to which the functions' account must belong (o-…); null to not ask."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id must be the id of an organization, such as \"o-a1b2c3d4e5\"."
  }
}

variable "bucket_patterns" {
  description = "Names of the buckets that the roles may touch, with `*` and `?` as in IAM."
  type        = set(string)
  default     = ["*"]
  nullable    = false
}

variable "object_kms_key_arns" {
  description = "Key of remediated objects by Region: the output `object_kms_key_arns` of finding_remediation."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "source_kms_key_arns" {
  description = "Customer managed keys that objects here are encrypted with before; null for any of this account that leaves it to IAM, through S3 only."
  type        = set(string)
  default     = null
}

variable "exempt_tag" {
  description = "Key of the tag that keeps an Elastic IP: `exempt_tag` of finding_remediation."
  type        = string
  default     = "KeepElasticIp"
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the roles."
  type        = map(string)
  default     = {}
  nullable    = false
}
