# Keys, secrets and the edge: one module block, variable and output per capability.

module "country_embargo" {
  source = "./modules/protection/country_embargo"
  count  = var.country_embargo == null ? 0 : 1

  context                 = module.context.context
  action                  = var.country_embargo.action
  create_web_acl          = var.country_embargo.create_web_acl
  document_file           = var.country_embargo.document_file
  document_key            = var.country_embargo.document_key
  exempt_cidrs            = var.country_embargo.exempt_cidrs
  force_destroy           = var.country_embargo.force_destroy
  forwarded_ip            = var.country_embargo.forwarded_ip
  history_days            = var.country_embargo.history_days
  notification_emails     = var.country_embargo.notification_emails
  protected_resource_arns = var.country_embargo.protected_resource_arns
  scope                   = var.country_embargo.scope
  web_acl_priority        = var.country_embargo.web_acl_priority
}

variable "country_embargo" {
  description = "Embargoed countries and address ranges kept out by AWS WAF, from one JSON file; {} for the defaults, null for off. See modules/protection/country_embargo."
  type = object({
    action         = optional(string)
    create_web_acl = optional(bool)
    document_file  = optional(string)
    document_key   = optional(string)
    exempt_cidrs   = optional(set(string))
    force_destroy  = optional(bool)
    forwarded_ip = optional(object({
      header_name       = optional(string, "X-Forwarded-For")
      fallback_behavior = optional(string, "MATCH")
      position          = optional(string, "FIRST")
    }))
    history_days            = optional(number)
    notification_emails     = optional(set(string))
    protected_resource_arns = optional(map(string))
    scope                   = optional(string)
    web_acl_priority        = optional(number)
  })
  default = null
}

output "country_embargo" {
  description = "Outputs of modules/protection/country_embargo; null when off."
  value       = one(module.country_embargo[*])
}
