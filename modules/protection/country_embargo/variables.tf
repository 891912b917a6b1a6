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
  description = "Header, set by a proxy, that contains the client's address; null to use the address of the connection. Requests without the header pass. `fallback_behavior` applies to headers without a valid address: `MATCH` (embargoed) or `NO_MATCH`. `position` is the position of the address for address ranges: `FIRST`, `LAST` or `ANY`; countries are matched by the first address."
  type = object({
    header_name       = optional(string, "X-Forwarded-For")
    fallback_behavior = optional(string, "MATCH")
    position          = optional(string, "FIRST")
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
    condition     = var.forwarded_ip == null || contains(["FIRST", "LAST", "ANY"], try(var.forwarded_ip.position, ""))
    error_message = "forwarded_ip.position must be FIRST, LAST or ANY."
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
