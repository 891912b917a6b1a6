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
variable "scope" {
  description = "Scope of the protection: `REGIONAL` (load balancers, APIs, … of this Region) or `CLOUDFRONT` (distributions; the stack must then be in us-east-1)."
  type        = string
  default     = "REGIONAL"
  nullable    = false

  validation {
    condition     = contains(["REGIONAL", "CLOUDFRONT"], var.scope)
    error_message = "scope must be REGIONAL or CLOUDFRONT."
  }
  validation {
    condition     = var.scope != "CLOUDFRONT" || var.context.region == "us-east-1"
    error_message = "scope CLOUDFRONT works in us-east-1 only, where AWS WAF keeps its resources for CloudFront: create a separate stack with region = \"us-east-1\"."
  }
}

variable "action" {
  description = "Action for requests that match the embargo: `BLOCK`, `COUNT` (count only, for a trial), `CHALLENGE` (a silent check of the browser) or `CAPTCHA`."
  type        = string
  default     = "BLOCK"
  nullable    = false

  validation {
    condition     = contains(["BLOCK", "COUNT", "CHALLENGE", "CAPTCHA"], var.action)
    error_message = "action must be BLOCK, COUNT, CHALLENGE or CAPTCHA."
  }
}

variable "exempt_cidrs" {
  description = "Address ranges (IPv4 and IPv6) that are exempt from the embargo, such as your offices and monitoring probes. Other rules of the web ACL still apply to them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for cidr in var.exempt_cidrs : can(cidrhost(cidr, 0)) && try(tonumber(split("/", cidr)[1]) > 0, false)
    ])
    error_message = "exempt_cidrs must be CIDRs with a prefix length of 1 or more, such as \"198.51.100.7/32\" or \"2001:db8::/48\"."
  }
  validation {
    condition     = alltrue([for cidr in var.exempt_cidrs : strcontains(cidr, ":") || try(cidrhost(cidr, 0) == split("/", cidr)[0], false)])
    error_message = "exempt_cidrs must have no host bits: write 198.51.100.0/24, not 198.51.100.7/24."
  }
}

variable "forwarded_ip" {
  description = "Header that contains the client's address behind proxies; null to use the address of the connection. `trusted_proxies` is the number of addresses that your own proxies append, or 1 for a header that a proxy sets itself: the client's address is this many places from the right. `fallback_behavior` applies to requests in which WAF cannot find that address (no header, another number of addresses, no valid address): `MATCH` (embargoed), or `NO_MATCH`, with which a client can evade the embargo by sending a header of its own."
  type = object({
    header_name       = optional(string, "X-Forwarded-For")
    fallback_behavior = optional(string, "MATCH")
    trusted_proxies   = optional(number, 1)
  })
  default = null

  validation {
    condition     = var.forwarded_ip == null || can(regex("^[a-zA-Z0-9-]{1,255}$", var.forwarded_ip.header_name))
    error_message = "forwarded_ip.header_name must be the name of a header: letters, digits and hyphens."
  }
  validation {
    condition     = var.forwarded_ip == null || contains(["MATCH", "NO_MATCH"], try(var.forwarded_ip.fallback_behavior, ""))
    error_message = "forwarded_ip.fallback_behavior must be MATCH or NO_MATCH."
  }
  validation {
    condition     = var.forwarded_ip == null || contains([1, 2, 3, 4, 5], try(var.forwarded_ip.trusted_proxies, 0))
    error_message = "forwarded_ip.trusted_proxies must be between 1 and 5: the number of addresses that your own proxies append to the header."
  }
}

variable "change_limits" {
  description = "Most that one version of the document may change, so that a slip such as `/2` for `/22` is refused: `countries` added and removed, and `addresses_percent`, the percentage of the public addresses of each IP version that become embargoed or free. null for no limits."
  type = object({
    countries         = optional(number, 20)
    addresses_percent = optional(number, 1)
  })
  default = {}

  validation {
    condition     = var.change_limits == null || try(var.change_limits.countries >= 1 && floor(var.change_limits.countries) == var.change_limits.countries && var.change_limits.addresses_percent > 0 && var.change_limits.addresses_percent <= 100, false)
    error_message = "change_limits must have a whole number of countries, 1 or more, and addresses_percent above 0 and up to 100; null for no limits."
  }
}

variable "repair_schedule_expression" {
  description = "Schedule on which the embargo in force is compared with the document, and changes by other principals are repaired and reported: `rate(...)` or `cron(...)`."
  type        = string
  default     = "rate(1 hour)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.repair_schedule_expression))
    error_message = "repair_schedule_expression must be rate(...) or cron(...), such as \"rate(1 hour)\"."
  }
}

variable "document_key" {
  description = "Key of the embargo document in the bucket."
  type        = string
  default     = "embargoed-countries.json"
  nullable    = false

  validation {
    condition     = can(regex("^[^*?$]+$", var.document_key)) && length(var.document_key) <= 1024 && !can(regex("^(history/|refused/|drafts/|/|applied\\.json$)", var.document_key))
    error_message = "document_key must not begin with a slash, history/, refused/ or drafts/, must not be applied.json, and must not contain *, ? or $."
  }
}

variable "document_file" {
  description = "Path of an embargo document that Terraform uploads whenever it changes; null to upload it by other means. Its format is defined by `embargo.schema.json` in this module."
  type        = string
  default     = null

  validation {
    condition     = var.document_file == null || can(jsondecode(file(var.document_file))["embargoed-countries"])
    error_message = "document_file must be a JSON file that matches embargo.schema.json; examples/embargo.json shows the format."
  }
}

variable "create_web_acl" {
  description = "Create a web ACL that allows all requests that do not match the embargo; false if a web ACL of your own refers to the output `rule_group_arn`."
  type        = bool
  default     = true
  nullable    = false
}

variable "web_acl_priority" {
  description = "Priority of the embargo in the web ACL that this module creates."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.web_acl_priority >= 0 && floor(var.web_acl_priority) == var.web_acl_priority
    error_message = "web_acl_priority must be a whole number of 0 or more."
  }
}

variable "protected_resource_arns" {
  description = "ARNs of load balancers, API stages and similar resources to associate with the web ACL, by a name of your choice. A CloudFront distribution instead sets its `web_acl_id`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.protected_resource_arns) == 0 || (var.create_web_acl && var.scope == "REGIONAL")
    error_message = "protected_resource_arns needs create_web_acl = true and scope REGIONAL: associate a web ACL of your own yourself, and set web_acl_id on a distribution."
  }
}

variable "notification_emails" {
  description = "Email addresses that are notified of each change and each refused document, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "history_days" {
  description = "Days for which earlier versions of the document can be restored. Records of changes are kept permanently."
  type        = number
  default     = 3653
  nullable    = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the document and its history."
  type        = bool
  default     = false
  nullable    = false
}
