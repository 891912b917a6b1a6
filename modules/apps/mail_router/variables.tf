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

variable "recipients" {
  description = "Whose mail is routed: addresses (`info@example.com`, which includes `info+label@example.com`), domains (`example.com`) or all subdomains of one (`.example.com`), in lower case. SES must have verified the domains in this account and Region, and their MX records must name it: see the output `mx_record`."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for r in var.recipients : can(regex("^([a-z0-9!#$%&'*+/=?^_`{|}~.-]+@|\\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$", r))])
    error_message = "Each of recipients must be an address, a domain or .domain, in lower case: info@example.com, example.com or .example.com."
  }
  validation {
    condition     = length(var.recipients) >= 1 && length(var.recipients) <= 100
    error_message = "recipients must have 1 to 100 entries: with none, SES would apply the rule to every domain of the account."
  }
}

variable "from_address" {
  description = "Address from which mails are forwarded. SES has verified it or its domain in this account and Region. Answers go to the original sender (Reply-To)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.address, var.from_address))
    error_message = "from_address must be a bare address such as router@example.com."
  }
}

variable "catch_all_address" {
  description = "Address that gets a mail on any doubt: another language, no text, an unclear verdict, a destination that bounced."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.address, var.catch_all_address))
    error_message = "catch_all_address must be a bare address such as team@example.com."
  }
  validation {
    condition     = !can(regex(local.routed, lower(var.catch_all_address)))
    error_message = "catch_all_address must not be one of recipients: its mail would be routed again."
  }
}

variable "destinations" {
  description = "Addresses by language (codes of Amazon Comprehend, such as `en`, `fr` or `zh-TW`), or by `entity:TYPE` and `entity:TYPE:text` with `entity_endpoint_arn`. Terraform keeps these items of the table. Add others to the table at any time, for mails that arrive afterwards: `language`, and `destination` as one address or a set of addresses."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for language in keys(var.destinations) : can(regex("^([a-z]{2,3}(-[A-Z]{2})?|entity:.+)$", language))])
    error_message = "The keys of destinations must be language codes such as en, fr or zh-TW, or entity:TYPE and entity:TYPE:text."
  }
  validation {
    condition     = alltrue([for address in values(var.destinations) : can(regex(local.address, address))])
    error_message = "The values of destinations must be bare addresses such as french@example.com."
  }
  validation {
    condition     = !anytrue([for address in values(var.destinations) : can(regex(local.routed, lower(address)))])
    error_message = "No destination can be one of recipients: its mail would be routed again."
  }
}

variable "mailboxes" {
  description = "Addresses of the same domains whose mail SES stores in the archive, under a folder with the key's name, for teams without a mail server: `{ english = \"english@example.com\" }`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for folder in keys(var.mailboxes) : can(regex("^[a-z][a-z0-9-]{0,19}$", folder)) && folder != "inbox"])
    error_message = "The keys of mailboxes are folders: up to 20 lowercase letters, digits and hyphens, and not \"inbox\", which has the mails that are routed."
  }
  validation {
    condition     = alltrue([for address in values(var.mailboxes) : can(regex(local.address, address)) && lower(address) == address])
    error_message = "The values of mailboxes must be bare addresses in lower case, such as english@example.com."
  }
  validation {
    condition     = !anytrue([for address in values(var.mailboxes) : can(regex(local.routed, address))])
    error_message = "No mailbox can be one of recipients: its mail would be routed again. Use addresses instead of a domain in recipients."
  }
}

variable "rule_set" {
  description = "Only one receipt rule set can be active in an account and Region. By default the module makes one and activates it, unless another one is active: then the apply fails and names it. `replace_active = true` activates it all the same, and ends what the other one does. `name` adds the rules to that existing set, which the module does not activate; `after` is the rule there that comes before (null for the first place)."
  type = object({
    name           = optional(string)
    after          = optional(string)
    replace_active = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.rule_set.name == null || !var.rule_set.replace_active
    error_message = "Set rule_set.name or rule_set.replace_active, not both: the module does not activate a rule set of yours."
  }
  validation {
    condition     = var.rule_set.name != null || var.rule_set.after == null
    error_message = "rule_set.after belongs to rule_set.name: the module's own rule set has no other rules."
  }
  validation {
    condition     = var.rule_set.name == null || can(regex("^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$", var.rule_set.name))
    error_message = "rule_set.name must be the name of a receipt rule set, not its ARN."
  }
}

variable "require_tls" {
  description = "Refuse mails that are not delivered to SES over TLS. Some senders cannot: theirs bounce."
  type        = bool
  default     = false
  nullable    = false
}

variable "minimum_score" {
  description = "How sure Amazon Comprehend must be of a language or entity (0 to 1); below, the catch-all address gets the mail."
  type        = number
  default     = 0.6
  nullable    = false

  validation {
    condition     = var.minimum_score > 0 && var.minimum_score <= 1
    error_message = "minimum_score must be more than 0 and at most 1."
  }
}

variable "maximum_megabytes" {
  description = "Size (MiB) of the largest mail that is forwarded; of larger ones, the destination gets a notice that names the object. Mail servers often accept 25. SES receives up to 40, and sends up to 30."
  type        = number
  default     = 25
  nullable    = false

  validation {
    condition     = var.maximum_megabytes >= 1 && var.maximum_megabytes <= 29
    error_message = "maximum_megabytes must be from 1 to 29: SES sends up to 40 MiB after encoding, which is a third more, headers included."
  }
}

variable "entity_endpoint_arn" {
  description = "ARN of an endpoint of an Amazon Comprehend custom entity recognizer, such as one for product codes; null for none. Items of the table for what it finds come before languages."
  type        = string
  default     = null

  validation {
    condition     = var.entity_endpoint_arn == null || can(regex("^arn:${var.context.partition}:comprehend:${var.context.region}:${var.context.account_id}:entity-recognizer-endpoint/[A-Za-z0-9-]+$", var.entity_endpoint_arn))
    error_message = "entity_endpoint_arn must be arn:${var.context.partition}:comprehend:${var.context.region}:${var.context.account_id}:entity-recognizer-endpoint/NAME, in this account and Region."
  }
}

variable "redaction" {
  description = "Forward only the text, with personal data replaced (`types` of Amazon Comprehend such as `EMAIL`, or `ALL`) if Comprehend is at least `minimum_score` sure; attachments and formatting stay in the archive. Comprehend finds personal data in English and Spanish; of other mails only a notice is sent. `exempt_destinations`: addresses that get mails as they are, such as those of your own staff; a mail to several addresses is redacted unless all of them are exempt. Null forwards all mails as they are."
  type = object({
    types               = optional(set(string), ["ALL"])
    minimum_score       = optional(number, 0.5)
    exempt_destinations = optional(set(string), [])
  })
  default = null

  validation {
    condition     = alltrue([for r in var.redaction[*] : length(r.types) > 0 && alltrue([for t in r.types : can(regex("^[A-Z_]+$", t))])])
    error_message = "redaction.types must have types of personal data such as EMAIL, or ALL."
  }
  validation {
    condition     = alltrue([for r in var.redaction[*] : r.minimum_score >= 0 && r.minimum_score <= 1])
    error_message = "redaction.minimum_score must be from 0 to 1."
  }
  validation {
    condition     = alltrue(flatten([for r in var.redaction[*] : [for address in r.exempt_destinations : can(regex(local.address, address))]]))
    error_message = "redaction.exempt_destinations must be bare addresses such as team@example.com."
  }
}

variable "maximum_concurrency" {
  description = "Mails that are forwarded at the same time. SES limits how many mails an account sends in a second."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000 && floor(var.maximum_concurrency) == var.maximum_concurrency
    error_message = "maximum_concurrency must be a whole number from 2 to 1000, which is what Lambda accepts."
  }
}

variable "confirmation_seconds" {
  description = "Seconds to wait for SES's report of a mail whose function ended before SES answered; without a report the mail is sent again. SES reports within seconds, at best effort."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.confirmation_seconds >= 1 && var.confirmation_seconds <= 600 && floor(var.confirmation_seconds) == var.confirmation_seconds
    error_message = "confirmation_seconds must be a whole number from 1 to 600: the queue's next attempt comes after 720 seconds."
  }
}

variable "retention_days" {
  description = "Days for which the archive keeps a mail."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.retention_days >= 14 && var.retention_days <= 3650 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of days from 14 to 3650: failed messages are kept for 14 days, and need their mails."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the archive with its mails."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Protect the tables from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
