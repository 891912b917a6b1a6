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
  description = "Zone of trust: `account` reports access from outside this account, `organization` access from outside the organization (from its management account or a delegated administrator). The module creates no analyzers of unused or internal access, which cost money."
  type        = string
  default     = "account"
  nullable    = false

  validation {
    condition     = contains(["account", "organization"], var.type)
    error_message = "type must be account or organization."
  }
}

variable "analyzer_arn" {
  description = "ARN of an existing analyzer; null to create one. An account can have one analyzer of type `account` in a Region."
  type        = string
  default     = null

  validation {
    condition     = var.analyzer_arn == null || can(regex("^arn:[a-z-]+:access-analyzer:${var.context.region}:${var.context.account_id}:analyzer/[A-Za-z][A-Za-z0-9_.-]*$", var.analyzer_arn))
    error_message = "analyzer_arn must be the ARN of an analyzer in this account and Region (arn:aws:access-analyzer:REGION:ACCOUNT:analyzer/NAME): analyzers are regional."
  }
}

variable "archive_rules" {
  description = "Archive rules for intended access, by name: new findings that meet all criteria of a rule are archived and cause no notice. `criteria` is a [filter key](https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html), such as `resource`, `principal.AWS` or `condition.aws:PrincipalOrgID`, with `eq`, `neq`, `contains` or `exists`."
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
    error_message = "Each archive rule must name a criterion only once: put several values into its eq, neq or contains."
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
  description = "Types of resources whose findings cause a notice, such as `AWS::S3::Bucket`; empty for all types. `shut_off` applies only to buckets."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for t in var.resource_types : can(regex("^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$", t))])
    error_message = "resource_types must hold resource types such as \"AWS::S3::Bucket\" or \"AWS::IAM::Role\"."
  }
}

variable "notification_statuses" {
  description = "Statuses of findings that cause a notice: `ACTIVE` when access appears or changes, `RESOLVED` when it ends (unless it was only ever archived), `ARCHIVED` when a user or a rule marks it as intended."
  type        = set(string)
  default     = ["ACTIVE", "RESOLVED"]
  nullable    = false

  validation {
    condition     = length(var.notification_statuses) > 0 && length(setsubtract(var.notification_statuses, ["ACTIVE", "ARCHIVED", "RESOLVED"])) == 0
    error_message = "notification_statuses must hold one or more of ACTIVE, ARCHIVED and RESOLVED."
  }
}

variable "notification_emails" {
  description = "Email addresses that receive the notices after they confirm their subscription. For other subscribers, use the output `topic_arn`."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "shut_off" {
  description = "Shuts off the access that is found on buckets of this account; null to only notify. Public access ends with Block Public Access of the bucket. Public access through an access point ends in the same way (`public_access_points = \"bucket\"`) or with removal of the access point's policy (`\"access_point\"`). `cross_account_access_points` also removes the policies of access points that allow other accounts. Removed policies are kept in a bucket. `bucket_names` (`*` matches any characters) limits this to some buckets. With `dry_run`, the notices only state the changes that would be made; once it is off, they are made for the same findings."
  type = object({
    bucket_names                = optional(set(string), ["*"])
    public_access_points        = optional(string, "bucket")
    cross_account_access_points = optional(bool, false)
    dry_run                     = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.shut_off == null || try(length(var.shut_off.bucket_names) > 0 && alltrue([for name in var.shut_off.bucket_names : can(regex("^[a-z0-9.*-]{1,63}$", name))]), false)
    error_message = "shut_off.bucket_names must hold one or more names of buckets, not ARNs; \"*\" matches all buckets."
  }
  validation {
    condition     = var.shut_off == null || contains(["bucket", "access_point"], try(var.shut_off.public_access_points, "bucket"))
    error_message = "shut_off.public_access_points must be bucket (Block Public Access of the bucket) or access_point (removal of the access point's policy)."
  }
}

variable "exempt" {
  description = "Access that `shut_off` leaves alone, although its findings still cause notices: names of buckets and access points (`*` matches any characters), and principals by account, ARN or canonical ID as in findings."
  type = object({
    bucket_names       = optional(set(string), [])
    access_point_names = optional(set(string), [])
    principals         = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in setunion(var.exempt.bucket_names, var.exempt.access_point_names) : can(regex("^[a-z0-9.*-]{1,63}$", name)) && !can(regex("^\\*+$", name))])
    error_message = "exempt.bucket_names and exempt.access_point_names must hold names, not ARNs, and not only \"*\": to exempt everything, leave out shut_off."
  }
  validation {
    condition     = alltrue([for p in var.exempt.principals : can(regex("^([0-9]{12}|arn:[a-z-]+:(iam|sts)::[0-9]{12}:.+|[0-9a-f]{64})$", p))])
    error_message = "exempt.principals must hold account IDs (12 digits), ARNs of principals or canonical user IDs. The public (\"*\") cannot be exempt."
  }
}

variable "keep_days" {
  description = "Number of days for which the table keeps a resolved or archived finding, so that late and repeated events cause no notice. Access Analyzer itself deletes resolved findings after 90 days. Active findings are kept as long as they are active."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.keep_days >= 1 && floor(var.keep_days) == var.keep_days
    error_message = "keep_days must be a whole number of 1 or more."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket of removed policies even if it contains policies."
  type        = bool
  default     = false
  nullable    = false
}
