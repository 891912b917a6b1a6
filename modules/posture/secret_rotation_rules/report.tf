locals {
  prefix = "reports/"
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = local.name
  expiration_days = var.expiration_days
  force_destroy   = var.force_destroy
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/secret_rotation_rules"

  functions = {
    report = {
      name         = "${local.name}-report"
      description  = "Writes a report to S3 of the secrets that break a rule, by account, Region and rule"
      handler      = "posture.secret_rotation_rules.report.handler"
      timeout      = 900
      key_services = ["sns"]
      environment = {
        AGGREGATOR   = var.aggregator == null ? "" : local.aggregator_name
        BUCKET       = module.bucket.id
        BUCKET_OWNER = var.context.account_id
        KMS_KEY_ARN  = module.bucket.kms_key_arn
        PREFIX       = local.prefix
        RULES        = jsonencode(sort(local.rule_names))
        TOPIC_ARN    = module.topic.arn
      }
      policy_statements = [
        var.aggregator == null ? {
          sid       = "ReadRules"
          actions   = ["config:GetComplianceDetailsByConfigRule"]
          resources = [for rule in aws_config_config_rule.this : rule.arn]
          } : {
          sid = "ReadAggregator"
          actions = [
            "config:DescribeAggregateComplianceByConfigRules",
            "config:DescribeConfigurationAggregatorSourcesStatus",
            "config:GetAggregateComplianceDetailsByConfigRule",
          ]
          resources = aws_config_configuration_aggregator.this[*].arn
        },
        {
          sid       = "WriteReports"
          actions   = ["s3:PutObject"]
          resources = ["${module.bucket.arn}/${local.prefix}dt=*"]
        },
        {
          sid        = "EncryptReports"
          actions    = ["kms:GenerateDataKey"]
          resources  = [module.bucket.kms_key_arn]
          conditions = { StringEquals = { "kms:ViaService" = ["s3.${var.context.region}.amazonaws.com"] } }
        },
        {
          sid       = "TellTopic"
          actions   = ["sns:Publish"]
          resources = [module.topic.arn]
        },
      ]
    }
  }
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-report"
  description         = "Starts the report on secrets that break a rule"
  schedule_expression = var.schedule_expression
  target_arn          = module.functions.functions.report.arn
  action              = "lambda:InvokeFunction"
  # Do not use jsonencode: it escapes < and >, and Scheduler would not recognize its placeholder.
  input = "{\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}"
}
