# Devices (things.tf) -> rule -> store -> table (this file); REST API -> topic (api.tf).
locals {
  name      = "iot-messaging"
  root      = var.context.name_prefix # first level of all topics: stacks in one account do not share topics
  rule_name = "${replace(var.context.name_prefix, "-", "_")}_iot_messaging"

  iot_arn_root = "arn:${var.context.partition}:iot:${var.context.region}:${var.context.account_id}"
  rule_arn     = "${local.iot_arn_root}:rule/${local.rule_name}"

  refused_name = "${var.context.name_prefix}-${local.name}-refused"
  # Composed from names, so that policies that contain it are known at plan time.
  refused_arn = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${local.refused_name}"
}

module "messages" {
  source = "../../blocks/table"

  context             = var.context
  name                = local.name
  hash_key            = "thing"
  range_key           = "messageId"
  ttl_attribute       = "expiresAt"
  deletion_protection = var.deletion_protection

  global_secondary_indexes = {
    by-time = { hash_key = "thing", range_key = "receivedAt" }
  }
}

# Messages that are not stored: refused by the function, or not delivered to it by the rule.
resource "aws_sqs_queue" "refused" {
  name                      = local.refused_name
  message_retention_seconds = 1209600
  kms_master_key_id         = var.context.kms_key_arn
  tags                      = var.context.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.refused_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/iot_messaging"

  functions = {
    store = {
      name         = "${local.name}-store"
      description  = "Stores what devices publish"
      handler      = "apps.iot_messaging.store.handler"
      key_services = ["dynamodb", "sqs"]
      environment = {
        TABLE             = module.messages.name
        REFUSED_QUEUE_URL = aws_sqs_queue.refused.url
        TOPIC_ROOT        = local.root
        RULE              = local.rule_name
        RETENTION_DAYS    = tostring(var.retention_days)
        MAXIMUM_BYTES     = tostring(var.maximum_bytes)
      }
      policy_statements = [
        {
          sid       = "StoreMessages"
          actions   = ["dynamodb:PutItem"]
          resources = [module.messages.arn]
        },
        {
          sid       = "KeepRefusedMessages"
          actions   = ["sqs:SendMessage"]
          resources = [local.refused_arn]
        },
      ]
      # Without this permission AWS accepts the rule, and no message arrives.
      invokers = { rule = { principal = "iot.amazonaws.com", source_arn = local.rule_arn } }
    }
  }

  metric_alarms = {
    "${local.name}-refused-depth" = {
      description = "1 or more messages are waiting in ${local.refused_name}: devices published what is not stored. errorMessage in each says why."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = local.refused_name }
      statistic   = "Maximum"
    }
    "${local.name}-rule-throttled" = {
      description = "The rules engine throttled 1 or more messages, which are lost: request a higher quota for rule evaluations, or have devices publish less often."
      namespace   = "AWS/IoT"
      metric      = "RuleMessageThrottled"
      dimensions  = { RuleName = local.rule_name }
    }
  }
}

# The payload is passed on as it is, in base64: the rules engine reports neither malformed JSON nor text that is not
# UTF-8 to an error action, and a function cannot be invoked with either. traceid() is the same in all attempts.
resource "aws_iot_topic_rule" "this" {
  name        = local.rule_name
  description = "Messages of devices to ${local.name}-store"
  enabled     = true
  sql         = "SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS clientId, traceid() AS traceId, timestamp() AS receivedAt FROM '${local.root}/+/up/#'"
  sql_version = "2016-03-23"
  tags        = var.context.tags

  lambda {
    function_arn = module.functions.functions.store.arn
  }

  error_action {
    sqs {
      queue_url  = aws_sqs_queue.refused.url
      role_arn   = aws_iam_role.rule.arn
      use_base64 = false
    }
  }

  # The permissions come first, so that the first message is delivered.
  depends_on = [aws_iam_role_policy.rule, module.functions]
}

# IAM is global: the Region separates the roles of two Regions.
resource "aws_iam_role" "rule" {
  name                 = "${var.context.name_prefix}-${local.name}-rule-${var.context.region}"
  description          = "Error action of the rule ${local.rule_name}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByRule"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "iot.amazonaws.com" }
      Condition = {
        ArnEquals    = { "aws:SourceArn" = local.rule_arn }
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
      }
    }]
  })
}

resource "aws_iam_role_policy" "rule" {
  name = "grants"
  role = aws_iam_role.rule.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "KeepUndeliveredMessages"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = local.refused_arn
      },
      {
        Sid       = "EncryptUndeliveredMessages"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = "sqs.${var.context.region}.*" } }
      },
    ]
  })
}
