mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  package = "posture/finding_export"
  functions = {
    export = { name = "export", description = "Exports findings", handler = "posture.finding_export.export.handler" }
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
    source = "./modules/blocks/functions"
  }

  assert {
    condition     = aws_lambda_function.this["export"].function_name == "test-export" && output.functions.export.name == "test-export" && output.functions.export.arn == "arn:aws:lambda:eu-central-1:111122223333:function:test-export"
    error_message = "Name and ARN are derived from prefix and name, and known at plan time."
  }
  assert {
    condition     = output.functions.export.invoke_arn == "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:test-export/invocations"
    error_message = "invoke_arn has the form that API Gateway requires."
  }
  assert {
    condition     = aws_lambda_function.this["export"].runtime == "python3.13" && aws_lambda_function.this["export"].architectures == tolist(["arm64"])
    error_message = "Functions run Python 3.13 on arm64."
  }
  assert {
    condition     = aws_s3_object.package[0].source == ".switchyard/fixtures/posture/finding_export.zip" && aws_s3_object.package[0].key == "export-${filesha256(".switchyard/fixtures/posture/finding_export.zip")}.zip" && aws_lambda_function.this["export"].source_code_hash == filebase64sha256(".switchyard/fixtures/posture/finding_export.zip")
    error_message = "The package's hash decides whether it is uploaded and deployed."
  }
  assert {
    condition     = aws_lambda_function.this["export"].s3_bucket == "test-packages-111122223333-eu-central-1" && aws_lambda_function.this["export"].s3_key == aws_s3_object.package[0].key && aws_s3_object.package[0].bucket == "test-packages-111122223333-eu-central-1" && aws_lambda_function.this["export"].s3_object_version == null
    error_message = "The function's code is its object in the package bucket, by its key alone."
  }
  assert {
    condition     = aws_s3_object.package[0].server_side_encryption == "aws:kms" && aws_s3_object.package[0].kms_key_id == var.context.kms_key_arn && aws_s3_object.package[0].tags == null
    error_message = "The package is encrypted with the stack's key, and has no tags: an object can have at most 10."
  }
  assert {
    condition     = aws_lambda_function.this["export"].layers == tolist(["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"])
    error_message = "The common layer is attached."
  }
  assert {
    condition     = aws_lambda_function.this["export"].kms_key_arn == var.context.kms_key_arn
    error_message = "The environment is encrypted with the stack's key."
  }
  assert {
    condition     = aws_lambda_function.this["export"].tracing_config[0].mode == "Active"
    error_message = "Tracing is on."
  }
  assert {
    condition     = aws_lambda_function.this["export"].reserved_concurrent_executions == null || aws_lambda_function.this["export"].reserved_concurrent_executions == -1
    error_message = "Without reserved_concurrency the function shares the account's pool."
  }
  assert {
    condition = aws_lambda_function.this["export"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "export"
    })
    error_message = "Powertools is configured."
  }
  assert {
    condition     = aws_lambda_function.this["export"].logging_config[0].log_format == "JSON" && aws_lambda_function.this["export"].logging_config[0].log_group == "/aws/lambda/test-export"
    error_message = "Logs are JSON, in the group named after the function."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this["export"].name == "/aws/lambda/test-export" && aws_cloudwatch_log_group.this["export"].retention_in_days == 365 && aws_cloudwatch_log_group.this["export"].kms_key_id == var.context.kms_key_arn
    error_message = "The log group has Lambda's own name, a retention and the stack's key."
  }
  assert {
    condition     = aws_iam_role.this["export"].name == "test-export-function-eu-central-1" && aws_iam_role.this["export"].permissions_boundary == null
    error_message = "The role's name is different in each environment and Region."
  }
  assert {
    condition = jsondecode(aws_iam_role.this["export"].assume_role_policy).Statement == [{
      Sid = "AssumedByLambda", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" }
    }]
    error_message = "Only Lambda assumes the role."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.runtime["export"].policy).Statement == [
      {
        Sid      = "WriteOwnLogs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/test-export:*"
      },
      { Sid = "WriteTraces", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = "*" },
      { Sid = "KeepFailedCalls", Effect = "Allow", Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-export-dlq" },
      {
        Sid       = "UseKeyThroughServices", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.context.kms_key_arn,
        Condition = { StringLike = { "kms:ViaService" = ["sqs.eu-central-1.*"] } }
      },
    ]
    error_message = "The runtime may write its logs and traces and keep failed calls, and nothing else."
  }
  assert {
    condition     = length(aws_iam_role_policy.grants) == 0
    error_message = "Without policy_statements the code has no permissions."
  }
  assert {
    condition     = output.functions.export.dead_letter_queue_arn == "arn:aws:sqs:eu-central-1:111122223333:test-export-dlq" && aws_lambda_function_event_invoke_config.this["export"].destination_config[0].on_failure[0].destination == output.functions.export.dead_letter_queue_arn
    error_message = "Failed asynchronous calls go to the dead-letter queue that the role may send to."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter["export"].name == "test-export-dlq" && aws_sqs_queue.dead_letter["export"].kms_master_key_id == var.context.kms_key_arn && aws_sqs_queue.dead_letter["export"].message_retention_seconds == 1209600 && aws_sqs_queue.dead_letter["export"].tags == tomap(var.context.tags)
    error_message = "Failed calls are encrypted with the stack's key, kept for 14 days, and tagged."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.dead_letter["export"].policy).Statement == [{
      Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = output.functions.export.dead_letter_queue_arn,
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "The queue's policy grants nothing, and denies requests without TLS."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["export/dlq-depth"].threshold == 1 &&
      aws_cloudwatch_metric_alarm.this["export/dlq-depth"].namespace == "AWS/SQS" &&
      aws_cloudwatch_metric_alarm.this["export/dlq-depth"].metric_name == "ApproximateNumberOfMessagesVisible" &&
      aws_cloudwatch_metric_alarm.this["export/dlq-depth"].statistic == "Maximum" &&
      aws_cloudwatch_metric_alarm.this["export/dlq-depth"].dimensions == tomap({ QueueName = "test-export-dlq" }) &&
      aws_cloudwatch_metric_alarm.this["export/dlq-depth"].alarm_actions == toset([var.context.alarm_topic_arn]) &&
      aws_cloudwatch_metric_alarm.this["export/dlq-depth"].tags == tomap(var.context.tags)
    )
    error_message = "The first failed call raises an alarm."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.this["export"].maximum_retry_attempts == 2 && aws_lambda_function_event_invoke_config.this["export"].maximum_event_age_in_seconds == 21600
    error_message = "Asynchronous calls are retried as Lambda does by default."
  }
  assert {
    condition     = length(aws_lambda_permission.invoker) == 0
    error_message = "No other principal may call the function unless it is named."
  }
  assert {
    condition = alltrue([
      for metric in ["Errors", "Throttles"] :
      aws_cloudwatch_metric_alarm.this["export/${lower(metric)}"].metric_name == metric &&
      aws_cloudwatch_metric_alarm.this["export/${lower(metric)}"].namespace == "AWS/Lambda" &&
      aws_cloudwatch_metric_alarm.this["export/${lower(metric)}"].dimensions == tomap({ FunctionName = "test-export" }) &&
      aws_cloudwatch_metric_alarm.this["export/${lower(metric)}"].threshold == 1 &&
      aws_cloudwatch_metric_alarm.this["export/${lower(metric)}"].alarm_actions == toset([var.context.alarm_topic_arn]) &&
      aws_cloudwatch_metric_alarm.this["export/${lower(metric)}"].ok_actions == toset([var.context.alarm_topic_arn])
    ])
    error_message = "Errors and throttles raise alarms on the topic."
  }
  assert {
    condition     = toset(output.alarm_names) == toset(["test-export-errors", "test-export-throttles", "test-export-dlq-depth"])
    error_message = "The output names all alarms, including that of the dead-letter queue."
  }
  assert {
    condition     = alltrue([for t in [aws_lambda_function.this["export"].tags, aws_iam_role.this["export"].tags, aws_cloudwatch_log_group.this["export"].tags, aws_cloudwatch_metric_alarm.this["export/errors"].tags] : t == tomap({ stack = "test" })])
    error_message = "Everything carries the stack's tags."
  }
}

run "grants" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    functions = {
      export = {
        name         = "export"
        description  = "Exports findings"
        handler      = "posture.finding_export.export.handler"
        key_services = ["s3", "dynamodb"]
        policy_statements = [
          { sid = "ReadReports", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::reports/*"] },
          {
            sid        = "NeverUntagged", actions = ["s3:*"], resources = ["arn:aws:s3:::reports/*"], effect = "Deny",
            conditions = { Null = { "aws:PrincipalTag/team" = ["true"] } }
          },
        ]
      }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.grants["export"].policy).Statement == [
      { Sid = "ReadReports", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::reports/*"] },
      {
        Sid       = "NeverUntagged", Effect = "Deny", Action = ["s3:*"], Resource = ["arn:aws:s3:::reports/*"],
        Condition = { Null = { "aws:PrincipalTag/team" = ["true"] } }
      },
    ]
    error_message = "Statements reach the role unchanged."
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.runtime["export"].policy).Statement : s.Condition if s.Sid == "UseKeyThroughServices"] == [
      { StringLike = { "kms:ViaService" = ["dynamodb.eu-central-1.*", "s3.eu-central-1.*", "sqs.eu-central-1.*"] } }
    ]
    error_message = "The role may use the key only through the named services and the dead-letter queue."
  }
}

run "synchronous" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    functions = {
      export = {
        name              = "export"
        description       = "Exports findings"
        handler           = "posture.finding_export.export.handler"
        dead_letter_queue = false
      }
    }
  }

  assert {
    condition     = output.functions.export.dead_letter_queue_arn == null && output.functions.export.dead_letter_queue_url == null && length(aws_lambda_function_event_invoke_config.this) == 0
    error_message = "A function called synchronously needs no dead-letter queue."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.runtime["export"].policy).Statement[*].Sid == ["WriteOwnLogs", "WriteTraces"]
    error_message = "Without a queue and services the role may use neither a queue nor the key."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    functions = {
      export = {
        name                 = "export"
        description          = "Exports findings"
        handler              = "posture.finding_export.export.handler"
        memory_size          = 1024
        timeout              = 900
        reserved_concurrency = 5
        environment          = { POWERTOOLS_LOG_LEVEL = "DEBUG", BUCKET = "reports" }
        layer_arns           = ["arn:aws:lambda:eu-central-1:111122223333:layer:pdf:3"]
        alarms               = { errors = 5 }
        invokers = {
          Uploads = { principal = "s3.amazonaws.com", source_arn = "arn:aws:s3:::uploads" }
          Topic   = { principal = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-central-1:111122223333:topic" }
          Rule    = { principal = "config.amazonaws.com" }
        }
      }
    }
  }

  assert {
    condition     = aws_lambda_function.this["export"].reserved_concurrent_executions == 5 && aws_lambda_function.this["export"].memory_size == 1024 && aws_lambda_function.this["export"].timeout == 900
    error_message = "Size and concurrency are as given."
  }
  assert {
    condition     = aws_lambda_function.this["export"].environment[0].variables["POWERTOOLS_LOG_LEVEL"] == "DEBUG" && aws_lambda_function.this["export"].environment[0].variables["BUCKET"] == "reports"
    error_message = "The given variables are set, and override the defaults."
  }
  assert {
    condition     = length(aws_lambda_function.this["export"].layers) == 2
    error_message = "Additional layers follow the common one."
  }
  assert {
    condition     = aws_lambda_permission.invoker["export/Uploads"].source_account == "111122223333" && aws_lambda_permission.invoker["export/Uploads"].source_arn == "arn:aws:s3:::uploads"
    error_message = "An invoking bucket is limited to the account that owns it."
  }
  assert {
    condition     = aws_lambda_permission.invoker["export/Topic"].source_account == null && aws_lambda_permission.invoker["export/Topic"].source_arn == "arn:aws:sns:eu-central-1:111122223333:topic"
    error_message = "An invoker is limited to one resource."
  }
  assert {
    condition     = aws_lambda_permission.invoker["export/Rule"].source_account == "111122223333" && aws_lambda_permission.invoker["export/Rule"].source_arn == null
    error_message = "AWS Config is limited to the account."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["export/errors"].threshold == 5 && aws_cloudwatch_metric_alarm.this["export/throttles"].threshold == 1
    error_message = "Thresholds are as given."
  }
}

run "long_role_name" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    functions = {
      export = { name = "a-name-that-together-with-its-region-exceeds-64", description = "Exports findings", handler = "posture.finding_export.export.handler" }
    }
  }

  assert {
    condition     = length(aws_iam_role.this["export"].name) == 64 && endswith(aws_iam_role.this["export"].name, substr(sha256("test-a-name-that-together-with-its-region-exceeds-64-function-eu-central-1"), 0, 6))
    error_message = "A role name that is too long is cut, and a hash keeps it unique."
  }
  assert {
    condition     = output.functions.export.role_name == aws_iam_role.this["export"].name && output.functions.export.role_arn == "arn:aws:iam::111122223333:role/${aws_iam_role.this["export"].name}"
    error_message = "Outputs have the role's real name."
  }
}

run "permissions_boundary" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    context = {
      name_prefix              = "test"
      partition                = "aws-us-gov"
      account_id               = "111122223333"
      region                   = "us-gov-west-1"
      kms_key_arn              = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn          = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:test-alarms"
      access_log_bucket        = "test-access-logs-111122223333-us-gov-west-1"
      package_bucket           = "test-packages-111122223333-us-gov-west-1"
      log_retention_days       = 365
      layer_arns               = []
      permissions_boundary_arn = "arn:aws-us-gov:iam::111122223333:policy/boundary"
      build_dir                = ".switchyard/fixtures"
      tags                     = {}
    }
  }

  assert {
    condition     = aws_iam_role.this["export"].permissions_boundary == "arn:aws-us-gov:iam::111122223333:policy/boundary"
    error_message = "The role has the permissions boundary."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.runtime["export"].policy, "arn:aws:") && strcontains(aws_iam_role_policy.runtime["export"].policy, "arn:aws-us-gov:logs:us-gov-west-1:")
    error_message = "ARNs have the right partition and Region."
  }
}

run "missing_package" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    package = "posture/never_built"
  }

  expect_failures = [aws_s3_object.package]
}

run "several" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    functions = {
      reader = {
        name              = "export-reader"
        description       = "Reads"
        handler           = "posture.finding_export.export.handler"
        dead_letter_queue = false
        policy_statements = [{ sid = "Read", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::reports/*"] }]
        invokers          = { Topic = { principal = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-central-1:111122223333:topic" } }
      }
      writer = {
        name              = "export-another"
        description       = "Writes"
        handler           = "posture.finding_export.continuous.handler"
        policy_statements = [{ sid = "Write", actions = ["s3:PutObject"], resources = ["arn:aws:s3:::reports/*"] }]
        invokers          = { Topic = { principal = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-central-1:111122223333:topic" } }
      }
    }
    metric_alarms = {
      export-refused = {
        description = "1 or more reports were refused"
        metric      = "ReportsRefused"
        dimensions  = { service = "export-another" }
      }
      export-late = {
        description        = "Reports are late"
        namespace          = "AWS/Lambda"
        metric             = "IteratorAge"
        dimensions         = { FunctionName = "test-export-another" }
        statistic          = "Maximum"
        threshold          = 1000
        treat_missing_data = "ignore"
      }
    }
  }

  assert {
    condition     = { for key, f in aws_lambda_function.this : key => f.function_name } == { reader = "test-export-reader", writer = "test-export-another" } && { for key, f in output.functions : key => f.name } == { reader = "test-export-reader", writer = "test-export-another" }
    error_message = "Each function has its own name."
  }
  assert {
    condition     = length(aws_s3_object.package) == 1 && startswith(aws_s3_object.package[0].key, "export-another-") && alltrue([for f in aws_lambda_function.this : f.s3_key == aws_s3_object.package[0].key])
    error_message = "They share one object, which no other call of the module uses."
  }
  assert {
    condition     = { for key, g in aws_iam_role_policy.grants : key => jsondecode(g.policy).Statement[*].Sid } == { reader = ["Read"], writer = ["Write"] } && { for key, r in aws_iam_role.this : key => r.name } == { reader = "test-export-reader-function-eu-central-1", writer = "test-export-another-function-eu-central-1" }
    error_message = "Each function has only its own permissions."
  }
  assert {
    condition     = keys(aws_sqs_queue.dead_letter) == ["writer"] && keys(aws_lambda_function_event_invoke_config.this) == ["writer"] && output.functions.reader.dead_letter_queue_arn == null
    error_message = "Only the function that is called asynchronously has a dead-letter queue."
  }
  assert {
    condition     = { for key, permission in aws_lambda_permission.invoker : key => permission.statement_id } == { "reader/Topic" = "Topic", "writer/Topic" = "Topic" }
    error_message = "Each function has its own permission for the invoker."
  }
  assert {
    condition = { for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name => [alarm.namespace, alarm.metric_name, alarm.statistic, tostring(alarm.threshold), alarm.treat_missing_data] } == {
      test-export-another-dlq-depth = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "1", "notBreaching"]
      test-export-another-errors    = ["AWS/Lambda", "Errors", "Sum", "1", "notBreaching"]
      test-export-another-throttles = ["AWS/Lambda", "Throttles", "Sum", "1", "notBreaching"]
      test-export-late              = ["AWS/Lambda", "IteratorAge", "Maximum", "1000", "ignore"]
      test-export-reader-errors     = ["AWS/Lambda", "Errors", "Sum", "1", "notBreaching"]
      test-export-reader-throttles  = ["AWS/Lambda", "Throttles", "Sum", "1", "notBreaching"]
      test-export-refused           = ["Switchyard", "ReportsRefused", "Sum", "1", "notBreaching"]
    }
    error_message = "Alarms of the functions, of the queue, and on metrics of the capability's own."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.context.alarm_topic_arn]) && alarm.ok_actions == toset([var.context.alarm_topic_arn]) && alarm.period == 300 && alarm.evaluation_periods == 1 && alarm.comparison_operator == "GreaterThanOrEqualToThreshold"]) && aws_cloudwatch_metric_alarm.this["export-refused"].dimensions == tomap({ service = "export-another" })
    error_message = "All alarms notify the topic."
  }
  assert {
    condition     = toset(output.alarm_names) == toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
    error_message = "The output names all alarms."
  }
}

run "none" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    functions = {}
  }

  assert {
    condition     = length(aws_s3_object.package) == 0 && output.functions == {} && output.alarm_names == []
    error_message = "Without functions nothing is created."
  }
}
