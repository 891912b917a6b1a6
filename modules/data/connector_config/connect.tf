# Plugins, worker configurations and connectors. The first two never change: a name ends in a hash of what it stands
# for, and the replacement exists before the connector that moves to it lets go of the old one.

locals {
  plugins = {
    for name, p in var.plugins : name => merge(p, {
      full_name = "${var.context.name_prefix}-${name}-${substr(sha256(jsonencode([p.bucket_arn, p.key, p.object_version, p.sha256, p.content_type, p.description])), 0, 8)}"
    })
  }
  worker_configurations = {
    for name, w in var.worker_configurations : name => {
      content     = join("", [for key, value in w.properties : "${key}=${replace(value, "\\", "\\\\")}\n"])
      description = w.description
    }
  }
}

resource "aws_mskconnect_custom_plugin" "this" {
  for_each = local.plugins

  name         = each.value.full_name
  description  = each.value.description
  content_type = each.value.content_type
  tags         = var.context.tags

  location {
    s3 {
      bucket_arn     = each.value.bucket_arn
      file_key       = each.value.key
      object_version = each.value.object_version
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_mskconnect_worker_configuration" "this" {
  for_each = local.worker_configurations

  name                    = "${var.context.name_prefix}-${each.key}-${substr(sha256(jsonencode([each.value.content, each.value.description])), 0, 8)}"
  description             = each.value.description
  properties_file_content = each.value.content
  tags                    = var.context.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "workers" {
  count = length(var.connectors) > 0 ? 1 : 0

  name              = "/aws/msk-connect/${var.context.name_prefix}-${local.name}"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

# A connector keeps its name, by which Kafka keeps its offsets and its consumer group. What cannot be changed in place
# replaces it: the old one is deleted first, since two of them would do the work twice.
resource "aws_mskconnect_connector" "this" {
  for_each = var.connectors

  name                       = "${var.context.name_prefix}-${each.key}"
  description                = each.value.description
  kafkaconnect_version       = each.value.kafka_connect_version
  connector_configuration    = each.value.configuration
  service_execution_role_arn = each.value.service_execution_role_arn
  tags                       = var.context.tags

  capacity {
    dynamic "autoscaling" {
      for_each = each.value.capacity.workers == null ? [each.value.capacity] : []

      content {
        mcu_count        = autoscaling.value.mcu_count
        min_worker_count = autoscaling.value.min_workers
        max_worker_count = autoscaling.value.max_workers

        scale_in_policy {
          cpu_utilization_percentage = autoscaling.value.scale_in_percent
        }
        scale_out_policy {
          cpu_utilization_percentage = autoscaling.value.scale_out_percent
        }
      }
    }
    dynamic "provisioned_capacity" {
      for_each = each.value.capacity.workers == null ? [] : [each.value.capacity]

      content {
        mcu_count    = provisioned_capacity.value.mcu_count
        worker_count = provisioned_capacity.value.workers
      }
    }
  }

  kafka_cluster {
    apache_kafka_cluster {
      bootstrap_servers = var.cluster.bootstrap_servers

      vpc {
        security_groups = var.cluster.security_group_ids
        subnets         = var.cluster.subnet_ids
      }
    }
  }

  kafka_cluster_client_authentication {
    authentication_type = var.cluster.authentication
  }

  kafka_cluster_encryption_in_transit {
    encryption_type = var.cluster.encryption
  }

  log_delivery {
    worker_log_delivery {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.workers[0].name
      }
    }
  }

  dynamic "plugin" {
    for_each = each.value.plugins

    content {
      custom_plugin {
        arn      = aws_mskconnect_custom_plugin.this[plugin.value].arn
        revision = aws_mskconnect_custom_plugin.this[plugin.value].latest_revision
      }
    }
  }

  dynamic "worker_configuration" {
    for_each = each.value.worker_configuration == null ? [] : [each.value.worker_configuration]

    content {
      arn      = aws_mskconnect_worker_configuration.this[worker_configuration.value].arn
      revision = aws_mskconnect_worker_configuration.this[worker_configuration.value].latest_revision
    }
  }
}
