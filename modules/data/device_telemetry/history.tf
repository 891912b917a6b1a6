# Topics -> Firehose -> compressed objects by topic, day and hour of arrival -> Athena.
locals {
  stream_names   = { for topic in var.topics : topic => "${var.context.name_prefix}-${local.name}-${topic}" }
  stream_logs    = "/aws/kinesisfirehose/${var.context.name_prefix}-${local.name}"
  stream_role    = "${var.context.name_prefix}-${local.name}-stream-${var.context.region}"
  history_prefix = "history/"

  # As devices send it, of both versions: readings.py.
  columns = {
    version          = "int"
    event_time       = "string"
    model            = "string"
    interface        = "string"
    deviceid         = "string"
    interfacestatus  = "string"
    cpuusage         = "string"
    memoryusage      = "string"
    device_id        = "string"
    interface_status = "string"
    cpu_usage        = "double"
    memory_usage     = "double"
    readings         = "map<string,string>"
  }

  queries = {
    readings_of_last_day = {
      description = "Readings of the last day, of both versions"
      sql         = <<-SQL
        SELECT topic, coalesce(device_id, deviceid) AS device,
               coalesce(try(from_iso8601_timestamp(event_time)), try(date_parse(event_time, '%Y-%m-%d %H:%i:%s'))) AS time,
               coalesce(interface_status, interfacestatus) AS interface_status,
               coalesce(cpu_usage, try_cast(cpuusage AS double)) AS cpu_usage,
               coalesce(memory_usage, try_cast(memoryusage AS double)) AS memory_usage, readings
        FROM readings WHERE dt >= cast(current_date - interval '1' day AS varchar)
        ORDER BY time DESC LIMIT 1000
      SQL
    }
    messages_by_hour = {
      description = "Messages and devices by topic and hour of arrival"
      sql         = <<-SQL
        SELECT topic, dt, hour, count(*) AS messages, count(DISTINCT coalesce(device_id, deviceid)) AS devices
        FROM readings GROUP BY topic, dt, hour ORDER BY dt DESC, hour DESC, topic
      SQL
    }
  }
}

module "history" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "telemetry"
  expiration_days = var.history_days
  force_destroy   = var.force_destroy
}

resource "aws_cloudwatch_log_group" "stream" {
  name              = local.stream_logs
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_cloudwatch_log_stream" "stream" {
  for_each = var.topics

  name           = each.value
  log_group_name = aws_cloudwatch_log_group.stream.name
}

resource "aws_iam_role" "stream" {
  name                 = length(local.stream_role) <= 64 ? local.stream_role : "${substr(local.stream_role, 0, 57)}-${substr(sha256(local.stream_role), 0, 6)}"
  description          = "Allows Firehose to read the topics of ${var.context.name_prefix}-${local.name} and to write their history"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByFirehose"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "firehose.amazonaws.com" }
      # Firehose presents the account's ID.
      Condition = { StringEquals = { "sts:ExternalId" = var.context.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "stream" {
  count = length(var.topics) > 0 ? 1 : 0

  name = "history"
  role = aws_iam_role.stream.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ConnectToCluster"
        Effect   = "Allow"
        Action   = ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka-cluster:Connect"]
        Resource = local.cluster_arn
      },
      {
        Sid      = "FindBrokers"
        Effect   = "Allow"
        Action   = "kafka:GetBootstrapBrokers"
        Resource = "*" # it has no resource type
      },
      {
        Sid      = "ReadTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:ReadData"]
        Resource = [for topic in var.topics : "${local.topic_prefix}/${topic}"]
      },
      {
        Sid      = "FindPlace"
        Effect   = "Allow"
        Action   = "kafka-cluster:DescribeGroup"
        Resource = "${local.group_prefix}/*" # Firehose names its groups
      },
      {
        Sid      = "WriteHistory"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = ["${module.history.arn}/${local.history_prefix}*", "${module.history.arn}/errors/*"]
      },
      {
        Sid      = "UseBucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = module.history.arn
      },
      {
        Sid       = "EncryptHistory"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
      },
      {
        Sid      = "TellOfErrors"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = "arn:${var.context.partition}:logs:${local.regional}:log-group:${local.stream_logs}:log-stream:*"
      },
    ]
  })
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  # checkov:skip=CKV_AWS_240:Firehose refuses encryption of a stream whose source is a topic; the cluster encrypts it
  # checkov:skip=CKV_AWS_241:Firehose refuses encryption of a stream whose source is a topic; the cluster encrypts it
  for_each = var.topics

  name        = local.stream_names[each.value]
  destination = "extended_s3"
  tags        = var.context.tags

  msk_source_configuration {
    msk_cluster_arn = local.cluster_arn
    topic_name      = each.value

    authentication_configuration {
      connectivity = "PRIVATE"
      role_arn     = aws_iam_role.stream.arn
    }
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.stream.arn
    bucket_arn          = module.history.arn
    prefix              = "${local.history_prefix}topic=${each.value}/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    error_output_prefix = "errors/topic=${each.value}/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/"
    compression_format  = "GZIP"
    file_extension      = ".json.gz"
    kms_key_arn         = var.context.kms_key_arn
    buffering_interval  = var.buffering.seconds
    buffering_size      = var.buffering.mib

    # A message a line, which Athena reads.
    processing_configuration {
      enabled = true

      processors {
        type = "AppendDelimiterToRecord"

        parameters {
          parameter_name  = "Delimiter"
          parameter_value = "\\n"
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.stream.name
      log_stream_name = aws_cloudwatch_log_stream.stream[each.value].name
    }
  }

  # Without these, the stream ends in a failed state.
  depends_on = [aws_iam_role_policy.stream, aws_msk_cluster_policy.this]
}

resource "aws_cloudwatch_metric_alarm" "history" {
  for_each = aws_kinesis_firehose_delivery_stream.this

  alarm_name          = "${var.context.name_prefix}-${local.name}-${each.key}-history"
  alarm_description   = "Messages of the topic ${each.key} have not been written to S3 for more than ${var.buffering.seconds + 900} seconds. For the errors, see the log group ${local.stream_logs}"
  namespace           = "AWS/Firehose"
  metric_name         = "DeliveryToS3.DataFreshness"
  dimensions          = { DeliveryStreamName = each.value.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.buffering.seconds + 900
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}

# --- queries ---------------------------------------------------------------------------------------------------------

module "athena" {
  source = "../../blocks/athena"

  context         = var.context
  name            = local.name
  description     = "History of device telemetry"
  bucket_name     = module.history.id
  query_limit_mib = var.query_limit_mib
  queries         = local.queries

  tables = {
    for name in ["readings"] : name => {
      description = "One row for each message, as the device sent it"
      prefix      = local.history_prefix
      columns     = [for column, type in local.columns : { name = column, type = type }]
      # A message that is no JSON is a row of nulls; it does not end the query.
      serde_parameters = { "ignore.malformed.json" = "true" }
      partitions = [
        { name = "topic", comment = "Topic", projection = { type = "enum", values = join(",", sort(var.topics)) } },
        { name = "dt", comment = "Day of arrival, YYYY-MM-DD (UTC)", projection = { type = "date", range = "NOW-${coalesce(var.history_days, 3650)}DAYS,NOW+1DAY" } },
        { name = "hour", comment = "Hour of arrival, 00 to 23 (UTC)", projection = { type = "integer", range = "0,23", digits = "2" } },
      ]
    } if length(var.topics) > 0
  }
}
