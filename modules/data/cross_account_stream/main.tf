# Streams of other accounts -> event source mappings -> function -> table; batches that were given up -> bucket.
locals {
  name = "cross-account-stream"
}

# One item a record. A record that Lambda delivers again replaces its item with the same one.
module "records" {
  source = "../../blocks/table"

  context             = var.context
  name                = "${local.name}-records"
  hash_key            = "stream_and_key"
  range_key           = "sequence"
  ttl_attribute       = "expires_at"
  deletion_protection = !var.force_destroy
}

# Lambda writes a batch that it gives up to S3 with its records; to a queue or a topic it sends only their numbers.
module "parked" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "stream-parked"
  expiration_days = var.parked_days
  force_destroy   = var.force_destroy
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "data/cross_account_stream"

  functions = {
    consume = {
      name        = "${local.name}-consume"
      description = "Keeps the records of streams of other accounts"
      handler     = "data.cross_account_stream.consume.handler"
      timeout     = var.timeout_seconds
      memory_size = var.memory_mb
      # Lambda calls it for streams, and keeps their failures in the bucket: nothing calls it asynchronously.
      dead_letter_queue    = false
      reserved_concurrency = var.reserved_concurrency
      key_services         = ["dynamodb", "s3"]
      environment = {
        TABLE     = module.records.name
        KEEP_DAYS = var.keep_days
      }
      policy_statements = [
        {
          sid       = "KeepRecords"
          actions   = ["dynamodb:BatchWriteItem"]
          resources = [module.records.arn]
        },
        {
          sid       = "ParkRecords"
          actions   = ["s3:PutObject"]
          resources = ["${module.parked.arn}/aws/lambda/*"]
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
  }

  metric_alarms = {
    "${local.name}-iterator-age" = {
      description = "A shard is ${var.iterator_age_minutes} minutes or more behind. Records are lost when their age reaches the stream's retention. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-consume"
      namespace   = "AWS/Lambda"
      metric      = "IteratorAge"
      dimensions  = { FunctionName = "${var.context.name_prefix}-${local.name}-consume" }
      statistic   = "Maximum"
      threshold   = var.iterator_age_minutes * 60000
    }
  }
}
