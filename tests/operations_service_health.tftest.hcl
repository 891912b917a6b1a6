mock_provider "aws" {
  source = "./tests/mocks"
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
    source = "./modules/operations/service_health"
  }

  assert {
    condition = {
      for s in jsondecode(module.functions.resources.grants["reconcile"].policy).Statement : s.Sid => { actions = s.Action, resources = s.Resource, when = try(s.Condition, null) }
      } == {
      ReadSettings   = { actions = ["s3:GetObject"], resources = ["arn:aws:s3:::test-packages-111122223333-eu-central-1/service-health-settings-*"], when = null }
      ListResources  = { actions = ["lambda:ListEventSourceMappings", "tag:GetResources"], resources = ["*"], when = null }
      ReadApis       = { actions = ["apigateway:GET"], resources = ["arn:aws:apigateway:eu-central-1::/apis/*", "arn:aws:apigateway:eu-central-1::/restapis/*"], when = null }
      ListAlarms     = { actions = ["cloudwatch:DescribeAlarms"], resources = ["*"], when = null }
      WriteAlarms    = { actions = ["cloudwatch:DeleteAlarms", "cloudwatch:PutCompositeAlarm", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"], resources = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-service-health.*"], when = null }
      DeleteModels   = { actions = ["cloudwatch:DeleteAnomalyDetector"], resources = ["*"], when = null }
      WriteDashboard = { actions = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"], resources = ["arn:aws:cloudwatch::111122223333:dashboard/test-service-health"], when = null }
      WriteQueries   = { actions = ["logs:DeleteQueryDefinition", "logs:DescribeQueryDefinitions", "logs:PutQueryDefinition"], resources = ["*"], when = null }
      ReceiveChanges = { actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], resources = ["arn:aws:sqs:eu-central-1:111122223333:test-service-health-changes"], when = null }
    }
    error_message = "The function may read resources, and write alarms, the dashboard and queries of its own names, and nothing else."
  }
  assert {
    condition = {
      for key in ["actions", "alarm_prefix", "dashboard", "services", "windows", "writes_per_second"] : key => jsondecode(aws_s3_object.settings.content)[key]
      } == {
      actions           = { critical = ["arn:aws:sns:eu-central-1:111122223333:test-service-health-critical"], warning = ["arn:aws:sns:eu-central-1:111122223333:test-service-health-warning"] }
      alarm_prefix      = "test-service-health."
      dashboard         = "test-service-health"
      services          = {}
      windows           = {}
      writes_per_second = 2.5
    }
    error_message = "The function's settings have the module's own topics and prefix."
  }
  assert {
    condition     = jsondecode(aws_s3_object.settings.content).stack.tag_key == "SwitchyardStack" && jsondecode(aws_s3_object.settings.content).stack.tag_value == "test" && length(setintersection(jsondecode(aws_s3_object.settings.content).stack.capabilities, ["finding-export", "service-health", "functions"])) == 2
    error_message = "The stack's own resources are found by tag, and belong to the capability that their names begin with; blocks are none."
  }
  assert {
    condition     = aws_s3_object.settings.key == "service-health-settings-${sha256(aws_s3_object.settings.content)}.json" && aws_s3_object.settings.server_side_encryption == "aws:kms" && module.functions.resources.functions["reconcile"].environment[0].variables.SETTINGS_KEY == aws_s3_object.settings.key
    error_message = "The function reads the settings of this version, encrypted with the stack's key."
  }
  assert {
    condition     = jsondecode(module.rule.resources.rule.event_pattern) == { source = ["aws.tag"], "detail-type" = ["Tag Change on Resource"], detail = { service = ["apigateway", "dynamodb", "elasticloadbalancing", "lambda", "sns", "sqs", "states"] } }
    error_message = "Changed tags of the kinds of resources that have alarms start a run."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.changes.batch_size == 1000 && aws_lambda_event_source_mapping.changes.maximum_batching_window_in_seconds == 60 && aws_lambda_event_source_mapping.changes.scaling_config[0].maximum_concurrency == 2
    error_message = "Many changes are one run."
  }
  assert {
    condition     = aws_lambda_invocation.alarms.lifecycle_scope == "CRUD" && jsondecode(aws_lambda_invocation.alarms.input) == { settings = sha256(aws_s3_object.settings.content) }
    error_message = "The function runs at each change of the settings, and at a destroy."
  }
  assert {
    condition     = jsondecode(module.topic["critical"].resources.policy.policy).Statement[1].Condition == { ArnLike = { "aws:SourceArn" = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-service-health.*"] } }
    error_message = "Only the alarms of this module may publish."
  }
  assert {
    condition     = { for name, g in aws_xray_group.this : g.group_name => g.filter_expression } == { test-faults = "fault = true" } && length(aws_xray_sampling_rule.this) == 0 && length(module.window) == 0
    error_message = "One trace group, no sampling rule, no window."
  }
  assert {
    condition     = { for name, alarm in module.functions.resources.alarms : name => "${alarm.metric_name} ${alarm.treat_missing_data}" if startswith(name, "service-health") } == { service-health-empty-services = "ServicesWithoutResources ignore", service-health-not-readable = "ResourcesNotReadable ignore" }
    error_message = "What is not covered raises alarms."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/operations/service_health"
  }

  variables {
    stack_services = false
    services = {
      orders = {
        tags       = { service = "orders" }
        resources  = ["arn:aws:states:eu-central-1:111122223333:stateMachine:orders"]
        severity   = "warning"
        heartbeats = { orders-nightly = 1500 }
        metrics    = { bookings = { namespace = "Shop", metric = "BookingFailed", dimensions = { service = "confirm" }, threshold = 1 } }
        checks     = { api-latency = { threshold = 2000 } }
      }
    }
    checks              = { function-duration = { enabled = true } }
    maintenance_windows = { patching = { minutes = 120, schedule_expression = "cron(0 2 ? * SUN *)", timezone = "Europe/Berlin", services = ["orders"] }, deploy = { minutes = 30 } }
    critical_emails     = ["on-call@example.com"]
    critical_actions    = ["arn:aws:sns:eu-central-1:111122223333:pager"]
    trace_groups        = { payments = { filter_expression = "annotation.PaymentStatus = \"FAILED\"", insights = true } }
    sampling_rules      = { payments = { priority = 100, fixed_rate = 0.5, reservoir_size = 5, url_path = "/payments*" } }
    writes_per_second   = 10
  }

  assert {
    condition = jsondecode(aws_s3_object.settings.content).services.orders == {
      checks     = { api-latency = { enabled = null, role = null, threshold = 2000, minimum = null, period_seconds = null, evaluation_periods = null, datapoints = null, treat_missing_data = null } }
      heartbeats = { orders-nightly = 1500 }
      metrics    = { bookings = { namespace = "Shop", metric = "BookingFailed", dimensions = { service = "confirm" }, statistic = "Sum", role = "symptom", threshold = 1, comparison = "GreaterThanOrEqualToThreshold", period_seconds = 60, evaluation_periods = 3, datapoints = 1, treat_missing_data = "notBreaching" } }
      resources  = ["arn:aws:states:eu-central-1:111122223333:stateMachine:orders"]
      severity   = "warning"
      tags       = { service = "orders" }
    }
    error_message = "The function's settings have the whole service."
  }
  assert {
    condition     = jsondecode(aws_s3_object.settings.content).stack == null && jsondecode(aws_s3_object.settings.content).actions.critical == ["arn:aws:sns:eu-central-1:111122223333:pager"]
    error_message = "Without the stack's services, and with another action."
  }
  assert {
    condition     = jsondecode(aws_s3_object.settings.content).windows == { deploy = { minutes = 30, services = null }, patching = { minutes = 120, services = ["orders"] } }
    error_message = "The function's settings have the windows."
  }
  assert {
    condition     = keys(module.window) == ["patching"] && module.window["patching"].resources.schedule.schedule_expression_timezone == "Europe/Berlin" && module.window["patching"].resources.schedule.target[0].input == "{\"window\":\"patching\"}"
    error_message = "A window with times has a schedule in its time zone; the other is begun by hand."
  }
  assert {
    condition     = one([for s in jsondecode(module.functions.resources.grants["reconcile"].policy).Statement : s.Condition if s.Sid == "BeginMaintenance"]) == { StringEquals = { "cloudwatch:namespace" = ["Switchyard"] } }
    error_message = "With windows, the function may publish metrics of one namespace."
  }
  assert {
    condition     = aws_xray_group.this["payments"].group_name == "test-payments" && aws_xray_group.this["payments"].insights_configuration[0].insights_enabled && aws_xray_sampling_rule.this["payments"].rule_name == "test-payments" && aws_xray_sampling_rule.this["payments"].fixed_rate == 0.5 && aws_xray_sampling_rule.this["payments"].resource_arn == "*"
    error_message = "Trace groups and sampling rules have the environment's prefix."
  }
}
