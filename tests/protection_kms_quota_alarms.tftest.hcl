# Alarms on KMS's request quotas. The answers of Service Quotas are mocked.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
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
    source = "./modules/protection/kms_quota_alarms"
  }

  assert {
    condition = output.alarm_names == {
      "symmetric-warning"  = "test-kms-quota-symmetric-warning"
      "symmetric-critical" = "test-kms-quota-symmetric-critical"
      "rsa-warning"        = "test-kms-quota-rsa-warning"
      "rsa-critical"       = "test-kms-quota-rsa-critical"
      "ecc-warning"        = "test-kms-quota-ecc-warning"
      "ecc-critical"       = "test-kms-quota-ecc-critical"
    }
    error_message = "Each kind of key has a warning and a critical alarm."
  }
  assert {
    condition     = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.threshold if startswith(name, "symmetric") } == { "symmetric-warning" = 60, "symmetric-critical" = 80 }
    error_message = "Critical is 80 % of the applied quota, as in the source, and a warning comes before."
  }
  assert {
    condition     = one([for q in aws_cloudwatch_metric_alarm.this["symmetric-critical"].metric_query : q if q.id == "utilisation"]).expression == "(m1/SERVICE_QUOTA(m1))*100" && one([for q in aws_cloudwatch_metric_alarm.this["symmetric-critical"].metric_query : q if q.id == "utilisation"]).return_data
    error_message = "The alarm reads the applied quota at each evaluation; the configuration contains no value of it."
  }
  assert {
    condition = [
      for m in one([for q in aws_cloudwatch_metric_alarm.this["symmetric-critical"].metric_query : q.metric if q.id == "m1"]) :
      [m.namespace, m.metric_name, m.stat, tostring(m.period), m.dimensions.Class, m.dimensions.Resource, m.dimensions.Service, m.dimensions.Type]
    ] == [["AWS/Usage", "CallCount", "Sum", "60", "None", "CryptographicOperationsSymmetric", "KMS", "API"]]
    error_message = "The metric is the one that Service Quotas returns."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.context.alarm_topic_arn]) && alarm.ok_actions == toset([var.context.alarm_topic_arn]) && alarm.treat_missing_data == "notBreaching" && alarm.comparison_operator == "GreaterThanOrEqualToThreshold" && alarm.evaluation_periods == 5 && alarm.datapoints_to_alarm == 1 && alarm.tags == tomap({ stack = "test" })])
    error_message = "All alarms notify the stack's topic; no calls raise no alarm, exactly 80 % does, and one minute above it lasts for five."
  }
  assert {
    condition     = length(regexall("SERVICE_QUOTA\\(m[0-2]\\)", aws_cloudwatch_dashboard.this[0].dashboard_body)) == 6 && length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == 5 && length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[4].properties.alarms) == 6
    error_message = "The dashboard shows utilization, each quota's calls, and the alarms."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[1].properties.metrics[1] == ["AWS/Usage", "CallCount", "Class", "None", "Resource", "CryptographicOperationsSymmetric", "Service", "KMS", "Type", "API", { id = "m0", label = "calls" }] && output.dashboard_name == "test-kms-quota-eu-central-1"
    error_message = "A graph shows the calls of all operations that share a quota. Dashboard names belong to the account, so the name contains the Region."
  }
  assert {
    condition     = length(module.functions) == 0 && length(module.rule) == 0 && output.function_name == null
    error_message = "Without increase_request nothing requests an increase."
  }
}

run "callers_and_throttled_calls" {
  command = plan

  module {
    source = "./modules/protection/kms_quota_alarms"
  }

  variables {
    trail_log_group = "aws-cloudtrail-logs"
  }

  assert {
    condition     = aws_cloudwatch_log_metric_filter.throttled[0].log_group_name == "aws-cloudtrail-logs" && aws_cloudwatch_log_metric_filter.throttled[0].pattern == "{ ($.eventSource = \"kms.amazonaws.com\") && ($.errorCode = \"ThrottlingException\") && ($.awsRegion = \"eu-central-1\") }"
    error_message = "Calls that KMS throttled in this Region are counted."
  }
  assert {
    condition     = [aws_cloudwatch_metric_alarm.throttled[0].namespace, aws_cloudwatch_metric_alarm.throttled[0].metric_name] == [aws_cloudwatch_log_metric_filter.throttled[0].metric_transformation[0].namespace, aws_cloudwatch_log_metric_filter.throttled[0].metric_transformation[0].name] && aws_cloudwatch_metric_alarm.throttled[0].threshold == 1 && aws_cloudwatch_metric_alarm.throttled[0].treat_missing_data == "notBreaching" && aws_cloudwatch_metric_alarm.throttled[0].alarm_actions == toset([var.context.alarm_topic_arn]) && output.alarm_names["throttled"] == "test-kms-quota-throttled"
    error_message = "The first one raises an alarm."
  }
  assert {
    condition     = [for w in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : startswith(w.properties.query, "SOURCE 'aws-cloudtrail-logs' | filter eventSource = 'kms.amazonaws.com' and awsRegion = 'eu-central-1' |") if w.type == "log"] == [true, true] && length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[4].properties.alarms) == 7
    error_message = "The dashboard shows who calls, and who is throttled."
  }
}

run "other_settings" {
  command = plan

  module {
    source = "./modules/protection/kms_quota_alarms"
  }

  variables {
    dashboard  = false
    thresholds = { warning = 50, critical = 70 }
    evaluation = { periods = 5, datapoints = 3 }
    quotas     = { ml_dsa = { quota_name = "Cryptographic operations (ML-DSA) request rate" } }
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard_name == null
    error_message = "The dashboard can be left out."
  }
  assert {
    condition     = length(aws_cloudwatch_log_metric_filter.throttled) == 0 && length(aws_cloudwatch_metric_alarm.throttled) == 0
    error_message = "Without a trail's log group, nothing counts throttled calls."
  }
  assert {
    condition     = { for name, alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name => [alarm.threshold, alarm.evaluation_periods, alarm.datapoints_to_alarm] } == { "test-kms-quota-ml-dsa-warning" = [50, 5, 3], "test-kms-quota-ml-dsa-critical" = [70, 5, 3] }
    error_message = "Any request quota can be watched, by its name too."
  }
}

run "requests_when_switched_on" {
  command = plan

  module {
    source = "./modules/protection/kms_quota_alarms"
  }

  variables {
    quotas           = { symmetric = { quota_code = "L-6E3AF000", maximum = 40000 } }
    increase_request = { dry_run = false }
  }

  assert {
    condition = jsondecode(module.functions[0].resources.grants["increase"].policy).Statement == [
      { Sid = "ReadQuotas", Effect = "Allow", Action = ["servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota", "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota"], Resource = ["*"] },
      { Sid = "TellOperators", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-alarms"] },
      { Sid = "RequestIncreases", Effect = "Allow", Action = ["servicequotas:RequestServiceQuotaIncrease"], Resource = ["arn:aws:servicequotas:eu-central-1:111122223333:kms/L-6E3AF000"] },
      {
        Sid       = "CreateServiceQuotasRole", Effect = "Allow", Action = ["iam:CreateServiceLinkedRole"],
        Resource  = ["arn:aws:iam::111122223333:role/aws-service-role/servicequotas.amazonaws.com/AWSServiceRoleForServiceQuotas"],
        Condition = { StringEquals = { "iam:AWSServiceName" = ["servicequotas.amazonaws.com"] } }
      },
    ]
    error_message = "The function may read quotas, and request increases only of the watched ones."
  }
  assert {
    condition = module.functions[0].resources.functions["increase"].environment[0].variables == tomap({
      COOLDOWN_HOURS               = "24"
      DRY_RUN                      = "false"
      MULTIPLIER                   = "1.5"
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "kms-quota-increase"
      QUOTAS                       = jsonencode({ "test-kms-quota-symmetric-critical" = { code = "L-6E3AF000", maximum = 40000 } })
      TOPIC_ARN                    = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    })
    error_message = "The function's settings have its limits."
  }
  assert {
    condition = jsondecode(module.rule[0].resources.rule.event_pattern) == {
      source        = ["aws.cloudwatch"]
      "detail-type" = ["CloudWatch Alarm State Change"]
      resources     = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-kms-quota-symmetric-critical"]
      detail        = { state = { value = ["ALARM"] } }
    }
    error_message = "Only critical alarms call the function, and only when they start."
  }
  assert {
    condition     = module.functions[0].resources.functions["increase"].handler == "protection.kms_quota_alarms.request_increase.handler" && module.functions[0].resources.package.source == ".switchyard/fixtures/protection/kms_quota_alarms.zip" && contains(keys(module.functions[0].resources.event_invoke_configs), "increase") && output.function_name == "test-kms-quota-increase"
    error_message = "Failed calls of the function are kept."
  }
}

run "a_dry_run_has_no_right_to_ask" {
  command = plan

  module {
    source = "./modules/protection/kms_quota_alarms"
  }

  variables {
    quotas           = { symmetric = { quota_code = "L-6E3AF000", maximum = 40000 } }
    increase_request = {}
  }

  assert {
    condition     = [for s in jsondecode(module.functions[0].resources.grants["increase"].policy).Statement : s.Sid] == ["ReadQuotas", "TellOperators"] && module.functions[0].resources.functions["increase"].environment[0].variables.DRY_RUN == "true"
    error_message = "Requests must be switched on."
  }
}

run "a_quota_without_a_metric_is_refused" {
  command = plan

  module {
    source = "./modules/protection/kms_quota_alarms"
  }

  override_data {
    target = data.aws_servicequotas_service_quota.this["odd"]
    values = { quota_name = "Odd", quota_code = "L-00000000", usage_metric = [] }
  }

  variables {
    quotas = { odd = { quota_code = "L-00000000" } }
  }

  expect_failures = [aws_cloudwatch_metric_alarm.this]
}
