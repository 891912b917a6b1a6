# Expired items, and sign-ins recorded while their user was being disabled: stream -> function -> user pool.

locals {
  disable_timeout = 300
  failed_name     = "${var.context.name_prefix}-${local.name}-failed"
  # Composed from names, so that policies that contain it are known at plan time.
  failed_arn   = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.failed_name}"
  ses_arn_root = "arn:${var.context.partition}:ses:${var.context.region}:${var.context.account_id}"

  # In a dry run, the role has no permission to disable, enable or warn users.
  act_statements = concat(
    var.dry_run ? [] : [{
      sid       = "DisableAndGiveBack"
      actions   = ["cognito-idp:AdminDisableUser", "cognito-idp:AdminEnableUser", "cognito-idp:AdminUserGlobalSignOut"]
      resources = var.user_pool_arns
    }],
    var.dry_run || var.warning == null ? [] : [{
      sid     = "Warn"
      actions = ["ses:SendEmail"]
      resources = [
        "${local.ses_arn_root}:identity/${var.warning.from_address}",
        "${local.ses_arn_root}:identity/${element(split("@", var.warning.from_address), 1)}",
        # SES asks for the set that the identity has by default, too; its name is not known here.
        "${local.ses_arn_root}:configuration-set/${coalesce(var.warning.configuration_set, "*")}",
      ]
      conditions = { StringEquals = { "ses:FromAddress" = [var.warning.from_address] } }
    }],
  )
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

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn                   = module.table.stream_arn
  function_name                      = module.functions.functions.disable.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = 1
  maximum_retry_attempts             = 20
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  filter_criteria {
    # Deletions by time to live only, none by a user or a program.
    filter {
      pattern = jsonencode({
        eventName    = ["REMOVE"]
        userIdentity = { type = ["Service"], principalId = ["dynamodb.amazonaws.com"] }
      })
    }
    # A sign-in over the record of a user who was being disabled.
    filter {
      pattern = jsonencode({
        eventName = ["MODIFY"]
        dynamodb = {
          OldImage = { state = { S = ["disabling", "disabled"] } }
          NewImage = { state = { S = ["active"] }, source = { S = ["PostAuthentication", "PostConfirmation"] } }
        }
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
