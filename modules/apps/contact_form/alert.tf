# Tickets whose sentiment the administrators want to know of: the table's stream -> alert -> SES.

locals {
  failed_name = "${var.context.name_prefix}-${local.name}-failed"
  # Composed from names, so that policies that contain it are known at plan time.
  failed_arn   = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.failed_name}"
  ses_arn_root = "arn:${var.context.partition}:ses:${var.context.region}:${var.context.account_id}"
}

# Batches that failed after all retries. The message names the records, which the stream keeps for 24 hours.
resource "aws_sqs_queue" "failed" {
  name                      = local.failed_name
  message_retention_seconds = 1209600
  kms_master_key_id         = var.context.kms_key_arn
  tags                      = var.context.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.failed_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_lambda_event_source_mapping" "tickets" {
  event_source_arn               = module.tickets.stream_arn
  function_name                  = module.functions.functions.alert.arn
  starting_position              = "TRIM_HORIZON"
  batch_size                     = 10
  maximum_retry_attempts         = 20
  bisect_batch_on_function_error = true
  function_response_types        = ["ReportBatchItemFailures"]
  tags                           = var.context.tags

  filter_criteria {
    filter {
      pattern = jsonencode({
        eventName = ["INSERT"]
        dynamodb  = { NewImage = { alert = { BOOL = [true] } } }
      })
    }
  }

  destination_config {
    on_failure {
      destination_arn = local.failed_arn
    }
  }

  # The ARN above is composed from names, so Terraform does not see this dependency.
  depends_on = [aws_sqs_queue.failed]
}
