# Written by `make docs` (tools/root.py) from modules/apps/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  apps_settings = {
    "config_cache"                                 = ["check_schedule_expression", "fetch_at_start", "functions", "items", "parameters", "port", "python_packages", "secrets", "stale_seconds", "timeout_seconds", "ttl_seconds"]
    "config_cache.parameters[*]"                   = ["kms_key_arn", "parameter", "ttl_seconds"]
    "config_cache.secrets[*]"                      = ["arn", "kms_key_arn", "ttl_seconds", "version_stage"]
    "config_cache.items[*]"                        = ["consistent", "fields", "kms_key_arn", "partition_key", "sort_key", "table_arn", "ttl_seconds"]
    "config_cache.items[*].partition_key"          = ["name", "type", "value"]
    "config_cache.items[*].sort_key"               = ["name", "type", "value"]
    "config_cache.functions[*]"                    = ["config_file", "items", "parameters", "python_for", "role_name", "secrets"]
    "contact_form"                                 = ["alert", "deletion_protection", "iam_authorization", "maximum_characters", "page", "retention_days", "throttle", "user_pool", "web_acl_arn"]
    "contact_form.alert"                           = ["configuration_set", "from_address", "include_message", "sentiments", "to_addresses"]
    "contact_form.throttle"                        = ["burst_limit", "rate_limit"]
    "contact_form.user_pool"                       = ["arn", "client_ids", "scopes"]
    "container_service"                            = ["assign_public_ip", "azure_devops", "container", "container_insights", "deletion_protection", "egress", "error_threshold", "force_destroy", "github", "gitlab", "health_check", "images_kept", "load_balancer", "name", "notification_emails", "placeholder_image", "scaling", "secret_kms_key_arns", "subnet_ids", "vpc_id"]
    "container_service.load_balancer"              = ["allowed_cidr_blocks", "certificate_arn", "deregistration_delay", "idle_timeout", "internal", "ssl_policy", "subnet_ids"]
    "container_service.container"                  = ["architecture", "cpu", "environment", "memory", "port", "read_only_root", "secrets", "stop_timeout", "user"]
    "container_service.health_check"               = ["grace_period", "healthy_threshold", "interval", "matcher", "path", "timeout", "unhealthy_threshold"]
    "container_service.scaling"                    = ["cpu_percent", "maximum", "memory_percent", "minimum"]
    "container_service.egress[*]"                  = ["cidr_block", "description", "port"]
    "container_service.github"                     = ["audience", "branch", "issuer", "oidc_provider_arn", "owner_id", "repository", "repository_id"]
    "container_service.gitlab"                     = ["audience", "branch", "issuer", "oidc_provider_arn", "project"]
    "container_service.azure_devops"               = ["branch", "identities", "service_connection"]
    "container_service.azure_devops.identities[*]" = ["audience", "issuer", "oidc_provider_arn", "subject"]
    "iot_messaging"                                = ["api_key_ids", "api_key_routes", "commands", "deletion_protection", "maximum_bytes", "retention_days", "things", "throttle", "webhook"]
    "iot_messaging.things[*]"                      = ["active", "attributes", "csrs"]
    "iot_messaging.commands"                       = ["expiry_seconds", "maximum_bytes"]
    "iot_messaging.webhook"                        = ["kms_key_arn", "message", "previous_secret_hours", "retain", "secret_arn", "signature_header", "signature_prefix"]
    "iot_messaging.throttle"                       = ["burst_limit", "rate_limit"]
    "mail_router"                                  = ["catch_all_address", "confirmation_seconds", "deletion_protection", "destinations", "entity_endpoint_arn", "force_destroy", "from_address", "mailboxes", "maximum_concurrency", "maximum_megabytes", "minimum_score", "recipients", "redaction", "require_tls", "retention_days", "rule_set"]
    "mail_router.rule_set"                         = ["after", "name", "replace_active"]
    "mail_router.redaction"                        = ["exempt_destinations", "minimum_score", "types"]
    "openapi_service"                              = ["accept_breaking_changes", "authorizers", "binary_media_types", "clients", "default_endpoint", "deletion_protection", "documentation", "file", "force_destroy", "function", "image", "package_name", "policy", "stages", "throttle", "web_acl_arn"]
    "openapi_service.function"                     = ["invoke_arn", "name"]
    "openapi_service.authorizers[*]"               = ["api_key", "function", "iam", "user_pool_arns"]
    "openapi_service.authorizers[*].function"      = ["identity_sources", "invoke_arn", "name", "ttl_seconds"]
    "openapi_service.stages[*]"                    = ["canary", "release", "throttle", "variables"]
    "openapi_service.stages[*].canary"             = ["percent_traffic", "release"]
    "openapi_service.stages[*].throttle"           = ["burst_limit", "rate_limit"]
    "openapi_service.throttle"                     = ["burst_limit", "rate_limit"]
    "openapi_service.documentation"                = ["certificate_arn", "domain_name", "web_acl_arn"]
    "training_feedback"                            = ["child_directed", "deletion_protection", "force_destroy", "health_categories", "learner_days", "levels", "locales", "minimum_phrase_score", "page", "query_limit_mib", "quicksight", "retention_days", "session_seconds", "speech", "topics", "user_pool"]
    "training_feedback.speech"                     = ["voices"]
    "training_feedback.user_pool"                  = ["client_id", "id"]
    "training_feedback.quicksight"                 = ["direct_query", "owner_arns", "refresh_time", "refresh_time_zone", "service_role_name"]
  }
}

module "config_cache" {
  source = "./modules/apps/config_cache"
  count  = var.config_cache == null ? 0 : 1

  context                   = module.context.context
  parameters                = try(var.config_cache.parameters, null)
  secrets                   = try(var.config_cache.secrets, null)
  items                     = try(var.config_cache.items, null)
  functions                 = try(var.config_cache.functions, null)
  python_packages           = try(var.config_cache.python_packages, null)
  ttl_seconds               = try(var.config_cache.ttl_seconds, null)
  stale_seconds             = try(var.config_cache.stale_seconds, null)
  fetch_at_start            = try(var.config_cache.fetch_at_start, null)
  timeout_seconds           = try(var.config_cache.timeout_seconds, null)
  port                      = try(var.config_cache.port, null)
  check_schedule_expression = try(var.config_cache.check_schedule_expression, null)
}

variable "config_cache" {
  description = "Functions read parameters, secrets and DynamoDB items from memory instead of from AWS. {} for the defaults, null for off. See modules/apps/config_cache."
  type        = any
  default     = null

  validation {
    condition     = var.config_cache == null || can(keys(var.config_cache))
    error_message = "config_cache must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.config_cache), []), local.apps_settings["config_cache"])) == 0
    error_message = "config_cache has no setting ${join(", ", setsubtract(try(keys(var.config_cache), []), local.apps_settings["config_cache"]))}. Its settings are: ${join(", ", local.apps_settings["config_cache"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.config_cache.parameters), []) : try(keys(a), [])]), local.apps_settings["config_cache.parameters[*]"])) == 0
    error_message = "config_cache.parameters[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.config_cache.parameters), []) : try(keys(a), [])]), local.apps_settings["config_cache.parameters[*]"]))}. Its settings are: ${join(", ", local.apps_settings["config_cache.parameters[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.config_cache.secrets), []) : try(keys(a), [])]), local.apps_settings["config_cache.secrets[*]"])) == 0
    error_message = "config_cache.secrets[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.config_cache.secrets), []) : try(keys(a), [])]), local.apps_settings["config_cache.secrets[*]"]))}. Its settings are: ${join(", ", local.apps_settings["config_cache.secrets[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.config_cache.items), []) : try(keys(a), [])]), local.apps_settings["config_cache.items[*]"])) == 0
    error_message = "config_cache.items[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.config_cache.items), []) : try(keys(a), [])]), local.apps_settings["config_cache.items[*]"]))}. Its settings are: ${join(", ", local.apps_settings["config_cache.items[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.config_cache.items), []) : try(keys(a.partition_key), [])]), local.apps_settings["config_cache.items[*].partition_key"])) == 0
    error_message = "config_cache.items[*].partition_key has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.config_cache.items), []) : try(keys(a.partition_key), [])]), local.apps_settings["config_cache.items[*].partition_key"]))}. Its settings are: ${join(", ", local.apps_settings["config_cache.items[*].partition_key"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.config_cache.items), []) : try(keys(a.sort_key), [])]), local.apps_settings["config_cache.items[*].sort_key"])) == 0
    error_message = "config_cache.items[*].sort_key has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.config_cache.items), []) : try(keys(a.sort_key), [])]), local.apps_settings["config_cache.items[*].sort_key"]))}. Its settings are: ${join(", ", local.apps_settings["config_cache.items[*].sort_key"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.config_cache.functions), []) : try(keys(a), [])]), local.apps_settings["config_cache.functions[*]"])) == 0
    error_message = "config_cache.functions[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.config_cache.functions), []) : try(keys(a), [])]), local.apps_settings["config_cache.functions[*]"]))}. Its settings are: ${join(", ", local.apps_settings["config_cache.functions[*]"])}."
  }
}

output "config_cache" {
  description = "Outputs of modules/apps/config_cache; null when off."
  value       = one(module.config_cache[*])
}

module "contact_form" {
  source = "./modules/apps/contact_form"
  count  = var.contact_form == null ? 0 : 1

  context             = module.context.context
  alert               = try(var.contact_form.alert, null)
  retention_days      = try(var.contact_form.retention_days, null)
  maximum_characters  = try(var.contact_form.maximum_characters, null)
  throttle            = try(var.contact_form.throttle, null)
  page                = try(var.contact_form.page, null)
  web_acl_arn         = try(var.contact_form.web_acl_arn, null)
  iam_authorization   = try(var.contact_form.iam_authorization, null)
  user_pool           = try(var.contact_form.user_pool, null)
  deletion_protection = try(var.contact_form.deletion_protection, null)
}

variable "contact_form" {
  description = "Turns messages of your website's visitors into tickets: a visitor sends a form and gets a ticket number at once, and your team gets a mail about each complaint. { alert } for the defaults, null for off. See modules/apps/contact_form."
  type        = any
  default     = null

  validation {
    condition     = var.contact_form == null || can(keys(var.contact_form))
    error_message = "contact_form must be an object; null for off."
  }

  validation {
    condition     = var.contact_form == null || alltrue([for name in ["alert"] : try(var.contact_form[name], null) != null])
    error_message = "contact_form needs alert."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form), []), local.apps_settings["contact_form"])) == 0
    error_message = "contact_form has no setting ${join(", ", setsubtract(try(keys(var.contact_form), []), local.apps_settings["contact_form"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form.alert), []), local.apps_settings["contact_form.alert"])) == 0
    error_message = "contact_form.alert has no setting ${join(", ", setsubtract(try(keys(var.contact_form.alert), []), local.apps_settings["contact_form.alert"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form.alert"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form.throttle), []), local.apps_settings["contact_form.throttle"])) == 0
    error_message = "contact_form.throttle has no setting ${join(", ", setsubtract(try(keys(var.contact_form.throttle), []), local.apps_settings["contact_form.throttle"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form.throttle"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.contact_form.user_pool), []), local.apps_settings["contact_form.user_pool"])) == 0
    error_message = "contact_form.user_pool has no setting ${join(", ", setsubtract(try(keys(var.contact_form.user_pool), []), local.apps_settings["contact_form.user_pool"]))}. Its settings are: ${join(", ", local.apps_settings["contact_form.user_pool"])}."
  }
}

output "contact_form" {
  description = "Outputs of modules/apps/contact_form; null when off."
  value       = one(module.contact_form[*])
}

module "container_service" {
  source = "./modules/apps/container_service"
  count  = var.container_service == null ? 0 : 1

  context             = module.context.context
  name                = try(var.container_service.name, null)
  vpc_id              = try(var.container_service.vpc_id, null)
  subnet_ids          = try(var.container_service.subnet_ids, null)
  assign_public_ip    = try(var.container_service.assign_public_ip, null)
  load_balancer       = try(var.container_service.load_balancer, null)
  container           = try(var.container_service.container, null)
  secret_kms_key_arns = try(var.container_service.secret_kms_key_arns, null)
  health_check        = try(var.container_service.health_check, null)
  scaling             = try(var.container_service.scaling, null)
  egress              = try(var.container_service.egress, null)
  images_kept         = try(var.container_service.images_kept, null)
  placeholder_image   = try(var.container_service.placeholder_image, null)
  github              = try(var.container_service.github, null)
  gitlab              = try(var.container_service.gitlab, null)
  azure_devops        = try(var.container_service.azure_devops, null)
  container_insights  = try(var.container_service.container_insights, null)
  error_threshold     = try(var.container_service.error_threshold, null)
  notification_emails = try(var.container_service.notification_emails, null)
  deletion_protection = try(var.container_service.deletion_protection, null)
  force_destroy       = try(var.container_service.force_destroy, null)
}

variable "container_service" {
  description = "Runs a web service in containers on Amazon ECS with Fargate behind a load balancer with TLS, and lets one branch of one repository on GitHub, GitLab or Azure DevOps deploy it without stored keys. { vpc_id, subnet_ids, load_balancer } for the defaults, null for off. See modules/apps/container_service."
  type        = any
  default     = null

  validation {
    condition     = var.container_service == null || can(keys(var.container_service))
    error_message = "container_service must be an object; null for off."
  }

  validation {
    condition     = var.container_service == null || alltrue([for name in ["vpc_id", "subnet_ids", "load_balancer"] : try(var.container_service[name], null) != null])
    error_message = "container_service needs vpc_id and subnet_ids and load_balancer."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service), []), local.apps_settings["container_service"])) == 0
    error_message = "container_service has no setting ${join(", ", setsubtract(try(keys(var.container_service), []), local.apps_settings["container_service"]))}. Its settings are: ${join(", ", local.apps_settings["container_service"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service.load_balancer), []), local.apps_settings["container_service.load_balancer"])) == 0
    error_message = "container_service.load_balancer has no setting ${join(", ", setsubtract(try(keys(var.container_service.load_balancer), []), local.apps_settings["container_service.load_balancer"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.load_balancer"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service.container), []), local.apps_settings["container_service.container"])) == 0
    error_message = "container_service.container has no setting ${join(", ", setsubtract(try(keys(var.container_service.container), []), local.apps_settings["container_service.container"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.container"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service.health_check), []), local.apps_settings["container_service.health_check"])) == 0
    error_message = "container_service.health_check has no setting ${join(", ", setsubtract(try(keys(var.container_service.health_check), []), local.apps_settings["container_service.health_check"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.health_check"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service.scaling), []), local.apps_settings["container_service.scaling"])) == 0
    error_message = "container_service.scaling has no setting ${join(", ", setsubtract(try(keys(var.container_service.scaling), []), local.apps_settings["container_service.scaling"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.scaling"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(flatten([var.container_service.egress]), []) : try(keys(a), [])]), local.apps_settings["container_service.egress[*]"])) == 0
    error_message = "container_service.egress[*] has no setting ${join(", ", setsubtract(flatten([for a in try(flatten([var.container_service.egress]), []) : try(keys(a), [])]), local.apps_settings["container_service.egress[*]"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.egress[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service.github), []), local.apps_settings["container_service.github"])) == 0
    error_message = "container_service.github has no setting ${join(", ", setsubtract(try(keys(var.container_service.github), []), local.apps_settings["container_service.github"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.github"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service.gitlab), []), local.apps_settings["container_service.gitlab"])) == 0
    error_message = "container_service.gitlab has no setting ${join(", ", setsubtract(try(keys(var.container_service.gitlab), []), local.apps_settings["container_service.gitlab"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.gitlab"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.container_service.azure_devops), []), local.apps_settings["container_service.azure_devops"])) == 0
    error_message = "container_service.azure_devops has no setting ${join(", ", setsubtract(try(keys(var.container_service.azure_devops), []), local.apps_settings["container_service.azure_devops"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.azure_devops"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.container_service.azure_devops.identities), []) : try(keys(a), [])]), local.apps_settings["container_service.azure_devops.identities[*]"])) == 0
    error_message = "container_service.azure_devops.identities[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.container_service.azure_devops.identities), []) : try(keys(a), [])]), local.apps_settings["container_service.azure_devops.identities[*]"]))}. Its settings are: ${join(", ", local.apps_settings["container_service.azure_devops.identities[*]"])}."
  }
}

output "container_service" {
  description = "Outputs of modules/apps/container_service; null when off."
  value       = one(module.container_service[*])
}

module "iot_messaging" {
  source = "./modules/apps/iot_messaging"
  count  = var.iot_messaging == null ? 0 : 1

  context             = module.context.context
  things              = try(var.iot_messaging.things, null)
  retention_days      = try(var.iot_messaging.retention_days, null)
  maximum_bytes       = try(var.iot_messaging.maximum_bytes, null)
  commands            = try(var.iot_messaging.commands, null)
  api_key_ids         = try(var.iot_messaging.api_key_ids, null)
  api_key_routes      = try(var.iot_messaging.api_key_routes, null)
  webhook             = try(var.iot_messaging.webhook, null)
  throttle            = try(var.iot_messaging.throttle, null)
  deletion_protection = try(var.iot_messaging.deletion_protection, null)
}

variable "iot_messaging" {
  description = "Connects devices with your applications: what a device publishes over MQTT is in a table some milliseconds later, and what you send by REST arrives at the device, also when it sleeps. { things } for the defaults, null for off. See modules/apps/iot_messaging."
  type        = any
  default     = null

  validation {
    condition     = var.iot_messaging == null || can(keys(var.iot_messaging))
    error_message = "iot_messaging must be an object; null for off."
  }

  validation {
    condition     = var.iot_messaging == null || alltrue([for name in ["things"] : try(var.iot_messaging[name], null) != null])
    error_message = "iot_messaging needs things."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging), []), local.apps_settings["iot_messaging"])) == 0
    error_message = "iot_messaging has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging), []), local.apps_settings["iot_messaging"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.iot_messaging.things), []) : try(keys(a), [])]), local.apps_settings["iot_messaging.things[*]"])) == 0
    error_message = "iot_messaging.things[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.iot_messaging.things), []) : try(keys(a), [])]), local.apps_settings["iot_messaging.things[*]"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.things[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging.commands), []), local.apps_settings["iot_messaging.commands"])) == 0
    error_message = "iot_messaging.commands has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging.commands), []), local.apps_settings["iot_messaging.commands"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.commands"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging.webhook), []), local.apps_settings["iot_messaging.webhook"])) == 0
    error_message = "iot_messaging.webhook has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging.webhook), []), local.apps_settings["iot_messaging.webhook"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.webhook"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.iot_messaging.throttle), []), local.apps_settings["iot_messaging.throttle"])) == 0
    error_message = "iot_messaging.throttle has no setting ${join(", ", setsubtract(try(keys(var.iot_messaging.throttle), []), local.apps_settings["iot_messaging.throttle"]))}. Its settings are: ${join(", ", local.apps_settings["iot_messaging.throttle"])}."
  }
}

output "iot_messaging" {
  description = "Outputs of modules/apps/iot_messaging; null when off."
  value       = one(module.iot_messaging[*])
}

module "mail_router" {
  source = "./modules/apps/mail_router"
  count  = var.mail_router == null ? 0 : 1

  context              = module.context.context
  recipients           = try(var.mail_router.recipients, null)
  from_address         = try(var.mail_router.from_address, null)
  catch_all_address    = try(var.mail_router.catch_all_address, null)
  destinations         = try(var.mail_router.destinations, null)
  mailboxes            = try(var.mail_router.mailboxes, null)
  rule_set             = try(var.mail_router.rule_set, null)
  require_tls          = try(var.mail_router.require_tls, null)
  minimum_score        = try(var.mail_router.minimum_score, null)
  maximum_megabytes    = try(var.mail_router.maximum_megabytes, null)
  entity_endpoint_arn  = try(var.mail_router.entity_endpoint_arn, null)
  redaction            = try(var.mail_router.redaction, null)
  maximum_concurrency  = try(var.mail_router.maximum_concurrency, null)
  confirmation_seconds = try(var.mail_router.confirmation_seconds, null)
  retention_days       = try(var.mail_router.retention_days, null)
  force_destroy        = try(var.mail_router.force_destroy, null)
  deletion_protection  = try(var.mail_router.deletion_protection, null)
}

variable "mail_router" {
  description = "Forwards the mails of a mailbox such as `info@example.com` to the team that reads their language, as they are, and keeps every original. { recipients, from_address, catch_all_address } for the defaults, null for off. See modules/apps/mail_router."
  type        = any
  default     = null

  validation {
    condition     = var.mail_router == null || can(keys(var.mail_router))
    error_message = "mail_router must be an object; null for off."
  }

  validation {
    condition     = var.mail_router == null || alltrue([for name in ["recipients", "from_address", "catch_all_address"] : try(var.mail_router[name], null) != null])
    error_message = "mail_router needs recipients and from_address and catch_all_address."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.mail_router), []), local.apps_settings["mail_router"])) == 0
    error_message = "mail_router has no setting ${join(", ", setsubtract(try(keys(var.mail_router), []), local.apps_settings["mail_router"]))}. Its settings are: ${join(", ", local.apps_settings["mail_router"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.mail_router.rule_set), []), local.apps_settings["mail_router.rule_set"])) == 0
    error_message = "mail_router.rule_set has no setting ${join(", ", setsubtract(try(keys(var.mail_router.rule_set), []), local.apps_settings["mail_router.rule_set"]))}. Its settings are: ${join(", ", local.apps_settings["mail_router.rule_set"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.mail_router.redaction), []), local.apps_settings["mail_router.redaction"])) == 0
    error_message = "mail_router.redaction has no setting ${join(", ", setsubtract(try(keys(var.mail_router.redaction), []), local.apps_settings["mail_router.redaction"]))}. Its settings are: ${join(", ", local.apps_settings["mail_router.redaction"])}."
  }
}

output "mail_router" {
  description = "Outputs of modules/apps/mail_router; null when off."
  value       = one(module.mail_router[*])
}

module "openapi_service" {
  source = "./modules/apps/openapi_service"
  count  = var.openapi_service == null ? 0 : 1

  context                 = module.context.context
  file                    = try(var.openapi_service.file, null)
  function                = try(var.openapi_service.function, null)
  authorizers             = try(var.openapi_service.authorizers, null)
  accept_breaking_changes = try(var.openapi_service.accept_breaking_changes, null)
  stages                  = try(var.openapi_service.stages, null)
  throttle                = try(var.openapi_service.throttle, null)
  policy                  = try(var.openapi_service.policy, null)
  binary_media_types      = try(var.openapi_service.binary_media_types, null)
  default_endpoint        = try(var.openapi_service.default_endpoint, null)
  clients                 = try(var.openapi_service.clients, null)
  package_name            = try(var.openapi_service.package_name, null)
  documentation           = try(var.openapi_service.documentation, null)
  image                   = try(var.openapi_service.image, null)
  web_acl_arn             = try(var.openapi_service.web_acl_arn, null)
  deletion_protection     = try(var.openapi_service.deletion_protection, null)
  force_destroy           = try(var.openapi_service.force_destroy, null)
}

variable "openapi_service" {
  description = "Makes a REST API, its documentation and its client packages (Python, TypeScript) of one OpenAPI 3.0 file. {} for the defaults, null for off. See modules/apps/openapi_service."
  type        = any
  default     = null

  validation {
    condition     = var.openapi_service == null || can(keys(var.openapi_service))
    error_message = "openapi_service must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.openapi_service), []), local.apps_settings["openapi_service"])) == 0
    error_message = "openapi_service has no setting ${join(", ", setsubtract(try(keys(var.openapi_service), []), local.apps_settings["openapi_service"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.openapi_service.function), []), local.apps_settings["openapi_service.function"])) == 0
    error_message = "openapi_service.function has no setting ${join(", ", setsubtract(try(keys(var.openapi_service.function), []), local.apps_settings["openapi_service.function"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.function"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.openapi_service.authorizers), []) : try(keys(a), [])]), local.apps_settings["openapi_service.authorizers[*]"])) == 0
    error_message = "openapi_service.authorizers[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.openapi_service.authorizers), []) : try(keys(a), [])]), local.apps_settings["openapi_service.authorizers[*]"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.authorizers[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.openapi_service.authorizers), []) : try(keys(a.function), [])]), local.apps_settings["openapi_service.authorizers[*].function"])) == 0
    error_message = "openapi_service.authorizers[*].function has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.openapi_service.authorizers), []) : try(keys(a.function), [])]), local.apps_settings["openapi_service.authorizers[*].function"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.authorizers[*].function"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.openapi_service.stages), []) : try(keys(a), [])]), local.apps_settings["openapi_service.stages[*]"])) == 0
    error_message = "openapi_service.stages[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.openapi_service.stages), []) : try(keys(a), [])]), local.apps_settings["openapi_service.stages[*]"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.stages[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.openapi_service.stages), []) : try(keys(a.canary), [])]), local.apps_settings["openapi_service.stages[*].canary"])) == 0
    error_message = "openapi_service.stages[*].canary has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.openapi_service.stages), []) : try(keys(a.canary), [])]), local.apps_settings["openapi_service.stages[*].canary"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.stages[*].canary"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.openapi_service.stages), []) : try(keys(a.throttle), [])]), local.apps_settings["openapi_service.stages[*].throttle"])) == 0
    error_message = "openapi_service.stages[*].throttle has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.openapi_service.stages), []) : try(keys(a.throttle), [])]), local.apps_settings["openapi_service.stages[*].throttle"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.stages[*].throttle"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.openapi_service.throttle), []), local.apps_settings["openapi_service.throttle"])) == 0
    error_message = "openapi_service.throttle has no setting ${join(", ", setsubtract(try(keys(var.openapi_service.throttle), []), local.apps_settings["openapi_service.throttle"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.throttle"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.openapi_service.documentation), []), local.apps_settings["openapi_service.documentation"])) == 0
    error_message = "openapi_service.documentation has no setting ${join(", ", setsubtract(try(keys(var.openapi_service.documentation), []), local.apps_settings["openapi_service.documentation"]))}. Its settings are: ${join(", ", local.apps_settings["openapi_service.documentation"])}."
  }
}

output "openapi_service" {
  description = "Outputs of modules/apps/openapi_service; null when off."
  value       = one(module.openapi_service[*])
}

module "training_feedback" {
  source = "./modules/apps/training_feedback"
  count  = var.training_feedback == null ? 0 : 1

  context              = module.context.context
  topics               = try(var.training_feedback.topics, null)
  levels               = try(var.training_feedback.levels, null)
  locales              = try(var.training_feedback.locales, null)
  speech               = try(var.training_feedback.speech, null)
  child_directed       = try(var.training_feedback.child_directed, null)
  session_seconds      = try(var.training_feedback.session_seconds, null)
  health_categories    = try(var.training_feedback.health_categories, null)
  minimum_phrase_score = try(var.training_feedback.minimum_phrase_score, null)
  retention_days       = try(var.training_feedback.retention_days, null)
  learner_days         = try(var.training_feedback.learner_days, null)
  user_pool            = try(var.training_feedback.user_pool, null)
  page                 = try(var.training_feedback.page, null)
  quicksight           = try(var.training_feedback.quicksight, null)
  query_limit_mib      = try(var.training_feedback.query_limit_mib, null)
  deletion_protection  = try(var.training_feedback.deletion_protection, null)
  force_destroy        = try(var.training_feedback.force_destroy, null)
}

variable "training_feedback" {
  description = "Gives learners a trainer to talk to, and shows you what they think of the training while it runs. { topics } for the defaults, null for off. See modules/apps/training_feedback."
  type        = any
  default     = null

  validation {
    condition     = var.training_feedback == null || can(keys(var.training_feedback))
    error_message = "training_feedback must be an object; null for off."
  }

  validation {
    condition     = var.training_feedback == null || alltrue([for name in ["topics"] : try(var.training_feedback[name], null) != null])
    error_message = "training_feedback needs topics."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.training_feedback), []), local.apps_settings["training_feedback"])) == 0
    error_message = "training_feedback has no setting ${join(", ", setsubtract(try(keys(var.training_feedback), []), local.apps_settings["training_feedback"]))}. Its settings are: ${join(", ", local.apps_settings["training_feedback"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.training_feedback.speech), []), local.apps_settings["training_feedback.speech"])) == 0
    error_message = "training_feedback.speech has no setting ${join(", ", setsubtract(try(keys(var.training_feedback.speech), []), local.apps_settings["training_feedback.speech"]))}. Its settings are: ${join(", ", local.apps_settings["training_feedback.speech"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.training_feedback.user_pool), []), local.apps_settings["training_feedback.user_pool"])) == 0
    error_message = "training_feedback.user_pool has no setting ${join(", ", setsubtract(try(keys(var.training_feedback.user_pool), []), local.apps_settings["training_feedback.user_pool"]))}. Its settings are: ${join(", ", local.apps_settings["training_feedback.user_pool"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.training_feedback.quicksight), []), local.apps_settings["training_feedback.quicksight"])) == 0
    error_message = "training_feedback.quicksight has no setting ${join(", ", setsubtract(try(keys(var.training_feedback.quicksight), []), local.apps_settings["training_feedback.quicksight"]))}. Its settings are: ${join(", ", local.apps_settings["training_feedback.quicksight"])}."
  }
}

output "training_feedback" {
  description = "Outputs of modules/apps/training_feedback; null when off."
  value       = one(module.training_feedback[*])
}
