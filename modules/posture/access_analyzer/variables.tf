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

variable "type" {
  description = "Zone of trust: `account` tells of everybody outside this account, `organization` of everybody outside the organization (from its management account or a delegated administrator). Analyzers of unused and of internal access cost money and are not made."
  type        = string
  default     = "account"
  nullable    = false

  validation {
    condition     = contains(["account", "organization"], var.type)
    error_message = "type must be account or organization."
  }
}

variable "analyzer_arn" {
  description = "An analyzer that exists already, since an account has one of type `account` in a Region; null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.analyzer_arn == null || can(regex("^arn:[a-z-]+:access-analyzer:${var.context.region}:${var.context.account_id}:analyzer/[A-Za-z][A-Za-z0-9_.-]*$", var.analyzer_arn))
    error_message = "analyzer_arn must be the ARN of an analyzer in this account and Region (arn:aws:access-analyzer:REGION:ACCOUNT:analyzer/NAME): analyzers are regional."
  }
}

variable "archive_rules" {
  description = "Intended access, by a name for each rule: new findings that meet all its criteria are archived and not told. `criteria` is a [filter key](https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html), such as `resource`, `principal.AWS` or `condition.aws:PrincipalOrgID`; with `eq`, `neq`, `contains` or `exists`."
  type = map(list(object({
    criteria = string
    eq       = optional(list(string))
    neq      = optional(list(string))
    contains = optional(list(string))
    exists   = optional(bool)
  })))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, criteria in var.archive_rules : can(regex("^[A-Za-z][A-Za-z0-9_.-]{0,254}$", name)) && length(criteria) > 0])
    error_message = "Each archive rule needs a name of letters, digits, _ . and - that begins with a letter, and at least one criterion."
  }
  validation {
    condition = alltrue(flatten([
      for criteria in var.archive_rules : [
        for c in criteria : anytrue([c.eq != null, c.neq != null, c.contains != null, c.exists != null]) &&
        alltrue([for values in [c.eq, c.neq, c.contains] : values == null || try(length(values) >= 1 && length(values) <= 20, false)])
      ]
    ]))
    error_message = "Each criterion needs eq, neq or contains with 1 to 20 values, or exists."
  }
  validation {
    condition     = alltrue(flatten([for criteria in var.archive_rules : [length(distinct(criteria[*].criteria)) == length(criteria)]]))
    error_message = "A rule names each of its criteria once: put several values into its eq, neq or contains."
  }
  validation {
    condition = alltrue(flatten([
      for criteria in var.archive_rules : [
        for c in criteria : can(regex("^(error|findingType|isPublic|principal\\.(AWS|CanonicalUser|Federated)|resource|resourceOwnerAccount|resourceType|resourceControlPolicyRestriction|condition\\.\\S+)$", c.criteria))
      ]
    ]))
    error_message = "criteria must be a filter key of archive rules: resource, resourceType, resourceOwnerAccount, isPublic, principal.AWS, principal.CanonicalUser, principal.Federated, condition.KEY, error, findingType or resourceControlPolicyRestriction."
  }
}

variable "resource_types" {
  description = "Which findings are told, by type of resource, such as `AWS::S3::Bucket`; all when empty. Only buckets are ever shut off."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for t in var.resource_types : can(regex("^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$", t))])
    error_message = "resource_types must be types such as \"AWS::S3::Bucket\" or \"AWS::IAM::Role\"."
  }
}

variable "notification_statuses" {
  description = "Which findings are told: `ACTIVE` when access appears or changes, `RESOLVED` when it is gone, `ARCHIVED` when somebody or a rule calls it intended."
  type        = set(string)
  default     = ["ACTIVE", "RESOLVED"]
  nullable    = false

  validation {
    condition     = length(var.notification_statuses) > 0 && length(setsubtract(var.notification_statuses, ["ACTIVE", "ARCHIVED", "RESOLVED"])) == 0
    error_message = "notification_statuses must hold one or more of ACTIVE, ARCHIVED and RESOLVED."
  }
}

variable "notification_emails" {
  description = "Addresses that get the notices, once they have confirmed their subscription. Other subscribers: output `topic_arn`."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "shut_off" {
  description = "Shut off what is found on buckets of this account; null only tells. Public access ends by Block Public Access of the bucket; through an access point by that too (`public_access_points = \"bucket\"`) or by removal of the access point's policy (`\"access_point\"`). `cross_account_access_points` also removes the policies of access points that let other accounts in. Removed policies are kept in a bucket. `bucket_names` (`*` stands for any characters) narrows it to some buckets. `dry_run` only says what would be done."
  type = object({
    bucket_names                = optional(set(string), ["*"])
    public_access_points        = optional(string, "bucket")
    cross_account_access_points = optional(bool, false)
    dry_run                     = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.shut_off == null || try(length(var.shut_off.bucket_names) > 0 && alltrue([for name in var.shut_off.bucket_names : can(regex("^[a-z0-9.*-]{1,63}$", name))]), false)
    error_message = "shut_off.bucket_names holds one or more names of buckets, not ARNs; \"*\" is all of them."
  }
  validation {
    condition     = var.shut_off == null || contains(["bucket", "access_point"], try(var.shut_off.public_access_points, "bucket"))
    error_message = "shut_off.public_access_points must be bucket (Block Public Access of the bucket) or access_point (the access point's policy is removed)."
  }
}

variable "exempt" {
  description = "What `shut_off` leaves alone, and still tells: names of buckets and of access points (`*` stands for any characters), principals by account, ARN or canonical id as findings have them."
  type = object({
    bucket_names       = optional(set(string), [])
    access_point_names = optional(set(string), [])
    principals         = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in setunion(var.exempt.bucket_names, var.exempt.access_point_names) : can(regex("^[a-z0-9.*-]{1,63}$", name)) && !can(regex("^\\*+$", name))])
    error_message = "exempt.bucket_names and exempt.access_point_names hold names, not ARNs, and not a mere \"*\": to exempt everything leave shut_off out."
  }
  validation {
    condition     = alltrue([for p in var.exempt.principals : can(regex("^([0-9]{12}|arn:[a-z-]+:(iam|sts)::[0-9]{12}:.+|[0-9a-f]{64})$", p))])
    error_message = "exempt.principals must be accounts (12 digits), ARNs of principals or canonical user ids; \"*\", everybody, cannot be exempt."
  }
}

variable "keep_days" {
  description = "Days for which a finding that is resolved or archived is remembered, so that late and repeated events stay silent; Access Analyzer itself deletes resolved findings after 90. Active ones are remembered while they are."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.keep_days >= 1 && floor(var.keep_days) == var.keep_days
    error_message = "keep_days must be a whole number of 1 or more."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket of removed policies with the policies in it."
  type        = bool
  default     = false
  nullable    = false
}
