# REST -> topic, and table -> REST.

locals {
  # API Gateway refuses other bodies before the function runs, of what it takes for JSON. The function checks all.
  command_body = jsonencode({ type = "object", minProperties = 1 })

  keys = length(var.api_key_ids) > 0
  # Who may call a route: signed requests of AWS principals, or holders of one of the API keys.
  callers = {
    for route in ["commands", "messages"] : route => {
      authorize = !(local.keys && contains(var.api_key_routes, route))
      iam       = !(local.keys && contains(var.api_key_routes, route))
      api_key   = local.keys && contains(var.api_key_routes, route)
      throttle  = var.throttle
    }
  }

  routes = merge(
    {
      "POST /things/{thing}/commands"   = merge(local.callers.commands, { function = "send", body = local.command_body })
      "DELETE /things/{thing}/commands" = merge(local.callers.commands, { function = "send", body = null })
      "GET /things/{thing}/messages"    = merge(local.callers.messages, { function = "history", body = null })
    },
    # The function checks the signature, which covers the body: a Lambda authorizer does not get the body.
    var.webhook == null ? {} : {
      "POST /things/{thing}/webhook" = { function = "webhook", authorize = false, iam = false, api_key = false, throttle = var.throttle, body = null }
    },
  )

  command_settings = {
    TOPIC_ROOT     = local.root
    THING_PREFIX   = "${var.context.name_prefix}-"
    REQUEST_TABLE  = module.requests.name
    MAXIMUM_BYTES  = tostring(var.commands.maximum_bytes)
    EXPIRY_SECONDS = tostring(var.commands.expiry_seconds)
  }
  # The variable of the devices' policy is empty here: it is filled in for MQTT connections only.
  publish_commands = {
    sid       = "PublishCommands"
    actions   = ["iot:Publish"]
    resources = ["${local.iot_arn_root}:topic/${local.root}/*/down/command"]
  }
  retain_commands = merge(local.publish_commands, { sid = "RetainCommands", actions = ["iot:RetainPublish"] })
  command_statements = [
    local.publish_commands,
    {
      sid       = "FindThings"
      actions   = ["iot:DescribeThing"]
      resources = ["${local.iot_arn_root}:thing/${var.context.name_prefix}-*"]
    },
    {
      sid       = "RememberRequests"
      actions   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [module.requests.arn]
    },
  ]
}

# Which request published which command: a request that is sent again publishes nothing new.
module "requests" {
  source = "../../blocks/table"

  context             = var.context
  name                = "${local.name}-request"
  hash_key            = "requestId"
  ttl_attribute       = "expiresAt"
  deletion_protection = var.deletion_protection
}

module "api_functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/iot_messaging"

  functions = merge(
    {
      send = {
        name              = "${local.name}-send"
        description       = "Publishes commands to devices"
        handler           = "apps.iot_messaging.send.handler"
        timeout           = 29  # API Gateway's limit
        memory_size       = 512 # more memory means more CPU, and callers wait for the start
        dead_letter_queue = false
        key_services      = ["dynamodb"]
        environment       = local.command_settings
        policy_statements = concat(local.command_statements, [local.retain_commands])
      }
      history = {
        name              = "${local.name}-history"
        description       = "Returns what devices published"
        handler           = "apps.iot_messaging.history.handler"
        timeout           = 29
        memory_size       = 512
        dead_letter_queue = false
        key_services      = ["dynamodb"]
        environment       = { TABLE = module.messages.name }
        policy_statements = [{
          sid       = "ReadMessages"
          actions   = ["dynamodb:Query"]
          resources = ["${module.messages.arn}/index/by-time"]
        }]
      }
    },
    var.webhook == null ? {} : {
      webhook = {
        name              = "${local.name}-webhook"
        description       = "Turns signed requests of other services into commands"
        handler           = "apps.iot_messaging.webhook.handler"
        timeout           = 29
        memory_size       = 512
        dead_letter_queue = false
        key_services      = ["dynamodb", "secretsmanager"]
        environment = merge(local.command_settings, {
          SECRET_ARN            = var.webhook.secret_arn
          SIGNATURE_HEADER      = var.webhook.signature_header
          SIGNATURE_PREFIX      = var.webhook.signature_prefix
          MESSAGE               = var.webhook.message
          RETAIN                = tostring(var.webhook.retain)
          PREVIOUS_SECRET_HOURS = tostring(var.webhook.previous_secret_hours)
        })
        policy_statements = concat(
          local.command_statements,
          var.webhook.retain ? [local.retain_commands] : [],
          [{
            sid       = "ReadSecret"
            actions   = ["secretsmanager:GetSecretValue"]
            resources = [var.webhook.secret_arn]
          }],
          [for arn in var.webhook.kms_key_arn[*] : {
            sid        = "DecryptSecret"
            actions    = ["kms:Decrypt"]
            resources  = [arn]
            conditions = { StringLike = { "kms:ViaService" = ["secretsmanager.${var.context.region}.*"] } }
          }],
        )
      }
    },
  )
}

module "api" {
  source = "../../blocks/rest_api"

  context     = var.context
  name        = local.name
  description = "Commands to devices, and their messages"
  functions   = { for key, function in module.api_functions.functions : key => { name = function.name, invoke_arn = function.invoke_arn } }
  routes      = local.routes
}

# The keys themselves are made elsewhere: here, their values would be in Terraform's state.
resource "aws_api_gateway_usage_plan" "this" {
  count = local.keys ? 1 : 0

  name        = "${var.context.name_prefix}-${local.name}"
  description = "Keys of the routes ${join(" and ", sort(var.api_key_routes))}"
  tags        = var.context.tags

  api_stages {
    api_id = module.api.id
    stage  = module.api.stage_name
  }

  throttle_settings {
    rate_limit  = var.throttle.rate_limit
    burst_limit = var.throttle.burst_limit
  }
}

resource "aws_api_gateway_usage_plan_key" "this" {
  count = length(var.api_key_ids)

  usage_plan_id = aws_api_gateway_usage_plan.this[0].id
  key_id        = var.api_key_ids[count.index]
  key_type      = "API_KEY"
}
