# A sign-in is recorded in the table, or in the queue while the table does not answer.

module "queue" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = "${local.name}-records"
  visibility_timeout_seconds = 360
  message_retention_seconds  = 1209600
  alarms                     = { age_seconds = 3600 }
}

# This function has a module call of its own, and its invoke permissions are separate: a pool in user_pool_arns may name
# this function as its trigger, so nothing that this function depends on may name the pools.
module "record" {
  source = "../../blocks/functions"

  context = var.context
  package = "identity/inactive_users"

  functions = {
    record = {
      name              = "${local.name}-record"
      description       = "Cognito trigger: records that a user was active, and never fails"
      handler           = "identity.inactive_users.record.handler"
      memory_size       = 512 # half of the CPU of 1,024 MiB: a cold start must fit into Cognito's 5 seconds
      timeout           = 5
      dead_letter_queue = false # Cognito calls it and waits
      key_services      = ["dynamodb", "sqs"]
      environment       = merge(local.environment, { QUEUE_URL = module.queue.url })
      policy_statements = [
        {
          sid       = "Record"
          actions   = ["dynamodb:PutItem"]
          resources = [module.table.arn]
        },
        {
          sid       = "RecordLater"
          actions   = ["sqs:SendMessage"]
          resources = [module.queue.arn]
        },
      ]
    }
  }
}

resource "aws_lambda_permission" "record" {
  for_each = { for index, arn in var.user_pool_arns : "UserPool${index}" => arn }

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = module.record.functions.record.name
  principal     = "cognito-idp.amazonaws.com"
  source_arn    = each.value
}

resource "aws_lambda_event_source_mapping" "replay" {
  event_source_arn        = module.queue.arn
  function_name           = module.functions.functions.replay.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.context.tags

  scaling_config {
    maximum_concurrency = 2
  }
}
