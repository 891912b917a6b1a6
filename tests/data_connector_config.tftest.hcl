mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  plugins = { s3-sink = { bucket_arn = "arn:aws:s3:::our-plugins", key = "s3-sink.zip", object_version = "one" } }
  worker_configurations = {
    avro = {
      description = "Avro for orders"
      properties = {
        "key.converter"                                       = "org.apache.kafka.connect.storage.StringConverter"
        "value.converter"                                     = "io.confluent.connect.avro.AvroConverter"
        "value.converter.schema.registry.url"                 = "https://registry.example.com"
        "value.converter.basic.auth.credentials.source"       = "USER_INFO"
        "value.converter.schema.registry.basic.auth.password" = "$${secretManager:registry:password}"
        "config.providers"                                    = "secretManager"
        "config.providers.secretManager.class"                = "com.github.jcustenborder.kafka.config.aws.SecretsManagerConfigProvider"
        "config.providers.secretManager.param.secret.ttl.ms"  = "86400000"
        "offset.storage.topic"                                = "orders-offsets"
        "producer.compression.type"                           = "zstd"
        "consumer.auto.offset.reset"                          = "earliest"
        "value.converter.path"                                = "C:\\schemas"
        "plugin.scan.mode"                                    = "only_scan"
      }
      unlisted_properties = ["plugin.scan.mode"]
    }
  }
  cluster = {
    bootstrap_servers  = "b-1.example.com:9098,b-2.example.com:9098"
    subnet_ids         = ["subnet-1", "subnet-2"]
    security_group_ids = ["sg-1"]
  }
  connectors = {
    orders = {
      plugins                    = ["s3-sink"]
      worker_configuration       = "avro"
      service_execution_role_arn = "arn:aws:iam::111122223333:role/connect"
      configuration = {
        "connector.class"                    = "io.confluent.connect.s3.S3SinkConnector"
        "tasks.max"                          = "2"
        "topics"                             = "orders"
        "s3.proxy.password"                  = "$${secretManager:orders:password}"
        "file.name.template"                 = "$${timestamp:unit}"
        "errors.tolerance"                   = "all"
        "errors.deadletterqueue.topic.name"  = "orders-failed"
        "producer.override.compression.type" = "zstd"
      }
      plain_properties = ["file.name.template"]
      capacity         = { mcu_count = 2, min_workers = 1, max_workers = 4, scale_in_percent = 10, scale_out_percent = 90 }
    }
    users = {
      plugins                    = ["s3-sink"]
      service_execution_role_arn = "arn:aws:iam::111122223333:role/connect"
      configuration              = { "connector.class" = "io.confluent.connect.s3.S3SinkConnector", "topics.regex" = "users-.*" }
    }
  }
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "report_only" {
  command = plan

  module {
    source = "./modules/data/connector_config"
  }

  variables {
    plugins               = {}
    worker_configurations = {}
    cluster               = null
    connectors            = {}
  }

  assert {
    condition     = length(aws_mskconnect_connector.this) == 0 && length(aws_cloudwatch_log_group.workers) == 0 && output.log_group_name == null
    error_message = "Without arguments, nothing of MSK Connect is created."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["review"].policy).Statement == [
      { Sid = "ListEverything", Effect = "Allow", Action = ["kafkaconnect:ListConnectors", "kafkaconnect:ListCustomPlugins", "kafkaconnect:ListWorkerConfigurations"], Resource = ["*"] },
      { Sid = "ReadConnectors", Effect = "Allow", Action = ["kafkaconnect:DescribeConnector", "kafkaconnect:ListConnectorOperations"], Resource = ["arn:aws:kafkaconnect:eu-central-1:111122223333:connector/*"] },
      { Sid = "ReadConfigurations", Effect = "Allow", Action = ["kafkaconnect:DescribeWorkerConfiguration"], Resource = ["arn:aws:kafkaconnect:eu-central-1:111122223333:worker-configuration/*"] },
      { Sid = "ReadTags", Effect = "Allow", Action = ["kafkaconnect:ListTagsForResource"], Resource = ["arn:aws:kafkaconnect:eu-central-1:111122223333:connector/*", "arn:aws:kafkaconnect:eu-central-1:111122223333:custom-plugin/*", "arn:aws:kafkaconnect:eu-central-1:111122223333:worker-configuration/*"] },
      { Sid = "TellMissingFromDenied", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-connectors-111122223333-eu-central-1"] },
      { Sid = "ReadDeclared", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-connectors-111122223333-eu-central-1/declared.json"] },
      { Sid = "ReadReport", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-connectors-111122223333-eu-central-1/report.json"] },
      { Sid = "WriteReport", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-connectors-111122223333-eu-central-1/report.json"] },
      { Sid = "SendNotices", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-connector-config"] },
    ]
    error_message = "The function reads MSK Connect, its declaration and its report; in a dry run it may remove nothing."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.runtime_policies["review"].policy).Statement : s.Condition.StringLike["kms:ViaService"] if s.Sid == "UseKeyThroughServices"] == [["s3.eu-central-1.*", "sns.eu-central-1.*", "sqs.eu-central-1.*"]]
    error_message = "The stack's key serves the report, the topic and the dead-letter queue."
  }
  assert {
    condition = module.functions.resources.functions["review"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "connector-config"
      BUCKET                       = "test-connectors-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      DECLARED_KEY                 = "declared.json"
      REPORT_KEY                   = "report.json"
      TOPIC_ARN                    = "arn:aws:sns:eu-central-1:111122223333:test-connector-config"
      MODE                         = "dry_run"
      NAME_PREFIX                  = "test-"
      TAGS                         = "{}"
      GRACE_DAYS                   = "14"
      MOST                         = "20"
    })
    error_message = "Removal is a dry run for names with the environment's prefix."
  }
  assert {
    condition = alltrue([
      for name, metric in { drift = "ConnectorsDrifted", not-running = "ConnectorsNotRunning", secrets = "PlainSecrets", unread = "ResourcesUnread" } :
      module.functions.resources.alarms["connector-config-${name}"].metric_name == metric && module.functions.resources.alarms["connector-config-${name}"].dimensions == tomap({ service = "connector-config" })
    ])
    error_message = "Drift, failed connectors, secrets and what could not be read raise alarms."
  }
  assert {
    condition     = module.schedule.resources.schedule.schedule_expression == "cron(0 5 * * ? *)" && !module.bucket.resources.bucket.force_destroy && module.functions.resources.functions["review"].handler == "data.connector_config.review.handler"
    error_message = "A daily review; terraform destroy keeps the reports."
  }
  assert {
    condition     = keys(jsondecode(aws_s3_object.declared.content)) == ["connectors", "custom_plugins", "rules", "worker_configurations"] && aws_s3_object.declared.key == "declared.json"
    error_message = "The function gets what is declared, and the rules."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/data/connector_config"
  }

  variables {
    removal                    = { mode = "remove", name_prefix = "team-", tags = { cleanup = "yes" }, grace_days = 30, most = 5 }
    review_schedule_expression = "rate(12 hours)"
    history_days               = 7
    force_destroy              = true
    notification_emails        = ["platform@example.com"]
  }

  assert {
    condition = aws_mskconnect_worker_configuration.this["avro"].properties_file_content == join("\n", [
      "config.providers=secretManager",
      "config.providers.secretManager.class=com.github.jcustenborder.kafka.config.aws.SecretsManagerConfigProvider",
      "config.providers.secretManager.param.secret.ttl.ms=86400000",
      "consumer.auto.offset.reset=earliest",
      "key.converter=org.apache.kafka.connect.storage.StringConverter",
      "offset.storage.topic=orders-offsets",
      "plugin.scan.mode=only_scan",
      "producer.compression.type=zstd",
      "value.converter=io.confluent.connect.avro.AvroConverter",
      "value.converter.basic.auth.credentials.source=USER_INFO",
      "value.converter.path=C:\\\\schemas",
      "value.converter.schema.registry.basic.auth.password=$${secretManager:registry:password}",
      "value.converter.schema.registry.url=https://registry.example.com",
      "",
    ])
    error_message = "The content has each property once, placeholders as they are, and the lifetime of secrets."
  }
  assert {
    condition     = aws_mskconnect_worker_configuration.this["avro"].name == "test-avro-ace3a201" && aws_mskconnect_custom_plugin.this["s3-sink"].name == "test-s3-sink-0623e709"
    error_message = "Names end in a hash of what they stand for."
  }
  assert {
    condition = (
      aws_mskconnect_custom_plugin.this["s3-sink"].location[0].s3[0].object_version == "one" && aws_mskconnect_custom_plugin.this["s3-sink"].content_type == "ZIP"
      && aws_mskconnect_custom_plugin.this["s3-sink"].tags == tomap({ stack = "test" }) && aws_mskconnect_worker_configuration.this["avro"].tags == tomap({ stack = "test" })
      && aws_mskconnect_connector.this["orders"].tags == tomap({ stack = "test" })
    )
    error_message = "The plugin is one version of an object; everything has the stack's tags."
  }
  assert {
    condition = (
      aws_mskconnect_connector.this["orders"].name == "test-orders"
      && aws_mskconnect_connector.this["orders"].connector_configuration["s3.proxy.password"] == "$${secretManager:orders:password}"
      && aws_mskconnect_connector.this["orders"].kafkaconnect_version == "3.7.x"
      && aws_mskconnect_connector.this["orders"].capacity[0].autoscaling[0].max_worker_count == 4 && aws_mskconnect_connector.this["orders"].capacity[0].autoscaling[0].scale_in_policy[0].cpu_utilization_percentage == 10
      && length(aws_mskconnect_connector.this["orders"].capacity[0].provisioned_capacity) == 0 && length(aws_mskconnect_connector.this["orders"].worker_configuration) == 1
    )
    error_message = "A scaled connector with a worker configuration keeps its name and its placeholders."
  }
  assert {
    condition = (
      aws_mskconnect_connector.this["users"].capacity[0].provisioned_capacity[0].worker_count == 1 && length(aws_mskconnect_connector.this["users"].capacity[0].autoscaling) == 0
      && length(aws_mskconnect_connector.this["users"].worker_configuration) == 0
      && aws_mskconnect_connector.this["users"].kafka_cluster_client_authentication[0].authentication_type == "IAM" && aws_mskconnect_connector.this["users"].kafka_cluster_encryption_in_transit[0].encryption_type == "TLS"
      && aws_mskconnect_connector.this["users"].log_delivery[0].worker_log_delivery[0].cloudwatch_logs[0].log_group == "/aws/msk-connect/test-connector-config"
    )
    error_message = "A fixed connector has one worker, IAM, TLS and logs."
  }
  assert {
    condition     = aws_cloudwatch_log_group.workers[0].retention_in_days == 365 && aws_cloudwatch_log_group.workers[0].kms_key_id == "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    error_message = "The workers' logs are encrypted with the stack's key, and end."
  }
  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["review"].policy).Statement : s if s.Sid == "RemoveUnused"] == [
      { Sid = "RemoveUnused", Effect = "Allow", Action = ["kafkaconnect:DeleteCustomPlugin", "kafkaconnect:DeleteWorkerConfiguration"], Resource = ["arn:aws:kafkaconnect:eu-central-1:111122223333:custom-plugin/team-*", "arn:aws:kafkaconnect:eu-central-1:111122223333:worker-configuration/team-*"] },
    ]
    error_message = "Removal is permitted for names with the prefix."
  }
  assert {
    condition = (
      { for name, value in module.functions.resources.functions["review"].environment[0].variables : name => value if contains(["MODE", "NAME_PREFIX", "TAGS", "GRACE_DAYS", "MOST"], name) }
      == { MODE = "remove", NAME_PREFIX = "team-", TAGS = "{\"cleanup\":\"yes\"}", GRACE_DAYS = "30", MOST = "5" }
    )
    error_message = "The settings of the removal arrive."
  }
  assert {
    condition     = module.schedule.resources.schedule.schedule_expression == "rate(12 hours)" && module.bucket.resources.bucket.force_destroy
    error_message = "The other settings arrive."
  }
}

run "other_tags" {
  command = plan

  module {
    source = "./modules/data/connector_config"
  }

  variables {
    context = {
      name_prefix        = "test"
      partition          = "aws"
      account_id         = "111122223333"
      region             = "eu-central-1"
      kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn    = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
      access_log_bucket  = "test-access-logs-111122223333-eu-central-1"
      package_bucket     = "test-packages-111122223333-eu-central-1"
      log_retention_days = 365
      layer_arns         = ["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"]
      build_dir          = ".switchyard/fixtures"
      tags               = { stack = "test", project = "demo-tags" }
    }
  }

  assert {
    condition     = aws_mskconnect_worker_configuration.this["avro"].name == run.everything_set.worker_configurations.avro.name && aws_mskconnect_custom_plugin.this["s3-sink"].name == run.everything_set.plugins.s3-sink.name
    error_message = "Another tag keeps the names: nothing is replaced."
  }
}

run "other_content" {
  command = plan

  module {
    source = "./modules/data/connector_config"
  }

  variables {
    plugins = { s3-sink = { bucket_arn = "arn:aws:s3:::our-plugins", key = "s3-sink.zip", object_version = "two" } }
    worker_configurations = {
      avro = {
        description = "Avro for orders"
        properties  = { "key.converter" = "a.B", "value.converter" = "a.B", "config.providers" = "secretManager", "config.providers.secretManager.class" = "a.B" }
      }
    }
  }

  assert {
    condition     = aws_mskconnect_worker_configuration.this["avro"].name != run.everything_set.worker_configurations.avro.name && aws_mskconnect_custom_plugin.this["s3-sink"].name != run.everything_set.plugins.s3-sink.name
    error_message = "Another content, or another version of the file, has another name."
  }
  assert {
    condition     = aws_mskconnect_connector.this["orders"].name == "test-orders"
    error_message = "A connector keeps its name."
  }
}
