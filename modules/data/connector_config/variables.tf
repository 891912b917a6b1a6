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

variable "plugins" {
  description = "Custom plugins by a key of your choice, which is part of their name: an object in S3 that contains a connector's code (`bucket_arn`, `key`), with its `object_version`, or with its `sha256` (hexadecimal) if the bucket keeps no versions. Another version or checksum makes another plugin, and replaces the connectors that use it."
  type = map(object({
    bucket_arn     = string
    key            = string
    object_version = optional(string)
    sha256         = optional(string)
    content_type   = optional(string, "ZIP")
    description    = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, _ in var.plugins : can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,79}$", name))])
    error_message = "Each key of plugins must have 1 to 80 letters, digits and hyphens: it is part of the plugin's name."
  }
  validation {
    condition     = alltrue([for p in var.plugins : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}$", p.bucket_arn)) && p.key != "" && !startswith(p.key, "/")])
    error_message = "plugins needs bucket_arn, the ARN of a bucket such as \"arn:aws:s3:::our-plugins\", and key, such as \"debezium-3.2.zip\"."
  }
  validation {
    condition     = alltrue([for p in var.plugins : coalesce(p.object_version, p.sha256, " ") != " "])
    error_message = "Each of plugins needs object_version, or sha256 if its bucket keeps no versions: a new file under the same key would not be noticed otherwise."
  }
  validation {
    condition     = alltrue([for p in var.plugins : p.sha256 == null || can(regex("^[0-9a-f]{64}$", p.sha256))])
    error_message = "sha256 must have 64 hexadecimal digits in small letters, as sha256sum prints them."
  }
  validation {
    condition     = alltrue([for p in var.plugins : contains(["JAR", "ZIP"], p.content_type)])
    error_message = "content_type must be JAR or ZIP."
  }
}

variable "worker_configurations" {
  description = "Worker configurations by a key of your choice, which is part of their name. `properties` are those that MSK Connect supports; `key.converter` and `value.converter` are required. A change makes another worker configuration, and replaces the connectors that use it. `plain_properties` names properties that only look as if they had a secret, `unlisted_properties` those that this module does not know. In HCL, write a placeholder with two dollar signs."
  type = map(object({
    properties          = map(string)
    description         = optional(string)
    plain_properties    = optional(set(string), [])
    unlisted_properties = optional(set(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, _ in var.worker_configurations : can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,79}$", name))])
    error_message = "Each key of worker_configurations must have 1 to 80 letters, digits and hyphens: it is part of the configuration's name."
  }
  validation {
    condition     = alltrue([for w in var.worker_configurations : alltrue([for key in ["key.converter", "value.converter"] : can(regex(local.class_name, w.properties[key]))])])
    error_message = "Each of worker_configurations needs the properties key.converter and value.converter, names of classes such as \"org.apache.kafka.connect.storage.StringConverter\"."
  }
  validation {
    condition     = alltrue(flatten([for w in var.worker_configurations : [for key, value in w.properties : can(regex(local.property_name, key)) && can(regex("^([!-~]([ -~]*[!-~])?)?$", value))]]))
    error_message = "Properties must be names of letters, digits, dots, underscores, hyphens and dollar signs, and values of one line of ASCII without spaces around it: a properties file would read others differently."
  }
  validation {
    condition     = alltrue(flatten([for w in var.worker_configurations : [for key in keys(w.properties) : !can(regex(local.refused_properties, key))]]))
    error_message = "MSK Connect sets these properties itself and refuses them: ${join(", ", distinct(flatten([for w in var.worker_configurations : [for key in keys(w.properties) : key if can(regex(local.refused_properties, key))]])))}."
  }
  validation {
    condition = alltrue(flatten([
      for w in var.worker_configurations : [
        for key in keys(w.properties) : contains(startswith(key, "producer.") ? local.producer_properties : local.consumer_properties, substr(key, 9, -1)) if can(regex("^(producer|consumer)[.]", key))
      ]
    ]))
    error_message = "MSK Connect supports only some properties of producers and consumers: remove those that its developer guide does not list under \"Supported worker configuration properties\"."
  }
  validation {
    condition = alltrue(flatten([
      for w in var.worker_configurations : [
        for key in keys(w.properties) : contains(w.unlisted_properties, key) || can(regex("^(producer|consumer)[.]", key)) || can(regex(local.refused_properties, key)) || can(regex(local.known_properties, key))
      ]
    ]))
    error_message = "Unknown properties of workers: ${join(", ", distinct(flatten([for w in var.worker_configurations : [for key in keys(w.properties) : key if !contains(w.unlisted_properties, key) && !can(regex("^(producer|consumer)[.]", key)) && !can(regex(local.known_properties, key))]])))}. Correct them, or add them to unlisted_properties."
  }
  validation {
    condition = length(flatten([
      for name, c in var.worker_configurations : [
        for key, value in c.properties : "${name}: ${key}" if !contains(c.plain_properties, key) && (
          can(regex(local.rules.secret_values, value)) || (
            value != "" && can(regex(local.rules.secret_names, replace(key, "/${local.rules.chosen_names}/", "")))
            && !can(regex(local.rules.plain_names, key)) && !can(regex(local.rules[endswith(key, "jaas.config") ? "inner_placeholder" : "placeholder"], value))
          )
        )
      ]
    ])) == 0
    error_message = "These properties look like secrets: ${join(", ", flatten([
      for name, c in var.worker_configurations : [
        for key, value in c.properties : "${name}: ${key}" if !contains(c.plain_properties, key) && (
          can(regex(local.rules.secret_values, value)) || (
            value != "" && can(regex(local.rules.secret_names, replace(key, "/${local.rules.chosen_names}/", "")))
            && !can(regex(local.rules.plain_names, key)) && !can(regex(local.rules[endswith(key, "jaas.config") ? "inner_placeholder" : "placeholder"], value))
          )
        )
      ]
    ]))}. A worker configuration is readable by everyone who may describe it: keep the secret in Secrets Manager and write a placeholder of a configuration provider, such as $${secretsmanager:path:key}, or list the property in plain_properties if it has no secret."
  }
  validation {
    condition = alltrue(flatten([
      for w in var.worker_configurations : [
        [for one in split(",", lookup(w.properties, "config.providers", "")) : can(regex(local.class_name, w.properties["config.providers.${trimspace(one)}.class"])) if trimspace(one) != ""],
        [for key in keys(w.properties) : contains([for one in split(",", lookup(w.properties, "config.providers", "")) : trimspace(one)], split(".", key)[2]) if startswith(key, "config.providers.")],
        [
          for key, value in w.properties : [
            for found in regexall("[$][{]([^{}:$]+):[^{}$]*[}]", value) : contains([for one in split(",", lookup(w.properties, "config.providers", "")) : trimspace(one)], found[0])
          ] if !contains(w.plain_properties, key)
        ],
      ]
    ]))
    error_message = "Each provider in config.providers needs the property config.providers.<name>.class, and each config.providers.<name>.… and each placeholder a provider of that name in config.providers: Kafka would use the placeholder itself as the value."
  }
  validation {
    condition = alltrue(flatten([
      for w in var.worker_configurations : [
        for key, value in w.properties : can(regex("^[1-9][0-9]*$", w.properties[replace(key, "/[.]class$/", ".param.secret.ttl.ms")])) if startswith(key, "config.providers.") && can(regex(local.rules.restarting_provider, value))
      ]
    ]))
    error_message = "The SecretsManagerConfigProvider of jcustenborder restarts the connector each time that a secret's time to live ends, after 5 minutes unless config.providers.<name>.param.secret.ttl.ms says otherwise: set it, such as \"86400000\" (a day)."
  }
}

variable "cluster" {
  description = "Kafka cluster of the connectors: `bootstrap_servers`, and the `subnet_ids` and `security_group_ids` of the workers' network interfaces; `authentication` `IAM` or `NONE`, `encryption` `TLS` or `PLAINTEXT`. Required with connectors."
  type = object({
    bootstrap_servers  = string
    subnet_ids         = set(string)
    security_group_ids = set(string)
    authentication     = optional(string, "IAM")
    encryption         = optional(string, "TLS")
  })
  default = null

  validation {
    condition     = var.cluster != null || length(var.connectors) == 0
    error_message = "cluster is missing: connectors need the Kafka cluster that they are for."
  }
  validation {
    condition     = var.cluster == null || try(can(regex("^[^:,\\s]+:[0-9]+(,[^:,\\s]+:[0-9]+)*$", var.cluster.bootstrap_servers)) && length(var.cluster.subnet_ids) > 0 && length(var.cluster.security_group_ids) > 0, false)
    error_message = "cluster needs bootstrap_servers (host:port, separated by commas), and at least one of subnet_ids and security_group_ids."
  }
  validation {
    condition     = var.cluster == null || try(contains(["IAM TLS", "NONE TLS", "NONE PLAINTEXT"], "${var.cluster.authentication} ${var.cluster.encryption}"), false)
    error_message = "authentication must be IAM or NONE, encryption TLS or PLAINTEXT; IAM needs TLS."
  }
}

variable "connectors" {
  description = "Connectors by a key of your choice, which is their name after the environment's prefix: keys of `plugins` and, unless the default suits, of a `worker_configuration`; `configuration` (settings of the connector, with placeholders for secrets); `service_execution_role_arn` (role that the connector works with); `capacity` (fixed with `workers`, or scaled between `min_workers` and `max_workers` at percentages of CPU use; `mcu_count` of each worker is 1, 2, 4 or 8). `configuration` and `capacity` change in place, everything else replaces the connector. `plain_properties` names settings that only look as if they had a secret."
  type = map(object({
    plugins                    = set(string)
    worker_configuration       = optional(string)
    configuration              = map(string)
    service_execution_role_arn = string
    kafka_connect_version      = optional(string, "3.7.x")
    description                = optional(string)
    plain_properties           = optional(set(string), [])
    capacity = optional(object({
      mcu_count         = optional(number, 1)
      workers           = optional(number)
      min_workers       = optional(number)
      max_workers       = optional(number)
      scale_in_percent  = optional(number, 20)
      scale_out_percent = optional(number, 80)
    }), { workers = 1 })
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, _ in var.connectors : can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,79}$", name))])
    error_message = "Each key of connectors must have 1 to 80 letters, digits and hyphens: it is the connector's name."
  }
  validation {
    condition     = alltrue([for c in var.connectors : length(c.plugins) > 0 && length(setsubtract(c.plugins, keys(var.plugins))) == 0])
    error_message = "plugins of a connector must name at least one key of plugins."
  }
  validation {
    condition     = alltrue([for c in var.connectors : c.worker_configuration == null || contains(keys(var.worker_configurations), coalesce(c.worker_configuration, " "))])
    error_message = "worker_configuration must be a key of worker_configurations, or null for the default of MSK Connect."
  }
  validation {
    condition     = alltrue([for c in var.connectors : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", c.service_execution_role_arn))])
    error_message = "service_execution_role_arn must be the ARN of a role that kafkaconnect.amazonaws.com can assume."
  }
  validation {
    condition     = alltrue([for c in var.connectors : can(regex(local.class_name, c.configuration["connector.class"]))])
    error_message = "configuration of a connector needs connector.class, the name of a class such as \"io.confluent.connect.s3.S3SinkConnector\"."
  }
  validation {
    condition     = alltrue(flatten([for c in var.connectors : [for key in keys(c.configuration) : can(regex(local.property_name, key)) && key != "name" && !can(regex(local.misspelt, key)) && !can(regex(local.overrides, key))]]))
    error_message = "These settings of connectors are not possible: ${join(", ", distinct(flatten([for c in var.connectors : [for key in keys(c.configuration) : key if !can(regex(local.property_name, key)) || key == "name" || can(regex(local.misspelt, key)) || can(regex(local.overrides, key))]])))}. MSK Connect sets the name and the connection to the cluster; the number of tasks is tasks.max."
  }
  validation {
    condition     = alltrue([for c in var.connectors : can(regex("^[1-9][0-9]{0,3}$", lookup(c.configuration, "tasks.max", "1"))) && !(contains(keys(c.configuration), "topics") && contains(keys(c.configuration), "topics.regex"))])
    error_message = "tasks.max must be a whole number of 1 or more, and a connector has either topics or topics.regex."
  }
  validation {
    condition     = alltrue([for c in var.connectors : lookup(c.configuration, "errors.tolerance", "none") != "all" || lookup(c.configuration, "errors.deadletterqueue.topic.name", "") != "" || lookup(c.configuration, "errors.log.enable", "false") == "true"])
    error_message = "errors.tolerance = \"all\" drops records that fail without a trace: set errors.deadletterqueue.topic.name (sinks) or errors.log.enable = \"true\" with it."
  }
  validation {
    condition = length(flatten([
      for name, c in var.connectors : [
        for key, value in c.configuration : "${name}: ${key}" if !contains(c.plain_properties, key) && (
          can(regex(local.rules.secret_values, value)) || (
            value != "" && can(regex(local.rules.secret_names, replace(key, "/${local.rules.chosen_names}/", "")))
            && !can(regex(local.rules.plain_names, key)) && !can(regex(local.rules[endswith(key, "jaas.config") ? "inner_placeholder" : "placeholder"], value))
          )
        )
      ]
    ])) == 0
    error_message = "These settings look like secrets: ${join(", ", flatten([
      for name, c in var.connectors : [
        for key, value in c.configuration : "${name}: ${key}" if !contains(c.plain_properties, key) && (
          can(regex(local.rules.secret_values, value)) || (
            value != "" && can(regex(local.rules.secret_names, replace(key, "/${local.rules.chosen_names}/", "")))
            && !can(regex(local.rules.plain_names, key)) && !can(regex(local.rules[endswith(key, "jaas.config") ? "inner_placeholder" : "placeholder"], value))
          )
        )
      ]
    ]))}. They would be readable in the state and by everyone who may describe the connector: keep the secret in Secrets Manager and write a placeholder of a configuration provider, such as $${secretsmanager:path:key}, or list the setting in plain_properties if it has no secret."
  }
  validation {
    condition = length(flatten([
      for name, c in var.connectors : [
        for key, value in c.configuration : [
          for found in regexall("[$][{]([^{}:$]+):[^{}$]*[}]", value) : "${name}: ${found[0]}" if !contains(lookup(local.providers, coalesce(c.worker_configuration, " "), []), found[0])
        ] if !contains(c.plain_properties, key)
      ]
    ])) == 0
    error_message = "Placeholders name providers that the connector's worker configuration does not have in config.providers: ${join(", ", distinct(flatten([
      for name, c in var.connectors : [
        for key, value in c.configuration : [
          for found in regexall("[$][{]([^{}:$]+):[^{}$]*[}]", value) : "${name}: ${found[0]}" if !contains(lookup(local.providers, coalesce(c.worker_configuration, " "), []), found[0])
        ] if !contains(c.plain_properties, key)
      ]
    ])))}. Kafka would use the placeholder itself as the value. If it is not for a provider, list the setting in plain_properties."
  }
  validation {
    condition = alltrue([
      for c in var.connectors : contains([1, 2, 4, 8], c.capacity.mcu_count) && (
        c.capacity.workers != null
        ? c.capacity.min_workers == null && c.capacity.max_workers == null && try(c.capacity.workers >= 1 && c.capacity.workers <= 10, false)
        : try(c.capacity.min_workers >= 1 && c.capacity.min_workers <= c.capacity.max_workers && c.capacity.max_workers <= 10, false)
      )
    ])
    error_message = "capacity needs workers (1 to 10), or min_workers and max_workers (1 to 10) to scale between; mcu_count is 1, 2, 4 or 8."
  }
  validation {
    condition     = alltrue([for c in var.connectors : c.capacity.scale_in_percent >= 1 && c.capacity.scale_in_percent < c.capacity.scale_out_percent && c.capacity.scale_out_percent <= 100])
    error_message = "scale_in_percent must be 1 or more and less than scale_out_percent, which is at most 100."
  }
}

variable "removal" {
  description = "Removal of plugins and worker configurations that no connector uses and that are not in this stack: `mode` `off`, `dry_run` (report what would be removed) or `remove`; `name_prefix` of their names (null for the environment's prefix and a hyphen) and `tags` that they must all have; `grace_days` that they must have been seen unused, in a dry run too; the `most` that one review removes."
  type = object({
    mode        = optional(string, "dry_run")
    name_prefix = optional(string)
    tags        = optional(map(string), {})
    grace_days  = optional(number, 14)
    most        = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["off", "dry_run", "remove"], var.removal.mode)
    error_message = "removal.mode must be off, dry_run or remove."
  }
  validation {
    condition     = var.removal.name_prefix == null || can(regex("^[A-Za-z0-9._-]{3,100}$", var.removal.name_prefix))
    error_message = "removal.name_prefix must have 3 to 100 letters, digits, dots, underscores and hyphens, such as \"team-\": a shorter one would remove what belongs to others."
  }
  validation {
    condition     = var.removal.grace_days >= 1 && var.removal.grace_days <= 365 && floor(var.removal.grace_days) == var.removal.grace_days
    error_message = "removal.grace_days must be a whole number from 1 to 365."
  }
  validation {
    condition     = var.removal.most >= 1 && var.removal.most <= 100 && floor(var.removal.most) == var.removal.most
    error_message = "removal.most must be a whole number from 1 to 100."
  }
}

variable "review_schedule_expression" {
  description = "When everything is reviewed, in UTC: `cron(...)` or `rate(...)`."
  type        = string
  default     = "cron(0 5 * * ? *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.review_schedule_expression))
    error_message = "review_schedule_expression must be cron(...) or rate(...), such as \"cron(0 5 * * ? *)\"."
  }
}

variable "notification_emails" {
  description = "Email addresses that are notified of changes, once they have confirmed their subscription."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "history_days" {
  description = "Days for which earlier versions of the report can be read."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.history_days >= 1 && floor(var.history_days) == var.history_days
    error_message = "history_days must be a whole number of 1 or more."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the reports."
  type        = bool
  default     = false
  nullable    = false
}
