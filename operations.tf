# Written by `make docs` (tools/root.py) from modules/operations/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  operations_settings = {
    "function_profiling"                           = ["force_destroy", "functions", "history_days", "layer_arn", "notification_emails", "review_schedule_expression", "service_regions", "silent_days", "window_days"]
    "function_profiling.functions[*]"              = ["agent", "architecture", "enabled", "function_name", "role_name", "runtime"]
    "module_pipeline"                              = ["approval_required", "approval_timeout_minutes", "build_timeout_minutes", "compute_type", "consumer_account_ids", "execution_mode", "force_destroy", "image", "image_architecture", "modules", "notification_emails", "registry_kms_key_arn", "report_days", "sandbox", "vpc"]
    "module_pipeline.modules[*]"                   = ["accept_unparsed", "integration_tests", "path", "release", "source"]
    "module_pipeline.modules[*].source"            = ["codecommit", "connection", "s3"]
    "module_pipeline.modules[*].source.s3"         = ["bucket", "key", "kms_key_arn"]
    "module_pipeline.modules[*].source.codecommit" = ["branch", "repository"]
    "module_pipeline.modules[*].source.connection" = ["branch", "connection_arn", "repository"]
    "module_pipeline.vpc"                          = ["security_group_ids", "subnet_ids", "vpc_id"]
    "module_pipeline.sandbox"                      = ["budget_minutes", "external_id", "region", "sweep_role_arn", "sweep_schedule_expression", "test_role_arn"]
    "pipeline_metrics"                             = ["batch_seconds", "compact_schedule_expression", "dashboard", "failure_signals", "force_destroy", "history_schedule_expression", "incident_alarms", "incident_hours", "members", "pipeline_production_stages", "pipelines", "production_stages", "query_limit_mib", "quicksight", "recent_days", "regions", "report_days", "report_schedule_expression", "requests_per_second", "retention_days", "time_zone"]
    "pipeline_metrics.members[*]"                  = ["external_id", "regions", "role_arn"]
    "pipeline_metrics.quicksight"                  = ["direct_query", "owner_arns", "reader_arns", "refresh_time", "refresh_time_zone", "service_role_name"]
    "service_health"                               = ["batching_seconds", "checks", "critical_actions", "critical_emails", "dead_letter_names", "ignored_resources", "maintenance_windows", "queries", "sampling_rules", "schedule_expression", "services", "stack_services", "trace_groups", "warning_actions", "warning_emails", "writes_per_second"]
    "service_health.services[*]"                   = ["checks", "heartbeats", "metrics", "resources", "severity", "tags"]
    "service_health.services[*].metrics[*]"        = ["comparison", "datapoints", "dimensions", "evaluation_periods", "metric", "namespace", "period_seconds", "role", "statistic", "threshold", "treat_missing_data"]
    "service_health.services[*].checks[*]"         = ["datapoints", "enabled", "evaluation_periods", "minimum", "period_seconds", "role", "threshold", "treat_missing_data"]
    "service_health.checks[*]"                     = ["datapoints", "enabled", "evaluation_periods", "minimum", "period_seconds", "role", "threshold", "treat_missing_data"]
    "service_health.maintenance_windows[*]"        = ["minutes", "schedule_expression", "services", "timezone"]
    "service_health.trace_groups[*]"               = ["filter_expression", "insights"]
    "service_health.sampling_rules[*]"             = ["attributes", "fixed_rate", "host", "http_method", "priority", "reservoir_size", "resource_arn", "service_name", "service_type", "url_path"]
    "volume_alarms"                                = ["agent", "critical_actions", "evaluation_periods", "expiration_days", "force_destroy", "gone_after_hours", "ignored_drives", "ignored_file_systems", "included_drives", "instance_names", "instance_tags", "metric_names", "metrics_delay_seconds", "namespaces", "notification_emails", "own_account", "period_seconds", "schedule_expression", "targets", "tiers", "treat_missing_data", "warning_actions", "without_metrics_threshold"]
    "volume_alarms.tiers[*]"                       = ["critical", "unit", "up_to_gib", "warning"]
    "volume_alarms.targets[*]"                     = ["account_id", "critical_actions", "enabled", "external_id", "region", "role_arn", "warning_actions"]
    "volume_alarms.metric_names"                   = ["free_bytes", "free_megabytes", "free_percent", "total_bytes", "used_percent"]
    "volume_alarms.agent"                          = ["instance_tags", "interval_seconds", "mode", "schedule_expression"]
  }
}

module "function_profiling" {
  source = "./modules/operations/function_profiling"
  count  = var.function_profiling == null ? 0 : 1

  context                    = module.context.context
  functions                  = try(var.function_profiling.functions, null)
  service_regions            = try(var.function_profiling.service_regions, null)
  layer_arn                  = try(var.function_profiling.layer_arn, null)
  review_schedule_expression = try(var.function_profiling.review_schedule_expression, null)
  silent_days                = try(var.function_profiling.silent_days, null)
  window_days                = try(var.function_profiling.window_days, null)
  notification_emails        = try(var.function_profiling.notification_emails, null)
  history_days               = try(var.function_profiling.history_days, null)
  force_destroy              = try(var.function_profiling.force_destroy, null)
}

variable "function_profiling" {
  description = "Finds work that your functions repeat in each call, such as clients that a handler creates again. { functions } for the defaults, null for off. See modules/operations/function_profiling."
  type        = any
  default     = null

  validation {
    condition     = var.function_profiling == null || can(keys(var.function_profiling))
    error_message = "function_profiling must be an object; null for off."
  }

  validation {
    condition     = var.function_profiling == null || alltrue([for name in ["functions"] : try(var.function_profiling[name], null) != null])
    error_message = "function_profiling needs functions."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.function_profiling), []), local.operations_settings["function_profiling"])) == 0
    error_message = "function_profiling has no setting ${join(", ", setsubtract(try(keys(var.function_profiling), []), local.operations_settings["function_profiling"]))}. Its settings are: ${join(", ", local.operations_settings["function_profiling"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.function_profiling.functions), []) : try(keys(a), [])]), local.operations_settings["function_profiling.functions[*]"])) == 0
    error_message = "function_profiling.functions[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.function_profiling.functions), []) : try(keys(a), [])]), local.operations_settings["function_profiling.functions[*]"]))}. Its settings are: ${join(", ", local.operations_settings["function_profiling.functions[*]"])}."
  }
}

output "function_profiling" {
  description = "Outputs of modules/operations/function_profiling; null when off."
  value       = one(module.function_profiling[*])
}

module "module_pipeline" {
  source = "./modules/operations/module_pipeline"
  count  = var.module_pipeline == null ? 0 : 1

  context                  = module.context.context
  modules                  = try(var.module_pipeline.modules, null)
  image                    = try(var.module_pipeline.image, null)
  image_architecture       = try(var.module_pipeline.image_architecture, null)
  compute_type             = try(var.module_pipeline.compute_type, null)
  build_timeout_minutes    = try(var.module_pipeline.build_timeout_minutes, null)
  vpc                      = try(var.module_pipeline.vpc, null)
  execution_mode           = try(var.module_pipeline.execution_mode, null)
  approval_required        = try(var.module_pipeline.approval_required, null)
  approval_timeout_minutes = try(var.module_pipeline.approval_timeout_minutes, null)
  notification_emails      = try(var.module_pipeline.notification_emails, null)
  sandbox                  = try(var.module_pipeline.sandbox, null)
  report_days              = try(var.module_pipeline.report_days, null)
  consumer_account_ids     = try(var.module_pipeline.consumer_account_ids, null)
  registry_kms_key_arn     = try(var.module_pipeline.registry_kms_key_arn, null)
  force_destroy            = try(var.module_pipeline.force_destroy, null)
}

variable "module_pipeline" {
  description = "A pipeline for each of your Terraform modules: every change is formatted, validated, documented, scanned by Checkov and tested, and a new version is released to a registry after a person's approval. { modules, image } for the defaults, null for off. See modules/operations/module_pipeline."
  type        = any
  default     = null

  validation {
    condition     = var.module_pipeline == null || can(keys(var.module_pipeline))
    error_message = "module_pipeline must be an object; null for off."
  }

  validation {
    condition     = var.module_pipeline == null || alltrue([for name in ["modules", "image"] : try(var.module_pipeline[name], null) != null])
    error_message = "module_pipeline needs modules and image."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.module_pipeline), []), local.operations_settings["module_pipeline"])) == 0
    error_message = "module_pipeline has no setting ${join(", ", setsubtract(try(keys(var.module_pipeline), []), local.operations_settings["module_pipeline"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a), [])]), local.operations_settings["module_pipeline.modules[*]"])) == 0
    error_message = "module_pipeline.modules[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a), [])]), local.operations_settings["module_pipeline.modules[*]"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline.modules[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source), [])]), local.operations_settings["module_pipeline.modules[*].source"])) == 0
    error_message = "module_pipeline.modules[*].source has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source), [])]), local.operations_settings["module_pipeline.modules[*].source"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline.modules[*].source"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source.s3), [])]), local.operations_settings["module_pipeline.modules[*].source.s3"])) == 0
    error_message = "module_pipeline.modules[*].source.s3 has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source.s3), [])]), local.operations_settings["module_pipeline.modules[*].source.s3"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline.modules[*].source.s3"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source.codecommit), [])]), local.operations_settings["module_pipeline.modules[*].source.codecommit"])) == 0
    error_message = "module_pipeline.modules[*].source.codecommit has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source.codecommit), [])]), local.operations_settings["module_pipeline.modules[*].source.codecommit"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline.modules[*].source.codecommit"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source.connection), [])]), local.operations_settings["module_pipeline.modules[*].source.connection"])) == 0
    error_message = "module_pipeline.modules[*].source.connection has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.module_pipeline.modules), []) : try(keys(a.source.connection), [])]), local.operations_settings["module_pipeline.modules[*].source.connection"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline.modules[*].source.connection"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.module_pipeline.vpc), []), local.operations_settings["module_pipeline.vpc"])) == 0
    error_message = "module_pipeline.vpc has no setting ${join(", ", setsubtract(try(keys(var.module_pipeline.vpc), []), local.operations_settings["module_pipeline.vpc"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline.vpc"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.module_pipeline.sandbox), []), local.operations_settings["module_pipeline.sandbox"])) == 0
    error_message = "module_pipeline.sandbox has no setting ${join(", ", setsubtract(try(keys(var.module_pipeline.sandbox), []), local.operations_settings["module_pipeline.sandbox"]))}. Its settings are: ${join(", ", local.operations_settings["module_pipeline.sandbox"])}."
  }
}

output "module_pipeline" {
  description = "Outputs of modules/operations/module_pipeline; null when off."
  value       = one(module.module_pipeline[*])
}

module "pipeline_metrics" {
  source = "./modules/operations/pipeline_metrics"
  count  = var.pipeline_metrics == null ? 0 : 1

  context                     = module.context.context
  pipelines                   = try(var.pipeline_metrics.pipelines, null)
  regions                     = try(var.pipeline_metrics.regions, null)
  members                     = try(var.pipeline_metrics.members, null)
  time_zone                   = try(var.pipeline_metrics.time_zone, null)
  production_stages           = try(var.pipeline_metrics.production_stages, null)
  pipeline_production_stages  = try(var.pipeline_metrics.pipeline_production_stages, null)
  failure_signals             = try(var.pipeline_metrics.failure_signals, null)
  incident_alarms             = try(var.pipeline_metrics.incident_alarms, null)
  incident_hours              = try(var.pipeline_metrics.incident_hours, null)
  batch_seconds               = try(var.pipeline_metrics.batch_seconds, null)
  recent_days                 = try(var.pipeline_metrics.recent_days, null)
  requests_per_second         = try(var.pipeline_metrics.requests_per_second, null)
  history_schedule_expression = try(var.pipeline_metrics.history_schedule_expression, null)
  compact_schedule_expression = try(var.pipeline_metrics.compact_schedule_expression, null)
  report_schedule_expression  = try(var.pipeline_metrics.report_schedule_expression, null)
  report_days                 = try(var.pipeline_metrics.report_days, null)
  retention_days              = try(var.pipeline_metrics.retention_days, null)
  query_limit_mib             = try(var.pipeline_metrics.query_limit_mib, null)
  dashboard                   = try(var.pipeline_metrics.dashboard, null)
  quicksight                  = try(var.pipeline_metrics.quicksight, null)
  force_destroy               = try(var.pipeline_metrics.force_destroy, null)
}

variable "pipeline_metrics" {
  description = "Counts what your CodePipeline pipelines do: executions that succeeded and failed, results of each action, change from day to day, and the four DORA figures. {} for the defaults, null for off. See modules/operations/pipeline_metrics."
  type        = any
  default     = null

  validation {
    condition     = var.pipeline_metrics == null || can(keys(var.pipeline_metrics))
    error_message = "pipeline_metrics must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.pipeline_metrics), []), local.operations_settings["pipeline_metrics"])) == 0
    error_message = "pipeline_metrics has no setting ${join(", ", setsubtract(try(keys(var.pipeline_metrics), []), local.operations_settings["pipeline_metrics"]))}. Its settings are: ${join(", ", local.operations_settings["pipeline_metrics"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.pipeline_metrics.members), []) : try(keys(a), [])]), local.operations_settings["pipeline_metrics.members[*]"])) == 0
    error_message = "pipeline_metrics.members[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.pipeline_metrics.members), []) : try(keys(a), [])]), local.operations_settings["pipeline_metrics.members[*]"]))}. Its settings are: ${join(", ", local.operations_settings["pipeline_metrics.members[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.pipeline_metrics.quicksight), []), local.operations_settings["pipeline_metrics.quicksight"])) == 0
    error_message = "pipeline_metrics.quicksight has no setting ${join(", ", setsubtract(try(keys(var.pipeline_metrics.quicksight), []), local.operations_settings["pipeline_metrics.quicksight"]))}. Its settings are: ${join(", ", local.operations_settings["pipeline_metrics.quicksight"])}."
  }
}

output "pipeline_metrics" {
  description = "Outputs of modules/operations/pipeline_metrics; null when off."
  value       = one(module.pipeline_metrics[*])
}

module "service_health" {
  source = "./modules/operations/service_health"
  count  = var.service_health == null ? 0 : 1

  context             = module.context.context
  services            = try(var.service_health.services, null)
  stack_services      = try(var.service_health.stack_services, null)
  checks              = try(var.service_health.checks, null)
  maintenance_windows = try(var.service_health.maintenance_windows, null)
  critical_emails     = try(var.service_health.critical_emails, null)
  warning_emails      = try(var.service_health.warning_emails, null)
  critical_actions    = try(var.service_health.critical_actions, null)
  warning_actions     = try(var.service_health.warning_actions, null)
  ignored_resources   = try(var.service_health.ignored_resources, null)
  dead_letter_names   = try(var.service_health.dead_letter_names, null)
  queries             = try(var.service_health.queries, null)
  trace_groups        = try(var.service_health.trace_groups, null)
  sampling_rules      = try(var.service_health.sampling_rules, null)
  schedule_expression = try(var.service_health.schedule_expression, null)
  batching_seconds    = try(var.service_health.batching_seconds, null)
  writes_per_second   = try(var.service_health.writes_per_second, null)
}

variable "service_health" {
  description = "Watches your services and pages once for an incident: alarms on functions, APIs, tables, queues, state machines, topics and load balancers, found by tag, and on your own business metrics. {} for the defaults, null for off. See modules/operations/service_health."
  type        = any
  default     = null

  validation {
    condition     = var.service_health == null || can(keys(var.service_health))
    error_message = "service_health must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.service_health), []), local.operations_settings["service_health"])) == 0
    error_message = "service_health has no setting ${join(", ", setsubtract(try(keys(var.service_health), []), local.operations_settings["service_health"]))}. Its settings are: ${join(", ", local.operations_settings["service_health"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.service_health.services), []) : try(keys(a), [])]), local.operations_settings["service_health.services[*]"])) == 0
    error_message = "service_health.services[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.service_health.services), []) : try(keys(a), [])]), local.operations_settings["service_health.services[*]"]))}. Its settings are: ${join(", ", local.operations_settings["service_health.services[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.service_health.services), []) : [for b in try(values(a.metrics), []) : try(keys(b), [])]]), local.operations_settings["service_health.services[*].metrics[*]"])) == 0
    error_message = "service_health.services[*].metrics[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.service_health.services), []) : [for b in try(values(a.metrics), []) : try(keys(b), [])]]), local.operations_settings["service_health.services[*].metrics[*]"]))}. Its settings are: ${join(", ", local.operations_settings["service_health.services[*].metrics[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.service_health.services), []) : [for b in try(values(a.checks), []) : try(keys(b), [])]]), local.operations_settings["service_health.services[*].checks[*]"])) == 0
    error_message = "service_health.services[*].checks[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.service_health.services), []) : [for b in try(values(a.checks), []) : try(keys(b), [])]]), local.operations_settings["service_health.services[*].checks[*]"]))}. Its settings are: ${join(", ", local.operations_settings["service_health.services[*].checks[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.service_health.checks), []) : try(keys(a), [])]), local.operations_settings["service_health.checks[*]"])) == 0
    error_message = "service_health.checks[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.service_health.checks), []) : try(keys(a), [])]), local.operations_settings["service_health.checks[*]"]))}. Its settings are: ${join(", ", local.operations_settings["service_health.checks[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.service_health.maintenance_windows), []) : try(keys(a), [])]), local.operations_settings["service_health.maintenance_windows[*]"])) == 0
    error_message = "service_health.maintenance_windows[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.service_health.maintenance_windows), []) : try(keys(a), [])]), local.operations_settings["service_health.maintenance_windows[*]"]))}. Its settings are: ${join(", ", local.operations_settings["service_health.maintenance_windows[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.service_health.trace_groups), []) : try(keys(a), [])]), local.operations_settings["service_health.trace_groups[*]"])) == 0
    error_message = "service_health.trace_groups[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.service_health.trace_groups), []) : try(keys(a), [])]), local.operations_settings["service_health.trace_groups[*]"]))}. Its settings are: ${join(", ", local.operations_settings["service_health.trace_groups[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.service_health.sampling_rules), []) : try(keys(a), [])]), local.operations_settings["service_health.sampling_rules[*]"])) == 0
    error_message = "service_health.sampling_rules[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.service_health.sampling_rules), []) : try(keys(a), [])]), local.operations_settings["service_health.sampling_rules[*]"]))}. Its settings are: ${join(", ", local.operations_settings["service_health.sampling_rules[*]"])}."
  }
}

output "service_health" {
  description = "Outputs of modules/operations/service_health; null when off."
  value       = one(module.service_health[*])
}

module "volume_alarms" {
  source = "./modules/operations/volume_alarms"
  count  = var.volume_alarms == null ? 0 : 1

  context                   = module.context.context
  tiers                     = try(var.volume_alarms.tiers, null)
  instance_names            = try(var.volume_alarms.instance_names, null)
  instance_tags             = try(var.volume_alarms.instance_tags, null)
  own_account               = try(var.volume_alarms.own_account, null)
  targets                   = try(var.volume_alarms.targets, null)
  warning_actions           = try(var.volume_alarms.warning_actions, null)
  critical_actions          = try(var.volume_alarms.critical_actions, null)
  notification_emails       = try(var.volume_alarms.notification_emails, null)
  namespaces                = try(var.volume_alarms.namespaces, null)
  metric_names              = try(var.volume_alarms.metric_names, null)
  ignored_file_systems      = try(var.volume_alarms.ignored_file_systems, null)
  ignored_drives            = try(var.volume_alarms.ignored_drives, null)
  included_drives           = try(var.volume_alarms.included_drives, null)
  period_seconds            = try(var.volume_alarms.period_seconds, null)
  evaluation_periods        = try(var.volume_alarms.evaluation_periods, null)
  treat_missing_data        = try(var.volume_alarms.treat_missing_data, null)
  gone_after_hours          = try(var.volume_alarms.gone_after_hours, null)
  schedule_expression       = try(var.volume_alarms.schedule_expression, null)
  metrics_delay_seconds     = try(var.volume_alarms.metrics_delay_seconds, null)
  without_metrics_threshold = try(var.volume_alarms.without_metrics_threshold, null)
  agent                     = try(var.volume_alarms.agent, null)
  expiration_days           = try(var.volume_alarms.expiration_days, null)
  force_destroy             = try(var.volume_alarms.force_destroy, null)
}

variable "volume_alarms" {
  description = "Warns you before a disk is full: a warning and a critical alarm on the free space of every volume of your Windows and Linux instances, written and removed as instances and drives come and go. {} for the defaults, null for off. See modules/operations/volume_alarms."
  type        = any
  default     = null

  validation {
    condition     = var.volume_alarms == null || can(keys(var.volume_alarms))
    error_message = "volume_alarms must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.volume_alarms), []), local.operations_settings["volume_alarms"])) == 0
    error_message = "volume_alarms has no setting ${join(", ", setsubtract(try(keys(var.volume_alarms), []), local.operations_settings["volume_alarms"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(flatten([var.volume_alarms.tiers]), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.tiers[*]"])) == 0
    error_message = "volume_alarms.tiers[*] has no setting ${join(", ", setsubtract(flatten([for a in try(flatten([var.volume_alarms.tiers]), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.tiers[*]"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.tiers[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.volume_alarms.targets), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.targets[*]"])) == 0
    error_message = "volume_alarms.targets[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.volume_alarms.targets), []) : try(keys(a), [])]), local.operations_settings["volume_alarms.targets[*]"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.targets[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.volume_alarms.metric_names), []), local.operations_settings["volume_alarms.metric_names"])) == 0
    error_message = "volume_alarms.metric_names has no setting ${join(", ", setsubtract(try(keys(var.volume_alarms.metric_names), []), local.operations_settings["volume_alarms.metric_names"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.metric_names"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.volume_alarms.agent), []), local.operations_settings["volume_alarms.agent"])) == 0
    error_message = "volume_alarms.agent has no setting ${join(", ", setsubtract(try(keys(var.volume_alarms.agent), []), local.operations_settings["volume_alarms.agent"]))}. Its settings are: ${join(", ", local.operations_settings["volume_alarms.agent"])}."
  }
}

output "volume_alarms" {
  description = "Outputs of modules/operations/volume_alarms; null when off."
  value       = one(module.volume_alarms[*])
}
