# Written by `make docs` (tools/root.py) from modules/posture/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  posture_settings = {
    "access_analyzer"                                               = ["analyzer_arn", "archive_rules", "exempt", "force_destroy", "keep_days", "notification_emails", "notification_statuses", "resource_types", "shut_off", "type"]
    "access_analyzer.archive_rules[*][*]"                           = ["contains", "criteria", "eq", "exists", "neq"]
    "access_analyzer.shut_off"                                      = ["bucket_names", "cross_account_access_points", "dry_run", "public_access_points"]
    "access_analyzer.exempt"                                        = ["access_point_names", "bucket_names", "principals"]
    "config_recorder"                                               = ["expiration_days", "force_destroy", "include_global_resource_types", "recording_frequency", "resource_types", "role_arn", "snapshot_frequency"]
    "finding_chat"                                                  = ["action_id", "action_name", "created_after", "guardrail_policy_arns", "logging_level", "role_policy_arns", "severities", "slack_channels", "teams_channels", "user_authorization_required"]
    "finding_chat.slack_channels[*]"                                = ["channel_id", "exclude", "only", "severities", "workspace_id"]
    "finding_chat.slack_channels[*].only"                           = ["accounts", "controls", "products", "resource_tags"]
    "finding_chat.slack_channels[*].exclude"                        = ["accounts", "controls", "products", "resource_tags"]
    "finding_chat.teams_channels[*]"                                = ["channel_id", "exclude", "only", "severities", "team_id", "tenant_id"]
    "finding_chat.teams_channels[*].only"                           = ["accounts", "controls", "products", "resource_tags"]
    "finding_chat.teams_channels[*].exclude"                        = ["accounts", "controls", "products", "resource_tags"]
    "finding_export"                                                = ["chunk_seconds", "chunks_per_execution", "continuous", "count_parameter_name", "destination", "expiration_days", "filters", "force_destroy", "kms_key_arn", "notification_emails", "notification_statuses", "object_mib", "prefix", "requests_per_second", "schedule_expression"]
    "finding_export.filters"                                        = ["booleans", "cidrs", "dates", "maps", "numbers", "strings"]
    "finding_export.filters.strings[*][*]"                          = ["comparison", "value"]
    "finding_export.filters.dates[*][*]"                            = ["end", "last_days", "start"]
    "finding_export.filters.numbers[*][*]"                          = ["eq", "gte", "lte"]
    "finding_export.filters.maps[*][*]"                             = ["comparison", "key", "value"]
    "finding_export.destination"                                    = ["account_id", "bucket_name", "kms_key_arn"]
    "finding_remediation"                                           = ["automatic", "bucket_patterns", "copy_part_mib", "copy_single_max_mib", "delete_old_version", "dry_run", "exempt_bucket_tag", "exempt_tag", "member_account_ids", "member_external_id", "member_organization_id", "member_role_prefix", "noncurrent_days", "object_kms_key_arns", "public_buckets", "remediations", "source_kms_key_arns"]
    "secret_rotation_rules"                                         = ["aggregator", "customer_managed_keys", "excluded_accounts", "expiration_days", "force_destroy", "maximum_days_since_rotation", "maximum_days_unused", "maximum_rotation_days", "maximum_rotation_hours", "notices", "notification_emails", "organization_rules", "periodic_frequency", "schedule_expression", "scope_tag"]
    "secret_rotation_rules.scope_tag"                               = ["key", "value"]
    "secret_rotation_rules.customer_managed_keys"                   = ["key_arns"]
    "secret_rotation_rules.aggregator"                              = ["account_ids", "regions"]
    "security_standards"                                            = ["auto_enable_controls", "configuration_policies", "control_finding_generator", "control_parameters", "create_hub", "disabled_controls", "existing_standards", "finding_aggregation", "organization", "rule_order", "schedule_expression", "standards", "suppressions"]
    "security_standards.disabled_controls[*]"                       = ["enabled", "reason", "standards"]
    "security_standards.control_parameters[*]"                      = ["parameters", "reason"]
    "security_standards.control_parameters[*].parameters[*]"        = ["bool", "double", "enum", "enum_list", "int", "int_list", "string", "string_list"]
    "security_standards.suppressions[*]"                            = ["account_ids", "control_ids", "reason", "resource_id_prefixes", "resource_ids", "resource_tag", "until"]
    "security_standards.suppressions[*].resource_tag"               = ["key", "value"]
    "security_standards.finding_aggregation"                        = ["linking_mode", "regions"]
    "security_standards.organization"                               = ["auto_enable", "auto_enable_standards", "configuration_type"]
    "security_standards.configuration_policies[*]"                  = ["description", "disabled_controls", "enabled", "parameters", "standards", "targets"]
    "security_standards.configuration_policies[*].parameters[*][*]" = ["bool", "double", "enum", "enum_list", "int", "int_list", "string", "string_list"]
    "web_acl_logging"                                               = ["buffering", "correct_destination", "destination", "exempt_tags", "exempt_web_acl_arns", "expiration_days", "force_destroy", "logging_filter", "maximum_automatic_attempts", "notification_emails", "redacted_headers", "reevaluation_schedule_expression", "retry_attempt_seconds", "scopes"]
    "web_acl_logging.logging_filter"                                = ["default_behavior", "filters"]
    "web_acl_logging.logging_filter.filters[*]"                     = ["actions", "behavior", "labels", "requirement"]
    "web_acl_logging.buffering"                                     = ["mib", "seconds"]
  }
}

module "access_analyzer" {
  source = "./modules/posture/access_analyzer"
  count  = var.access_analyzer == null ? 0 : 1

  context               = module.context.context
  type                  = try(var.access_analyzer.type, null)
  analyzer_arn          = try(var.access_analyzer.analyzer_arn, null)
  archive_rules         = try(var.access_analyzer.archive_rules, null)
  resource_types        = try(var.access_analyzer.resource_types, null)
  notification_statuses = try(var.access_analyzer.notification_statuses, null)
  notification_emails   = try(var.access_analyzer.notification_emails, null)
  shut_off              = try(var.access_analyzer.shut_off, null)
  exempt                = try(var.access_analyzer.exempt, null)
  keep_days             = try(var.access_analyzer.keep_days, null)
  force_destroy         = try(var.access_analyzer.force_destroy, null)
}

variable "access_analyzer" {
  description = "Notifies you of each resource that a principal outside your account or organization can access, with the principal and the grant: bucket policy, bucket ACL or access point, with the access point's ARN. {} for the defaults, null for off. See modules/posture/access_analyzer."
  type        = any
  default     = null

  validation {
    condition     = var.access_analyzer == null || can(keys(var.access_analyzer))
    error_message = "access_analyzer must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.access_analyzer), []), local.posture_settings["access_analyzer"])) == 0
    error_message = "access_analyzer has no setting ${join(", ", setsubtract(try(keys(var.access_analyzer), []), local.posture_settings["access_analyzer"]))}. Its settings are: ${join(", ", local.posture_settings["access_analyzer"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.access_analyzer.archive_rules), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["access_analyzer.archive_rules[*][*]"])) == 0
    error_message = "access_analyzer.archive_rules[*][*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.access_analyzer.archive_rules), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["access_analyzer.archive_rules[*][*]"]))}. Its settings are: ${join(", ", local.posture_settings["access_analyzer.archive_rules[*][*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.access_analyzer.shut_off), []), local.posture_settings["access_analyzer.shut_off"])) == 0
    error_message = "access_analyzer.shut_off has no setting ${join(", ", setsubtract(try(keys(var.access_analyzer.shut_off), []), local.posture_settings["access_analyzer.shut_off"]))}. Its settings are: ${join(", ", local.posture_settings["access_analyzer.shut_off"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.access_analyzer.exempt), []), local.posture_settings["access_analyzer.exempt"])) == 0
    error_message = "access_analyzer.exempt has no setting ${join(", ", setsubtract(try(keys(var.access_analyzer.exempt), []), local.posture_settings["access_analyzer.exempt"]))}. Its settings are: ${join(", ", local.posture_settings["access_analyzer.exempt"])}."
  }
}

output "access_analyzer" {
  description = "Outputs of modules/posture/access_analyzer; null when off."
  value       = one(module.access_analyzer[*])
}

module "config_recorder" {
  source = "./modules/blocks/config_recorder"
  count  = var.config_recorder == null ? 0 : 1

  context                       = module.context.context
  role_arn                      = try(var.config_recorder.role_arn, null)
  resource_types                = try(var.config_recorder.resource_types, null)
  include_global_resource_types = try(var.config_recorder.include_global_resource_types, null)
  recording_frequency           = try(var.config_recorder.recording_frequency, null)
  snapshot_frequency            = try(var.config_recorder.snapshot_frequency, null)
  expiration_days               = try(var.config_recorder.expiration_days, null)
  force_destroy                 = try(var.config_recorder.force_destroy, null)
}

variable "config_recorder" {
  description = "Turns on AWS Config in an account and Region: it sets what is recorded, where snapshots and history are delivered, and which role Config uses. {} for the defaults, null for off. See modules/blocks/config_recorder."
  type        = any
  default     = null

  validation {
    condition     = var.config_recorder == null || can(keys(var.config_recorder))
    error_message = "config_recorder must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.config_recorder), []), local.posture_settings["config_recorder"])) == 0
    error_message = "config_recorder has no setting ${join(", ", setsubtract(try(keys(var.config_recorder), []), local.posture_settings["config_recorder"]))}. Its settings are: ${join(", ", local.posture_settings["config_recorder"])}."
  }
}

output "config_recorder" {
  description = "Outputs of modules/blocks/config_recorder; null when off."
  value       = one([for made in module.config_recorder : { for name, value in made : name => value if name != "resources" }])
}

module "finding_chat" {
  source = "./modules/posture/finding_chat"
  count  = var.finding_chat == null ? 0 : 1

  context                     = module.context.context
  slack_channels              = try(var.finding_chat.slack_channels, null)
  teams_channels              = try(var.finding_chat.teams_channels, null)
  severities                  = try(var.finding_chat.severities, null)
  created_after               = try(var.finding_chat.created_after, null)
  action_id                   = try(var.finding_chat.action_id, null)
  action_name                 = try(var.finding_chat.action_name, null)
  guardrail_policy_arns       = try(var.finding_chat.guardrail_policy_arns, null)
  role_policy_arns            = try(var.finding_chat.role_policy_arns, null)
  user_authorization_required = try(var.finding_chat.user_authorization_required, null)
  logging_level               = try(var.finding_chat.logging_level, null)
  hub_arn                     = one(module.security_standards[*].hub_arn)
}

variable "finding_chat" {
  description = "Posts Security Hub findings to Slack and Microsoft Teams, formatted by the chat service itself: findings that an analyst sends with a custom action and, if you name severities, new findings automatically, to each channel those of its own products, accounts, controls or tags. Needs Security Hub: security_standards = {}, unless the account has enabled it in this Region. { slack_channels } for the defaults, null for off. See modules/posture/finding_chat."
  type        = any
  default     = null

  validation {
    condition     = var.finding_chat == null || can(keys(var.finding_chat))
    error_message = "finding_chat must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.finding_chat), []), local.posture_settings["finding_chat"])) == 0
    error_message = "finding_chat has no setting ${join(", ", setsubtract(try(keys(var.finding_chat), []), local.posture_settings["finding_chat"]))}. Its settings are: ${join(", ", local.posture_settings["finding_chat"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_chat.slack_channels), []) : try(keys(a), [])]), local.posture_settings["finding_chat.slack_channels[*]"])) == 0
    error_message = "finding_chat.slack_channels[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_chat.slack_channels), []) : try(keys(a), [])]), local.posture_settings["finding_chat.slack_channels[*]"]))}. Its settings are: ${join(", ", local.posture_settings["finding_chat.slack_channels[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_chat.slack_channels), []) : try(keys(a.only), [])]), local.posture_settings["finding_chat.slack_channels[*].only"])) == 0
    error_message = "finding_chat.slack_channels[*].only has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_chat.slack_channels), []) : try(keys(a.only), [])]), local.posture_settings["finding_chat.slack_channels[*].only"]))}. Its settings are: ${join(", ", local.posture_settings["finding_chat.slack_channels[*].only"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_chat.slack_channels), []) : try(keys(a.exclude), [])]), local.posture_settings["finding_chat.slack_channels[*].exclude"])) == 0
    error_message = "finding_chat.slack_channels[*].exclude has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_chat.slack_channels), []) : try(keys(a.exclude), [])]), local.posture_settings["finding_chat.slack_channels[*].exclude"]))}. Its settings are: ${join(", ", local.posture_settings["finding_chat.slack_channels[*].exclude"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_chat.teams_channels), []) : try(keys(a), [])]), local.posture_settings["finding_chat.teams_channels[*]"])) == 0
    error_message = "finding_chat.teams_channels[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_chat.teams_channels), []) : try(keys(a), [])]), local.posture_settings["finding_chat.teams_channels[*]"]))}. Its settings are: ${join(", ", local.posture_settings["finding_chat.teams_channels[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_chat.teams_channels), []) : try(keys(a.only), [])]), local.posture_settings["finding_chat.teams_channels[*].only"])) == 0
    error_message = "finding_chat.teams_channels[*].only has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_chat.teams_channels), []) : try(keys(a.only), [])]), local.posture_settings["finding_chat.teams_channels[*].only"]))}. Its settings are: ${join(", ", local.posture_settings["finding_chat.teams_channels[*].only"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_chat.teams_channels), []) : try(keys(a.exclude), [])]), local.posture_settings["finding_chat.teams_channels[*].exclude"])) == 0
    error_message = "finding_chat.teams_channels[*].exclude has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_chat.teams_channels), []) : try(keys(a.exclude), [])]), local.posture_settings["finding_chat.teams_channels[*].exclude"]))}. Its settings are: ${join(", ", local.posture_settings["finding_chat.teams_channels[*].exclude"])}."
  }
}

output "finding_chat" {
  description = "Outputs of modules/posture/finding_chat; null when off."
  value       = one(module.finding_chat[*])
}

module "finding_export" {
  source = "./modules/posture/finding_export"
  count  = var.finding_export == null ? 0 : 1

  context               = module.context.context
  filters               = try(var.finding_export.filters, null)
  schedule_expression   = try(var.finding_export.schedule_expression, null)
  continuous            = try(var.finding_export.continuous, null)
  notification_emails   = try(var.finding_export.notification_emails, null)
  notification_statuses = try(var.finding_export.notification_statuses, null)
  destination           = try(var.finding_export.destination, null)
  kms_key_arn           = try(var.finding_export.kms_key_arn, null)
  prefix                = try(var.finding_export.prefix, null)
  expiration_days       = try(var.finding_export.expiration_days, null)
  force_destroy         = try(var.finding_export.force_destroy, null)
  count_parameter_name  = try(var.finding_export.count_parameter_name, null)
  requests_per_second   = try(var.finding_export.requests_per_second, null)
  object_mib            = try(var.finding_export.object_mib, null)
  chunk_seconds         = try(var.finding_export.chunk_seconds, null)
  chunks_per_execution  = try(var.finding_export.chunks_per_execution, null)
}

variable "finding_export" {
  description = "Exports all your Security Hub findings, even millions of them, to S3 as compressed JSON lines that you query in Athena with SQL. {} for the defaults, null for off. See modules/posture/finding_export."
  type        = any
  default     = null

  validation {
    condition     = var.finding_export == null || can(keys(var.finding_export))
    error_message = "finding_export must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.finding_export), []), local.posture_settings["finding_export"])) == 0
    error_message = "finding_export has no setting ${join(", ", setsubtract(try(keys(var.finding_export), []), local.posture_settings["finding_export"]))}. Its settings are: ${join(", ", local.posture_settings["finding_export"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.finding_export.filters), []), local.posture_settings["finding_export.filters"])) == 0
    error_message = "finding_export.filters has no setting ${join(", ", setsubtract(try(keys(var.finding_export.filters), []), local.posture_settings["finding_export.filters"]))}. Its settings are: ${join(", ", local.posture_settings["finding_export.filters"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_export.filters.strings), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.strings[*][*]"])) == 0
    error_message = "finding_export.filters.strings[*][*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_export.filters.strings), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.strings[*][*]"]))}. Its settings are: ${join(", ", local.posture_settings["finding_export.filters.strings[*][*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_export.filters.dates), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.dates[*][*]"])) == 0
    error_message = "finding_export.filters.dates[*][*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_export.filters.dates), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.dates[*][*]"]))}. Its settings are: ${join(", ", local.posture_settings["finding_export.filters.dates[*][*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_export.filters.numbers), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.numbers[*][*]"])) == 0
    error_message = "finding_export.filters.numbers[*][*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_export.filters.numbers), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.numbers[*][*]"]))}. Its settings are: ${join(", ", local.posture_settings["finding_export.filters.numbers[*][*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.finding_export.filters.maps), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.maps[*][*]"])) == 0
    error_message = "finding_export.filters.maps[*][*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.finding_export.filters.maps), []) : [for b in try(flatten([a]), []) : try(keys(b), [])]]), local.posture_settings["finding_export.filters.maps[*][*]"]))}. Its settings are: ${join(", ", local.posture_settings["finding_export.filters.maps[*][*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.finding_export.destination), []), local.posture_settings["finding_export.destination"])) == 0
    error_message = "finding_export.destination has no setting ${join(", ", setsubtract(try(keys(var.finding_export.destination), []), local.posture_settings["finding_export.destination"]))}. Its settings are: ${join(", ", local.posture_settings["finding_export.destination"])}."
  }
}

output "finding_export" {
  description = "Outputs of modules/posture/finding_export; null when off."
  value       = one(module.finding_export[*])
}

module "finding_remediation" {
  source = "./modules/posture/finding_remediation"
  count  = var.finding_remediation == null ? 0 : 1

  context                = module.context.context
  remediations           = try(var.finding_remediation.remediations, null)
  automatic              = try(var.finding_remediation.automatic, null)
  dry_run                = try(var.finding_remediation.dry_run, null)
  bucket_patterns        = try(var.finding_remediation.bucket_patterns, null)
  public_buckets         = try(var.finding_remediation.public_buckets, null)
  object_kms_key_arns    = try(var.finding_remediation.object_kms_key_arns, null)
  source_kms_key_arns    = try(var.finding_remediation.source_kms_key_arns, null)
  copy_single_max_mib    = try(var.finding_remediation.copy_single_max_mib, null)
  copy_part_mib          = try(var.finding_remediation.copy_part_mib, null)
  noncurrent_days        = try(var.finding_remediation.noncurrent_days, null)
  exempt_tag             = try(var.finding_remediation.exempt_tag, null)
  exempt_bucket_tag      = try(var.finding_remediation.exempt_bucket_tag, null)
  delete_old_version     = try(var.finding_remediation.delete_old_version, null)
  member_account_ids     = try(var.finding_remediation.member_account_ids, null)
  member_organization_id = try(var.finding_remediation.member_organization_id, null)
  member_role_prefix     = try(var.finding_remediation.member_role_prefix, null)
  member_external_id     = try(var.finding_remediation.member_external_id, null)
  hub_arn                = one(module.security_standards[*].hub_arn)
}

variable "finding_remediation" {
  description = "Remediates Security Hub findings when you choose a custom action in the console or, for the remediations that you select, automatically. Needs Security Hub: security_standards = {}, unless the account has enabled it in this Region. {} for the defaults, null for off. See modules/posture/finding_remediation."
  type        = any
  default     = null

  validation {
    condition     = var.finding_remediation == null || can(keys(var.finding_remediation))
    error_message = "finding_remediation must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.finding_remediation), []), local.posture_settings["finding_remediation"])) == 0
    error_message = "finding_remediation has no setting ${join(", ", setsubtract(try(keys(var.finding_remediation), []), local.posture_settings["finding_remediation"]))}. Its settings are: ${join(", ", local.posture_settings["finding_remediation"])}."
  }
}

output "finding_remediation" {
  description = "Outputs of modules/posture/finding_remediation; null when off."
  value       = one(module.finding_remediation[*])
}

module "secret_rotation_rules" {
  source = "./modules/posture/secret_rotation_rules"
  count  = var.secret_rotation_rules == null ? 0 : 1

  context                     = module.context.context
  scope_tag                   = try(var.secret_rotation_rules.scope_tag, null)
  maximum_rotation_days       = try(var.secret_rotation_rules.maximum_rotation_days, null)
  maximum_rotation_hours      = try(var.secret_rotation_rules.maximum_rotation_hours, null)
  maximum_days_since_rotation = try(var.secret_rotation_rules.maximum_days_since_rotation, null)
  maximum_days_unused         = try(var.secret_rotation_rules.maximum_days_unused, null)
  customer_managed_keys       = try(var.secret_rotation_rules.customer_managed_keys, null)
  periodic_frequency          = try(var.secret_rotation_rules.periodic_frequency, null)
  organization_rules          = try(var.secret_rotation_rules.organization_rules, null)
  excluded_accounts           = try(var.secret_rotation_rules.excluded_accounts, null)
  aggregator                  = try(var.secret_rotation_rules.aggregator, null)
  notices                     = try(var.secret_rotation_rules.notices, null)
  notification_emails         = try(var.secret_rotation_rules.notification_emails, null)
  schedule_expression         = try(var.secret_rotation_rules.schedule_expression, null)
  expiration_days             = try(var.secret_rotation_rules.expiration_days, null)
  force_destroy               = try(var.secret_rotation_rules.force_destroy, null)
  recorder_name               = one(module.config_recorder[*].recorder_name)
}

variable "secret_rotation_rules" {
  description = "Finds the secrets that do not rotate, rotate too rarely or failed to rotate, in one account or a whole organization, and sends you a notification of each. Needs a recorder: config_recorder = {}, unless the account has one in this Region. {} for the defaults, null for off. See modules/posture/secret_rotation_rules."
  type        = any
  default     = null

  validation {
    condition     = var.secret_rotation_rules == null || can(keys(var.secret_rotation_rules))
    error_message = "secret_rotation_rules must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.secret_rotation_rules), []), local.posture_settings["secret_rotation_rules"])) == 0
    error_message = "secret_rotation_rules has no setting ${join(", ", setsubtract(try(keys(var.secret_rotation_rules), []), local.posture_settings["secret_rotation_rules"]))}. Its settings are: ${join(", ", local.posture_settings["secret_rotation_rules"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.secret_rotation_rules.scope_tag), []), local.posture_settings["secret_rotation_rules.scope_tag"])) == 0
    error_message = "secret_rotation_rules.scope_tag has no setting ${join(", ", setsubtract(try(keys(var.secret_rotation_rules.scope_tag), []), local.posture_settings["secret_rotation_rules.scope_tag"]))}. Its settings are: ${join(", ", local.posture_settings["secret_rotation_rules.scope_tag"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.secret_rotation_rules.customer_managed_keys), []), local.posture_settings["secret_rotation_rules.customer_managed_keys"])) == 0
    error_message = "secret_rotation_rules.customer_managed_keys has no setting ${join(", ", setsubtract(try(keys(var.secret_rotation_rules.customer_managed_keys), []), local.posture_settings["secret_rotation_rules.customer_managed_keys"]))}. Its settings are: ${join(", ", local.posture_settings["secret_rotation_rules.customer_managed_keys"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.secret_rotation_rules.aggregator), []), local.posture_settings["secret_rotation_rules.aggregator"])) == 0
    error_message = "secret_rotation_rules.aggregator has no setting ${join(", ", setsubtract(try(keys(var.secret_rotation_rules.aggregator), []), local.posture_settings["secret_rotation_rules.aggregator"]))}. Its settings are: ${join(", ", local.posture_settings["secret_rotation_rules.aggregator"])}."
  }
}

output "secret_rotation_rules" {
  description = "Outputs of modules/posture/secret_rotation_rules; null when off."
  value       = one(module.secret_rotation_rules[*])
}

module "security_standards" {
  source = "./modules/posture/security_standards"
  count  = var.security_standards == null ? 0 : 1

  context                   = module.context.context
  create_hub                = try(var.security_standards.create_hub, null)
  control_finding_generator = try(var.security_standards.control_finding_generator, null)
  auto_enable_controls      = try(var.security_standards.auto_enable_controls, null)
  standards                 = try(var.security_standards.standards, null)
  existing_standards        = try(var.security_standards.existing_standards, null)
  disabled_controls         = try(var.security_standards.disabled_controls, null)
  control_parameters        = try(var.security_standards.control_parameters, null)
  suppressions              = try(var.security_standards.suppressions, null)
  rule_order                = try(var.security_standards.rule_order, null)
  finding_aggregation       = try(var.security_standards.finding_aggregation, null)
  organization              = try(var.security_standards.organization, null)
  configuration_policies    = try(var.security_standards.configuration_policies, null)
  schedule_expression       = try(var.security_standards.schedule_expression, null)
  recorder_name             = one(module.config_recorder[*].recorder_name)
}

variable "security_standards" {
  description = "Enables Security Hub with the standards you name, disables controls that do not apply, and suppresses failures that you accept, as code with a reason and an optional end date. Needs a recorder: config_recorder = {}, unless the account has one in this Region. {} for the defaults, null for off. See modules/posture/security_standards."
  type        = any
  default     = null

  validation {
    condition     = var.security_standards == null || can(keys(var.security_standards))
    error_message = "security_standards must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.security_standards), []), local.posture_settings["security_standards"])) == 0
    error_message = "security_standards has no setting ${join(", ", setsubtract(try(keys(var.security_standards), []), local.posture_settings["security_standards"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.security_standards.disabled_controls), []) : try(keys(a), [])]), local.posture_settings["security_standards.disabled_controls[*]"])) == 0
    error_message = "security_standards.disabled_controls[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.security_standards.disabled_controls), []) : try(keys(a), [])]), local.posture_settings["security_standards.disabled_controls[*]"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.disabled_controls[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.security_standards.control_parameters), []) : try(keys(a), [])]), local.posture_settings["security_standards.control_parameters[*]"])) == 0
    error_message = "security_standards.control_parameters[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.security_standards.control_parameters), []) : try(keys(a), [])]), local.posture_settings["security_standards.control_parameters[*]"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.control_parameters[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.security_standards.control_parameters), []) : [for b in try(values(a.parameters), []) : try(keys(b), [])]]), local.posture_settings["security_standards.control_parameters[*].parameters[*]"])) == 0
    error_message = "security_standards.control_parameters[*].parameters[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.security_standards.control_parameters), []) : [for b in try(values(a.parameters), []) : try(keys(b), [])]]), local.posture_settings["security_standards.control_parameters[*].parameters[*]"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.control_parameters[*].parameters[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.security_standards.suppressions), []) : try(keys(a), [])]), local.posture_settings["security_standards.suppressions[*]"])) == 0
    error_message = "security_standards.suppressions[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.security_standards.suppressions), []) : try(keys(a), [])]), local.posture_settings["security_standards.suppressions[*]"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.suppressions[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.security_standards.suppressions), []) : try(keys(a.resource_tag), [])]), local.posture_settings["security_standards.suppressions[*].resource_tag"])) == 0
    error_message = "security_standards.suppressions[*].resource_tag has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.security_standards.suppressions), []) : try(keys(a.resource_tag), [])]), local.posture_settings["security_standards.suppressions[*].resource_tag"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.suppressions[*].resource_tag"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.security_standards.finding_aggregation), []), local.posture_settings["security_standards.finding_aggregation"])) == 0
    error_message = "security_standards.finding_aggregation has no setting ${join(", ", setsubtract(try(keys(var.security_standards.finding_aggregation), []), local.posture_settings["security_standards.finding_aggregation"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.finding_aggregation"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.security_standards.organization), []), local.posture_settings["security_standards.organization"])) == 0
    error_message = "security_standards.organization has no setting ${join(", ", setsubtract(try(keys(var.security_standards.organization), []), local.posture_settings["security_standards.organization"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.organization"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.security_standards.configuration_policies), []) : try(keys(a), [])]), local.posture_settings["security_standards.configuration_policies[*]"])) == 0
    error_message = "security_standards.configuration_policies[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.security_standards.configuration_policies), []) : try(keys(a), [])]), local.posture_settings["security_standards.configuration_policies[*]"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.configuration_policies[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.security_standards.configuration_policies), []) : [for b in try(values(a.parameters), []) : [for c in try(values(b), []) : try(keys(c), [])]]]), local.posture_settings["security_standards.configuration_policies[*].parameters[*][*]"])) == 0
    error_message = "security_standards.configuration_policies[*].parameters[*][*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.security_standards.configuration_policies), []) : [for b in try(values(a.parameters), []) : [for c in try(values(b), []) : try(keys(c), [])]]]), local.posture_settings["security_standards.configuration_policies[*].parameters[*][*]"]))}. Its settings are: ${join(", ", local.posture_settings["security_standards.configuration_policies[*].parameters[*][*]"])}."
  }
}

output "security_standards" {
  description = "Outputs of modules/posture/security_standards; null when off."
  value       = one(module.security_standards[*])
}

module "web_acl_logging" {
  source = "./modules/posture/web_acl_logging"
  count  = var.web_acl_logging == null ? 0 : 1

  context                          = module.context.context
  scopes                           = try(var.web_acl_logging.scopes, null)
  destination                      = try(var.web_acl_logging.destination, null)
  correct_destination              = try(var.web_acl_logging.correct_destination, null)
  redacted_headers                 = try(var.web_acl_logging.redacted_headers, null)
  logging_filter                   = try(var.web_acl_logging.logging_filter, null)
  exempt_tags                      = try(var.web_acl_logging.exempt_tags, null)
  exempt_web_acl_arns              = try(var.web_acl_logging.exempt_web_acl_arns, null)
  reevaluation_schedule_expression = try(var.web_acl_logging.reevaluation_schedule_expression, null)
  maximum_automatic_attempts       = try(var.web_acl_logging.maximum_automatic_attempts, null)
  retry_attempt_seconds            = try(var.web_acl_logging.retry_attempt_seconds, null)
  notification_emails              = try(var.web_acl_logging.notification_emails, null)
  buffering                        = try(var.web_acl_logging.buffering, null)
  expiration_days                  = try(var.web_acl_logging.expiration_days, null)
  force_destroy                    = try(var.web_acl_logging.force_destroy, null)
  recorder_name                    = one(module.config_recorder[*].recorder_name)
}

variable "web_acl_logging" {
  description = "Enables logging for every web ACL of AWS WAF, including those that you create later: an AWS Config rule finds web ACLs without logging, and a remediation enables it automatically, to one destination and with credentials redacted. Needs a recorder: config_recorder = {}, unless the account has one in this Region. {} for the defaults, null for off. See modules/posture/web_acl_logging."
  type        = any
  default     = null

  validation {
    condition     = var.web_acl_logging == null || can(keys(var.web_acl_logging))
    error_message = "web_acl_logging must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.web_acl_logging), []), local.posture_settings["web_acl_logging"])) == 0
    error_message = "web_acl_logging has no setting ${join(", ", setsubtract(try(keys(var.web_acl_logging), []), local.posture_settings["web_acl_logging"]))}. Its settings are: ${join(", ", local.posture_settings["web_acl_logging"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.web_acl_logging.logging_filter), []), local.posture_settings["web_acl_logging.logging_filter"])) == 0
    error_message = "web_acl_logging.logging_filter has no setting ${join(", ", setsubtract(try(keys(var.web_acl_logging.logging_filter), []), local.posture_settings["web_acl_logging.logging_filter"]))}. Its settings are: ${join(", ", local.posture_settings["web_acl_logging.logging_filter"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(flatten([var.web_acl_logging.logging_filter.filters]), []) : try(keys(a), [])]), local.posture_settings["web_acl_logging.logging_filter.filters[*]"])) == 0
    error_message = "web_acl_logging.logging_filter.filters[*] has no setting ${join(", ", setsubtract(flatten([for a in try(flatten([var.web_acl_logging.logging_filter.filters]), []) : try(keys(a), [])]), local.posture_settings["web_acl_logging.logging_filter.filters[*]"]))}. Its settings are: ${join(", ", local.posture_settings["web_acl_logging.logging_filter.filters[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.web_acl_logging.buffering), []), local.posture_settings["web_acl_logging.buffering"])) == 0
    error_message = "web_acl_logging.buffering has no setting ${join(", ", setsubtract(try(keys(var.web_acl_logging.buffering), []), local.posture_settings["web_acl_logging.buffering"]))}. Its settings are: ${join(", ", local.posture_settings["web_acl_logging.buffering"])}."
  }
}

output "web_acl_logging" {
  description = "Outputs of modules/posture/web_acl_logging; null when off."
  value       = one(module.web_acl_logging[*])
}
