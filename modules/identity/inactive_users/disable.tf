# Expired items, and sign-ins recorded while their user was being disabled: stream -> function -> user pool.

locals {
  disable_timeout = 300
  identity_arn    = "arn:${var.context.partition}:ses:${var.context.region}:${var.context.account_id}:identity"

  # What a dry run may not do, its role cannot do.
  act_statements = concat(
    var.dry_run ? [] : [{
      sid       = "DisableAndGiveBack"
      actions   = ["cognito-idp:AdminDisableUser", "cognito-idp:AdminEnableUser", "cognito-idp:AdminUserGlobalSignOut"]
      resources = var.user_pool_arns
    }],
    [
      for warning in var.warning[*] : {
        sid     = "Warn"
        actions = ["ses:SendEmail"]
        resources = [
          "${local.identity_arn}/${warning.from_address}",
          "${local.identity_arn}/${element(split("@", warning.from_address), 1)}",
        ]
        conditions = { StringEquals = { "ses:FromAddress" = [warning.from_address] } }
      } if !var.dry_run
    ],
  )
}

# Batches that failed for good; the message names the records, which the stream keeps for 24 hours.
module "failed" {
  source = "../../blocks/dead_letter_queue"

  context = var.context
  name    = "${local.name}-failed"
}

module "disable_function" {
  source = "../../blocks/function"

  context              = var.context
  name                 = "${local.name}-disable"
  description          = "Warns and disables users whose records expired, and undoes it for those who signed in meanwhile"
  package              = "identity/inactive_users"
  handler              = "identity.inactive_users.stream.handler"
  timeout              = local.disable_timeout
  dead_letter_queue    = false                # the mapping below reports what failed for good
  reserved_concurrency = 1                    # a stream has several shards, the quota of AdminDisableUser is one for the account
  alarms               = { throttles = 1000 } # shards wait for each other: that is what the line above is for
  key_services         = ["dynamodb", "sqs"]

  environment = merge(local.environment, {
    AUDIT_TABLE          = module.audit.name
    AUDIT_RETENTION_DAYS = tostring(var.audit_retention_days)
    DISABLES_PER_SECOND  = tostring(var.disables_per_second)
    DRY_RUN              = tostring(var.dry_run)
    EMAILS_PER_SECOND    = var.warning == null ? "" : tostring(var.warning.emails_per_second)
    EXEMPT_GROUPS        = jsonencode(sort(var.exempt_groups))
    EXEMPT_USERS         = jsonencode(sort(var.exempt_users))
    POOLS                = jsonencode(local.pools)
    WARNING_FROM         = var.warning == null ? "" : var.warning.from_address
    WARNING_SUBJECT      = var.warning == null ? "" : var.warning.subject
    WARNING_TEXT         = var.warning == null ? "" : var.warning.text
    WORK_SECONDS         = tostring(local.disable_timeout)
  })

  policy_statements = concat(local.act_statements, [
    {
      sid       = "SeeUsersAndGroups"
      actions   = ["cognito-idp:AdminGetUser", "cognito-idp:AdminListGroupsForUser"]
      resources = var.user_pool_arns
    },
    {
      sid       = "Claim"
      actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
      resources = [module.table.arn]
    },
    {
      sid       = "Audit"
      actions   = ["dynamodb:PutItem"]
      resources = [module.audit.arn]
    },
    {
      sid       = "ReadStream"
      actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
      resources = ["${module.table.arn}/stream/*"]
    },
    {
      sid       = "KeepFailures"
      actions   = ["sqs:SendMessage"]
      resources = [module.failed.arn]
    },
  ])
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn                   = module.table.stream_arn
  function_name                      = module.disable_function.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = 1
  maximum_retry_attempts             = 20
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  filter_criteria {
    # What time to live deleted, and nothing that a person or program did.
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
      destination_arn = module.failed.arn
    }
  }
}
