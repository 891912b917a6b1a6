# --- Firehose to S3 ------------------------------------------------------------------------------------------------
locals {
  stream_log_group_name = "/aws/kinesisfirehose/${local.destination_name}"
  stream_log_group_arn  = "arn:${var.context.partition}:logs:${local.regional}:log-group:${local.stream_log_group_name}"
  stream_role_name      = "${var.context.name_prefix}-${local.name}-stream-${var.context.region}"
}

module "bucket" {
  source = "../../blocks/bucket"
  count  = local.made == "firehose" ? 1 : 0

  context         = var.context
  name            = "web-acl-logs"
  expiration_days = var.expiration_days == 0 ? null : var.expiration_days
  force_destroy   = var.force_destroy
}

resource "aws_cloudwatch_log_group" "stream" {
  count = local.made == "firehose" ? 1 : 0

  name              = local.stream_log_group_name
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_cloudwatch_log_stream" "stream" {
  count = local.made == "firehose" ? 1 : 0

  name           = "delivery"
  log_group_name = aws_cloudwatch_log_group.stream[0].name
}

resource "aws_iam_role" "stream" {
  count = local.made == "firehose" ? 1 : 0

  name                 = local.stream_role_name
  description          = "Allows the stream ${local.destination_name} to write to its bucket"
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
  count = local.made == "firehose" ? 1 : 0

  name = "delivery"
  role = aws_iam_role.stream[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = ["${module.bucket[0].arn}/logs/*", "${module.bucket[0].arn}/errors/*"]
      },
      {
        Sid      = "UseBucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = module.bucket[0].arn
      },
      {
        Sid       = "EncryptLogs"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
      },
      {
        Sid      = "TellOfErrors"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = "${local.stream_log_group_arn}:log-stream:delivery"
      },
    ]
  })
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  count = local.made == "firehose" ? 1 : 0

  name        = local.destination_name
  destination = "extended_s3"
  tags        = var.context.tags

  server_side_encryption {
    enabled  = true
    key_type = "CUSTOMER_MANAGED_CMK"
    key_arn  = var.context.kms_key_arn
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.stream[0].arn
    bucket_arn          = module.bucket[0].arn
    prefix              = "logs/!{timestamp:yyyy/MM/dd/HH/}"
    error_output_prefix = "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH/}"
    compression_format  = "GZIP"
    file_extension      = ".json.gz"
    kms_key_arn         = var.context.kms_key_arn
    buffering_interval  = var.buffering.seconds
    buffering_size      = var.buffering.mib

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.stream[0].name
      log_stream_name = aws_cloudwatch_log_stream.stream[0].name
    }
  }

  # The first deliveries of a stream with an incomplete role fail.
  depends_on = [aws_iam_role_policy.stream]
}

resource "aws_cloudwatch_metric_alarm" "stream" {
  count = local.made == "firehose" ? 1 : 0

  alarm_name          = "${local.rule_name}-delivery"
  alarm_description   = "Logs of web ACLs have not been written to S3 for more than ${var.buffering.seconds + 900} seconds. For the errors, see the log group ${local.stream_log_group_name}"
  namespace           = "AWS/Firehose"
  metric_name         = "DeliveryToS3.DataFreshness"
  dimensions          = { DeliveryStreamName = local.destination_name }
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
