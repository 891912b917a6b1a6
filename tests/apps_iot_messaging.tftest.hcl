# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_api_gateway_rest_api" {
    defaults = { id = "a1b2c3d4e5", root_resource_id = "r00t" }
  }
  mock_resource "aws_api_gateway_stage" {
    defaults = {
      arn        = "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5/stages/v1"
      invoke_url = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1"
    }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apigateway/test" }
  }
  mock_resource "aws_iot_certificate" {
    defaults = {
      arn             = "arn:aws:iot:eu-central-1:111122223333:cert/0123456789abcdef"
      certificate_pem = "-----BEGIN CERTIFICATE-----\nMIICERT\n-----END CERTIFICATE-----\n"
    }
  }
  mock_data "aws_iot_endpoint" {
    defaults = { endpoint_address = "abc-ats.iot.eu-central-1.amazonaws.com" }
  }
}

variables {
  things = {
    sensor-1 = {
      csrs       = { "2026" = "-----BEGIN CERTIFICATE REQUEST-----\nMII\n-----END CERTIFICATE REQUEST-----\n" }
      attributes = { room = "lab" }
    }
  }
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
    source = "./modules/apps/iot_messaging"
  }

  assert {
    condition = jsondecode(aws_iot_policy.device.policy).Statement == [
      {
        Sid      = "ConnectAsOwnThing"
        Effect   = "Allow"
        Action   = "iot:Connect"
        Resource = "arn:aws:iot:eu-central-1:111122223333:client/$${iot:Connection.Thing.ThingName}"
        Condition = {
          Bool                        = { "iot:Connection.Thing.IsAttached" = "true" }
          "ForAllValues:StringEquals" = { "iot:ConnectAttributes" = ["LastWill", "PersistentConnect"] }
        }
      },
      { Sid = "PublishOwnMessages", Effect = "Allow", Action = "iot:Publish", Resource = "arn:aws:iot:eu-central-1:111122223333:topic/test/$${iot:Connection.Thing.ThingName}/up/*" },
      { Sid = "RetainOwnStatus", Effect = "Allow", Action = "iot:RetainPublish", Resource = "arn:aws:iot:eu-central-1:111122223333:topic/test/$${iot:Connection.Thing.ThingName}/up/status" },
      { Sid = "SubscribeToOwnCommands", Effect = "Allow", Action = "iot:Subscribe", Resource = "arn:aws:iot:eu-central-1:111122223333:topicfilter/test/$${iot:Connection.Thing.ThingName}/down/command" },
      { Sid = "ReceiveOwnCommands", Effect = "Allow", Action = "iot:Receive", Resource = "arn:aws:iot:eu-central-1:111122223333:topic/test/$${iot:Connection.Thing.ThingName}/down/command" },
    ]
    error_message = "A device connects as itself, publishes below its own topic and receives its own commands."
  }
  assert {
    condition     = aws_iot_thing.this["sensor-1"].name == "test-sensor-1" && aws_iot_thing.this["sensor-1"].attributes == tomap({ room = "lab" }) && output.thing_names == { sensor-1 = "test-sensor-1" }
    error_message = "The thing has the prefix, and its name is the client ID."
  }
  assert {
    condition     = aws_iot_certificate.this["sensor-1/2026"].csr == var.things.sensor-1.csrs["2026"] && aws_iot_certificate.this["sensor-1/2026"].active
    error_message = "Certificates come from requests: no private key is made, so none is in the state."
  }
  assert {
    condition     = aws_iot_thing_principal_attachment.this["sensor-1/2026"].thing == "test-sensor-1" && aws_iot_thing_principal_attachment.this["sensor-1/2026"].principal == aws_iot_certificate.this["sensor-1/2026"].arn && aws_iot_policy_attachment.this["sensor-1/2026"].target == aws_iot_certificate.this["sensor-1/2026"].arn && aws_iot_policy_attachment.this["sensor-1/2026"].policy == "test-iot-messaging-device"
    error_message = "The policy's variable is filled in only if the certificate is attached to the thing, and the policy to the certificate."
  }
  assert {
    condition     = aws_iot_topic_rule.this.name == "test_iot_messaging" && aws_iot_topic_rule.this.enabled && aws_iot_topic_rule.this.sql_version == "2016-03-23" && aws_iot_topic_rule.this.sql == "SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS clientId, traceid() AS traceId, timestamp() AS receivedAt FROM 'test/+/up/#'"
    error_message = "The rule passes each payload on as it is, also one that is not JSON."
  }
  assert {
    condition     = one(aws_iot_topic_rule.this.lambda).function_arn == "arn:aws:lambda:eu-central-1:111122223333:function:test-iot-messaging-store" && one(one(aws_iot_topic_rule.this.error_action).sqs).use_base64 == false
    error_message = "The rule calls the function; what it cannot deliver goes to the queue of refused messages."
  }
  assert {
    condition     = module.functions.resources.permissions["store/rule"].principal == "iot.amazonaws.com" && module.functions.resources.permissions["store/rule"].source_arn == "arn:aws:iot:eu-central-1:111122223333:rule/test_iot_messaging" && module.functions.resources.permissions["store/rule"].source_account == "111122223333"
    error_message = "Without a permission for this rule the function never runs, and nothing reports it."
  }
  assert {
    condition = jsondecode(aws_iam_role.rule.assume_role_policy).Statement == [{
      Sid       = "AssumedByRule"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "iot.amazonaws.com" }
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:iot:eu-central-1:111122223333:rule/test_iot_messaging" }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
    }]
    error_message = "Only this rule assumes the error action's role."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.rule.policy).Statement == [
      { Sid = "KeepUndeliveredMessages", Effect = "Allow", Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-iot-messaging-refused" },
      {
        Sid       = "EncryptUndeliveredMessages"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = "sqs.eu-central-1.*" } }
      },
    ]
    error_message = "The error action may send to one queue, and use its key through SQS."
  }
  assert {
    condition     = aws_sqs_queue.refused.kms_master_key_id == var.context.kms_key_arn && aws_sqs_queue.refused.message_retention_seconds == 1209600 && jsondecode(aws_sqs_queue.refused.policy).Statement[0].Effect == "Deny"
    error_message = "Refused messages are encrypted, and kept for 14 days."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["store"].policy).Statement == [
      { Sid = "StoreMessages", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-iot-messaging"] },
      { Sid = "KeepRefusedMessages", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-iot-messaging-refused"] },
    ]
    error_message = "The function that stores messages reads none."
  }
  assert {
    condition = jsondecode(module.api_functions.resources.grants["send"].policy).Statement == [
      { Sid = "PublishCommands", Effect = "Allow", Action = ["iot:Publish"], Resource = ["arn:aws:iot:eu-central-1:111122223333:topic/test/*/down/command"] },
      { Sid = "FindThings", Effect = "Allow", Action = ["iot:DescribeThing"], Resource = ["arn:aws:iot:eu-central-1:111122223333:thing/test-*"] },
      { Sid = "RememberRequests", Effect = "Allow", Action = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-iot-messaging-request"] },
      { Sid = "RetainCommands", Effect = "Allow", Action = ["iot:RetainPublish"], Resource = ["arn:aws:iot:eu-central-1:111122223333:topic/test/*/down/command"] },
    ]
    error_message = "Commands go to the topics of commands only; the devices' policy variable would be empty here."
  }
  assert {
    condition = jsondecode(module.api_functions.resources.grants["history"].policy).Statement == [
      { Sid = "ReadMessages", Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-iot-messaging/index/by-time"] },
    ]
    error_message = "The function that returns messages may query one index."
  }
  assert {
    condition     = { for route, method in module.api.resources.methods : route => "${method.authorization} ${method.api_key_required}" } == { "DELETE /things/{thing}/commands" = "AWS_IAM false", "GET /things/{thing}/messages" = "AWS_IAM false", "POST /things/{thing}/commands" = "AWS_IAM false" }
    error_message = "Requests must be signed, and there is no webhook."
  }
  assert {
    condition     = length(aws_api_gateway_usage_plan.this) == 0 && !contains(keys(module.api_functions.resources.functions), "webhook")
    error_message = "API keys and webhooks are for those who ask for them."
  }
  assert {
    condition     = alltrue([for route, settings in module.api.resources.route_settings : settings.settings[0].throttling_rate_limit == 10 && settings.settings[0].throttling_burst_limit == 20]) && length(module.api.resources.route_settings) == 3
    error_message = "Each route has a limit."
  }
  assert {
    condition     = module.messages.resources.table.ttl[0].attribute_name == "expiresAt" && module.requests.resources.table.ttl[0].attribute_name == "expiresAt" && module.messages.resources.table.server_side_encryption[0].kms_key_arn == var.context.kms_key_arn && module.messages.resources.table.deletion_protection_enabled && module.requests.resources.table.deletion_protection_enabled
    error_message = "Messages and requests are encrypted, protected, and expire."
  }
  assert {
    condition     = one([for index in module.messages.resources.table.global_secondary_index : "${index.name} ${index.hash_key} ${index.range_key}"]) == "by-time thing receivedAt"
    error_message = "A thing's messages can be read by time."
  }
  assert {
    condition     = module.functions.resources.functions["store"].environment[0].variables.RETENTION_DAYS == "30" && module.functions.resources.functions["store"].environment[0].variables.MAXIMUM_BYTES == "8192" && module.api_functions.resources.functions["send"].environment[0].variables.MAXIMUM_BYTES == "1024" && module.api_functions.resources.functions["send"].environment[0].variables.EXPIRY_SECONDS == "86400" && module.api_functions.resources.functions["send"].environment[0].variables.THING_PREFIX == "test-"
    error_message = "Limits arrive."
  }
  assert {
    condition     = module.functions.resources.event_invoke_configs["store"].maximum_retry_attempts == 2 && alltrue([for suffix in ["store-errors", "store-throttles", "store-dlq-depth", "send-errors", "history-errors"] : contains(output.alarm_names, "test-iot-messaging-${suffix}")]) && contains(output.alarm_names, "test-iot-messaging-refused-depth") && contains(output.alarm_names, "test-iot-messaging-rule-throttled")
    error_message = "A call that fails is repeated and then kept; each way to lose a message raises an alarm."
  }
  assert {
    condition = jsondecode(output.device_settings.sensor-1) == {
      endpoint              = "abc-ats.iot.eu-central-1.amazonaws.com"
      port                  = 8883
      thing                 = "test-sensor-1"
      publish_root          = "test/test-sensor-1/up/"
      command_topic         = "test/test-sensor-1/down/command"
      maximum_bytes         = 8192
      command_maximum_bytes = 1024
      buffer_bytes          = 4396
      root_ca               = trimspace(file("./modules/apps/iot_messaging/device/AmazonRootCA1.pem"))
      certificate           = "-----BEGIN CERTIFICATE-----\nMIICERT\n-----END CERTIFICATE-----"
    }
    error_message = "A device gets all that it needs, and its buffer holds the largest command."
  }
  assert {
    condition = alltrue([for line in [
      "#define THING_NAME \"test-sensor-1\"",
      "#define AWS_IOT_ENDPOINT \"abc-ats.iot.eu-central-1.amazonaws.com\"",
      "#define TOPIC_TELEMETRY \"test/test-sensor-1/up/telemetry\"",
      "#define TOPIC_COMMAND \"test/test-sensor-1/down/command\"",
      "#define MQTT_BUFFER_BYTES 4396",
      "R\"PEM(-----BEGIN CERTIFICATE-----\nMIICERT\n-----END CERTIFICATE-----\n)PEM\";",
    ] : strcontains(output.device_headers.sensor-1, line)]) && !strcontains(output.device_headers.sensor-1, "PRIVATE")
    error_message = "The sketch's header has the same settings, and no secret."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/apps/iot_messaging"
  }

  variables {
    things = {
      sensor-1 = {
        csrs = {
          "2025" = "-----BEGIN CERTIFICATE REQUEST-----\nOLD\n-----END CERTIFICATE REQUEST-----\n"
          "2026" = "-----BEGIN NEW CERTIFICATE REQUEST-----\nNEW\n-----END NEW CERTIFICATE REQUEST-----\n"
        }
      }
      lost    = { csrs = { "2026" = "-----BEGIN CERTIFICATE REQUEST-----\nMII\n-----END CERTIFICATE REQUEST-----\n" }, active = false }
      planned = {}
    }
    retention_days = 7
    maximum_bytes  = 256
    commands       = { maximum_bytes = 512, expiry_seconds = 60 }
    api_key_ids    = ["a1b2c3d4e5", "f6g7h8i9j0"]
    webhook = {
      secret_arn            = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:webhook-a1b2c3"
      kms_key_arn           = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      signature_header      = "X-Signature"
      signature_prefix      = ""
      message               = "body.text"
      retain                = true
      previous_secret_hours = 1
    }
    throttle            = { rate_limit = 1, burst_limit = 2 }
    deletion_protection = false
  }

  assert {
    condition     = keys(aws_iot_certificate.this) == ["lost/2026", "sensor-1/2025", "sensor-1/2026"] && { for key, c in aws_iot_certificate.this : key => c.active } == { "lost/2026" = false, "sensor-1/2025" = true, "sensor-1/2026" = true }
    error_message = "A certificate is renewed with a second one in addition, and a lost device's is deactivated."
  }
  assert {
    condition     = keys(aws_iot_thing.this) == ["lost", "planned", "sensor-1"] && keys(output.device_settings) == ["lost", "sensor-1"] && keys(output.device_headers) == ["lost", "sensor-1"]
    error_message = "One map makes the fleet; a thing without a certificate has no settings yet."
  }
  assert {
    condition     = { for route, method in module.api.resources.methods : route => "${method.authorization} ${method.api_key_required}" } == { "DELETE /things/{thing}/commands" = "NONE true", "GET /things/{thing}/messages" = "NONE true", "POST /things/{thing}/commands" = "NONE true", "POST /things/{thing}/webhook" = "NONE false" }
    error_message = "Requests need an API key, and webhooks a signature, which the function checks."
  }
  assert {
    condition     = one([for stage in aws_api_gateway_usage_plan.this[0].api_stages : "${stage.api_id} ${stage.stage}"]) == "a1b2c3d4e5 v1" && join(" ", aws_api_gateway_usage_plan_key.this[*].key_id) == "a1b2c3d4e5 f6g7h8i9j0" && aws_api_gateway_usage_plan.this[0].throttle_settings[0].rate_limit == 1
    error_message = "The keys are of a usage plan for this API."
  }
  assert {
    condition     = aws_api_gateway_usage_plan.this[0].description == "Keys of the routes commands and messages"
    error_message = "The usage plan says what its keys are for."
  }
  assert {
    condition = { for name, value in module.api_functions.resources.functions["webhook"].environment[0].variables : name => value if !startswith(name, "POWERTOOLS") } == {
      TOPIC_ROOT            = "test"
      THING_PREFIX          = "test-"
      REQUEST_TABLE         = "test-iot-messaging-request"
      MAXIMUM_BYTES         = "512"
      EXPIRY_SECONDS        = "60"
      SECRET_ARN            = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:webhook-a1b2c3"
      SIGNATURE_HEADER      = "X-Signature"
      SIGNATURE_PREFIX      = ""
      MESSAGE               = "body.text"
      RETAIN                = "true"
      PREVIOUS_SECRET_HOURS = "1"
    }
    error_message = "The webhook's settings arrive."
  }
  assert {
    condition = slice(jsondecode(module.api_functions.resources.grants["webhook"].policy).Statement, 4, 6) == [
      { Sid = "ReadSecret", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:webhook-a1b2c3"] },
      {
        Sid       = "DecryptSecret"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = ["arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"]
        Condition = { StringLike = { "kms:ViaService" = ["secretsmanager.eu-central-1.*"] } }
      },
    ]
    error_message = "The webhook's function may read its one secret."
  }
  assert {
    condition     = [for sid in jsondecode(module.api_functions.resources.grants["webhook"].policy).Statement[*].Sid : sid if sid != "DecryptSecret"] == ["PublishCommands", "FindThings", "RememberRequests", "RetainCommands", "ReadSecret"]
    error_message = "It may otherwise do what the function of the API may."
  }
  assert {
    condition     = module.functions.resources.functions["store"].environment[0].variables.RETENTION_DAYS == "7" && module.functions.resources.functions["store"].environment[0].variables.MAXIMUM_BYTES == "256" && jsondecode(output.device_settings.sensor-1).buffer_bytes == 812
    error_message = "Limits arrive, also at the devices."
  }
  assert {
    condition     = !module.messages.resources.table.deletion_protection_enabled && !module.requests.resources.table.deletion_protection_enabled
    error_message = "The tables can be deleted on request."
  }
}

run "a_key_that_only_reads" {
  command = plan

  module {
    source = "./modules/apps/iot_messaging"
  }

  variables {
    things         = { sensor-1 = {} }
    api_key_ids    = ["a1b2c3d4e5"]
    api_key_routes = ["messages"]
  }

  assert {
    condition     = { for route, method in module.api.resources.methods : route => "${method.authorization} ${method.api_key_required}" } == { "DELETE /things/{thing}/commands" = "AWS_IAM false", "GET /things/{thing}/messages" = "NONE true", "POST /things/{thing}/commands" = "AWS_IAM false" }
    error_message = "Commands must be signed, also with a key."
  }
}
