mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_config_config_rule" {
    defaults = { arn = "arn:aws:config:eu-central-1:111122223333:config-rule/config-rule-abcdef" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/test-web-acl-logging-ssm-eu-central-1" }
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
    source = "./modules/posture/web_acl_logging"
  }

  assert {
    condition = jsondecode(module.evaluate.resources.grants["evaluate"].policy).Statement == [
      { Sid = "ReadLogging", Effect = "Allow", Action = ["wafv2:GetLoggingConfiguration"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/*"] },
      { Sid = "LookUpWebAcls", Effect = "Allow", Action = ["config:GetResourceConfigHistory"], Resource = ["*"] },
      { Sid = "ReportCompliance", Effect = "Allow", Action = ["config:PutEvaluations"], Resource = ["*"] },
    ]
    error_message = "The evaluator reads logging configurations and reports."
  }
  assert {
    condition = jsondecode(module.remediate.resources.grants["remediate"].policy).Statement == [
      { Sid = "ReadLogging", Effect = "Allow", Action = ["wafv2:GetLoggingConfiguration"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/*"] },
      { Sid = "ReadTags", Effect = "Allow", Action = ["wafv2:ListTagsForResource"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/*"] },
      { Sid = "LookUpWebAcls", Effect = "Allow", Action = ["config:GetResourceConfigHistory"], Resource = ["*"] },
      {
        Sid       = "PutLogging", Effect = "Allow", Action = ["wafv2:PutLoggingConfiguration"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/*"],
        Condition = { ArnEquals = { "wafv2:LogDestinationResource" = ["arn:aws:firehose:eu-central-1:111122223333:deliverystream/aws-waf-logs-test"] } }
      },
      { Sid = "Reevaluate", Effect = "Allow", Action = ["config:StartConfigRulesEvaluation"], Resource = ["arn:aws:config:eu-central-1:111122223333:config-rule/config-rule-abcdef"] },
      { Sid = "FindStream", Effect = "Allow", Action = ["firehose:ListDeliveryStreams"], Resource = ["*"] },
      {
        Sid       = "MakeLoggingRole", Effect = "Allow", Action = ["iam:CreateServiceLinkedRole"],
        Resource  = ["arn:aws:iam::111122223333:role/aws-service-role/wafv2.amazonaws.com/AWSServiceRoleForWAFV2Logging"]
        Condition = { StringEquals = { "iam:AWSServiceName" = ["wafv2.amazonaws.com"] } }
      },
    ]
    error_message = "The remediator enables logging to the stream, to nowhere else, and makes WAF's own role only."
  }
  assert {
    condition = module.evaluate.resources.functions["evaluate"].environment[0].variables == tomap({
      CORRECT_DESTINATION          = "false"
      DESTINATION_ARN              = "arn:aws:firehose:eu-central-1:111122223333:deliverystream/aws-waf-logs-test"
      EXEMPT_ARNS                  = "[]"
      EXEMPT_TAGS                  = "{}"
      SCOPES                       = "[\"REGIONAL\"]"
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "web-acl-logging-evaluate"
    })
    error_message = "The evaluator knows what is asked of web ACLs."
  }
  assert {
    condition = (
      module.remediate.resources.functions["remediate"].environment[0].variables["CONFIG_RULE_NAME"] == "test-web-acl-logging" &&
      module.remediate.resources.functions["remediate"].environment[0].variables["REDACTED_HEADERS"] == "[\"authorization\",\"cookie\"]" &&
      module.remediate.resources.functions["remediate"].environment[0].variables["LOGGING_FILTER"] == "" &&
      module.remediate.resources.functions["remediate"].timeout == 180 && module.remediate.functions.remediate.dead_letter_queue_arn == null
    )
    error_message = "The remediator redacts credentials by default, filters nothing, and may wait for WAF."
  }
  assert {
    condition     = module.evaluate.resources.permissions["evaluate/Rule"].principal == "config.amazonaws.com" && module.evaluate.resources.permissions["evaluate/Rule"].source_account == "111122223333" && length(module.remediate.resources.permissions) == 0
    error_message = "Config of this account calls the evaluator; the remediator is called by Automation's role, not by a service."
  }
  assert {
    condition = (
      aws_config_config_rule.this.name == "test-web-acl-logging" &&
      aws_config_config_rule.this.source[0].owner == "CUSTOM_LAMBDA" &&
      aws_config_config_rule.this.source[0].source_identifier == "arn:aws:lambda:eu-central-1:111122223333:function:test-web-acl-logging-evaluate" &&
      aws_config_config_rule.this.source[0].source_detail[*].message_type == tolist(["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification"]) &&
      aws_config_config_rule.this.scope[0].compliance_resource_types == toset(["AWS::WAFv2::WebACL"])
    )
    error_message = "The rule hears of web ACLs of AWS WAF, also of oversized ones."
  }
  assert {
    condition = (
      aws_config_remediation_configuration.this.automatic && aws_config_remediation_configuration.this.maximum_automatic_attempts == 5 &&
      aws_config_remediation_configuration.this.retry_attempt_seconds == 600 && aws_config_remediation_configuration.this.target_id == "test-web-acl-logging" &&
      { for p in aws_config_remediation_configuration.this.parameter : p.name => coalesce(p.resource_value, p.static_value) } == {
        WebACLId             = "RESOURCE_ID"
        AutomationAssumeRole = "arn:aws:iam::111122223333:role/test-web-acl-logging-ssm-eu-central-1"
      }
    )
    error_message = "Remediation starts automatically."
  }
  assert {
    condition = jsondecode(aws_ssm_document.this.content).mainSteps == [{
      name           = "giveLogging"
      action         = "aws:invokeLambdaFunction"
      timeoutSeconds = 200
      maxAttempts    = 1
      onFailure      = "Abort"
      isEnd          = true
      inputs = {
        FunctionName   = "test-web-acl-logging-remediate"
        InvocationType = "RequestResponse"
        Payload        = "{\"webAclId\": \"{{ WebACLId }}\"}"
      }
    }] && aws_ssm_document.this.document_type == "Automation" && jsondecode(aws_ssm_document.this.content).schemaVersion == "0.3"
    error_message = "The document calls the remediator, and waits longer than it may run."
  }
  assert {
    condition     = !can(regex(jsondecode(aws_ssm_document.this.content).parameters.WebACLId.allowedPattern, "a\", \"b\": \"c")) && can(regex(jsondecode(aws_ssm_document.this.content).parameters.WebACLId.allowedPattern, "arn:aws-cn:wafv2:cn-north-1:111122223333:regional/webacl/my_acl-1/1b2c-3d"))
    error_message = "A parameter cannot break out of the payload."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.automation.policy).Statement == [
      { Sid = "CallRemediation", Effect = "Allow", Action = "lambda:InvokeFunction", Resource = "arn:aws:lambda:eu-central-1:111122223333:function:test-web-acl-logging-remediate" },
      ] && jsondecode(aws_iam_role.automation.assume_role_policy).Statement[0].Principal == { Service = "ssm.amazonaws.com" } && jsondecode(aws_iam_role.automation.assume_role_policy).Statement[0].Condition == {
      StringEquals                                                                                    = { "aws:SourceAccount" = "111122223333" }
      ArnLike                                                                                         = { "aws:SourceArn" = "arn:aws:ssm:*:111122223333:automation-execution/*" }
    }
    error_message = "Automation of this account may call the remediator and do nothing else."
  }
  assert {
    condition = jsondecode(module.failure_rule.resources.rule.event_pattern) == {
      source        = ["aws.ssm"]
      "detail-type" = ["EC2 Automation Execution Status-change Notification"]
      detail        = { Definition = ["test-web-acl-logging"], Status = ["Cancelled", "Failed", "TimedOut"] }
    } && [for s in jsondecode(module.failures.resources.policy.policy).Statement : [s.Principal, s.Action, can(s.Condition)] if s.Effect == "Allow"] == [[{ Service = "events.amazonaws.com" }, "sns:Publish", false]]
    error_message = "Failed remediations cause a notice."
  }
  assert {
    condition = (
      aws_kinesis_firehose_delivery_stream.this[0].name == "aws-waf-logs-test" &&
      aws_kinesis_firehose_delivery_stream.this[0].server_side_encryption[0].key_type == "CUSTOMER_MANAGED_CMK" &&
      aws_kinesis_firehose_delivery_stream.this[0].server_side_encryption[0].key_arn == var.context.kms_key_arn &&
      aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].kms_key_arn == var.context.kms_key_arn &&
      aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].compression_format == "GZIP" &&
      startswith(aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].error_output_prefix, "errors/") &&
      aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].cloudwatch_logging_options[0].log_group_name == "/aws/kinesisfirehose/aws-waf-logs-test"
    )
    error_message = "The stream has the name WAF demands, the stack's key, gzip, a place for errors and a log."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.stream[0].policy).Statement == [
      {
        Sid      = "WriteLogs", Effect = "Allow", Action = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
        Resource = ["arn:aws:s3:::test-web-acl-logs-111122223333-eu-central-1/logs/*", "arn:aws:s3:::test-web-acl-logs-111122223333-eu-central-1/errors/*"]
      },
      {
        Sid      = "UseBucket", Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
        Resource = "arn:aws:s3:::test-web-acl-logs-111122223333-eu-central-1"
      },
      {
        Sid       = "EncryptLogs", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888",
        Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } }
      },
      { Sid = "TellOfErrors", Effect = "Allow", Action = "logs:PutLogEvents", Resource = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/kinesisfirehose/aws-waf-logs-test:log-stream:delivery" },
    ] && jsondecode(aws_iam_role.stream[0].assume_role_policy).Statement[0].Condition == { StringEquals = { "sts:ExternalId" = "111122223333" } }
    error_message = "The stream may write to its bucket, encrypt, and log errors."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.stream[0].threshold == 1200 && contains(output.alarm_names, "test-web-acl-logging-delivery")
    error_message = "Logs that wait raise an alarm."
  }
  assert {
    condition = (
      module.schedule[0].resources.schedule.target[0].arn == "arn:aws:scheduler:::aws-sdk:config:startConfigRulesEvaluation" &&
      jsondecode(module.schedule[0].resources.schedule.target[0].input) == { ConfigRuleNames = ["test-web-acl-logging"] } &&
      jsondecode(module.schedule[0].resources.role_policy.policy).Statement[0] == { Sid = "CallTarget", Effect = "Allow", Action = "config:StartConfigRulesEvaluation", Resource = "arn:aws:config:eu-central-1:111122223333:config-rule/config-rule-abcdef" }
    )
    error_message = "All web ACLs are evaluated now and then."
  }
  assert {
    condition     = length(aws_cloudwatch_log_group.this) == 0 && length(module.waf_bucket) == 0 && output.destination_arn == "arn:aws:firehose:eu-central-1:111122223333:deliverystream/aws-waf-logs-test" && output.bucket_name == "test-web-acl-logs-111122223333-eu-central-1"
    error_message = "One destination is made."
  }
}

run "everything_set_to_s3" {
  command = plan

  module {
    source = "./modules/posture/web_acl_logging"
  }

  variables {
    context = {
      name_prefix        = "test"
      partition          = "aws"
      account_id         = "111122223333"
      region             = "us-east-1"
      kms_key_arn        = "arn:aws:kms:us-east-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn    = "arn:aws:sns:us-east-1:111122223333:test-alarms"
      access_log_bucket  = "test-access-logs-111122223333-us-east-1"
      package_bucket     = "test-packages-111122223333-us-east-1"
      log_retention_days = 365
      layer_arns         = ["arn:aws:lambda:us-east-1:111122223333:layer:test-common:1"]
      build_dir          = ".switchyard/fixtures"
      tags               = { stack = "test" }
    }
    scopes              = ["REGIONAL", "CLOUDFRONT"]
    destination         = "s3"
    correct_destination = true
    redacted_headers    = []
    logging_filter = {
      default_behavior = "DROP"
      filters          = [{ behavior = "KEEP", actions = ["COUNT", "BLOCK"], labels = ["awswaf:managed:aws:bot-control:bot:verified"] }]
    }
    exempt_tags                      = { Logging = "off" }
    exempt_web_acl_arns              = ["arn:aws:wafv2:us-east-1:111122223333:global/webacl/lab/1b2c3d4e-0000-4000-8000-000000000001"]
    reevaluation_schedule_expression = ""
    maximum_automatic_attempts       = 3
    retry_attempt_seconds            = 60
    notification_emails              = ["security@example.com"]
    expiration_days                  = 30
    recorder_name                    = "default"
  }

  assert {
    condition = (
      module.waf_bucket[0].resources.bucket.bucket == "aws-waf-logs-test-w-111122223333-us-east-1" && output.destination_arn == "arn:aws:s3:::aws-waf-logs-test-w-111122223333-us-east-1" &&
      module.waf_bucket[0].resources.lifecycle.rule[1].expiration[0].days == 30
    )
    error_message = "The bucket has the name WAF demands, and forgets."
  }
  assert {
    condition = slice(jsondecode(module.waf_bucket[0].resources.policy.policy).Statement, 3, 5) == [
      {
        Sid      = "AWSLogDeliveryWrite", Effect = "Allow", Principal = { Service = ["delivery.logs.amazonaws.com"] }, Action = ["s3:PutObject"],
        Resource = ["arn:aws:s3:::aws-waf-logs-test-w-111122223333-us-east-1/AWSLogs/111122223333/*"],
        Condition = {
          StringEquals = { "aws:SourceAccount" = ["111122223333"], "s3:x-amz-acl" = ["bucket-owner-full-control"] }
          ArnLike      = { "aws:SourceArn" = ["arn:aws:logs:us-east-1:111122223333:*"] }
        }
      },
      {
        Sid      = "AWSLogDeliveryAclCheck", Effect = "Allow", Principal = { Service = ["delivery.logs.amazonaws.com"] }, Action = ["s3:GetBucketAcl"],
        Resource = ["arn:aws:s3:::aws-waf-logs-test-w-111122223333-us-east-1"],
        Condition = {
          StringEquals = { "aws:SourceAccount" = ["111122223333"] }
          ArnLike      = { "aws:SourceArn" = ["arn:aws:logs:us-east-1:111122223333:*"] }
        }
      },
    ]
    error_message = "Only log delivery of this account may write."
  }
  assert {
    condition = [for s in jsondecode(module.remediate.resources.grants["remediate"].policy).Statement : s if !contains(["LookUpWebAcls", "Reevaluate"], s.Sid)] == [
      { Sid = "ReadLogging", Effect = "Allow", Action = ["wafv2:GetLoggingConfiguration"], Resource = ["arn:aws:wafv2:us-east-1:111122223333:global/webacl/*", "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/*"] },
      { Sid = "ReadTags", Effect = "Allow", Action = ["wafv2:ListTagsForResource"], Resource = ["arn:aws:wafv2:us-east-1:111122223333:global/webacl/*", "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/*"] },
      {
        Sid       = "PutLogging", Effect = "Allow", Action = ["wafv2:PutLoggingConfiguration"], Resource = ["arn:aws:wafv2:us-east-1:111122223333:global/webacl/*", "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/*"],
        Condition = { ArnEquals = { "wafv2:LogDestinationResource" = ["arn:aws:s3:::aws-waf-logs-test-w-111122223333-us-east-1"] } }
      },
      { Sid = "DeliverLogs", Effect = "Allow", Action = ["logs:CreateLogDelivery"], Resource = ["*"], Condition = { "ForAnyValue:StringEquals" = { "aws:CalledVia" = ["wafv2.amazonaws.com"] } } },
      { Sid = "CheckBucketPolicy", Effect = "Allow", Action = ["s3:GetBucketPolicy", "s3:PutBucketPolicy"], Resource = ["arn:aws:s3:::aws-waf-logs-test-w-111122223333-us-east-1"] },
      { Sid = "EndFormerDelivery", Effect = "Allow", Action = ["logs:DeleteLogDelivery"], Resource = ["*"], Condition = { "ForAnyValue:StringEquals" = { "aws:CalledVia" = ["wafv2.amazonaws.com"] } } },
    ]
    error_message = "The remediator may set up delivery to the bucket, through WAF only, for both scopes."
  }
  assert {
    condition     = [for s in jsondecode(module.evaluate.resources.grants["evaluate"].policy).Statement : s.Sid] == ["ReadLogging", "ReadTags", "LookUpWebAcls", "ReportCompliance"]
    error_message = "With exempting tags the evaluator reads tags."
  }
  assert {
    condition = { for name in ["CORRECT_DESTINATION", "EXEMPT_ARNS", "EXEMPT_TAGS", "SCOPES", "REDACTED_HEADERS"] : name => module.remediate.resources.functions["remediate"].environment[0].variables[name] } == {
      CORRECT_DESTINATION = "true"
      EXEMPT_ARNS         = "[\"arn:aws:wafv2:us-east-1:111122223333:global/webacl/lab/1b2c3d4e-0000-4000-8000-000000000001\"]"
      EXEMPT_TAGS         = "{\"Logging\":\"off\"}"
      SCOPES              = "[\"CLOUDFRONT\",\"REGIONAL\"]"
      REDACTED_HEADERS    = "[]"
    }
    error_message = "The functions get what is set."
  }
  assert {
    condition = jsondecode(module.remediate.resources.functions["remediate"].environment[0].variables["LOGGING_FILTER"]) == {
      DefaultBehavior = "DROP"
      Filters = [{
        Behavior    = "KEEP"
        Requirement = "MEETS_ANY"
        Conditions = [
          { ActionCondition = { Action = "BLOCK" } },
          { ActionCondition = { Action = "COUNT" } },
          { LabelNameCondition = { LabelName = "awswaf:managed:aws:bot-control:bot:verified" } },
        ]
      }]
    }
    error_message = "The filter has the API's shape."
  }
  assert {
    condition     = length(module.schedule) == 0 && aws_config_remediation_configuration.this.maximum_automatic_attempts == 3 && aws_config_remediation_configuration.this.retry_attempt_seconds == 60 && length(aws_kinesis_firehose_delivery_stream.this) == 0
    error_message = "Attempts are as given; no schedule, no stream."
  }
  assert {
    condition     = length(module.failures.resources.email_subscriptions) == 1
    error_message = "Addresses are subscribed."
  }
}

run "cloudwatch_logs" {
  command = plan

  module {
    source = "./modules/posture/web_acl_logging"
  }

  variables {
    destination = "cloudwatch_logs"
  }

  assert {
    condition = (
      output.destination_arn == "arn:aws:logs:eu-central-1:111122223333:log-group:aws-waf-logs-test" && output.log_group_name == "aws-waf-logs-test" && output.bucket_name == null && output.stream_name == null &&
      aws_cloudwatch_log_group.this[0].kms_key_id == var.context.kms_key_arn && aws_cloudwatch_log_group.this[0].retention_in_days == 365
    )
    error_message = "The log group has the name WAF demands, the stack's key and a retention."
  }
  assert {
    condition = jsondecode(aws_cloudwatch_log_resource_policy.this[0].policy_document).Statement == [{
      Sid       = "AWSLogDeliveryWrite"
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "arn:aws:logs:eu-central-1:111122223333:log-group:aws-waf-logs-test:log-stream:*"
      Condition = {
        StringEquals = { "aws:SourceAccount" = ["111122223333"] }
        ArnLike      = { "aws:SourceArn" = ["arn:aws:logs:eu-central-1:111122223333:*"] }
      }
    }]
    error_message = "Log delivery of this account writes to the log group."
  }
  assert {
    condition = slice(jsondecode(module.remediate.resources.grants["remediate"].policy).Statement, 5, 8) == [
      { Sid = "DeliverLogs", Effect = "Allow", Action = ["logs:CreateLogDelivery"], Resource = ["*"], Condition = { "ForAnyValue:StringEquals" = { "aws:CalledVia" = ["wafv2.amazonaws.com"] } } },
      { Sid = "CheckLogPolicy", Effect = "Allow", Action = ["logs:DescribeLogGroups", "logs:DescribeResourcePolicies"], Resource = ["*"] },
      { Sid = "CompleteLogPolicy", Effect = "Allow", Action = ["logs:PutResourcePolicy"], Resource = ["*"], Condition = { "ForAnyValue:StringEquals" = { "aws:CalledVia" = ["wafv2.amazonaws.com"] } } },
    ]
    error_message = "The remediator may set up delivery to log groups."
  }
}

run "an_existing_bucket" {
  command = plan

  module {
    source = "./modules/posture/web_acl_logging"
  }

  variables {
    destination = "arn:aws:s3:::aws-waf-logs-central/acls"
  }

  assert {
    condition = (
      output.destination_arn == "arn:aws:s3:::aws-waf-logs-central/acls" && output.bucket_name == null && length(module.bucket) + length(module.waf_bucket) == 0 &&
      jsondecode(module.remediate.resources.grants["remediate"].policy).Statement[6].Resource == ["arn:aws:s3:::aws-waf-logs-central"]
    )
    error_message = "Nothing is made, and the remediator may set up delivery to that bucket."
  }
}
