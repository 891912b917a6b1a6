# Written by `make docs` (tools/root.py) from modules/data/*/variables.tf and tools/wiring.py. Edit those instead.

locals {
  # What can be set: in a capability, and in each object of it.
  data_settings = {
    "burst_search"                              = ["batch", "check_seconds", "examples", "fan_out", "force_destroy", "limits", "page_size", "retention_days", "searches", "sources", "strategy", "timeout_seconds", "worker"]
    "burst_search.sources[*]"                   = ["bucket", "kms_key_arn", "prefix"]
    "burst_search.searches[*]"                  = ["layer_arn", "module"]
    "burst_search.worker"                       = ["concurrency", "memory_size", "threads", "timeout_seconds"]
    "burst_search.batch"                        = ["bytes", "objects"]
    "burst_search.limits"                       = ["calls", "matches", "object_bytes", "objects", "worker_seconds"]
    "connector_config"                          = ["cluster", "connectors", "force_destroy", "history_days", "notification_emails", "plugins", "removal", "review_schedule_expression", "worker_configurations"]
    "connector_config.plugins[*]"               = ["bucket_arn", "content_type", "description", "key", "object_version", "sha256"]
    "connector_config.worker_configurations[*]" = ["description", "plain_properties", "properties", "unlisted_properties"]
    "connector_config.cluster"                  = ["authentication", "bootstrap_servers", "encryption", "security_group_ids", "subnet_ids"]
    "connector_config.connectors[*]"            = ["capacity", "configuration", "description", "kafka_connect_version", "plain_properties", "plugins", "service_execution_role_arn", "worker_configuration"]
    "connector_config.connectors[*].capacity"   = ["max_workers", "mcu_count", "min_workers", "scale_in_percent", "scale_out_percent", "workers"]
    "connector_config.removal"                  = ["grace_days", "mode", "most", "name_prefix", "tags"]
    "cross_account_stream"                      = ["batch_size", "batching_window_seconds", "error_threshold", "force_destroy", "iterator_age_minutes", "keep_days", "maximum_retry_attempts", "memory_mb", "parallelization_factor", "parked_days", "reserved_concurrency", "streams", "timeout_seconds"]
    "cross_account_stream.streams[*]"           = ["consumer_arn", "enabled", "kms_key_arn", "silence_minutes", "start_at", "stream_arn"]
    "device_telemetry"                          = ["batch_size", "batching_window_seconds", "buffering", "client_security_group_ids", "clock_skew_seconds", "device_days", "enabled", "error_threshold", "force_destroy", "history_days", "lag_records", "maximum_retry_attempts", "memory_mb", "notification_emails", "parked_days", "pollers", "query_limit_mib", "silent_devices", "silent_minutes", "subnet_ids", "timeout_seconds", "topics", "vpc_id", "watch_schedule_expression"]
    "device_telemetry.pollers"                  = ["maximum", "minimum"]
    "device_telemetry.buffering"                = ["mib", "seconds"]
    "document_pipeline"                         = ["attempts", "backlog_alarm_seconds", "concurrency", "endpoint", "expiration_days", "force_destroy", "image", "ledger_days", "limits", "memory_size", "query_limit_mib", "sources", "thresholds"]
    "document_pipeline.sources[*]"              = ["bucket", "kms_key_arn", "prefix"]
    "document_pipeline.endpoint"                = ["concurrency", "features", "payload", "sagemaker_endpoint", "secret_arn", "timeout_seconds", "url"]
    "document_pipeline.thresholds"              = ["bytes", "pages"]
    "document_pipeline.limits"                  = ["bytes", "page_seconds", "pages"]
    "document_pipeline.image"                   = ["dpi", "minimum_dpi", "pixels", "side"]
    "document_pipeline.concurrency"             = ["intake", "large", "render"]
    "hybrid_search"                             = ["data_nodes", "dedicated_managers", "depth", "embedding", "engine_version", "expiration_days", "filter_fields", "force_destroy", "index", "minimum_scores", "public", "refresh_seconds", "shards", "text_field", "throttle", "vector_weight", "wait", "web_acl_arn"]
    "hybrid_search.data_nodes"                  = ["count", "family", "size", "volume_gib", "zones"]
    "hybrid_search.dedicated_managers"          = ["count", "instance_type"]
    "hybrid_search.embedding"                   = ["bedrock_model", "dimensions", "sagemaker_endpoint"]
    "hybrid_search.minimum_scores"              = ["lexical", "vector"]
    "hybrid_search.throttle"                    = ["burst_limit", "rate_limit"]
    "hybrid_search.wait"                        = ["create", "delete", "update"]
  }
}

module "burst_search" {
  source = "./modules/data/burst_search"
  count  = var.burst_search == null ? 0 : 1

  context         = module.context.context
  sources         = try(var.burst_search.sources, null)
  examples        = try(var.burst_search.examples, null)
  searches        = try(var.burst_search.searches, null)
  strategy        = try(var.burst_search.strategy, null)
  worker          = try(var.burst_search.worker, null)
  batch           = try(var.burst_search.batch, null)
  fan_out         = try(var.burst_search.fan_out, null)
  limits          = try(var.burst_search.limits, null)
  timeout_seconds = try(var.burst_search.timeout_seconds, null)
  check_seconds   = try(var.burst_search.check_seconds, null)
  page_size       = try(var.burst_search.page_size, null)
  retention_days  = try(var.burst_search.retention_days, null)
  force_destroy   = try(var.burst_search.force_destroy, null)
}

variable "burst_search" {
  description = "Searches hundreds of thousands of objects in S3 in one burst of Lambda calls, and costs next to nothing between searches. { sources } for the defaults, null for off. See modules/data/burst_search."
  type        = any
  default     = null

  validation {
    condition     = var.burst_search == null || can(keys(var.burst_search))
    error_message = "burst_search must be an object; null for off."
  }

  validation {
    condition     = var.burst_search == null || alltrue([for name in ["sources"] : try(var.burst_search[name], null) != null])
    error_message = "burst_search needs sources."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search), []), local.data_settings["burst_search"])) == 0
    error_message = "burst_search has no setting ${join(", ", setsubtract(try(keys(var.burst_search), []), local.data_settings["burst_search"]))}. Its settings are: ${join(", ", local.data_settings["burst_search"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.burst_search.sources), []) : try(keys(a), [])]), local.data_settings["burst_search.sources[*]"])) == 0
    error_message = "burst_search.sources[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.burst_search.sources), []) : try(keys(a), [])]), local.data_settings["burst_search.sources[*]"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.sources[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.burst_search.searches), []) : try(keys(a), [])]), local.data_settings["burst_search.searches[*]"])) == 0
    error_message = "burst_search.searches[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.burst_search.searches), []) : try(keys(a), [])]), local.data_settings["burst_search.searches[*]"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.searches[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search.worker), []), local.data_settings["burst_search.worker"])) == 0
    error_message = "burst_search.worker has no setting ${join(", ", setsubtract(try(keys(var.burst_search.worker), []), local.data_settings["burst_search.worker"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.worker"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search.batch), []), local.data_settings["burst_search.batch"])) == 0
    error_message = "burst_search.batch has no setting ${join(", ", setsubtract(try(keys(var.burst_search.batch), []), local.data_settings["burst_search.batch"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.batch"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.burst_search.limits), []), local.data_settings["burst_search.limits"])) == 0
    error_message = "burst_search.limits has no setting ${join(", ", setsubtract(try(keys(var.burst_search.limits), []), local.data_settings["burst_search.limits"]))}. Its settings are: ${join(", ", local.data_settings["burst_search.limits"])}."
  }
}

output "burst_search" {
  description = "Outputs of modules/data/burst_search; null when off."
  value       = one(module.burst_search[*])
}

module "connector_config" {
  source = "./modules/data/connector_config"
  count  = var.connector_config == null ? 0 : 1

  context                    = module.context.context
  plugins                    = try(var.connector_config.plugins, null)
  worker_configurations      = try(var.connector_config.worker_configurations, null)
  cluster                    = try(var.connector_config.cluster, null)
  connectors                 = try(var.connector_config.connectors, null)
  removal                    = try(var.connector_config.removal, null)
  review_schedule_expression = try(var.connector_config.review_schedule_expression, null)
  notification_emails        = try(var.connector_config.notification_emails, null)
  history_days               = try(var.connector_config.history_days, null)
  force_destroy              = try(var.connector_config.force_destroy, null)
}

variable "connector_config" {
  description = "Keeps MSK Connect as code: plugins, worker configurations and connectors whose changes work, and whose secrets stay in Secrets Manager. {} for the defaults, null for off. See modules/data/connector_config."
  type        = any
  default     = null

  validation {
    condition     = var.connector_config == null || can(keys(var.connector_config))
    error_message = "connector_config must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.connector_config), []), local.data_settings["connector_config"])) == 0
    error_message = "connector_config has no setting ${join(", ", setsubtract(try(keys(var.connector_config), []), local.data_settings["connector_config"]))}. Its settings are: ${join(", ", local.data_settings["connector_config"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.plugins), []) : try(keys(a), [])]), local.data_settings["connector_config.plugins[*]"])) == 0
    error_message = "connector_config.plugins[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.plugins), []) : try(keys(a), [])]), local.data_settings["connector_config.plugins[*]"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.plugins[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.worker_configurations), []) : try(keys(a), [])]), local.data_settings["connector_config.worker_configurations[*]"])) == 0
    error_message = "connector_config.worker_configurations[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.worker_configurations), []) : try(keys(a), [])]), local.data_settings["connector_config.worker_configurations[*]"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.worker_configurations[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.connector_config.cluster), []), local.data_settings["connector_config.cluster"])) == 0
    error_message = "connector_config.cluster has no setting ${join(", ", setsubtract(try(keys(var.connector_config.cluster), []), local.data_settings["connector_config.cluster"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.cluster"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a), [])]), local.data_settings["connector_config.connectors[*]"])) == 0
    error_message = "connector_config.connectors[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a), [])]), local.data_settings["connector_config.connectors[*]"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.connectors[*]"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a.capacity), [])]), local.data_settings["connector_config.connectors[*].capacity"])) == 0
    error_message = "connector_config.connectors[*].capacity has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.connector_config.connectors), []) : try(keys(a.capacity), [])]), local.data_settings["connector_config.connectors[*].capacity"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.connectors[*].capacity"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.connector_config.removal), []), local.data_settings["connector_config.removal"])) == 0
    error_message = "connector_config.removal has no setting ${join(", ", setsubtract(try(keys(var.connector_config.removal), []), local.data_settings["connector_config.removal"]))}. Its settings are: ${join(", ", local.data_settings["connector_config.removal"])}."
  }
}

output "connector_config" {
  description = "Outputs of modules/data/connector_config; null when off."
  value       = one(module.connector_config[*])
}

module "cross_account_stream" {
  source = "./modules/data/cross_account_stream"
  count  = var.cross_account_stream == null ? 0 : 1

  context                 = module.context.context
  streams                 = try(var.cross_account_stream.streams, null)
  batch_size              = try(var.cross_account_stream.batch_size, null)
  batching_window_seconds = try(var.cross_account_stream.batching_window_seconds, null)
  parallelization_factor  = try(var.cross_account_stream.parallelization_factor, null)
  maximum_retry_attempts  = try(var.cross_account_stream.maximum_retry_attempts, null)
  iterator_age_minutes    = try(var.cross_account_stream.iterator_age_minutes, null)
  error_threshold         = try(var.cross_account_stream.error_threshold, null)
  timeout_seconds         = try(var.cross_account_stream.timeout_seconds, null)
  memory_mb               = try(var.cross_account_stream.memory_mb, null)
  reserved_concurrency    = try(var.cross_account_stream.reserved_concurrency, null)
  keep_days               = try(var.cross_account_stream.keep_days, null)
  parked_days             = try(var.cross_account_stream.parked_days, null)
  force_destroy           = try(var.cross_account_stream.force_destroy, null)
}

variable "cross_account_stream" {
  description = "Your functions read a Kinesis data stream that belongs to another account, without a copy of the stream and without a step outside of Terraform. {} for the defaults, null for off. See modules/data/cross_account_stream."
  type        = any
  default     = null

  validation {
    condition     = var.cross_account_stream == null || can(keys(var.cross_account_stream))
    error_message = "cross_account_stream must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.cross_account_stream), []), local.data_settings["cross_account_stream"])) == 0
    error_message = "cross_account_stream has no setting ${join(", ", setsubtract(try(keys(var.cross_account_stream), []), local.data_settings["cross_account_stream"]))}. Its settings are: ${join(", ", local.data_settings["cross_account_stream"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.cross_account_stream.streams), []) : try(keys(a), [])]), local.data_settings["cross_account_stream.streams[*]"])) == 0
    error_message = "cross_account_stream.streams[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.cross_account_stream.streams), []) : try(keys(a), [])]), local.data_settings["cross_account_stream.streams[*]"]))}. Its settings are: ${join(", ", local.data_settings["cross_account_stream.streams[*]"])}."
  }
}

output "cross_account_stream" {
  description = "Outputs of modules/data/cross_account_stream; null when off."
  value       = one(module.cross_account_stream[*])
}

module "device_telemetry" {
  source = "./modules/data/device_telemetry"
  count  = var.device_telemetry == null ? 0 : 1

  context                   = module.context.context
  vpc_id                    = try(var.device_telemetry.vpc_id, null)
  subnet_ids                = try(var.device_telemetry.subnet_ids, null)
  client_security_group_ids = try(var.device_telemetry.client_security_group_ids, null)
  topics                    = try(var.device_telemetry.topics, null)
  enabled                   = try(var.device_telemetry.enabled, null)
  pollers                   = try(var.device_telemetry.pollers, null)
  batch_size                = try(var.device_telemetry.batch_size, null)
  batching_window_seconds   = try(var.device_telemetry.batching_window_seconds, null)
  maximum_retry_attempts    = try(var.device_telemetry.maximum_retry_attempts, null)
  clock_skew_seconds        = try(var.device_telemetry.clock_skew_seconds, null)
  silent_minutes            = try(var.device_telemetry.silent_minutes, null)
  silent_devices            = try(var.device_telemetry.silent_devices, null)
  watch_schedule_expression = try(var.device_telemetry.watch_schedule_expression, null)
  notification_emails       = try(var.device_telemetry.notification_emails, null)
  device_days               = try(var.device_telemetry.device_days, null)
  history_days              = try(var.device_telemetry.history_days, null)
  parked_days               = try(var.device_telemetry.parked_days, null)
  buffering                 = try(var.device_telemetry.buffering, null)
  query_limit_mib           = try(var.device_telemetry.query_limit_mib, null)
  lag_records               = try(var.device_telemetry.lag_records, null)
  error_threshold           = try(var.device_telemetry.error_threshold, null)
  timeout_seconds           = try(var.device_telemetry.timeout_seconds, null)
  memory_mb                 = try(var.device_telemetry.memory_mb, null)
  force_destroy             = try(var.device_telemetry.force_destroy, null)
}

variable "device_telemetry" {
  description = "Keeps the latest state of each of your devices and the history of all that they sent, from Kafka topics, without a server to look after. { vpc_id, subnet_ids } for the defaults, null for off. See modules/data/device_telemetry."
  type        = any
  default     = null

  validation {
    condition     = var.device_telemetry == null || can(keys(var.device_telemetry))
    error_message = "device_telemetry must be an object; null for off."
  }

  validation {
    condition     = var.device_telemetry == null || alltrue([for name in ["vpc_id", "subnet_ids"] : try(var.device_telemetry[name], null) != null])
    error_message = "device_telemetry needs vpc_id and subnet_ids."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.device_telemetry), []), local.data_settings["device_telemetry"])) == 0
    error_message = "device_telemetry has no setting ${join(", ", setsubtract(try(keys(var.device_telemetry), []), local.data_settings["device_telemetry"]))}. Its settings are: ${join(", ", local.data_settings["device_telemetry"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.device_telemetry.pollers), []), local.data_settings["device_telemetry.pollers"])) == 0
    error_message = "device_telemetry.pollers has no setting ${join(", ", setsubtract(try(keys(var.device_telemetry.pollers), []), local.data_settings["device_telemetry.pollers"]))}. Its settings are: ${join(", ", local.data_settings["device_telemetry.pollers"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.device_telemetry.buffering), []), local.data_settings["device_telemetry.buffering"])) == 0
    error_message = "device_telemetry.buffering has no setting ${join(", ", setsubtract(try(keys(var.device_telemetry.buffering), []), local.data_settings["device_telemetry.buffering"]))}. Its settings are: ${join(", ", local.data_settings["device_telemetry.buffering"])}."
  }
}

output "device_telemetry" {
  description = "Outputs of modules/data/device_telemetry; null when off."
  value       = one(module.device_telemetry[*])
}

module "document_pipeline" {
  source = "./modules/data/document_pipeline"
  count  = var.document_pipeline == null ? 0 : 1

  context               = module.context.context
  sources               = try(var.document_pipeline.sources, null)
  endpoint              = try(var.document_pipeline.endpoint, null)
  thresholds            = try(var.document_pipeline.thresholds, null)
  limits                = try(var.document_pipeline.limits, null)
  image                 = try(var.document_pipeline.image, null)
  memory_size           = try(var.document_pipeline.memory_size, null)
  concurrency           = try(var.document_pipeline.concurrency, null)
  attempts              = try(var.document_pipeline.attempts, null)
  backlog_alarm_seconds = try(var.document_pipeline.backlog_alarm_seconds, null)
  ledger_days           = try(var.document_pipeline.ledger_days, null)
  expiration_days       = try(var.document_pipeline.expiration_days, null)
  query_limit_mib       = try(var.document_pipeline.query_limit_mib, null)
  force_destroy         = try(var.document_pipeline.force_destroy, null)
}

variable "document_pipeline" {
  description = "Turns PDF documents of any size into one image a page, sends each image to your model, and keeps one row a page that says what became of it, in SQL. {} for the defaults, null for off. See modules/data/document_pipeline."
  type        = any
  default     = null

  validation {
    condition     = var.document_pipeline == null || can(keys(var.document_pipeline))
    error_message = "document_pipeline must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.document_pipeline), []), local.data_settings["document_pipeline"])) == 0
    error_message = "document_pipeline has no setting ${join(", ", setsubtract(try(keys(var.document_pipeline), []), local.data_settings["document_pipeline"]))}. Its settings are: ${join(", ", local.data_settings["document_pipeline"])}."
  }

  validation {
    condition     = length(setsubtract(flatten([for a in try(values(var.document_pipeline.sources), []) : try(keys(a), [])]), local.data_settings["document_pipeline.sources[*]"])) == 0
    error_message = "document_pipeline.sources[*] has no setting ${join(", ", setsubtract(flatten([for a in try(values(var.document_pipeline.sources), []) : try(keys(a), [])]), local.data_settings["document_pipeline.sources[*]"]))}. Its settings are: ${join(", ", local.data_settings["document_pipeline.sources[*]"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.document_pipeline.endpoint), []), local.data_settings["document_pipeline.endpoint"])) == 0
    error_message = "document_pipeline.endpoint has no setting ${join(", ", setsubtract(try(keys(var.document_pipeline.endpoint), []), local.data_settings["document_pipeline.endpoint"]))}. Its settings are: ${join(", ", local.data_settings["document_pipeline.endpoint"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.document_pipeline.thresholds), []), local.data_settings["document_pipeline.thresholds"])) == 0
    error_message = "document_pipeline.thresholds has no setting ${join(", ", setsubtract(try(keys(var.document_pipeline.thresholds), []), local.data_settings["document_pipeline.thresholds"]))}. Its settings are: ${join(", ", local.data_settings["document_pipeline.thresholds"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.document_pipeline.limits), []), local.data_settings["document_pipeline.limits"])) == 0
    error_message = "document_pipeline.limits has no setting ${join(", ", setsubtract(try(keys(var.document_pipeline.limits), []), local.data_settings["document_pipeline.limits"]))}. Its settings are: ${join(", ", local.data_settings["document_pipeline.limits"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.document_pipeline.image), []), local.data_settings["document_pipeline.image"])) == 0
    error_message = "document_pipeline.image has no setting ${join(", ", setsubtract(try(keys(var.document_pipeline.image), []), local.data_settings["document_pipeline.image"]))}. Its settings are: ${join(", ", local.data_settings["document_pipeline.image"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.document_pipeline.concurrency), []), local.data_settings["document_pipeline.concurrency"])) == 0
    error_message = "document_pipeline.concurrency has no setting ${join(", ", setsubtract(try(keys(var.document_pipeline.concurrency), []), local.data_settings["document_pipeline.concurrency"]))}. Its settings are: ${join(", ", local.data_settings["document_pipeline.concurrency"])}."
  }
}

output "document_pipeline" {
  description = "Outputs of modules/data/document_pipeline; null when off."
  value       = one(module.document_pipeline[*])
}

module "hybrid_search" {
  source = "./modules/data/hybrid_search"
  count  = var.hybrid_search == null ? 0 : 1

  context            = module.context.context
  data_nodes         = try(var.hybrid_search.data_nodes, null)
  dedicated_managers = try(var.hybrid_search.dedicated_managers, null)
  engine_version     = try(var.hybrid_search.engine_version, null)
  embedding          = try(var.hybrid_search.embedding, null)
  index              = try(var.hybrid_search.index, null)
  text_field         = try(var.hybrid_search.text_field, null)
  filter_fields      = try(var.hybrid_search.filter_fields, null)
  shards             = try(var.hybrid_search.shards, null)
  refresh_seconds    = try(var.hybrid_search.refresh_seconds, null)
  vector_weight      = try(var.hybrid_search.vector_weight, null)
  minimum_scores     = try(var.hybrid_search.minimum_scores, null)
  depth              = try(var.hybrid_search.depth, null)
  public             = try(var.hybrid_search.public, null)
  throttle           = try(var.hybrid_search.throttle, null)
  web_acl_arn        = try(var.hybrid_search.web_acl_arn, null)
  expiration_days    = try(var.hybrid_search.expiration_days, null)
  force_destroy      = try(var.hybrid_search.force_destroy, null)
  wait               = try(var.hybrid_search.wait, null)
}

variable "hybrid_search" {
  description = "Finds what people mean as well as what they type: your documents can be searched by their words, by their meaning, or by both with weights, in an OpenSearch domain that three roles alone can reach. {} for the defaults, null for off. See modules/data/hybrid_search."
  type        = any
  default     = null

  validation {
    condition     = var.hybrid_search == null || can(keys(var.hybrid_search))
    error_message = "hybrid_search must be an object; null for off."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.hybrid_search), []), local.data_settings["hybrid_search"])) == 0
    error_message = "hybrid_search has no setting ${join(", ", setsubtract(try(keys(var.hybrid_search), []), local.data_settings["hybrid_search"]))}. Its settings are: ${join(", ", local.data_settings["hybrid_search"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.hybrid_search.data_nodes), []), local.data_settings["hybrid_search.data_nodes"])) == 0
    error_message = "hybrid_search.data_nodes has no setting ${join(", ", setsubtract(try(keys(var.hybrid_search.data_nodes), []), local.data_settings["hybrid_search.data_nodes"]))}. Its settings are: ${join(", ", local.data_settings["hybrid_search.data_nodes"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.hybrid_search.dedicated_managers), []), local.data_settings["hybrid_search.dedicated_managers"])) == 0
    error_message = "hybrid_search.dedicated_managers has no setting ${join(", ", setsubtract(try(keys(var.hybrid_search.dedicated_managers), []), local.data_settings["hybrid_search.dedicated_managers"]))}. Its settings are: ${join(", ", local.data_settings["hybrid_search.dedicated_managers"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.hybrid_search.embedding), []), local.data_settings["hybrid_search.embedding"])) == 0
    error_message = "hybrid_search.embedding has no setting ${join(", ", setsubtract(try(keys(var.hybrid_search.embedding), []), local.data_settings["hybrid_search.embedding"]))}. Its settings are: ${join(", ", local.data_settings["hybrid_search.embedding"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.hybrid_search.minimum_scores), []), local.data_settings["hybrid_search.minimum_scores"])) == 0
    error_message = "hybrid_search.minimum_scores has no setting ${join(", ", setsubtract(try(keys(var.hybrid_search.minimum_scores), []), local.data_settings["hybrid_search.minimum_scores"]))}. Its settings are: ${join(", ", local.data_settings["hybrid_search.minimum_scores"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.hybrid_search.throttle), []), local.data_settings["hybrid_search.throttle"])) == 0
    error_message = "hybrid_search.throttle has no setting ${join(", ", setsubtract(try(keys(var.hybrid_search.throttle), []), local.data_settings["hybrid_search.throttle"]))}. Its settings are: ${join(", ", local.data_settings["hybrid_search.throttle"])}."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.hybrid_search.wait), []), local.data_settings["hybrid_search.wait"])) == 0
    error_message = "hybrid_search.wait has no setting ${join(", ", setsubtract(try(keys(var.hybrid_search.wait), []), local.data_settings["hybrid_search.wait"]))}. Its settings are: ${join(", ", local.data_settings["hybrid_search.wait"])}."
  }
}

output "hybrid_search" {
  description = "Outputs of modules/data/hybrid_search; null when off."
  value       = one(module.hybrid_search[*])
}
