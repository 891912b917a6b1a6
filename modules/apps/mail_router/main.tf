# The router: archive -> rule -> queue -> function -> SES (this file); what arrives is in receiving.tf.
locals {
  name         = "mail-router"
  inbox        = "inbox/" # the function handles nothing else, so that what comes back to a mailbox is not routed again
  full_name    = "${var.context.name_prefix}-${local.name}"
  ses_arn_root = "arn:${var.context.partition}:ses:${var.context.region}:${var.context.account_id}"
  events_root  = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}"
  timeout      = 120
}

module "archive" {
  source = "../../blocks/bucket"

  context           = var.context
  name              = local.name
  expiration_days   = var.retention_days
  noncurrent_days   = 1 # mails are never overwritten: what expires or is deleted shall go
  force_destroy     = var.force_destroy
  policy_statements = local.archive_statements
}

module "destinations" {
  source = "../../blocks/table"

  context             = var.context
  name                = "${local.name}-destination"
  hash_key            = "language"
  deletion_protection = var.deletion_protection
}

resource "aws_dynamodb_table_item" "destination" {
  for_each = var.destinations

  table_name = module.destinations.name
  hash_key   = "language"
  item       = jsonencode({ language = { S = each.key }, destination = { S = each.value } })
}

# Which mails went out, so that each goes out once.
module "mails" {
  source = "../../blocks/table"

  context             = var.context
  name                = local.name
  hash_key            = "mailId"
  ttl_attribute       = "expiresAt"
  deletion_protection = var.deletion_protection
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/mail_router"

  functions = {
    route = {
      name              = local.name
      description       = "Forwards mails by their language"
      handler           = "apps.mail_router.route.handler"
      memory_size       = 1024 # the largest mail is in memory several times: as it is, in base64, and signed
      timeout           = local.timeout
      dead_letter_queue = false # its queue has one
      key_services      = ["s3", "dynamodb", "sqs"]
      environment = {
        BUCKET               = module.archive.id
        BUCKET_OWNER         = var.context.account_id
        PREFIX               = local.inbox
        REGION               = var.context.region
        DESTINATION_TABLE    = module.destinations.name
        MAIL_TABLE           = module.mails.name
        FROM_ADDRESS         = var.from_address
        CATCH_ALL_ADDRESS    = var.catch_all_address
        RECIPIENTS           = jsonencode(sort(var.recipients))
        MARKER               = "${local.full_name}.${var.context.account_id}.${var.context.region}"
        CONFIGURATION_SET    = local.full_name
        MINIMUM_SCORE        = tostring(var.minimum_score)
        MAXIMUM_BYTES        = tostring(floor(var.maximum_megabytes * 1024 * 1024))
        CONFIRMATION_SECONDS = tostring(var.confirmation_seconds)
        RETENTION_DAYS       = tostring(var.retention_days)
        ENTITY_ENDPOINT_ARN  = var.entity_endpoint_arn == null ? "" : var.entity_endpoint_arn
        REDACTION            = var.redaction == null ? "" : jsonencode(var.redaction)
      }
      policy_statements = concat(
        [
          {
            sid       = "ReadMails"
            actions   = ["s3:GetObject"]
            resources = ["${module.archive.arn}/${local.inbox}*"]
          },
          {
            # With this permission, S3 reports that a mail has expired instead of "access denied".
            # It takes no condition on s3:prefix, which only lists have.
            sid       = "TellMissingFromDenied"
            actions   = ["s3:ListBucket"]
            resources = [module.archive.arn]
          },
          {
            # Texts are no resources: IAM accepts only "*".
            sid       = "FindLanguages"
            actions   = ["comprehend:DetectDominantLanguage"]
            resources = ["*"]
          },
          {
            sid       = "ReadDestinations"
            actions   = ["dynamodb:BatchGetItem"]
            resources = [module.destinations.arn]
          },
          {
            sid       = "RecordMails"
            actions   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
            resources = [module.mails.arn]
          },
          {
            sid     = "SendMails"
            actions = ["ses:SendRawEmail"] # also for raw mails through SendEmail of SES v2
            resources = [
              "${local.ses_arn_root}:identity/${var.from_address}",
              "${local.ses_arn_root}:identity/${element(split("@", var.from_address), 1)}",
              "${local.ses_arn_root}:configuration-set/${local.full_name}",
            ]
            conditions = { StringEquals = { "ses:FromAddress" = [var.from_address] } }
          },
          {
            sid       = "ReadQueue"
            actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            resources = [module.queue.arn]
          },
        ],
        [
          for arn in var.entity_endpoint_arn[*] : {
            sid       = "FindEntities"
            actions   = ["comprehend:DetectEntities"]
            resources = [arn]
          }
        ],
        [
          # Texts are no resources: IAM accepts only "*".
          for redaction in var.redaction[*] : {
            sid       = "FindPersonalData"
            actions   = ["comprehend:DetectPiiEntities"]
            resources = ["*"]
          }
        ],
      )
    }
    activate = {
      name              = "${local.name}-activate"
      description       = "Activates the receipt rule set, and watches that it stays active"
      handler           = "apps.mail_router.activate.handler"
      timeout           = 90    # of which 60 seconds may pass until its new role can be used
      dead_letter_queue = false # Terraform waits for the answer, and its schedule has a queue
      environment       = { RULE_SET = local.rule_set }
      policy_statements = [{
        # The active rule set is the account's: IAM accepts only "*".
        sid       = "ActivateRuleSet"
        actions   = concat(["ses:DescribeActiveReceiptRuleSet"], local.own_rule_set ? ["ses:SetActiveReceiptRuleSet"] : [])
        resources = ["*"]
      }]
    }
  }

  # What no other alarm shows: the function succeeds, and counts what it could not do.
  metric_alarms = {
    "${local.name}-noticed" = {
      description = "1 or more mails were not forwarded: their destination got a notice. The log has the reason and the object: /aws/lambda/${local.full_name}"
      metric      = "MailsNoticed"
      dimensions  = { service = local.name }
    }
    "${local.name}-bounced" = {
      description = "A destination did not take 1 or more forwarded mails. The catch-all address got them, unless it is the one that bounced. The log has the objects: /aws/lambda/${local.full_name}"
      metric      = "ForwardsBounced"
      dimensions  = { service = local.name }
    }
    "${local.name}-language-unavailable" = {
      description = "Amazon Comprehend failed or refused: the catch-all address got 1 or more mails whose language is not known."
      metric      = "LanguageUnavailable"
      dimensions  = { service = local.name }
    }
    "${local.name}-destination-refused" = {
      description = "A destination in ${module.destinations.name} is no address, or is the router's own mailbox: the catch-all address got 1 or more mails."
      metric      = "DestinationsRefused"
      dimensions  = { service = local.name }
    }
    "${local.name}-rule-set-inactive" = {
      description        = "The receipt rule set ${local.rule_set} is not the active one: SES refuses the mails that this router is for."
      metric             = "RuleSetInactive"
      dimensions         = { service = "${local.name}-activate" }
      statistic          = "Maximum"
      treat_missing_data = "ignore"
    }
  }
}

module "queue" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = local.name
  visibility_timeout_seconds = 6 * local.timeout
  max_receive_count          = 10 # two hours: an account that may send no more for now, or a report that is awaited
  message_retention_seconds  = 1209600
  alarms                     = { age_seconds = 3600 }
  senders = {
    Arrivals = {
      service     = "events.amazonaws.com"
      source_arns = ["${local.events_root}:rule/${local.full_name}-arrival"]
    }
    Reports = {
      service     = "events.amazonaws.com"
      source_arns = ["${local.events_root}:rule/${local.full_name}-report"]
    }
  }
}

module "rules" {
  source = "../../blocks/event_rule"
  for_each = {
    arrival = {
      description = "Mails that SES has stored"
      pattern = jsonencode({
        source        = ["aws.s3"]
        "detail-type" = ["Object Created"]
        detail = {
          bucket = { name = [module.archive.id] }
          object = { key = [{ prefix = local.inbox }] }
        }
      })
    }
    report = {
      description = "What SES reports of forwarded mails"
      pattern = jsonencode({
        source        = ["aws.ses"]
        "detail-type" = ["Email Sent", "Email Bounced", "Email Rejected"]
        detail        = { mail = { tags = { "ses:configuration-set" = [local.full_name] } } }
      })
    }
  }

  context       = var.context
  name          = "${local.name}-${each.key}"
  description   = each.value.description
  event_pattern = each.value.pattern
  targets       = { queue = { arn = module.queue.arn, kind = "sqs" } }
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn        = module.queue.arn
  function_name           = module.functions.functions.route.arn
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.context.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
}

# --- SES reports which forwards it accepted, and which of them bounced -------------------------------------------

resource "aws_sesv2_configuration_set" "this" {
  configuration_set_name = local.full_name
  tags                   = var.context.tags

  delivery_options {
    tls_policy = "REQUIRE"
  }
}

resource "aws_sesv2_configuration_set_event_destination" "this" {
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name
  event_destination_name = "reports"

  event_destination {
    enabled              = true
    matching_event_types = ["BOUNCE", "REJECT", "SEND"]

    event_bridge_destination {
      event_bus_arn = "${local.events_root}:event-bus/default"
    }
  }
}
