# POST /tickets -> submit -> synchronous Express workflow -> ticket (this file, api.tf); table -> mail (alert.tf).
locals {
  name = "contact-form"
}

module "tickets" {
  source = "../../blocks/table"

  context             = var.context
  name                = local.name
  hash_key            = "ticketId"
  ttl_attribute       = "expiresAt"
  stream_view_type    = "NEW_IMAGE"
  deletion_protection = var.deletion_protection
}

# Which request made which ticket: a client that sends a request again gets the same ticket.
module "requests" {
  source = "../../blocks/table"

  context             = var.context
  name                = "${local.name}-request"
  hash_key            = "requestId"
  ttl_attribute       = "expiresAt"
  deletion_protection = var.deletion_protection
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/contact_form"

  functions = {
    ticket = {
      name              = "${local.name}-ticket"
      description       = "Gives a message a ticket ID and stores it"
      handler           = "apps.contact_form.ticket.handler"
      timeout           = 10
      dead_letter_queue = false # only the workflow calls it, and waits for the answer
      key_services      = ["dynamodb"]
      alarms            = { errors = 5 } # the workflow tries again, and has an alarm of its own
      environment = {
        TABLE            = module.tickets.name
        REQUEST_TABLE    = module.requests.name
        RETENTION_DAYS   = tostring(var.retention_days)
        ALERT_SENTIMENTS = jsonencode(sort(var.alert.sentiments))
      }
      policy_statements = [{
        sid       = "StoreTickets"
        actions   = ["dynamodb:PutItem"] # also within a transaction
        resources = [module.tickets.arn, module.requests.arn]
      }]
    }
    alert = {
      name              = "${local.name}-alert"
      description       = "Notifies administrators of tickets by mail"
      handler           = "apps.contact_form.alert.handler"
      timeout           = 60
      dead_letter_queue = false # the event source mapping reports batches that failed after all retries
      key_services      = ["dynamodb", "sqs"]
      environment = {
        TABLE             = module.tickets.name
        FROM_ADDRESS      = var.alert.from_address
        TO_ADDRESSES      = jsonencode(sort(var.alert.to_addresses))
        INCLUDE_MESSAGE   = tostring(var.alert.include_message)
        CONFIGURATION_SET = var.alert.configuration_set == null ? "" : var.alert.configuration_set
      }
      policy_statements = [
        {
          sid       = "ReadAndMarkTickets"
          actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
          resources = [module.tickets.arn]
        },
        {
          sid     = "SendMail"
          actions = ["ses:SendEmail"]
          resources = [
            "${local.ses_arn_root}:identity/${var.alert.from_address}",
            "${local.ses_arn_root}:identity/${element(split("@", var.alert.from_address), 1)}",
            # SES asks for the set that the identity has by default, too; its name is not known here.
            "${local.ses_arn_root}:configuration-set/${var.alert.configuration_set == null ? "*" : var.alert.configuration_set}",
          ]
          conditions = { StringEquals = { "ses:FromAddress" = [var.alert.from_address] } }
        },
        {
          sid       = "ReadStream"
          actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
          resources = ["${module.tickets.arn}/stream/*"]
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
      ]
    }
  }

  # Failures that no other alarm shows: the functions succeed, and count what they could not do.
  metric_alarms = {
    "${local.name}-sentiment-unavailable" = {
      description = "One or more messages were stored without a sentiment because Amazon Comprehend failed or refused: no mail is sent for them unless alert.sentiments has UNKNOWN."
      metric      = "SentimentUnavailable"
      dimensions  = { service = "${local.name}-ticket" }
    }
    "${local.name}-alerts-refused" = {
      description = "SES refused one or more mails for good. The log has the code and the ticket IDs: /aws/lambda/${var.context.name_prefix}-${local.name}-alert. Resolve it and invoke the function with {\"ticketIds\": [...]}."
      metric      = "AlertsRefused"
      dimensions  = { service = "${local.name}-alert" }
    }
    "${local.name}-failed-depth" = {
      description = "1 or more messages are waiting in ${local.failed_name}: mails that were not sent after all retries."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = local.failed_name }
      statistic   = "Maximum"
    }
    "${local.name}-iterator-age" = {
      description = "Mails have waited for an hour or more; after 24 hours the stream drops their records. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-alert"
      namespace   = "AWS/Lambda"
      metric      = "IteratorAge"
      dimensions  = { FunctionName = "${var.context.name_prefix}-${local.name}-alert" }
      statistic   = "Maximum"
      threshold   = 3600000
    }
  }
}
