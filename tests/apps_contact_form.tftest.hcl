# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_api_gateway_stage" {
    defaults = {
      arn        = "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5/stages/v1"
      invoke_url = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1"
    }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apigateway/test" }
  }
  mock_resource "aws_dynamodb_table" {
    defaults = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-contact-form/stream/2026" }
  }
}

variables {
  alert = { from_address = "contact@example.com", to_addresses = ["support@example.com"] }
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
    source = "./modules/apps/contact_form"
  }

  assert {
    condition     = module.workflow.resources.state_machine.type == "EXPRESS" && module.workflow.resources.log_group.name == "/aws/vendedlogs/states/test-contact-form"
    error_message = "Callers can wait for the workflow, and its log group needs no room in the account's log resource policy."
  }
  assert {
    condition     = module.workflow.resources.state_machine.logging_configuration[0].level == "ALL" && !module.workflow.resources.state_machine.logging_configuration[0].include_execution_data && module.workflow.resources.state_machine.encryption_configuration[0].kms_key_id == var.context.kms_key_arn
    error_message = "The workflow is encrypted, and its log has each step without what visitors wrote."
  }
  assert {
    condition = jsondecode(module.workflow.resources.grants.policy).Statement == [
      { Sid = "AnalyseText", Effect = "Allow", Action = ["comprehend:DetectDominantLanguage", "comprehend:DetectSentiment"], Resource = ["*"] },
      { Sid = "StoreTicket", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:test-contact-form-ticket"] },
    ]
    error_message = "The workflow may analyse texts and call one function."
  }
  assert {
    condition     = jsondecode(module.workflow.resources.state_machine.definition).TimeoutSeconds < 29
    error_message = "The workflow ends before API Gateway stops waiting for it."
  }
  assert {
    condition     = alltrue([for name in ["DetectLanguage", "DetectSentiment"] : jsondecode(module.workflow.resources.state_machine.definition).States[name].Catch[0].Next == "StoreTicket"])
    error_message = "A message is stored also if Comprehend fails."
  }
  assert {
    condition = jsondecode(module.api_functions.resources.grants["submit"].policy).Statement == [
      { Sid = "RunWorkflow", Effect = "Allow", Action = ["states:StartSyncExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:test-contact-form"] },
    ]
    error_message = "The function behind the API may run this one workflow and wait for it; StartExecution does not cover that."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["ticket"].policy).Statement == [
      { Sid = "StoreTickets", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-contact-form", "arn:aws:dynamodb:eu-central-1:111122223333:table/test-contact-form-request"] },
    ]
    error_message = "The function that stores tickets reads none."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["alert"].policy).Statement == [
      { Sid = "ReadAndMarkTickets", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-contact-form"] },
      {
        Sid    = "SendMail"
        Effect = "Allow"
        Action = ["ses:SendEmail"]
        Resource = [
          "arn:aws:ses:eu-central-1:111122223333:identity/contact@example.com",
          "arn:aws:ses:eu-central-1:111122223333:identity/example.com",
          "arn:aws:ses:eu-central-1:111122223333:configuration-set/*",
        ]
        Condition = { StringEquals = { "ses:FromAddress" = ["contact@example.com"] } }
      },
      { Sid = "ReadStream", Effect = "Allow", Action = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-contact-form/stream/*"] },
      { Sid = "ListStreams", Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] },
      { Sid = "KeepFailures", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-contact-form-failed"] },
    ]
    error_message = "The function that sends mails may do so from one address, and read and mark tickets."
  }
  assert {
    condition     = !contains(keys(module.api_functions.resources.grants), "page")
    error_message = "The function that serves the page has no permissions of its own."
  }
  assert {
    condition     = module.tickets.resources.table.ttl[0].attribute_name == "expiresAt" && module.tickets.resources.table.server_side_encryption[0].kms_key_arn == var.context.kms_key_arn && module.tickets.resources.table.deletion_protection_enabled && module.requests.resources.table.ttl[0].attribute_name == "expiresAt" && module.requests.resources.table.server_side_encryption[0].kms_key_arn == var.context.kms_key_arn
    error_message = "Messages and requests are encrypted and expire."
  }
  assert {
    condition     = [for pattern in aws_lambda_event_source_mapping.tickets.filter_criteria[0].filter[*].pattern : jsondecode(pattern)] == [{ eventName = ["INSERT"], dynamodb = { NewImage = { alert = { BOOL = [true] } } } }]
    error_message = "New tickets that administrators want to know of are reported, not every change of a ticket."
  }
  assert {
    condition     = contains(aws_lambda_event_source_mapping.tickets.function_response_types, "ReportBatchItemFailures") && aws_lambda_event_source_mapping.tickets.destination_config[0].on_failure[0].destination_arn == output.failed_queue_arn && aws_sqs_queue.failed.kms_master_key_id == var.context.kms_key_arn
    error_message = "A mail that fails is tried again alone, and at last kept."
  }
  assert {
    condition     = toset(keys(module.api.resources.methods)) == toset(["GET /", "GET /app.css", "GET /app.js", "POST /tickets"]) && module.api.resources.methods["POST /tickets"].authorization == "NONE"
    error_message = "The form is public by default, and served with its page."
  }
  assert {
    condition     = jsondecode(module.api.resources.models["POST /tickets"].schema).properties.message.maxLength == 5000 && !jsondecode(module.api.resources.models["POST /tickets"].schema).additionalProperties
    error_message = "API Gateway refuses unknown fields and long messages before a function runs."
  }
  assert {
    condition     = module.api.resources.route_settings["POST /tickets"].settings[0].throttling_rate_limit == 5
    error_message = "Messages have a limit of their own."
  }
  assert {
    condition     = length(aws_wafv2_web_acl_association.api) == 0 && jsondecode(module.functions.resources.functions["ticket"].environment[0].variables.ALERT_SENTIMENTS) == ["NEGATIVE"]
    error_message = "Only complaints are reported, and no web ACL is needed."
  }
  assert {
    condition     = alltrue([for suffix in ["sentiment-unavailable", "alerts-refused", "failed-depth", "iterator-age", "throttled", "timed-out", "server-errors"] : contains(output.alarm_names, "test-contact-form-${suffix}")])
    error_message = "Each way to lose a message, a sentiment or a mail raises an alarm."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/apps/contact_form"
  }

  variables {
    alert = {
      from_address      = "contact@example.com"
      to_addresses      = ["b@example.com", "a@example.com"]
      sentiments        = ["UNKNOWN", "MIXED"]
      include_message   = false
      configuration_set = "mails"
    }
    retention_days     = 30
    maximum_characters = 100
    page               = false
    web_acl_arn        = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/forms/1"
    user_pool = {
      arn        = "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_pool"
      client_ids = ["client-1"]
      scopes     = ["contact/send"]
    }
    deletion_protection = false
  }

  assert {
    condition = module.functions.resources.functions["alert"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "contact-form-alert"
      TABLE                        = "test-contact-form"
      FROM_ADDRESS                 = "contact@example.com"
      TO_ADDRESSES                 = "[\"a@example.com\",\"b@example.com\"]"
      INCLUDE_MESSAGE              = "false"
      CONFIGURATION_SET            = "mails"
    })
    error_message = "The mail's settings arrive."
  }
  assert {
    condition     = module.functions.resources.functions["ticket"].environment[0].variables.ALERT_SENTIMENTS == "[\"MIXED\",\"UNKNOWN\"]" && module.functions.resources.functions["ticket"].environment[0].variables.RETENTION_DAYS == "30"
    error_message = "The settings of tickets arrive."
  }
  assert {
    condition     = contains(jsondecode(module.functions.resources.grants["alert"].policy).Statement[1].Resource, "arn:aws:ses:eu-central-1:111122223333:configuration-set/mails")
    error_message = "The named configuration set is the only one."
  }
  assert {
    condition     = keys(module.api.resources.methods) == ["POST /tickets"] && module.api.resources.methods["POST /tickets"].authorization == "COGNITO_USER_POOLS" && module.api.resources.methods["POST /tickets"].authorization_scopes == toset(["contact/send"])
    error_message = "Only access tokens with the scope are accepted, and there is no page."
  }
  assert {
    condition     = module.api_functions.resources.functions["submit"].environment[0].variables.CLIENT_IDS == "[\"client-1\"]" && module.api_functions.resources.functions["submit"].environment[0].variables.MAXIMUM_CHARACTERS == "100"
    error_message = "The function checks the app client, and the length again."
  }
  assert {
    condition     = aws_wafv2_web_acl_association.api[0].web_acl_arn == var.web_acl_arn && aws_wafv2_web_acl_association.api[0].resource_arn == output.stage_arn
    error_message = "The web ACL protects the stage."
  }
  assert {
    condition     = !module.tickets.resources.table.deletion_protection_enabled && !module.requests.resources.table.deletion_protection_enabled
    error_message = "The tables can be deleted on request."
  }
}

run "signed_requests" {
  command = plan

  module {
    source = "./modules/apps/contact_form"
  }

  variables {
    page              = false
    iam_authorization = true
  }

  assert {
    condition     = module.api.resources.methods["POST /tickets"].authorization == "AWS_IAM" && module.api.resources.methods["POST /tickets"].authorizer_id == null
    error_message = "Requests must be signed."
  }
}
