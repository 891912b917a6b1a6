mock_provider "aws" {
  source = "./tests/mocks"
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "without_streams" {
  command = plan

  module {
    source = "./modules/data/cross_account_stream"
  }

  assert {
    condition     = length(aws_iam_role_policy.streams) + length(aws_lambda_event_source_mapping.this) + length(aws_cloudwatch_metric_alarm.mapping) == 0 && output.mapping_ids == {}
    error_message = "Without streams there are only the function and its role, which the owner must name first."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["consume"].policy).Statement == [
      { Sid = "KeepRecords", Effect = "Allow", Action = ["dynamodb:BatchWriteItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-cross-account-stream-records"] },
      { Sid = "ParkRecords", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-stream-parked-111122223333-eu-central-1/aws/lambda/*"] },
      { Sid = "FindParkingBucket", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-stream-parked-111122223333-eu-central-1"] },
    ]
    error_message = "The role may keep and park records, and nothing else."
  }
  assert {
    condition = module.functions.resources.functions["consume"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "cross-account-stream-consume"
      TABLE                        = "test-cross-account-stream-records"
      KEEP_DAYS                    = "30"
    }) && module.functions.resources.functions["consume"].handler == "data.cross_account_stream.consume.handler"
    error_message = "The function keeps records for 30 days in its table."
  }
  assert {
    condition     = module.records.resources.table.hash_key == "stream_and_key" && module.records.resources.table.range_key == "sequence" && module.records.resources.table.deletion_protection_enabled && !module.parked.resources.bucket.force_destroy
    error_message = "A record has one item, in the order of its key, and terraform destroy keeps what is kept."
  }
  assert {
    condition     = module.functions.resources.alarms["cross-account-stream-iterator-age"].threshold == 3600000 && module.functions.resources.alarms["cross-account-stream-iterator-age"].statistic == "Maximum" && module.functions.resources.alarms["cross-account-stream-iterator-age"].dimensions == tomap({ FunctionName = "test-cross-account-stream-consume" })
    error_message = "An hour behind is an alarm, in milliseconds."
  }
  assert {
    condition     = output.reader.role_arn == "arn:aws:iam::111122223333:role/test-cross-account-stream-consume-function-eu-central-1"
    error_message = "The owner names exactly this role."
  }
}

run "streams" {
  command = plan

  module {
    source = "./modules/data/cross_account_stream"
  }

  variables {
    streams = {
      orders = {
        stream_arn   = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders"
        consumer_arn = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders/consumer/billing:1764316800"
        kms_key_arn  = "arn:aws:kms:eu-central-1:222233334444:key/1"
      }
      clicks = {
        stream_arn      = "arn:aws:kinesis:eu-central-1:222233334444:stream/clicks"
        start_at        = "2026-11-28T08:00:00Z"
        silence_minutes = 15
      }
      paused = {
        stream_arn      = "arn:aws:kinesis:eu-central-1:222233334444:stream/paused"
        silence_minutes = 15
        enabled         = false
      }
    }
    batch_size              = 500
    batching_window_seconds = 5
    parallelization_factor  = 2
    maximum_retry_attempts  = 3
    iterator_age_minutes    = 5
    reserved_concurrency    = 8
    force_destroy           = true
  }

  # Rows X1 and X2 of the field: one source of the ARN, and a poison record leaves the shard.
  assert {
    condition     = aws_lambda_event_source_mapping.this["orders"].event_source_arn == var.streams.orders.consumer_arn && aws_lambda_event_source_mapping.this["clicks"].event_source_arn == var.streams.clicks.stream_arn
    error_message = "A mapping reads the registered consumer if there is one, else the stream."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.streams[0].policy).Statement == [
      { Sid = "FindShards", Effect = "Allow", Action = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards"], Resource = [var.streams.clicks.stream_arn, var.streams.orders.stream_arn, var.streams.paused.stream_arn] },
      { Sid = "ReadSharedThroughput", Effect = "Allow", Action = ["kinesis:GetRecords", "kinesis:GetShardIterator"], Resource = [var.streams.clicks.stream_arn, var.streams.paused.stream_arn] },
      { Sid = "ReadFanOut", Effect = "Allow", Action = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"], Resource = [var.streams.orders.consumer_arn] },
      { Sid = "DecryptStreams", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.streams.orders.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["kinesis.eu-central-1.*"] } } },
    ]
    error_message = "The role may read exactly these streams, each in its way, and decrypt with their keys through Kinesis."
  }
  assert {
    condition = alltrue([for m in aws_lambda_event_source_mapping.this : (
      contains(m.function_response_types, "ReportBatchItemFailures") && m.bisect_batch_on_function_error && m.maximum_retry_attempts == 3 &&
      m.batch_size == 500 && m.maximum_batching_window_in_seconds == 5 && m.parallelization_factor == 2 &&
      m.destination_config[0].on_failure[0].destination_arn == "arn:aws:s3:::test-stream-parked-111122223333-eu-central-1" && contains(m.metrics_config[0].metrics, "EventCount")
    )])
    error_message = "All mappings split batches, end their retries, park what fails, and publish what they do."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this["orders"].starting_position == "TRIM_HORIZON" && aws_lambda_event_source_mapping.this["orders"].enabled && aws_lambda_event_source_mapping.this["clicks"].starting_position == "AT_TIMESTAMP" && aws_lambda_event_source_mapping.this["clicks"].starting_position_timestamp == "2026-11-28T08:00:00Z" && !aws_lambda_event_source_mapping.this["paused"].enabled
    error_message = "A mapping begins at the oldest record, or at the time that is set; never at the latest."
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.mapping)) == toset(["orders-parked", "orders-lost", "clicks-parked", "clicks-lost", "paused-parked", "paused-lost"]) && alltrue([for a in aws_cloudwatch_metric_alarm.mapping : a.threshold == 1 && a.alarm_actions == toset([var.context.alarm_topic_arn])])
    error_message = "Parked and lost records of each stream raise an alarm."
  }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.silence) == ["clicks"] && aws_cloudwatch_metric_alarm.silence["clicks"].period == 900 && aws_cloudwatch_metric_alarm.silence["clicks"].treat_missing_data == "breaching"
    error_message = "Silence is an alarm where it is asked for and the stream is read, also without any data."
  }
  assert {
    condition     = module.functions.resources.functions["consume"].reserved_concurrent_executions == 8 && !module.records.resources.table.deletion_protection_enabled && module.parked.resources.bucket.force_destroy && module.functions.resources.alarms["cross-account-stream-iterator-age"].threshold == 300000
    error_message = "Settings reach their resources."
  }
}

run "owner" {
  command = plan

  module {
    source = "./modules/data/cross_account_stream/stream"
  }

  override_resource {
    target          = aws_kinesis_stream.this
    values          = { arn = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders" }
    override_during = plan
  }

  # Its end is the time of registration: no ARN that is put together from names is equal to it.
  override_resource {
    target          = aws_kinesis_stream_consumer.this
    values          = { arn = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders/consumer/billing:1764316800" }
    override_during = plan
  }

  override_resource {
    target          = aws_kms_key.this
    values          = { arn = "arn:aws:kms:eu-central-1:222233334444:key/1", key_id = "1" }
    override_during = plan
  }

  variables {
    name        = "orders"
    shard_count = 2
    consumers = {
      billing   = { role_arn = "arn:aws:iam::111122223333:role/billing", role_id = "AROA1", enhanced_fan_out = true }
      my-search = { role_arn = "arn:aws:iam::444455556666:role/search" }
    }
  }

  assert {
    condition = jsondecode(aws_kinesis_resource_policy.stream[0].policy).Statement == [
      { Sid = "ReadByBillingAROA1", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:role/billing" }, Action = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards"], Resource = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders" },
      { Sid = "ReadByMySearch", Effect = "Allow", Principal = { AWS = "arn:aws:iam::444455556666:role/search" }, Action = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetRecords", "kinesis:GetShardIterator"], Resource = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders" },
    ]
    error_message = "The stream's policy names exact roles, and lets one with fan-out read no shared throughput. A role's id changes the text with the role."
  }
  assert {
    condition = jsondecode(aws_kinesis_resource_policy.consumer["billing"].policy).Statement == [
      { Sid = "ReadByBillingAROA1", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:role/billing" }, Action = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"], Resource = "arn:aws:kinesis:eu-central-1:222233334444:stream/orders/consumer/billing:1764316800" },
    ]
    error_message = "The consumer's policy names its one role."
  }
  assert {
    condition     = aws_kinesis_resource_policy.consumer["billing"].resource_arn == aws_kinesis_stream_consumer.this["billing"].arn && output.shared["billing"].consumer_arn == aws_kinesis_stream_consumer.this["billing"].arn && keys(aws_kinesis_stream_consumer.this) == ["billing"] && output.shared["my-search"].consumer_arn == null
    error_message = "Row X1 of the field: policy and output take the consumer's ARN from the resource."
  }
  assert {
    condition = slice(jsondecode(aws_kms_key.this.policy).Statement, 1, 3) == [
      { Sid = "ReadByBillingAROA1", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:role/billing" }, Action = "kms:Decrypt", Resource = "*", Condition = { StringLike = { "kms:ViaService" = "kinesis.eu-central-1.*" } } },
      { Sid = "ReadByMySearch", Effect = "Allow", Principal = { AWS = "arn:aws:iam::444455556666:role/search" }, Action = "kms:Decrypt", Resource = "*", Condition = { StringLike = { "kms:ViaService" = "kinesis.eu-central-1.*" } } },
    ]
    error_message = "The key's policy lets each role decrypt through Kinesis."
  }
  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == aws_kms_key.this.arn && !aws_kinesis_stream.this.enforce_consumer_deletion && aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.this.retention_period == 24 && aws_kms_key.this.enable_key_rotation
    error_message = "The stream is encrypted with its own key, which rotates, and is not deleted with consumers of others."
  }
}

run "owner_without_consumers" {
  command = plan

  module {
    source = "./modules/data/cross_account_stream/stream"
  }

  variables {
    name                      = "orders"
    retention_hours           = 168
    enforce_consumer_deletion = true
  }

  assert {
    condition     = length(aws_kinesis_resource_policy.stream) == 0 && output.shared == {} && length(jsondecode(aws_kms_key.this.policy).Statement) == 1
    error_message = "Without consumers, no other account may read."
  }
  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND" && aws_kinesis_stream.this.shard_count == null && aws_kinesis_stream.this.retention_period == 168 && aws_kinesis_stream.this.enforce_consumer_deletion
    error_message = "Settings reach the stream."
  }
}
