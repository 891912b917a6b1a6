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

variable "remediations" {
  description = "Remediations to deploy, each with a custom action, a queue and a function with a role of its own: `elastic_ip` (EC2.12), `macie_bucket` (Macie's policy findings), `macie_object` (Macie's sensitive data findings), `s3_lifecycle` (S3.10), `s3_public` (S3.2, S3.3, S3.8), `s3_versioning` (S3.14)."
  type        = set(string)
  default     = ["elastic_ip", "macie_bucket", "macie_object", "s3_lifecycle", "s3_public", "s3_versioning"]
  nullable    = false

  validation {
    condition     = length(var.remediations) > 0 && alltrue([for key in var.remediations : contains(["elastic_ip", "macie_bucket", "macie_object", "s3_lifecycle", "s3_public", "s3_versioning"], key)])
    error_message = "remediations must hold one or more of elastic_ip, macie_bucket, macie_object, s3_lifecycle, s3_public and s3_versioning."
  }
}

variable "automatic" {
  description = "Remediations that also run automatically for each new finding: NEW, ACTIVE and, for findings of controls, FAILED. First try them with `dry_run`, and outside production."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.automatic, var.remediations)) == 0
    error_message = "automatic must hold only names that remediations also holds."
  }
}

variable "dry_run" {
  description = "Whether to only write to each finding's note what the remediation would do, and change no resource."
  type        = bool
  default     = false
  nullable    = false
}

variable "bucket_patterns" {
  description = "Names or patterns of the buckets that the functions' roles may access, with `*` and `?` as in IAM."
  type        = set(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.bucket_patterns) > 0 && alltrue([for pattern in var.bucket_patterns : can(regex("^[a-z0-9.*?-]+$", pattern))])
    error_message = "bucket_patterns must hold names of buckets, or patterns such as \"prod-*\"; not ARNs."
  }
}

variable "public_buckets" {
  description = "Buckets that are meant to be public, by name or pattern (`*`, `?`). `macie_bucket` and `s3_public` refuse them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for pattern in var.public_buckets : can(regex("^[a-z0-9.*?-]+$", pattern)) && pattern != "*"])
    error_message = "public_buckets must hold names of buckets, or patterns such as \"www-*\"; not ARNs, and not \"*\", which would refuse all buckets."
  }
}

variable "object_kms_key_arns" {
  description = "ARNs of the customer managed keys for the objects that `macie_object` encrypts, by Region. The module creates a key for this Region (alias `<prefix>-macie-key`) unless you set one here; objects in Regions without a key are refused. The policies of keys set here must allow this account's roles, and those of member accounts, to use them through S3."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for region, arn in var.object_kms_key_arns : can(regex("^arn:[a-z-]+:kms:${region}:[0-9]{12}:key/", arn))])
    error_message = "object_kms_key_arns must map Regions to ARNs of keys in these Regions (eu-west-1 = \"arn:aws:kms:eu-west-1:ACCOUNT:key/ID\"), not aliases. S3 accepts only keys of the bucket's Region."
  }
}

variable "source_kms_key_arns" {
  description = "ARNs of the customer managed keys that may encrypt objects before `macie_object` copies them; null for any key of the account whose policy allows IAM policies to grant its use. The function uses them through S3 only."
  type        = set(string)
  default     = null

  validation {
    condition     = var.source_kms_key_arns == null || try(length(var.source_kms_key_arns) > 0 && alltrue([for arn in var.source_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))]), false)
    error_message = "source_kms_key_arns must hold ARNs of keys (arn:aws:kms:REGION:ACCOUNT:key/ID), or be null for any key of the account."
  }
}

variable "copy_single_max_mib" {
  description = "Size in MiB up to which one call copies an object; AWS's limit is 5,120."
  type        = number
  default     = 5120
  nullable    = false

  validation {
    condition     = var.copy_single_max_mib >= 1 && var.copy_single_max_mib <= 5120
    error_message = "copy_single_max_mib must be between 1 and 5120: CopyObject accepts at most 5 GiB."
  }
}

variable "copy_part_mib" {
  description = "Size in MiB of the parts in which larger objects are copied; an object has at most 10,000 parts."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.copy_part_mib >= 5 && var.copy_part_mib <= 5120
    error_message = "copy_part_mib must be between 5 and 5120: UploadPartCopy accepts 5 MiB to 5 GiB."
  }
}

variable "noncurrent_days" {
  description = "Number of days after which the rule that `s3_lifecycle` adds expires noncurrent versions."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days must be a whole number, 1 or more."
  }
}

variable "exempt_tag" {
  description = "Key of the tag that exempts an Elastic IP from `elastic_ip`, whatever its value. The function's role cannot release a tagged address either."
  type        = string
  default     = "KeepElasticIp"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=._:/@-]{1,128}$", var.exempt_tag)) && !startswith(lower(var.exempt_tag), "aws:")
    error_message = "exempt_tag must be the key of a tag, such as \"KeepElasticIp\"."
  }
}

variable "exempt_bucket_tag" {
  description = "Key of the tag that exempts a bucket and its objects, whatever its value; null for none. Every principal that may tag a bucket can then exempt it."
  type        = string
  default     = null

  validation {
    condition     = var.exempt_bucket_tag == null || try(can(regex("^[A-Za-z0-9 +=._:/@-]{1,128}$", var.exempt_bucket_tag)) && !startswith(lower(var.exempt_bucket_tag), "aws:") && var.exempt_bucket_tag != "SH_Finding_ID", false)
    error_message = "exempt_bucket_tag must be the key of a tag, such as \"KeepBucketSettings\", and not \"SH_Finding_ID\", which the remediations set."
  }
}

variable "delete_old_version" {
  description = "Whether `macie_object` deletes the version that a finding is about, once the object is encrypted again. If false, that version stays in a versioned bucket, and so the finding stays open until a user deletes it."
  type        = bool
  default     = false
  nullable    = false
}

variable "hub_arn" {
  description = "ARN of the hub, if the same apply enables Security Hub, so that the custom actions are created after it; null if the account has Security Hub already."
  type        = string
  default     = null
}

variable "member_account_ids" {
  description = "IDs of up to 100 member accounts whose resources are remediated, through the roles that the module `member_role` creates in each. Findings of any other account are refused. For more accounts, set `member_organization_id`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.member_account_ids : can(regex("^[0-9]{12}$", id)) && id != var.context.account_id])
    error_message = "member_account_ids must hold 12-digit account ids, without this account's own."
  }
  validation {
    # They are part of the functions' environment (4 KB), their policies (10,240 characters) and a key policy (32 KB).
    condition     = length(var.member_account_ids) <= 100
    error_message = "member_account_ids can hold up to 100 accounts, because of the limits of policies and of a function's environment. Set member_organization_id instead, for all accounts of the organization."
  }
}

variable "member_organization_id" {
  description = "ID of the organization (o-…) whose accounts are all member accounts, however many; null to name them in `member_account_ids`. An account without the roles of `member_role` cannot be accessed."
  type        = string
  default     = null

  validation {
    condition     = var.member_organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.member_organization_id))
    error_message = "member_organization_id must be the ID of an organization, such as \"o-a1b2c3d4e5\"."
  }
  validation {
    condition     = var.member_organization_id == null || length(var.member_account_ids) == 0
    error_message = "Set either member_organization_id or member_account_ids: the organization includes its accounts."
  }
}

variable "member_role_prefix" {
  description = "Prefix of the names of the roles in member accounts, followed by the remediation's name."
  type        = string
  default     = "finding-remediation"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,48}$", var.member_role_prefix))
    error_message = "member_role_prefix must consist of 1 to 48 letters, digits and _+=,.@- characters, without a path."
  }
}

variable "member_external_id" {
  description = "External ID that the functions present when they assume a role in a member account; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.member_external_id == null || can(regex("^[A-Za-z0-9_+=,.@:/-]{2,}$", var.member_external_id))
    error_message = "member_external_id must have 2 or more letters, digits and _+=,.@:/- characters."
  }
}
