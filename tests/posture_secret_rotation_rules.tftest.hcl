# Managed rules on secrets, notices by Automation, the aggregator, and the weekly report.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_config_config_rule" {
    defaults = { arn = "arn:aws:config:eu-central-1:111122223333:config-rule/config-rule-abcdef" }
  }
  mock_resource "aws_config_organization_managed_rule" {
    defaults = { arn = "arn:aws:config:eu-central-1:111122223333:organization-config-rule/test-rule-abcdefgh" }
  }
  mock_resource "aws_config_configuration_aggregator" {
    defaults = { arn = "arn:aws:config:eu-central-1:111122223333:config-aggregator/config-aggregator-abcdefgh" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/test-role" }
  }
}

variables {
  context = {
    name_prefix              = "test"
    partition                = "aws"
    account_id               = "111122223333"
    region                   = "eu-central-1"
    kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    alarm_topic_arn          = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    access_log_bucket        = "test-access-logs-111122223333-eu-central-1"
    package_bucket           = "test-packages-111122223333-eu-central-1"
    log_retention_days       = 365
    layer_arns               = ["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"]
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    build_dir                = ".switchyard/fixtures"
    tags                     = { stack = "test" }
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
    source = "./modules/posture/secret_rotation_rules"
  }

  assert {
    condition = jsonencode({ for name, rule in aws_config_config_rule.this : name => [rule.name, rule.source[0].owner, rule.source[0].source_identifier, rule.input_parameters, length(rule.scope), rule.maximum_execution_frequency] }) == jsonencode({
      secretsmanager-rotation-enabled-check           = ["test-secretsmanager-rotation-enabled-check", "AWS", "SECRETSMANAGER_ROTATION_ENABLED_CHECK", jsonencode({ maximumAllowedRotationFrequency = "30" }), 0, null]
      secretsmanager-scheduled-rotation-success-check = ["test-secretsmanager-scheduled-rotation-success-check", "AWS", "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK", null, 0, null]
    })
    error_message = "By default there are the two rules of the source, under their real identifiers, and rotation is at most 30 days; parameters are text."
  }
  assert {
    condition = jsondecode(module.notices[0].resources.rule.event_pattern) == {
      source        = ["aws.config"]
      "detail-type" = ["Config Rules Compliance Change"]
      detail = {
        messageType         = ["ComplianceChangeNotification"]
        configRuleName      = ["test-secretsmanager-rotation-enabled-check", "test-secretsmanager-scheduled-rotation-success-check"]
        newEvaluationResult = { complianceType = ["NON_COMPLIANT"] }
      }
    }
    error_message = "Each change to NON_COMPLIANT by one of the rules is an event that matches."
  }
  assert {
    condition = (
      module.notices[0].resources.targets["topic"].arn == "arn:aws:sns:eu-central-1:111122223333:test-secret-rotation" &&
      module.notices[0].resources.targets["topic"].input_transformer[0].input_paths.secret == "$.detail.resourceId" &&
      alltrue([for part in ["<secret>", "<account>", "<region>", "<rule>", "<at>", "<was>"] : strcontains(module.notices[0].resources.targets["topic"].input_transformer[0].input_template, part)]) &&
      [for s in jsondecode(module.topic.resources.policy.policy).Statement : s.Principal.Service if s.Effect == "Allow"] == ["events.amazonaws.com"]
    )
    error_message = "The notice names the secret, its place, the rule, the time and the earlier result; the topic accepts it."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["report"].policy).Statement == [
      { Sid = "ReadRules", Effect = "Allow", Action = ["config:GetComplianceDetailsByConfigRule"], Resource = ["arn:aws:config:eu-central-1:111122223333:config-rule/config-rule-abcdef", "arn:aws:config:eu-central-1:111122223333:config-rule/config-rule-abcdef"] },
      { Sid = "ReadRecorder", Effect = "Allow", Action = ["config:DescribeConfigurationRecorderStatus", "config:ListDiscoveredResources"], Resource = ["*"] },
      { Sid = "WriteReports", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-secret-report-111122223333-eu-central-1/reports/dt=*"] },
      {
        Sid       = "EncryptReports", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.context.kms_key_arn],
        Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } }
      },
      { Sid = "TellTopic", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-secret-rotation"] },
    ]
    error_message = "The report may read the rules' results, but no secret."
  }
  assert {
    condition = (
      module.functions.resources.functions["report"].environment[0].variables["AGGREGATOR"] == "" &&
      module.functions.resources.functions["report"].environment[0].variables["RULES"] == jsonencode(["test-secretsmanager-rotation-enabled-check", "test-secretsmanager-scheduled-rotation-success-check"]) &&
      module.schedule.resources.schedule.schedule_expression == "cron(0 6 ? * MON *)" &&
      module.schedule.resources.schedule.target[0].input == "{\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}"
    )
    error_message = "It runs each week, and the scheduled time names the report. The placeholder is not escaped."
  }
  assert {
    condition     = length(aws_config_configuration_aggregator.this) == 0 && length(aws_iam_role.aggregator) == 0 && output.aggregator_name == null
    error_message = "Without an aggregator the report does not read other accounts."
  }
}

run "everything_in_one_account_and_its_organization" {
  command = plan

  module {
    source = "./modules/posture/secret_rotation_rules"
  }

  variables {
    recorder_name               = "default"
    scope_tag                   = { key = "ENVIRONMENT", value = "PRODUCTION" }
    maximum_rotation_hours      = 12
    maximum_days_since_rotation = 90
    maximum_days_unused         = 60
    customer_managed_keys       = { key_arns = ["arn:aws:kms:eu-central-1:111122223333:key/b", "arn:aws:kms:eu-central-1:111122223333:key/a"] }
    periodic_frequency          = "Six_Hours"
    aggregator                  = { regions = ["eu-central-1", "eusc-de-east-1"] }
    notification_emails         = ["security@example.com"]
    schedule_expression         = "rate(1 day)"
    expiration_days             = 30
    force_destroy               = true
  }

  assert {
    condition = jsonencode({ for name, rule in aws_config_config_rule.this : name => [rule.input_parameters, try(rule.scope[0].tag_key, null), try(rule.scope[0].tag_value, null), rule.maximum_execution_frequency] }) == jsonencode({
      secretsmanager-rotation-enabled-check           = [jsonencode({ maximumAllowedRotationFrequencyInHours = "12" }), "ENVIRONMENT", "PRODUCTION", null]
      secretsmanager-scheduled-rotation-success-check = [null, "ENVIRONMENT", "PRODUCTION", null]
      secretsmanager-secret-periodic-rotation         = [jsonencode({ maxDaysSinceRotation = "90" }), null, null, "Six_Hours"]
      secretsmanager-secret-unused                    = [jsonencode({ unusedForDays = "60" }), null, null, "Six_Hours"]
      secretsmanager-using-cmk                        = [jsonencode({ kmsKeyArns = "arn:aws:kms:eu-central-1:111122223333:key/a,arn:aws:kms:eu-central-1:111122223333:key/b" }), "ENVIRONMENT", "PRODUCTION", null]
    })
    error_message = "Rules have their thresholds and the tag; periodic ones have a frequency, and no scope."
  }
  assert {
    condition = (
      aws_config_configuration_aggregator.this[0].name == "test-secret-rotation" &&
      length(aws_config_configuration_aggregator.this[0].account_aggregation_source) == 0 &&
      aws_config_configuration_aggregator.this[0].organization_aggregation_source[0].role_arn == "arn:aws:iam::111122223333:role/test-role" &&
      aws_config_configuration_aggregator.this[0].organization_aggregation_source[0].regions == tolist(["eu-central-1", "eusc-de-east-1"])
    )
    error_message = "The aggregator sees the organization's accounts in the Regions named."
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.aggregator[0].assume_role_policy).Statement == [{ Sid = "AssumedByConfig", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "config.amazonaws.com" } }] &&
      jsondecode(aws_iam_role_policy.aggregator[0].policy).Statement == [{
        Sid    = "ListAccounts", Effect = "Allow", Resource = "*"
        Action = ["organizations:DescribeOrganization", "organizations:ListAWSServiceAccessForOrganization", "organizations:ListAccounts", "organizations:ListDelegatedAdministrators"]
      }]
    )
    error_message = "AWS Config may list the organization's accounts, and nothing else."
  }
  assert {
    condition = (
      jsondecode(module.functions.resources.grants["report"].policy).Statement[0] == {
        Sid    = "ReadAggregator", Effect = "Allow", Resource = ["arn:aws:config:eu-central-1:111122223333:config-aggregator/config-aggregator-abcdefgh"]
        Action = ["config:DescribeAggregateComplianceByConfigRules", "config:DescribeConfigurationAggregatorSourcesStatus", "config:GetAggregateComplianceDetailsByConfigRule", "config:ListAggregateDiscoveredResources"]
      } && module.functions.resources.functions["report"].environment[0].variables["AGGREGATOR"] == "test-secret-rotation"
    )
    error_message = "The report reads from the aggregator."
  }
  assert {
    condition     = length(jsondecode(module.notices[0].resources.rule.event_pattern).detail.configRuleName) == 5
    error_message = "Every rule notifies."
  }
  assert {
    condition     = module.topic.resources.email_subscriptions["security@example.com"].protocol == "email" && module.bucket.resources.bucket.force_destroy && module.schedule.resources.schedule.schedule_expression == "rate(1 day)"
    error_message = "Addresses, schedule and bucket are as given."
  }
}

run "single_accounts_and_no_notices" {
  command = plan

  module {
    source = "./modules/posture/secret_rotation_rules"
  }

  variables {
    aggregator            = { account_ids = ["444455556666", "111122223333"] }
    customer_managed_keys = {}
    maximum_rotation_days = 0
    notices               = false
    scope_tag             = { key = "ENVIRONMENT" }
  }

  assert {
    condition = (
      length(aws_config_configuration_aggregator.this[0].organization_aggregation_source) == 0 && length(aws_iam_role.aggregator) == 0 &&
      aws_config_configuration_aggregator.this[0].account_aggregation_source[0].account_ids == tolist(["111122223333", "444455556666"]) &&
      aws_config_configuration_aggregator.this[0].account_aggregation_source[0].all_regions
    )
    error_message = "Named accounts are seen in all Regions, without a role."
  }
  assert {
    condition     = length(module.notices) == 0 && output.notice_rule_name == null && alltrue([for s in jsondecode(module.topic.resources.policy.policy).Statement : s.Effect == "Deny"])
    error_message = "Without notices there is no rule for them, and EventBridge may not publish."
  }
  assert {
    condition     = aws_config_config_rule.this["secretsmanager-rotation-enabled-check"].input_parameters == null && aws_config_config_rule.this["secretsmanager-using-cmk"].input_parameters == null && aws_config_config_rule.this["secretsmanager-rotation-enabled-check"].scope[0].tag_value == null
    error_message = "Without a maximum any rotation is accepted, without keys any key, without a value any value."
  }
}

run "rules_of_the_organization" {
  command = plan

  module {
    source = "./modules/posture/secret_rotation_rules"
  }

  variables {
    aggregator          = {}
    excluded_accounts   = ["444455556666"]
    maximum_days_unused = 90
    organization_rules  = true
    scope_tag           = { key = "ENVIRONMENT", value = "PRODUCTION" }
  }

  assert {
    condition = length(aws_config_config_rule.this) == 0 && jsonencode({ for name, rule in aws_config_organization_managed_rule.this : name => [rule.name, rule.rule_identifier, rule.input_parameters, rule.tag_key_scope, rule.tag_value_scope, rule.maximum_execution_frequency] }) == jsonencode({
      secretsmanager-rotation-enabled-check           = ["test-secretsmanager-rotation-enabled-check", "SECRETSMANAGER_ROTATION_ENABLED_CHECK", jsonencode({ maximumAllowedRotationFrequency = "30" }), "ENVIRONMENT", "PRODUCTION", null]
      secretsmanager-scheduled-rotation-success-check = ["test-secretsmanager-scheduled-rotation-success-check", "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK", null, "ENVIRONMENT", "PRODUCTION", null]
      secretsmanager-secret-unused                    = ["test-secretsmanager-secret-unused", "SECRETSMANAGER_SECRET_UNUSED", jsonencode({ unusedForDays = "90" }), null, null, "TwentyFour_Hours"]
    })
    error_message = "The same rules go to every account."
  }
  assert {
    condition     = alltrue([for rule in aws_config_organization_managed_rule.this : rule.excluded_accounts == toset(["444455556666"])])
    error_message = "Accounts can be excluded."
  }
  assert {
    condition     = toset(output.rule_names) == toset(["OrgConfigRule-test-rule-abcdefgh"])
    error_message = "The report uses the names that AWS Config gives the rules in the accounts."
  }
  assert {
    condition = jsondecode(module.notices[0].resources.rule.event_pattern).detail.configRuleName == [
      { prefix = "OrgConfigRule-test-secretsmanager-rotation-enabled-check-" },
      { prefix = "OrgConfigRule-test-secretsmanager-scheduled-rotation-success-check-" },
      { prefix = "OrgConfigRule-test-secretsmanager-secret-unused-" },
    ]
    error_message = "This account's copies of the organization's rules notify, too."
  }
}

run "the_longest_prefix_in_the_region_with_the_longest_name" {
  command = plan

  module {
    source = "./modules/posture/secret_rotation_rules"
  }

  variables {
    context = merge(var.context, { name_prefix = "a234567890b234567890", region = "ap-northeast-1" })
  }

  assert {
    condition = (
      alltrue([for rule in aws_config_config_rule.this : length(rule.name) <= 64]) &&
      startswith(aws_config_config_rule.this["secretsmanager-scheduled-rotation-success-check"].name, "a234567890b234567890-secretsmanager-scheduled-rotation-su-") &&
      output.bucket_name == "a234567890b234567890-secret-report-111122223333-ap-northeast-1"
    )
    error_message = "All names fit; rules have the 64 characters that AWS Config's own calls take."
  }
}
