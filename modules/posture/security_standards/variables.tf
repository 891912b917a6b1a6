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

variable "create_hub" {
  description = "Whether to enable Security Hub in this account and Region, and disable it with `terraform destroy`. Set false if it is already enabled: the hub and its settings then stay as they are."
  type        = bool
  default     = true
  nullable    = false
}

variable "control_finding_generator" {
  description = "With `create_hub`: `SECURITY_CONTROL` creates one finding of a control for all standards, `STANDARD_CONTROL` one for each standard. Suppressions by `control_ids` need `SECURITY_CONTROL`."
  type        = string
  default     = "SECURITY_CONTROL"
  nullable    = false

  validation {
    condition     = contains(["SECURITY_CONTROL", "STANDARD_CONTROL"], var.control_finding_generator)
    error_message = "control_finding_generator must be SECURITY_CONTROL or STANDARD_CONTROL."
  }
}

variable "auto_enable_controls" {
  description = "With `create_hub`: whether new controls that AWS adds to an enabled standard are enabled automatically."
  type        = bool
  default     = true
  nullable    = false
}

variable "recorder_name" {
  description = "Name of the AWS Config recorder of this account and Region, if the same apply creates it, so that standards are enabled after it; null if the account has one already."
  type        = string
  default     = null
}

variable "standards" {
  description = "Standards to enable: `fsbp`, `cis-1.2.0`, `cis-1.4.0`, `cis-3.0.0`, `cis-5.0.0`, `nist-800-53`, `nist-800-171`, `pci-3.2.1`, `pci-4.0.1`, `resource-tagging`."
  type        = set(string)
  default     = ["fsbp"]
  nullable    = false

  validation {
    condition     = alltrue([for s in var.standards : contains(["fsbp", "cis-1.2.0", "cis-1.4.0", "cis-3.0.0", "cis-5.0.0", "nist-800-53", "nist-800-171", "pci-3.2.1", "pci-4.0.1", "resource-tagging"], s)])
    error_message = "standards must be among fsbp, cis-1.2.0, cis-1.4.0, cis-3.0.0, cis-5.0.0, nist-800-53, nist-800-171, pci-3.2.1, pci-4.0.1 and resource-tagging."
  }
}

variable "existing_standards" {
  description = "Standards that are already enabled, by the same names. They are checked and `disabled_controls` applies to them, but the module neither enables nor disables them, so a destroy leaves them enabled."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for s in var.existing_standards : contains(["fsbp", "cis-1.2.0", "cis-1.4.0", "cis-3.0.0", "cis-5.0.0", "nist-800-53", "nist-800-171", "pci-3.2.1", "pci-4.0.1", "resource-tagging"], s)])
    error_message = "existing_standards must be among fsbp, cis-1.2.0, cis-1.4.0, cis-3.0.0, cis-5.0.0, nist-800-53, nist-800-171, pci-3.2.1, pci-4.0.1 and resource-tagging."
  }
}

variable "disabled_controls" {
  description = "Controls to disable in this account and Region, by ID such as `ACM.1`: the `reason`, which Security Hub shows with the control, and the `standards` that have the control (null: all of `standards` and `existing_standards`). To have a control checked again, set `enabled = true` in its entry and apply; removing an entry alone leaves the control disabled."
  type = map(object({
    reason    = string
    enabled   = optional(bool, false)
    standards = optional(set(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for id in keys(var.disabled_controls) : can(regex("^[A-Za-z0-9]+\\.[0-9]+$", id))])
    error_message = "The keys of disabled_controls must be security control IDs such as \"ACM.1\" or \"S3.14\", not the numbers that a standard uses."
  }
  validation {
    condition     = alltrue([for c in var.disabled_controls : can(regex("\\S", c.reason))])
    error_message = "Each disabled control needs a reason, which Security Hub shows with the control."
  }
}

variable "control_parameters" {
  description = "Parameters of controls in this account and Region, by control ID such as `ACM.1`: the `reason` (letters, digits, blanks, _ and -), and the values by the parameter's name in Security Hub's controls reference, each with one of the types, such as `{ daysToExpiration = { int = 60 } }`. Removing a parameter sets it to Security Hub's default, and so does a destroy."
  type = map(object({
    reason = optional(string)
    parameters = map(object({
      int         = optional(number)
      double      = optional(number)
      bool        = optional(bool)
      string      = optional(string)
      enum        = optional(string)
      int_list    = optional(list(number))
      string_list = optional(list(string))
      enum_list   = optional(list(string))
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for id, c in var.control_parameters : can(regex("^[A-Za-z0-9]+\\.[0-9]+$", id)) && length(c.parameters) > 0 && can(regex("^[-_ a-zA-Z0-9]*$", coalesce(c.reason, " ")))])
    error_message = "The keys of control_parameters must be security control IDs such as \"ACM.1\", each with parameters, and a reason can hold only letters, digits, blanks, _ and -."
  }
  validation {
    condition     = alltrue(flatten([for c in var.control_parameters : [for p in c.parameters : length([for value in values(p) : value if value != null]) == 1]]))
    error_message = "Each parameter needs a value of exactly one type, such as { int = 60 }."
  }
}

variable "suppressions" {
  description = "Suppressions of failed findings that you accept, by name: the `reason`, which becomes the note of each finding, and the criteria, all of which must match: `control_ids`; resources by `resource_ids` (ARNs), `resource_id_prefixes` or a `resource_tag`; and `account_ids`. A suppression ends after the day `until` (YYYY-MM-DD, in UTC). When it ends or its entry is removed, its findings become NEW."
  type = map(object({
    reason               = string
    control_ids          = optional(set(string), [])
    resource_ids         = optional(set(string), [])
    resource_id_prefixes = optional(set(string), [])
    resource_tag         = optional(object({ key = string, value = string }))
    account_ids          = optional(set(string), [])
    until                = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.suppressions) : can(regex("^[a-z0-9][a-z0-9-]{0,63}$", name))]) && length(var.suppressions) <= 99
    error_message = "The name of a suppression must consist of up to 64 lower-case letters, digits and hyphens, and there can be at most 99 suppressions."
  }
  validation {
    condition     = alltrue([for s in var.suppressions : can(regex("\\S", s.reason)) && length(s.reason) <= 400])
    error_message = "Each suppression needs a reason of up to 400 characters: it is the only explanation that an auditor sees."
  }
  validation {
    condition     = alltrue([for s in var.suppressions : length(s.control_ids) + length(s.resource_ids) + length(s.resource_id_prefixes) > 0 || s.resource_tag != null])
    error_message = "Each suppression needs control_ids, resource_ids, resource_id_prefixes or a resource_tag: without one it would cover everything. account_ids alone are not enough."
  }
  validation {
    condition     = var.control_finding_generator == "SECURITY_CONTROL" || alltrue([for s in var.suppressions : length(s.control_ids) == 0])
    error_message = "With control_finding_generator STANDARD_CONTROL, findings have no control ID, so that control_ids would match none: select resources instead."
  }
  validation {
    condition     = alltrue(flatten([for s in var.suppressions : [for id in s.control_ids : can(regex("^[A-Za-z0-9]+\\.[0-9]+$", id))]]))
    error_message = "control_ids must be security control IDs such as \"S3.8\"."
  }
  validation {
    condition     = alltrue(flatten([for s in var.suppressions : [for id in concat(tolist(s.resource_ids), tolist(s.resource_id_prefixes)) : can(regex("^(arn:[^:]+:[^:]+:[^:]*:[^:]*:[^:*]|AWS::::Account:)", id))]]))
    error_message = "resource_ids and resource_id_prefixes must be ARNs, or prefixes of ARNs, that are longer than the service and account (\"arn:aws:s3:::website-\"), or \"AWS::::Account:ID\"; no wildcards."
  }
  validation {
    condition     = alltrue(flatten([for s in var.suppressions : [for id in s.account_ids : can(regex("^[0-9]{12}$", id))]])) && alltrue([for s in var.suppressions : s.resource_tag == null ? true : length(s.resource_tag.key) > 0 && length(s.resource_tag.value) > 0])
    error_message = "account_ids must have 12 digits, and a resource_tag must have a key and a value."
  }
  validation {
    condition     = alltrue([for s in var.suppressions : max(length(s.control_ids), length(s.resource_ids) + length(s.resource_id_prefixes), length(s.account_ids)) <= 20])
    error_message = "A suppression can have at most 20 control_ids, 20 resource_ids and resource_id_prefixes together, and 20 account_ids: divide more among several suppressions."
  }
  validation {
    condition     = alltrue([for s in var.suppressions : s.until == null ? true : can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", s.until)) && can(timecmp("${s.until}T00:00:00Z", "2000-01-01T00:00:00Z"))])
    error_message = "until must be a date such as \"2027-03-31\"."
  }
}

variable "rule_order" {
  description = "Order of the suppressions among the account's automation rules; rules with a lower order apply first. The module also uses the order one below it."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.rule_order >= 2 && var.rule_order <= 1000 && floor(var.rule_order) == var.rule_order
    error_message = "rule_order must be a whole number between 2 and 1000."
  }
}

variable "finding_aggregation" {
  description = "Aggregation of the findings of other Regions in this one: `linking_mode` ALL_REGIONS, ALL_REGIONS_EXCEPT_SPECIFIED, SPECIFIED_REGIONS or NO_REGIONS, and the `regions` of the middle two. One per account; null for none."
  type = object({
    linking_mode = string
    regions      = optional(set(string))
  })
  default = null

  validation {
    condition     = var.finding_aggregation == null || try(contains(["ALL_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED", "SPECIFIED_REGIONS", "NO_REGIONS"], var.finding_aggregation.linking_mode) && (length(coalesce(var.finding_aggregation.regions, [])) > 0) == strcontains(var.finding_aggregation.linking_mode, "SPECIFIED"), false)
    error_message = "linking_mode must be ALL_REGIONS, ALL_REGIONS_EXCEPT_SPECIFIED, SPECIFIED_REGIONS or NO_REGIONS; the two with SPECIFIED need regions, and the others must not have any."
  }
}

variable "organization" {
  description = "In the organization's Security Hub administrator account: `auto_enable` enables Security Hub in new accounts, with the default standards (`auto_enable_standards` DEFAULT) or none (NONE). `configuration_type` CENTRAL configures all accounts by configuration policies instead; it needs finding_aggregation, auto_enable = false and NONE. Null does not change the organization."
  type = object({
    auto_enable           = optional(bool, true)
    auto_enable_standards = optional(string, "NONE")
    configuration_type    = optional(string, "LOCAL")
  })
  default = null

  validation {
    condition     = var.organization == null || try(contains(["DEFAULT", "NONE"], var.organization.auto_enable_standards) && contains(["LOCAL", "CENTRAL"], var.organization.configuration_type), false)
    error_message = "auto_enable_standards must be DEFAULT or NONE, configuration_type LOCAL or CENTRAL."
  }
  validation {
    condition     = var.organization == null || try(var.organization.configuration_type == "LOCAL" || (!var.organization.auto_enable && var.organization.auto_enable_standards == "NONE"), false)
    error_message = "With configuration_type CENTRAL, auto_enable must be false and auto_enable_standards NONE: configuration policies apply instead."
  }
}

variable "configuration_policies" {
  description = "With organization.configuration_type CENTRAL: configuration policies by name, each with the `targets` that it applies to (account IDs, organizational units, or the root), whether Security Hub is on there (`enabled`), its `standards`, the `disabled_controls`, and `parameters` of controls as in control_parameters. An account has the policy of the nearest target above it."
  type = map(object({
    targets           = set(string)
    description       = optional(string, "")
    enabled           = optional(bool, true)
    standards         = optional(set(string), ["fsbp"])
    disabled_controls = optional(set(string), [])
    parameters = optional(map(map(object({
      int         = optional(number)
      double      = optional(number)
      bool        = optional(bool)
      string      = optional(string)
      enum        = optional(string)
      int_list    = optional(list(number))
      string_list = optional(list(string))
      enum_list   = optional(list(string))
    }))), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(var.configuration_policies) == 0 || try(var.organization.configuration_type == "CENTRAL", false)
    error_message = "configuration_policies need organization = { auto_enable = false, configuration_type = \"CENTRAL\" }: without central configuration, each account keeps its own settings."
  }
  validation {
    condition     = alltrue(flatten([for p in var.configuration_policies : [for t in p.targets : can(regex("^([0-9]{12}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$", t))]])) && length(distinct(flatten([for p in var.configuration_policies : tolist(p.targets)]))) == length(flatten([for p in var.configuration_policies : tolist(p.targets)]))
    error_message = "targets must be account IDs, organizational units (ou-…) or the root (r-…), each in one policy only."
  }
  validation {
    condition     = alltrue([for p in var.configuration_policies : p.enabled ? alltrue([for s in p.standards : contains(["fsbp", "cis-1.2.0", "cis-1.4.0", "cis-3.0.0", "cis-5.0.0", "nist-800-53", "nist-800-171", "pci-3.2.1", "pci-4.0.1", "resource-tagging"], s)]) : length(p.disabled_controls) + length(p.parameters) == 0])
    error_message = "The standards of a policy must have the names that the variable standards lists, and a policy that switches Security Hub off (enabled = false) can have neither disabled_controls nor parameters."
  }
  validation {
    condition     = alltrue(flatten([for p in var.configuration_policies : [for c in p.parameters : [for v in c : length([for value in values(v) : value if value != null]) == 1]]]))
    error_message = "Each parameter needs a value of exactly one type, such as { int = 60 }."
  }
}

variable "schedule_expression" {
  description = "Schedule on which the functions check the standards and apply the suppressions, as `rate(...)` or `cron(...)`. Both also happen after an apply that changes them."
  type        = string
  default     = "rate(1 hour)"
  nullable    = false
}
