module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "identity/inactive_users"

  functions = merge(local.report_functions, {
    replay = {
      name              = "${local.name}-replay"
      description       = "Writes records of activity that the table did not accept at once"
      handler           = "identity.inactive_users.replay.handler"
      timeout           = 60
      dead_letter_queue = false # the queue that feeds it has one
      key_services      = ["dynamodb", "sqs"]
      environment       = merge(local.environment, { POOLS = jsonencode(local.pools) })
      policy_statements = [
        {
          sid       = "Record"
          actions   = ["dynamodb:PutItem"]
          resources = [module.table.arn]
        },
        {
          sid       = "ReadQueue"
          actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          resources = [module.queue.arn]
        },
      ]
    }
    disable = {
      name                 = "${local.name}-disable"
      description          = "Warns and disables users whose records expired, and enables users again who signed in meanwhile"
      handler              = "identity.inactive_users.stream.handler"
      timeout              = local.disable_timeout
      dead_letter_queue    = false                # the event source mapping reports batches that failed after all retries
      reserved_concurrency = 1                    # a stream has several shards, but the account has a single quota of AdminDisableUser
      alarms               = { throttles = 1000 } # the line above makes shards wait for each other
      key_services         = ["dynamodb", "sqs"]
      environment = merge(local.environment, {
        AUDIT_TABLE               = module.audit.name
        AUDIT_RETENTION_DAYS      = tostring(var.audit_retention_days)
        DISABLES_PER_SECOND       = tostring(var.disables_per_second)
        DRY_RUN                   = tostring(var.dry_run)
        EMAILS_PER_SECOND         = var.warning == null ? "" : tostring(var.warning.emails_per_second)
        EXEMPT_GROUPS             = jsonencode(sort(var.exempt_groups))
        EXEMPT_USERS              = jsonencode(sort(var.exempt_users))
        POOLS                     = jsonencode(local.pools)
        WARNING_CONFIGURATION_SET = try(coalesce(var.warning.configuration_set), "")
        WARNING_FROM              = var.warning == null ? "" : var.warning.from_address
        WARNING_SUBJECT           = var.warning == null ? "" : var.warning.subject
        WARNING_TEXT              = var.warning == null ? "" : var.warning.text
        WORK_SECONDS              = tostring(local.disable_timeout)
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
          actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
          resources = ["${module.table.arn}/stream/*"]
        },
        {
          # The list is the account's: IAM accepts only "*". AWS Lambda documents that a mapping of a stream needs it.
          sid       = "ListStreams"
          actions   = ["dynamodb:ListStreams"]
          resources = ["*"]
        },
        {
          sid       = "KeepFailures"
          actions   = ["sqs:SendMessage"]
          resources = [local.failed_arn]
        },
      ])
    }
    preload = {
      name              = "${local.name}-preload"
      description       = "Creates records for users who have none; each call handles one chunk of the user pools"
      handler           = "identity.inactive_users.preload.handler"
      timeout           = 900
      dead_letter_queue = false # only the state machine calls it, and waits for the answer
      key_services      = ["dynamodb"]
      environment = merge(local.environment, {
        LISTS_PER_SECOND = tostring(var.lists_per_second)
        POOLS            = jsonencode(local.pools)
      })
      policy_statements = [
        {
          sid       = "ListUsers"
          actions   = ["cognito-idp:ListUsers"]
          resources = var.user_pool_arns
        },
        {
          sid       = "Record"
          actions   = ["dynamodb:PutItem"]
          resources = [module.table.arn]
        },
      ]
    }
  })

  # Failures that no other alarm shows: the functions succeed, and count what they could not do.
  metric_alarms = merge(
    {
      for metric, alarm in {
        SignInsNotRecorded = { function = "record", meaning = "sign-ins were recorded neither in the table nor in the queue: their users may look inactive" }
        RecordsRefused     = { function = "disable", meaning = "stream records were malformed and skipped" }
        UsersToReview      = { function = "disable", meaning = "users signed in while they were being disabled and were changed by another principal since: decide whether to enable them, see the audit table" }
        UsersUnreachable   = { function = "disable", meaning = "users could not be warned because they have no verified address" }
        } : "${local.name}-${lower(replace(metric, "/([a-z])([A-Z])/", "$1-$2"))}" => {
        description = "One or more ${alarm.meaning}."
        metric      = metric
        dimensions  = { service = "${local.name}-${alarm.function}" }
      }
    },
    {
      # Expiries that wait: the stream keeps its records for 24 hours.
      "${local.name}-iterator-age" = {
        description = "Expired users have waited for 6 hours or more; after 24 hours the stream drops their records. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-disable"
        namespace   = "AWS/Lambda"
        metric      = "IteratorAge"
        dimensions  = { FunctionName = "${var.context.name_prefix}-${local.name}-disable" }
        statistic   = "Maximum"
        threshold   = 21600000
      }
      "${local.name}-failed-depth" = {
        description = "1 or more messages are waiting in ${local.failed_name}"
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = local.failed_name }
        statistic   = "Maximum"
      }
    },
  )
}
