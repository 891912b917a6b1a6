locals {
  prefix = "reports/"
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "secret-report" # With the longest prefix and Region, it has 62 of 63 characters.
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
      policy_statements = concat(
        var.aggregator == null ? [
          {
            sid        = "ReadRules"
            actions    = ["config:GetComplianceDetailsByConfigRule"]
            resources  = [for rule in aws_config_config_rule.this : rule.arn]
            effect     = "Allow"
            conditions = {}
          },
          {
            # ListDiscoveredResources supports no resources, and the recorder is not always this stack's.
            sid        = "ReadRecorder"
            actions    = ["config:DescribeConfigurationRecorderStatus", "config:ListDiscoveredResources"]
            resources  = ["*"]
            effect     = "Allow"
            conditions = {}
          },
        ] : [],
        var.aggregator != null ? [{
          sid = "ReadAggregator"
          actions = [
            "config:DescribeAggregateComplianceByConfigRules",
            "config:DescribeConfigurationAggregatorSourcesStatus",
            "config:GetAggregateComplianceDetailsByConfigRule",
            "config:ListAggregateDiscoveredResources",
          ]
          resources  = aws_config_configuration_aggregator.this[*].arn
          effect     = "Allow"
          conditions = {}
        }] : [],
        [
          {
            sid        = "WriteReports"
            actions    = ["s3:PutObject"]
            resources  = ["${module.bucket.arn}/${local.prefix}dt=*"]
            effect     = "Allow"
            conditions = {}
          },
          {
            sid        = "EncryptReports"
            actions    = ["kms:GenerateDataKey"]
            resources  = [module.bucket.kms_key_arn]
            effect     = "Allow"
            conditions = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
          },
          {
            sid        = "TellTopic"
            actions    = ["sns:Publish"]
            resources  = [module.topic.arn]
            effect     = "Allow"
            conditions = {}
          },
        ],
      )
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
