# What depends on the streams is not in the function's own policy: their owner needs the role first, and gives the
# ARNs in exchange. In one root with two providers, Terraform then orders role, policies and mappings by itself.
locals {
  stream_arns   = [for s in var.streams : s.stream_arn]
  consumer_arns = [for s in var.streams : s.consumer_arn if s.consumer_arn != null]
  key_arns      = distinct([for s in var.streams : s.kms_key_arn if s.kms_key_arn != null])

  mapping_alarms = merge([
    for name, mapping in aws_lambda_event_source_mapping.this : {
      "${name}-parked" = {
        description = "Records of the stream ${name} failed for good and are in the bucket ${module.parked.id}, below aws/lambda/${mapping.uuid}/. README: Parked records"
        metric      = "OnFailureDestinationDeliveredEventCount"
        uuid        = mapping.uuid
      }
      "${name}-lost" = {
        description = "Records of the stream ${name} failed for good and could not be written to the bucket ${module.parked.id}: they are only in the stream, until its retention ends"
        metric      = "DroppedEventCount"
        uuid        = mapping.uuid
      }
    }
  ]...)
}

resource "aws_iam_role_policy" "streams" {
  count = length(var.streams) > 0 ? 1 : 0

  name = "streams"
  role = module.functions.functions.consume.role_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "FindShards"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards"]
        Resource = local.stream_arns
      }],
      [for arns in [[for s in var.streams : s.stream_arn if s.consumer_arn == null]] : {
        Sid      = "ReadSharedThroughput"
        Effect   = "Allow"
        Action   = ["kinesis:GetRecords", "kinesis:GetShardIterator"]
        Resource = arns
      } if length(arns) > 0],
      [for arns in [local.consumer_arns] : {
        Sid      = "ReadFanOut"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
        Resource = arns
      } if length(arns) > 0],
      [for arns in [local.key_arns] : {
        Sid       = "DecryptStreams"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = arns
        Condition = { StringLike = { "kms:ViaService" = ["kinesis.${var.context.region}.*"] } }
      } if length(arns) > 0],
    )
  })
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.streams

  event_source_arn                   = coalesce(each.value.consumer_arn, each.value.stream_arn)
  function_name                      = module.functions.functions.consume.arn
  enabled                            = each.value.enabled
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window_seconds
  parallelization_factor             = var.parallelization_factor

  # Never LATEST: a mapping that is replaced would leave out what arrives in between.
  starting_position           = each.value.start_at == null ? "TRIM_HORIZON" : "AT_TIMESTAMP"
  starting_position_timestamp = each.value.start_at

  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.maximum_retry_attempts

  destination_config {
    on_failure {
      destination_arn = module.parked.arn
    }
  }

  metrics_config {
    metrics = ["EventCount"]
  }

  tags = var.context.tags

  # AWS reads the stream with the role before it creates a mapping.
  depends_on = [aws_iam_role_policy.streams]
}

resource "aws_cloudwatch_metric_alarm" "mapping" {
  for_each = local.mapping_alarms

  alarm_name          = "${var.context.name_prefix}-${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { EventSourceMappingUUID = each.value.uuid }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}

# A mapping that may no longer read its stream fails without an error: the sign of it is that nothing arrives.
resource "aws_cloudwatch_metric_alarm" "silence" {
  for_each = { for name, s in var.streams : name => s if s.silence_minutes != null && s.enabled }

  alarm_name          = "${var.context.name_prefix}-${local.name}-${each.key}-silence"
  alarm_description   = "No record of the stream ${each.key} for ${each.value.silence_minutes} minutes: its producers are silent, or its owner's policies no longer let the function's role read it. See LastProcessingResult of mapping ${aws_lambda_event_source_mapping.this[each.key].uuid}"
  namespace           = "AWS/Lambda"
  metric_name         = "PolledEventCount"
  dimensions          = { EventSourceMappingUUID = aws_lambda_event_source_mapping.this[each.key].uuid }
  statistic           = "Sum"
  period              = each.value.silence_minutes * 60
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
