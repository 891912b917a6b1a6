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
    source = "./modules/operations/function_profiling"
  }

  variables {
    functions = { orders = { function_name = "shop-orders", runtime = "python3.12" } }
  }

  assert {
    condition = (
      aws_codeguruprofiler_profiling_group.this["orders"].name == "test-orders"
      && aws_codeguruprofiler_profiling_group.this["orders"].compute_platform == "AWSLambda"
      && aws_codeguruprofiler_profiling_group.this["orders"].agent_orchestration_config[0].profiling_enabled
      && aws_codeguruprofiler_profiling_group.this["orders"].tags == tomap({ stack = "test" })
    )
    error_message = "A group for functions is created, with profiling on."
  }
  assert {
    condition = jsonencode(output.wiring.orders) == jsonencode({
      group_arn   = "arn:aws:codeguru-profiler:eu-central-1:111122223333:profilingGroup/test-orders"
      layer_arns  = []
      environment = { AWS_CODEGURU_PROFILER_GROUP_ARN = "arn:aws:codeguru-profiler:eu-central-1:111122223333:profilingGroup/test-orders" }
      policy_statements = [{
        sid       = "SendProfiles"
        actions   = ["codeguru-profiler:ConfigureAgent", "codeguru-profiler:PostAgentProfile"]
        resources = ["arn:aws:codeguru-profiler:eu-central-1:111122223333:profilingGroup/test-orders"]
      }]
      policy_json = jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid      = "SendProfiles"
          Effect   = "Allow"
          Action   = ["codeguru-profiler:ConfigureAgent", "codeguru-profiler:PostAgentProfile"]
          Resource = ["arn:aws:codeguru-profiler:eu-central-1:111122223333:profilingGroup/test-orders"]
        }]
      })
    })
    error_message = "The wiring has the variables of the agent and two permissions on one group."
  }
  assert {
    condition     = length(aws_iam_role_policy.agent) == 0
    error_message = "No role is changed unless it is named."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["review"].policy).Statement == [
      { Sid = "SeeGroups", Effect = "Allow", Action = ["codeguru-profiler:DescribeProfilingGroup"], Resource = ["arn:aws:codeguru-profiler:eu-central-1:111122223333:profilingGroup/test-orders"] },
      { Sid = "ReadRecommendations", Effect = "Allow", Action = ["codeguru-profiler:GetRecommendations"], Resource = ["arn:aws:codeguru-profiler:eu-central-1:111122223333:profilingGroup/test-orders"] },
      { Sid = "TellMissingFromDenied", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-profiling-111122223333-eu-central-1"] },
      { Sid = "ReadReport", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-profiling-111122223333-eu-central-1/report.json"] },
      { Sid = "WriteReport", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-profiling-111122223333-eu-central-1/report.json"] },
      { Sid = "SendNotices", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-function-profiling"] },
    ]
    error_message = "The function reads its groups, and reads and writes one object."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.runtime_policies["review"].policy).Statement : s.Condition.StringLike["kms:ViaService"] if s.Sid == "UseKeyThroughServices"] == [["s3.eu-central-1.*", "sns.eu-central-1.*", "sqs.eu-central-1.*"]]
    error_message = "The stack's key serves the report, the topic and the dead-letter queue."
  }
  assert {
    condition = module.functions.resources.functions["review"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "function-profiling"
      GROUPS                       = jsonencode({ orders = { function = "shop-orders", group = "test-orders" } })
      BUCKET                       = "test-profiling-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      TOPIC_ARN                    = "arn:aws:sns:eu-central-1:111122223333:test-function-profiling"
      SILENT_DAYS                  = "3"
      WINDOW_DAYS                  = "7"
    })
    error_message = "The function's settings name its groups."
  }
  assert {
    condition = (
      jsondecode(module.rule.resources.rule.event_pattern) == { source = ["aws.codeguru-profiler"], "detail-type" = ["CodeGuru Profiler Recommendations State Change"] }
      && module.schedule.resources.schedule.schedule_expression == "cron(0 6 * * ? *)"
    )
    error_message = "The service's events and a schedule start the review."
  }
  assert {
    condition     = module.functions.resources.alarms["function-profiling-unread"].metric_name == "GroupsUnread" && module.functions.resources.alarms["function-profiling-unread"].dimensions == tomap({ service = "function-profiling" })
    error_message = "A group that could not be read raises an alarm."
  }
  assert {
    condition     = !module.bucket.resources.bucket.force_destroy && module.functions.resources.functions["review"].handler == "operations.function_profiling.review.handler"
    error_message = "terraform destroy keeps the reports; the function runs this capability's handler."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/operations/function_profiling"
  }

  variables {
    functions = {
      orders   = { function_name = "shop-orders", runtime = "python3.9", agent = "layer", role_name = "shop-orders", enabled = false }
      invoices = { function_name = "invoices", runtime = "python3.13", architecture = "x86_64" }
    }
    service_regions            = ["eu-central-1"]
    layer_arn                  = "arn:aws:lambda:eu-central-1:157417159150:layer:AWSCodeGuruProfilerPythonAgentLambdaLayer:12"
    review_schedule_expression = "rate(12 hours)"
    silent_days                = 14
    window_days                = 30
    history_days               = 7
    force_destroy              = true
    notification_emails        = ["developers@example.com"]
  }

  assert {
    condition = (
      aws_iam_role_policy.agent["orders"].role == "shop-orders" && aws_iam_role_policy.agent["orders"].policy == output.wiring.orders.policy_json
      && keys(aws_iam_role_policy.agent) == ["orders"]
    )
    error_message = "The named role gets the permissions."
  }
  assert {
    condition = (
      output.wiring.orders.layer_arns == tolist(["arn:aws:lambda:eu-central-1:157417159150:layer:AWSCodeGuruProfilerPythonAgentLambdaLayer:12"])
      && output.wiring.orders.environment.AWS_LAMBDA_EXEC_WRAPPER == "/opt/codeguru_profiler_lambda_exec"
      && length(output.wiring.invoices.layer_arns) == 0
    )
    error_message = "The layer and its wrapper are for functions that ask for them."
  }
  assert {
    condition     = !aws_codeguruprofiler_profiling_group.this["orders"].agent_orchestration_config[0].profiling_enabled && output.group_names == { invoices = "test-invoices", orders = "test-orders" }
    error_message = "A disabled function keeps its group."
  }
  assert {
    condition     = module.schedule.resources.schedule.schedule_expression == "rate(12 hours)" && module.bucket.resources.bucket.force_destroy && module.functions.resources.functions["review"].environment[0].variables["WINDOW_DAYS"] == "30"
    error_message = "The other settings arrive."
  }
}

run "documented_layer" {
  command = plan

  module {
    source = "./modules/operations/function_profiling"
  }

  variables {
    functions = { orders = { function_name = "orders", runtime = "python3.9", agent = "layer" } }
  }

  assert {
    condition     = output.wiring.orders.layer_arns == tolist(["arn:aws:lambda:eu-central-1:157417159150:layer:AWSCodeGuruProfilerPythonAgentLambdaLayer:11"])
    error_message = "The layer is the version that AWS documents."
  }
}
