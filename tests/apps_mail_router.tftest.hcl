# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  recipients        = ["info@example.com"]
  from_address      = "router@example.com"
  catch_all_address = "team@example.com"
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/apps/mail_router"
  }

  assert {
    condition     = aws_ses_receipt_rule.inbox.recipients == toset(["info@example.com"]) && aws_ses_receipt_rule.inbox.scan_enabled && aws_ses_receipt_rule.inbox.enabled && aws_ses_receipt_rule.inbox.tls_policy == "Optional" && aws_ses_receipt_rule.inbox.rule_set_name == "test-mail-router" && one(aws_ses_receipt_rule.inbox.s3_action).bucket_name == "test-mail-router-111122223333-eu-central-1" && one(aws_ses_receipt_rule.inbox.s3_action).object_key_prefix == "inbox/" && one(aws_ses_receipt_rule.inbox.s3_action).kms_key_arn == null
    error_message = "SES scans the mails and stores them under inbox/; the bucket encrypts them, not SES with a key that the function would need a client library for."
  }
  assert {
    condition = [for s in jsondecode(module.archive.resources.policy.policy).Statement : s if s.Effect == "Allow"] == [{
      Sid       = "RoutedMails"
      Effect    = "Allow"
      Principal = { Service = ["ses.amazonaws.com"] }
      Action    = ["s3:PutObject"]
      Resource  = ["arn:aws:s3:::test-mail-router-111122223333-eu-central-1/inbox/*"]
      Condition = {
        ArnEquals    = { "aws:SourceArn" = ["arn:aws:ses:eu-central-1:111122223333:receipt-rule-set/test-mail-router:receipt-rule/test-mail-router"] }
        StringEquals = { "aws:SourceAccount" = ["111122223333"] }
      }
    }]
    error_message = "SES may write to one folder, for this account's one rule."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.activate.input) == { rule_set = "test-mail-router", activate = true, replace_active = false } && aws_lambda_invocation.activate.lifecycle_scope == "CRUD"
    error_message = "The rule set is activated, deactivated before it is deleted, and takes no other one's place."
  }
  assert {
    condition     = jsondecode(module.rules["arrival"].resources.rule.event_pattern) == { source = ["aws.s3"], "detail-type" = ["Object Created"], detail = { bucket = { name = ["test-mail-router-111122223333-eu-central-1"] }, object = { key = [{ prefix = "inbox/" }] } } }
    error_message = "Only mails under inbox/ are routed: what comes back to a mailbox is not."
  }
  assert {
    condition     = jsondecode(module.rules["report"].resources.rule.event_pattern).detail.mail.tags == { "ses:configuration-set" = [output.configuration_set_name] } && toset(aws_sesv2_configuration_set_event_destination.this.event_destination[0].matching_event_types) == toset(["BOUNCE", "REJECT", "SEND"]) && aws_sesv2_configuration_set.this.delivery_options[0].tls_policy == "REQUIRE"
    error_message = "SES reports which forwards it accepted and which bounced, and sends them over TLS only."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["route"].policy).Statement == [
      { Sid = "ReadMails", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-mail-router-111122223333-eu-central-1/inbox/*"] },
      { Sid = "TellMissingFromDenied", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-mail-router-111122223333-eu-central-1"] },
      { Sid = "FindLanguages", Effect = "Allow", Action = ["comprehend:DetectDominantLanguage"], Resource = ["*"] },
      { Sid = "ReadDestinations", Effect = "Allow", Action = ["dynamodb:BatchGetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-mail-router-destination"] },
      { Sid = "RecordMails", Effect = "Allow", Action = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-mail-router"] },
      {
        Sid    = "SendMails"
        Effect = "Allow"
        Action = ["ses:SendRawEmail"]
        Resource = [
          "arn:aws:ses:eu-central-1:111122223333:identity/router@example.com",
          "arn:aws:ses:eu-central-1:111122223333:identity/example.com",
          "arn:aws:ses:eu-central-1:111122223333:configuration-set/test-mail-router",
        ]
        Condition = { StringEquals = { "ses:FromAddress" = ["router@example.com"] } }
      },
      { Sid = "ReadQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-mail-router"] },
    ]
    error_message = "The router reads mails and destinations, keeps records, and sends from one address."
  }
  assert {
    condition     = jsondecode(module.functions.resources.grants["activate"].policy).Statement == [{ Sid = "ActivateRuleSet", Effect = "Allow", Action = ["ses:DescribeActiveReceiptRuleSet", "ses:SetActiveReceiptRuleSet"], Resource = ["*"] }]
    error_message = "The other function sees and sets the active rule set, and nothing else."
  }
  assert {
    condition = module.functions.resources.functions["route"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "mail-router"
      BUCKET                       = "test-mail-router-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      PREFIX                       = "inbox/"
      REGION                       = "eu-central-1"
      DESTINATION_TABLE            = "test-mail-router-destination"
      MAIL_TABLE                   = "test-mail-router"
      FROM_ADDRESS                 = "router@example.com"
      CATCH_ALL_ADDRESS            = "team@example.com"
      RECIPIENTS                   = "[\"info@example.com\"]"
      MARKER                       = "test-mail-router.111122223333.eu-central-1"
      CONFIGURATION_SET            = "test-mail-router"
      MINIMUM_SCORE                = "0.6"
      MAXIMUM_BYTES                = "26214400"
      CONFIRMATION_SECONDS         = "300"
      RETENTION_DAYS               = "90"
      ENTITY_ENDPOINT_ARN          = ""
      REDACTION                    = ""
    })
    error_message = "The router's settings arrive."
  }
  assert {
    condition     = module.functions.resources.functions["route"].memory_size >= 1024 && module.queue.resources.queue.visibility_timeout_seconds == 720 && contains(aws_lambda_event_source_mapping.queue.function_response_types, "ReportBatchItemFailures") && aws_lambda_event_source_mapping.queue.scaling_config[0].maximum_concurrency == 5
    error_message = "The function has room for the largest mail, and a mail that fails is tried again alone, after the function's timeout."
  }
  assert {
    condition     = module.archive.resources.encryption.rule != null && module.archive.kms_key_arn == var.context.kms_key_arn && one([for r in module.archive.resources.lifecycle.rule : r.expiration[0].days if r.id == "objects"]) == 90 && module.mails.resources.table.ttl[0].attribute_name == "expiresAt"
    error_message = "Mails are encrypted with the stack's key, and expire."
  }
  assert {
    condition     = length(aws_dynamodb_table_item.destination) == 0 && length(aws_ses_receipt_rule.mailbox) == 0 && module.destinations.resources.table.deletion_protection_enabled
    error_message = "Without destinations, the table is its owner's."
  }
  assert {
    condition     = alltrue([for suffix in ["noticed", "bounced", "language-unavailable", "destination-refused", "rule-set-inactive", "dlq-depth", "age", "arrival-rule-dlq-depth", "report-rule-dlq-depth"] : contains(output.alarm_names, "test-mail-router-${suffix}")]) && output.mx_record == "10 inbound-smtp.eu-central-1.amazonaws.com"
    error_message = "Each way to lose a mail raises an alarm."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/apps/mail_router"
  }

  variables {
    recipients           = ["info@example.com", ".help.example.com"]
    destinations         = { en = "english@example.com", "entity:PRODUCT:AB-1" = "ab@example.org" }
    mailboxes            = { english = "english@example.com", catch-all = "team@example.com" }
    rule_set             = { name = "shared", after = "first" }
    require_tls          = true
    minimum_score        = 0.9
    maximum_megabytes    = 1.5
    entity_endpoint_arn  = "arn:aws:comprehend:eu-central-1:111122223333:entity-recognizer-endpoint/products"
    redaction            = { types = ["EMAIL", "PHONE"], exempt_destinations = ["team@example.com"] }
    maximum_concurrency  = 2
    confirmation_seconds = 60
    retention_days       = 30
    deletion_protection  = false
  }

  assert {
    condition     = length(aws_ses_receipt_rule_set.this) == 0 && aws_ses_receipt_rule.inbox.rule_set_name == "shared" && aws_ses_receipt_rule.inbox.after == "first" && aws_ses_receipt_rule.inbox.tls_policy == "Require" && jsondecode(aws_lambda_invocation.activate.input) == { rule_set = "shared", activate = false, replace_active = false }
    error_message = "The rules are added to a set that exists, and which is not activated or deactivated."
  }
  assert {
    condition     = jsondecode(module.functions.resources.grants["activate"].policy).Statement[0].Action == ["ses:DescribeActiveReceiptRuleSet"]
    error_message = "A set of others is only watched."
  }
  assert {
    condition     = aws_ses_receipt_rule.mailbox["english"].recipients == toset(["english@example.com"]) && one(aws_ses_receipt_rule.mailbox["catch-all"].s3_action).object_key_prefix == "catch-all/"
    error_message = "Each mailbox is a folder of the archive."
  }
  assert {
    condition     = { for s in jsondecode(module.archive.resources.policy.policy).Statement : s.Sid => one(s.Condition.ArnEquals["aws:SourceArn"]) if s.Effect == "Allow" } == { RoutedMails = "arn:aws:ses:eu-central-1:111122223333:receipt-rule-set/shared:receipt-rule/test-mail-router", MailboxEnglish = "arn:aws:ses:eu-central-1:111122223333:receipt-rule-set/shared:receipt-rule/test-mail-router-english", MailboxCatchAll = "arn:aws:ses:eu-central-1:111122223333:receipt-rule-set/shared:receipt-rule/test-mail-router-catch-all" }
    error_message = "Each rule may write to its folder."
  }
  assert {
    condition     = { for key, item in aws_dynamodb_table_item.destination : key => jsondecode(item.item) } == { en = { language = { S = "en" }, destination = { S = "english@example.com" } }, "entity:PRODUCT:AB-1" = { language = { S = "entity:PRODUCT:AB-1" }, destination = { S = "ab@example.org" } } }
    error_message = "The destinations are in the table."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["route"].policy).Statement : s if startswith(s.Sid, "Find")] == [{ Sid = "FindLanguages", Effect = "Allow", Action = ["comprehend:DetectDominantLanguage"], Resource = ["*"] }, { Sid = "FindEntities", Effect = "Allow", Action = ["comprehend:DetectEntities"], Resource = ["arn:aws:comprehend:eu-central-1:111122223333:entity-recognizer-endpoint/products"] }, { Sid = "FindPersonalData", Effect = "Allow", Action = ["comprehend:DetectPiiEntities"], Resource = ["*"] }]
    error_message = "Entities and personal data are found with permissions of their own."
  }
  assert {
    condition     = { for name in ["RECIPIENTS", "MAXIMUM_BYTES", "REDACTION", "CONFIRMATION_SECONDS", "RETENTION_DAYS"] : name => module.functions.resources.functions["route"].environment[0].variables[name] } == { RECIPIENTS = "[\".help.example.com\",\"info@example.com\"]", MAXIMUM_BYTES = "1572864", REDACTION = "{\"exempt_destinations\":[\"team@example.com\"],\"minimum_score\":0.5,\"types\":[\"EMAIL\",\"PHONE\"]}", CONFIRMATION_SECONDS = "60", RETENTION_DAYS = "30" }
    error_message = "The settings arrive."
  }
}

run "replacing" {
  command = plan

  module {
    source = "./modules/apps/mail_router"
  }

  variables {
    rule_set = { replace_active = true }
  }

  assert {
    condition     = jsondecode(aws_lambda_invocation.activate.input) == { rule_set = "test-mail-router", activate = true, replace_active = true }
    error_message = "Another rule set is replaced only on request."
  }
}
