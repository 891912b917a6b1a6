# Devices -> MSK Serverless -> Firehose -> history in S3; -> event source mapping -> latest state of each device.
# cluster.tf has the cluster, mapping.tf and history.tf its two readers, this file the table and the functions.
locals {
  name       = "device-telemetry"
  index      = "by-last-reading"
  report_key = "reports/silent-devices.json"
  regional   = "${var.context.region}:${var.context.account_id}"
  labels     = { service = "${local.name}-keep" }
  watching   = { service = "${local.name}-watch" }
  parked     = "aws/lambda" # Lambda writes below it
}

# One item a device. The index finds devices by the time of their last reading; the groups spread its writes.
module "states" {
  source = "../../blocks/table"

  context             = var.context
  name                = "${local.name}-states"
  hash_key            = "device_id"
  ttl_attribute       = "expires_at"
  deletion_protection = !var.force_destroy

  global_secondary_indexes = {
    (local.index) = {
      hash_key           = "watch_group"
      range_key          = "event_time"
      projection_type    = "INCLUDE"
      non_key_attributes = ["silent_since"]
    }
  }
}

# Records that failed for good, which Lambda writes with their content, and the report of silent devices.
module "parked" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "telem-parked" # with the longest prefix and Region, a bucket's name has room for 14 characters
  expiration_days = var.parked_days
  force_destroy   = var.force_destroy
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = "${local.name}-silent"
  display_name        = "Silent devices"
  email_subscriptions = var.notification_emails
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "data/device_telemetry"

  functions = {
    keep = {
      name        = "${local.name}-keep"
      description = "Keeps the latest state of each device"
      handler     = "data.device_telemetry.keep.handler"
      timeout     = var.timeout_seconds
      memory_size = var.memory_mb
      # Lambda calls it for the topics, and keeps their failures in the bucket: nothing calls it asynchronously.
      dead_letter_queue = false
      key_services      = ["dynamodb", "s3"]
      environment = {
        TABLE              = module.states.name
        KEEP_DAYS          = var.device_days
        CLOCK_SKEW_SECONDS = var.clock_skew_seconds
      }
      policy_statements = [
        {
          sid       = "KeepStates"
          actions   = ["dynamodb:PutItem"]
          resources = [module.states.arn]
        },
        {
          sid       = "ParkRecords"
          actions   = ["s3:PutObject"]
          resources = ["${module.parked.arn}/${local.parked}/*"]
        },
        {
          # Lambda looks for the bucket before it writes to it.
          sid       = "FindParkingBucket"
          actions   = ["s3:ListBucket"]
          resources = [module.parked.arn]
        },
      ]
      alarms = { errors = var.error_threshold }
    }

    watch = {
      name         = "${local.name}-watch"
      description  = "Reports the devices that fell silent"
      handler      = "data.device_telemetry.watch.handler"
      timeout      = 900
      key_services = ["dynamodb", "s3", "sns"]
      environment = {
        TABLE          = module.states.name
        INDEX          = local.index
        SILENT_MINUTES = var.silent_minutes
        TOPIC_ARN      = module.topic.arn
        BUCKET         = module.parked.id
        BUCKET_OWNER   = var.context.account_id
        REPORT_KEY     = local.report_key
        MOST           = 1000
      }
      policy_statements = [
        {
          sid       = "FindSilentDevices"
          actions   = ["dynamodb:Query"]
          resources = ["${module.states.arn}/index/${local.index}"]
        },
        {
          sid       = "MarkSilentDevices"
          actions   = ["dynamodb:UpdateItem"]
          resources = [module.states.arn]
        },
        {
          sid       = "WriteReport"
          actions   = ["s3:PutObject"]
          resources = ["${module.parked.arn}/${local.report_key}"]
        },
        {
          sid       = "SendNotices"
          actions   = ["sns:Publish"]
          resources = [module.topic.arn]
        },
      ]
    }
  }

  metric_alarms = {
    "${local.name}-malformed" = {
      description = "1 or more records could not be read. After ${var.maximum_retry_attempts} retries they are in the bucket ${module.parked.id}, below ${local.parked}/. README: Parked records"
      metric      = "RecordsMalformed"
      dimensions  = local.labels
    }
    "${local.name}-lost" = {
      description = "Records failed for good and could not be written to the bucket ${module.parked.id}: they are only in the topic, until its retention ends"
      namespace   = "AWS/Lambda"
      metric      = "DestinationDeliveryFailures"
      dimensions  = { FunctionName = "${var.context.name_prefix}-${local.name}-keep" }
    }
    "${local.name}-lag" = {
      description = "The states are ${var.lag_records} records or more behind a topic. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-keep"
      namespace   = "AWS/Lambda"
      metric      = "OffsetLag"
      dimensions  = { FunctionName = "${var.context.name_prefix}-${local.name}-keep" }
      statistic   = "Maximum"
      threshold   = var.lag_records
    }
    "${local.name}-silent" = {
      description        = "${var.silent_devices} or more devices have sent nothing for ${var.silent_minutes} minutes. See ${local.report_key} in ${module.parked.id}"
      metric             = "DevicesSilent"
      dimensions         = local.watching
      statistic          = "Maximum"
      threshold          = var.silent_devices
      treat_missing_data = "ignore" # between two runs
    }
    "${local.name}-unwatched" = {
      description        = "1 or more groups of devices could not be read: whether these devices are silent is not known. See ${local.report_key} in ${module.parked.id}"
      metric             = "DeviceGroupsUnread"
      dimensions         = local.watching
      statistic          = "Maximum"
      treat_missing_data = "ignore"
    }
  }
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-watch"
  description         = "Looks for devices that fell silent"
  schedule_expression = var.watch_schedule_expression
  target_arn          = module.functions.functions.watch.arn
  action              = "lambda:InvokeFunction"
}
