# A sign-in is recorded in the table, or in the queue while the table does not answer.

module "queue" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = "${local.name}-records"
  visibility_timeout_seconds = 360
  message_retention_seconds  = 1209600
  alarms                     = { age_seconds = 3600 }
}

module "record_function" {
  source = "../../blocks/function"

  context           = var.context
  name              = "${local.name}-record"
  description       = "Cognito trigger: records that a user was active, and never fails"
  package           = "identity/inactive_users"
  handler           = "identity.inactive_users.record.handler"
  memory_size       = 512 # half of the CPU of 1,024 MiB: a cold start must fit into Cognito's 5 seconds
  timeout           = 5
  dead_letter_queue = false # Cognito calls it and waits
  key_services      = ["dynamodb", "sqs"]

  environment = merge(local.environment, { QUEUE_URL = module.queue.url })

  invokers = {
    for index, arn in var.user_pool_arns : "UserPool${index}" => {
      principal  = "cognito-idp.amazonaws.com"
      source_arn = arn
    }
  }

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

module "replay_function" {
  source = "../../blocks/function"

  context           = var.context
  name              = "${local.name}-replay"
  description       = "Writes records of activity that the table did not take at once"
  package           = "identity/inactive_users"
  handler           = "identity.inactive_users.replay.handler"
  timeout           = 60
  dead_letter_queue = false # the queue that feeds it has one
  key_services      = ["dynamodb", "sqs"]

  environment = merge(local.environment, { POOLS = jsonencode(local.pools) })

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

resource "aws_lambda_event_source_mapping" "replay" {
  event_source_arn        = module.queue.arn
  function_name           = module.replay_function.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.context.tags

  scaling_config {
    maximum_concurrency = 2
  }
}
