# Schedule -> review function -> report and topic; connect.tf has what it reviews.

locals {
  name          = "connector-config"
  removal       = merge(var.removal, { name_prefix = coalesce(var.removal.name_prefix, "${var.context.name_prefix}-") })
  arn           = "arn:${var.context.partition}:kafkaconnect:${var.context.region}:${var.context.account_id}"
  declared_key  = "declared.json"
  report_key    = "report.json"
  metric_labels = { service = local.name }

  # What the function compares with. Of a connector's settings it gets hashes: a report that names what differs needs
  # no value.
  declared = {
    rules                 = local.rules
    custom_plugins        = { for p in aws_mskconnect_custom_plugin.this : p.arn => {} }
    worker_configurations = { for name, w in aws_mskconnect_worker_configuration.this : w.arn => { plain_properties = var.worker_configurations[name].plain_properties } }
    connectors = {
      for name, c in var.connectors : aws_mskconnect_connector.this[name].arn => {
        name             = aws_mskconnect_connector.this[name].name
        configuration    = { for key, value in c.configuration : key => sha256(value) }
        plain_properties = c.plain_properties
        uses = concat(
          [for plugin in c.plugins : aws_mskconnect_custom_plugin.this[plugin].arn],
          c.worker_configuration == null ? [] : [aws_mskconnect_worker_configuration.this[c.worker_configuration].arn],
        )
        capacity = c.capacity.workers == null ? {
          autoScaling = { mcuCount = c.capacity.mcu_count, minWorkerCount = c.capacity.min_workers, maxWorkerCount = c.capacity.max_workers }
          } : {
          provisionedCapacity = { mcuCount = c.capacity.mcu_count, workerCount = c.capacity.workers }
        }
      }
    }
  }
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "connectors" # with the longest prefix and Region, a bucket's name has room for 14 characters
  noncurrent_days = var.history_days
  force_destroy   = var.force_destroy
}

resource "aws_s3_object" "declared" {
  # checkov:skip=CKV_AWS_186:The bucket's default encryption is the stack's key
  bucket       = module.bucket.id
  key          = local.declared_key
  content      = jsonencode(local.declared)
  content_type = "application/json"

  # An S3 object can have 10 tags, other resources can have 50. The bucket carries the tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.name
  display_name        = "Connector configuration"
  email_subscriptions = var.notification_emails
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "data/connector_config"

  functions = {
    review = {
      name         = local.name
      description  = "Reports connectors, plugins and worker configurations, and removes unused ones"
      handler      = "data.connector_config.review.handler"
      timeout      = 900
      key_services = ["s3", "sns"]
      environment = {
        BUCKET       = module.bucket.id
        BUCKET_OWNER = var.context.account_id
        DECLARED_KEY = local.declared_key
        REPORT_KEY   = local.report_key
        TOPIC_ARN    = module.topic.arn
        MODE         = local.removal.mode
        NAME_PREFIX  = local.removal.name_prefix
        TAGS         = jsonencode(local.removal.tags)
        GRACE_DAYS   = tostring(local.removal.grace_days)
        MOST         = tostring(local.removal.most)
      }
      policy_statements = concat(
        [
          {
            sid       = "ListEverything"
            actions   = ["kafkaconnect:ListConnectors", "kafkaconnect:ListCustomPlugins", "kafkaconnect:ListWorkerConfigurations"]
            resources = ["*"] # lists have no resource type
          },
          {
            sid       = "ReadConnectors"
            actions   = ["kafkaconnect:DescribeConnector", "kafkaconnect:ListConnectorOperations"]
            resources = ["${local.arn}:connector/*"]
          },
          {
            sid       = "ReadConfigurations"
            actions   = ["kafkaconnect:DescribeWorkerConfiguration"]
            resources = ["${local.arn}:worker-configuration/*"]
          },
          {
            sid       = "ReadTags"
            actions   = ["kafkaconnect:ListTagsForResource"]
            resources = [for kind in ["connector", "custom-plugin", "worker-configuration"] : "${local.arn}:${kind}/*"]
          },
          {
            # With this permission, S3 reports that there is no report yet instead of "access denied".
            sid       = "TellMissingFromDenied"
            actions   = ["s3:ListBucket"]
            resources = [module.bucket.arn]
          },
          {
            sid       = "ReadDeclared"
            actions   = ["s3:GetObject"]
            resources = ["${module.bucket.arn}/${local.declared_key}"]
          },
          {
            sid       = "ReadReport"
            actions   = ["s3:GetObject"]
            resources = ["${module.bucket.arn}/${local.report_key}"]
          },
          {
            sid       = "WriteReport"
            actions   = ["s3:PutObject"]
            resources = ["${module.bucket.arn}/${local.report_key}"]
          },
          {
            sid       = "SendNotices"
            actions   = ["sns:Publish"]
            resources = [module.topic.arn]
          },
        ],
        local.removal.mode == "remove" ? [{
          sid       = "RemoveUnused"
          actions   = ["kafkaconnect:DeleteCustomPlugin", "kafkaconnect:DeleteWorkerConfiguration"]
          resources = [for kind in ["custom-plugin", "worker-configuration"] : "${local.arn}:${kind}/${local.removal.name_prefix}*"]
        }] : [],
      )
    }
  }

  metric_alarms = {
    "${local.name}-drift" = {
      description = "1 or more connectors of the stack differ from what Terraform declares. See report.json in ${module.bucket.id}"
      metric      = "ConnectorsDrifted"
      dimensions  = local.metric_labels
      statistic   = "Maximum"
    }
    "${local.name}-not-running" = {
      description = "1 or more connectors have failed or are missing. See report.json in ${module.bucket.id}"
      metric      = "ConnectorsNotRunning"
      dimensions  = local.metric_labels
      statistic   = "Maximum"
    }
    "${local.name}-secrets" = {
      description = "1 or more connectors or worker configurations contain a secret in plain text. See report.json in ${module.bucket.id}"
      metric      = "PlainSecrets"
      dimensions  = local.metric_labels
      statistic   = "Maximum"
    }
    "${local.name}-unread" = {
      description = "1 or more resources could not be read, or a removal was refused. See report.json in ${module.bucket.id}"
      metric      = "ResourcesUnread"
      dimensions  = local.metric_labels
      statistic   = "Maximum"
    }
  }
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = local.name
  description         = "Starts a review of all connectors"
  schedule_expression = var.review_schedule_expression
  target_arn          = module.functions.functions.review.arn
  action              = "lambda:InvokeFunction"
}
