# Security posture: one module block, variable and output per capability.

module "access_analyzer" {
  source = "./modules/posture/access_analyzer"
  count  = var.access_analyzer == null ? 0 : 1

  context               = module.context.context
  analyzer_arn          = var.access_analyzer.analyzer_arn
  archive_rules         = var.access_analyzer.archive_rules
  exempt                = var.access_analyzer.exempt
  force_destroy         = var.access_analyzer.force_destroy
  keep_days             = var.access_analyzer.keep_days
  notification_emails   = var.access_analyzer.notification_emails
  notification_statuses = var.access_analyzer.notification_statuses
  resource_types        = var.access_analyzer.resource_types
  shut_off              = var.access_analyzer.shut_off
  type                  = var.access_analyzer.type
}

variable "access_analyzer" {
  description = "Notices of resources that outsiders can reach, by IAM Access Analyzer, and on request an end to it; {} for the defaults, null for off. See modules/posture/access_analyzer."
  type = object({
    analyzer_arn = optional(string)
    archive_rules = optional(map(list(object({
      criteria = string
      eq       = optional(list(string))
      neq      = optional(list(string))
      contains = optional(list(string))
      exists   = optional(bool)
    }))))
    exempt = optional(object({
      bucket_names       = optional(set(string), [])
      access_point_names = optional(set(string), [])
      principals         = optional(set(string), [])
    }))
    force_destroy         = optional(bool)
    keep_days             = optional(number)
    notification_emails   = optional(set(string))
    notification_statuses = optional(set(string))
    resource_types        = optional(set(string))
    shut_off = optional(object({
      bucket_names                = optional(set(string), ["*"])
      public_access_points        = optional(string, "bucket")
      cross_account_access_points = optional(bool, false)
      dry_run                     = optional(bool, false)
    }))
    type = optional(string)
  })
  default = null
}

output "access_analyzer" {
  description = "Outputs of modules/posture/access_analyzer; null when off."
  value       = one(module.access_analyzer[*])
}

module "config_recorder" {
  source = "./modules/blocks/config_recorder"
  count  = var.config_recorder == null ? 0 : 1

  context                       = module.context.context
  expiration_days               = var.config_recorder.expiration_days
  force_destroy                 = var.config_recorder.force_destroy
  include_global_resource_types = var.config_recorder.include_global_resource_types
  recording_frequency           = var.config_recorder.recording_frequency
  resource_types                = var.config_recorder.resource_types
  role_arn                      = var.config_recorder.role_arn
  snapshot_frequency            = var.config_recorder.snapshot_frequency
}

variable "config_recorder" {
  description = "AWS Config's recorder, which Config rules need; {} makes it with the defaults, null where the account has one in this Region. See modules/blocks/config_recorder."
  type = object({
    expiration_days               = optional(number)
    force_destroy                 = optional(bool)
    include_global_resource_types = optional(bool)
    recording_frequency           = optional(string)
    resource_types                = optional(set(string))
    role_arn                      = optional(string)
    snapshot_frequency            = optional(string)
  })
  default = null
}

output "config_recorder" {
  description = "Outputs of modules/blocks/config_recorder, without its resources; null when off."
  value       = one([for made in module.config_recorder : { for name, value in made : name => value if name != "resources" }])
}

module "finding_chat" {
  source = "./modules/posture/finding_chat"
  count  = var.finding_chat == null ? 0 : 1

  context                     = module.context.context
  action_id                   = var.finding_chat.action_id
  action_name                 = var.finding_chat.action_name
  guardrail_policy_arns       = var.finding_chat.guardrail_policy_arns
  logging_level               = var.finding_chat.logging_level
  role_policy_arns            = var.finding_chat.role_policy_arns
  severities                  = var.finding_chat.severities
  slack_channels              = var.finding_chat.slack_channels
  teams_channels              = var.finding_chat.teams_channels
  user_authorization_required = var.finding_chat.user_authorization_required
}

variable "finding_chat" {
  description = "Security Hub findings in Slack and Microsoft Teams: those an analyst sends, and new ones of the severities named. Needs slack_channels or teams_channels; null for off. See modules/posture/finding_chat."
  type = object({
    action_id             = optional(string)
    action_name           = optional(string)
    guardrail_policy_arns = optional(set(string))
    logging_level         = optional(string)
    role_policy_arns      = optional(set(string))
    severities            = optional(set(string))
    slack_channels = optional(map(object({
      workspace_id = string
      channel_id   = string
    })))
    teams_channels = optional(map(object({
      tenant_id  = string
      team_id    = string
      channel_id = string
    })))
    user_authorization_required = optional(bool)
  })
  default = null
}

output "finding_chat" {
  description = "Outputs of modules/posture/finding_chat; null when off."
  value       = one(module.finding_chat[*])
}

module "finding_export" {
  source = "./modules/posture/finding_export"
  count  = var.finding_export == null ? 0 : 1

  context               = module.context.context
  chunk_seconds         = var.finding_export.chunk_seconds
  chunks_per_execution  = var.finding_export.chunks_per_execution
  continuous            = var.finding_export.continuous
  count_parameter_name  = var.finding_export.count_parameter_name
  destination           = var.finding_export.destination
  expiration_days       = var.finding_export.expiration_days
  filters               = var.finding_export.filters
  force_destroy         = var.finding_export.force_destroy
  kms_key_arn           = var.finding_export.kms_key_arn
  notification_emails   = var.finding_export.notification_emails
  notification_statuses = var.finding_export.notification_statuses
  object_mib            = var.finding_export.object_mib
  prefix                = var.finding_export.prefix
  requests_per_second   = var.finding_export.requests_per_second
  schedule_expression   = var.finding_export.schedule_expression
}

variable "finding_export" {
  description = "Export of the Security Hub findings to S3, queryable in Athena; {} for the defaults, null for off. See modules/posture/finding_export."
  type = object({
    chunk_seconds        = optional(number)
    chunks_per_execution = optional(number)
    continuous           = optional(bool)
    count_parameter_name = optional(string)
    destination = optional(object({
      bucket_name = string
      account_id  = string
      kms_key_arn = optional(string)
    }))
    expiration_days = optional(number)
    filters = optional(object({
      strings = optional(map(list(object({
        value      = string
        comparison = optional(string, "EQUALS")
      }))), {})
      dates = optional(map(list(object({
        start     = optional(string)
        end       = optional(string)
        last_days = optional(number)
      }))), {})
      numbers = optional(map(list(object({
        eq  = optional(number)
        gte = optional(number)
        lte = optional(number)
      }))), {})
      maps = optional(map(list(object({
        key        = string
        value      = string
        comparison = optional(string, "EQUALS")
      }))), {})
      cidrs    = optional(map(list(string)), {})
      booleans = optional(map(bool), {})
    }))
    force_destroy         = optional(bool)
    kms_key_arn           = optional(string)
    notification_emails   = optional(set(string))
    notification_statuses = optional(set(string))
    object_mib            = optional(number)
    prefix                = optional(string)
    requests_per_second   = optional(number)
    schedule_expression   = optional(string)
  })
  default = null
}

output "finding_export" {
  description = "Outputs of modules/posture/finding_export; null when off."
  value       = one(module.finding_export[*])
}

module "finding_remediation" {
  source = "./modules/posture/finding_remediation"
  count  = var.finding_remediation == null ? 0 : 1

  context             = module.context.context
  automatic           = var.finding_remediation.automatic
  bucket_patterns     = var.finding_remediation.bucket_patterns
  copy_part_mib       = var.finding_remediation.copy_part_mib
  copy_single_max_mib = var.finding_remediation.copy_single_max_mib
  dry_run             = var.finding_remediation.dry_run
  exempt_tag          = var.finding_remediation.exempt_tag
  member_account_ids  = var.finding_remediation.member_account_ids
  member_external_id  = var.finding_remediation.member_external_id
  member_role_prefix  = var.finding_remediation.member_role_prefix
  noncurrent_days     = var.finding_remediation.noncurrent_days
  object_kms_key_arns = var.finding_remediation.object_kms_key_arns
  public_buckets      = var.finding_remediation.public_buckets
  remediations        = var.finding_remediation.remediations
  source_kms_key_arns = var.finding_remediation.source_kms_key_arns
}

variable "finding_remediation" {
  description = "Remediations of Security Hub findings as custom actions, automatic where asked for; {} for the defaults, null for off. See modules/posture/finding_remediation."
  type = object({
    automatic           = optional(set(string))
    bucket_patterns     = optional(set(string))
    copy_part_mib       = optional(number)
    copy_single_max_mib = optional(number)
    dry_run             = optional(bool)
    exempt_tag          = optional(string)
    member_account_ids  = optional(set(string))
    member_external_id  = optional(string)
    member_role_prefix  = optional(string)
    noncurrent_days     = optional(number)
    object_kms_key_arns = optional(map(string))
    public_buckets      = optional(set(string))
    remediations        = optional(set(string))
    source_kms_key_arns = optional(set(string))
  })
  default = null
}

output "finding_remediation" {
  description = "Outputs of modules/posture/finding_remediation; null when off."
  value       = one(module.finding_remediation[*])
}

module "secret_rotation_rules" {
  source = "./modules/posture/secret_rotation_rules"
  count  = var.secret_rotation_rules == null ? 0 : 1

  context                     = module.context.context
  aggregator                  = var.secret_rotation_rules.aggregator
  customer_managed_keys       = var.secret_rotation_rules.customer_managed_keys
  excluded_accounts           = var.secret_rotation_rules.excluded_accounts
  expiration_days             = var.secret_rotation_rules.expiration_days
  force_destroy               = var.secret_rotation_rules.force_destroy
  maximum_automatic_attempts  = var.secret_rotation_rules.maximum_automatic_attempts
  maximum_days_since_rotation = var.secret_rotation_rules.maximum_days_since_rotation
  maximum_days_unused         = var.secret_rotation_rules.maximum_days_unused
  maximum_rotation_days       = var.secret_rotation_rules.maximum_rotation_days
  maximum_rotation_hours      = var.secret_rotation_rules.maximum_rotation_hours
  notices                     = var.secret_rotation_rules.notices
  notification_emails         = var.secret_rotation_rules.notification_emails
  organization_rules          = var.secret_rotation_rules.organization_rules
  periodic_frequency          = var.secret_rotation_rules.periodic_frequency
  recorder_name               = one(module.config_recorder[*].recorder_name)
  retry_attempt_seconds       = var.secret_rotation_rules.retry_attempt_seconds
  schedule_expression         = var.secret_rotation_rules.schedule_expression
  scope_tag                   = var.secret_rotation_rules.scope_tag
}

variable "secret_rotation_rules" {
  description = "AWS Config rules on the rotation of secrets, notices of secrets that break one, and a weekly report over this account, several, or the organization; {} for the defaults, null for off. Needs a recorder: config_recorder = {}, unless the account has one. See modules/posture/secret_rotation_rules."
  type = object({
    aggregator = optional(object({
      account_ids = optional(set(string), [])
      regions     = optional(set(string), [])
    }))
    customer_managed_keys = optional(object({
      key_arns = optional(set(string), [])
    }))
    excluded_accounts           = optional(set(string))
    expiration_days             = optional(number)
    force_destroy               = optional(bool)
    maximum_automatic_attempts  = optional(number)
    maximum_days_since_rotation = optional(number)
    maximum_days_unused         = optional(number)
    maximum_rotation_days       = optional(number)
    maximum_rotation_hours      = optional(number)
    notices                     = optional(bool)
    notification_emails         = optional(set(string))
    organization_rules          = optional(bool)
    periodic_frequency          = optional(string)
    retry_attempt_seconds       = optional(number)
    schedule_expression         = optional(string)
    scope_tag = optional(object({
      key   = string
      value = optional(string)
    }))
  })
  default = null
}

output "secret_rotation_rules" {
  description = "Outputs of modules/posture/secret_rotation_rules; null when off."
  value       = one(module.secret_rotation_rules[*])
}

module "security_standards" {
  source = "./modules/posture/security_standards"
  count  = var.security_standards == null ? 0 : 1

  context                   = module.context.context
  auto_enable_controls      = var.security_standards.auto_enable_controls
  control_finding_generator = var.security_standards.control_finding_generator
  create_hub                = var.security_standards.create_hub
  disabled_controls         = var.security_standards.disabled_controls
  existing_standards        = var.security_standards.existing_standards
  finding_aggregation       = var.security_standards.finding_aggregation
  organization              = var.security_standards.organization
  recorder_name             = one(module.config_recorder[*].recorder_name)
  rule_order                = var.security_standards.rule_order
  schedule_expression       = var.security_standards.schedule_expression
  standards                 = var.security_standards.standards
  suppressions              = var.security_standards.suppressions
}

variable "security_standards" {
  description = "Security Hub with its standards, controls disabled with a reason, suppressions as code, and a check that the standards work; {} for the defaults, null for off. See modules/posture/security_standards."
  type = object({
    auto_enable_controls      = optional(bool)
    control_finding_generator = optional(string)
    create_hub                = optional(bool)
    disabled_controls = optional(map(object({
      reason    = string
      enabled   = optional(bool)
      standards = optional(set(string))
    })))
    existing_standards = optional(set(string))
    finding_aggregation = optional(object({
      linking_mode = string
      regions      = optional(set(string))
    }))
    organization = optional(object({
      auto_enable           = optional(bool)
      auto_enable_standards = optional(string)
      configuration_type    = optional(string)
    }))
    rule_order          = optional(number)
    schedule_expression = optional(string)
    standards           = optional(set(string))
    suppressions = optional(map(object({
      reason               = string
      control_ids          = optional(set(string), [])
      resource_ids         = optional(set(string), [])
      resource_id_prefixes = optional(set(string), [])
      resource_tag         = optional(object({ key = string, value = string }))
      account_ids          = optional(set(string), [])
      until                = optional(string)
    })))
  })
  default = null
}

output "security_standards" {
  description = "Outputs of modules/posture/security_standards; null when off."
  value       = one(module.security_standards[*])
}

module "web_acl_logging" {
  source = "./modules/posture/web_acl_logging"
  count  = var.web_acl_logging == null ? 0 : 1

  context                          = module.context.context
  buffering                        = var.web_acl_logging.buffering
  correct_destination              = var.web_acl_logging.correct_destination
  destination                      = var.web_acl_logging.destination
  exempt_tags                      = var.web_acl_logging.exempt_tags
  exempt_web_acl_arns              = var.web_acl_logging.exempt_web_acl_arns
  expiration_days                  = var.web_acl_logging.expiration_days
  force_destroy                    = var.web_acl_logging.force_destroy
  logging_filter                   = var.web_acl_logging.logging_filter
  maximum_automatic_attempts       = var.web_acl_logging.maximum_automatic_attempts
  notification_emails              = var.web_acl_logging.notification_emails
  recorder_name                    = one(module.config_recorder[*].recorder_name)
  redacted_headers                 = var.web_acl_logging.redacted_headers
  reevaluation_schedule_expression = var.web_acl_logging.reevaluation_schedule_expression
  retry_attempt_seconds            = var.web_acl_logging.retry_attempt_seconds
  scopes                           = var.web_acl_logging.scopes
}

variable "web_acl_logging" {
  description = "Logging of every web ACL, enabled by AWS Config where it is missing; {} for the defaults, null for off. See modules/posture/web_acl_logging."
  type = object({
    buffering = optional(object({
      mib     = optional(number)
      seconds = optional(number)
    }))
    correct_destination = optional(bool)
    destination         = optional(string)
    exempt_tags         = optional(map(string))
    exempt_web_acl_arns = optional(set(string))
    expiration_days     = optional(number)
    force_destroy       = optional(bool)
    logging_filter = optional(object({
      default_behavior = string
      filters = list(object({
        behavior    = string
        requirement = optional(string, "MEETS_ANY")
        actions     = optional(set(string), [])
        labels      = optional(set(string), [])
      }))
    }))
    maximum_automatic_attempts       = optional(number)
    notification_emails              = optional(set(string))
    redacted_headers                 = optional(set(string))
    reevaluation_schedule_expression = optional(string)
    retry_attempt_seconds            = optional(number)
    scopes                           = optional(set(string))
  })
  default = null
}

output "web_acl_logging" {
  description = "Outputs of modules/posture/web_acl_logging; null when off."
  value       = one(module.web_acl_logging[*])
}
