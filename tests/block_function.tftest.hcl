mock_provider "aws" {}

variables {
  context = {
    name_prefix        = "test"
    partition          = "aws"
    account_id         = "111122223333"
    region             = "eu-central-1"
    kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    alarm_topic_arn    = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    access_log_bucket  = "test-access-logs-111122223333-eu-central-1"
    package_bucket     = "test-packages-111122223333-eu-central-1"
    log_retention_days = 365
    layer_arns         = ["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"]
    build_dir          = "tests/fixtures/build"
    tags               = { stack = "test" }
  }
  name        = "export"
  description = "Exports findings"
  package     = "posture/finding_export"
  handler     = "posture.finding_export.export.handler"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/function"
  }

  assert {
    condition     = aws_lambda_function.this.function_name == "test-export" && output.name == "test-export" && output.arn == "arn:aws:lambda:eu-central-1:111122223333:function:test-export"
    error_message = "Name and ARN follow from prefix and name, and are known at plan time."
  }
  assert {
    condition     = output.invoke_arn == "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:test-export/invocations"
    error_message = "invoke_arn is what API Gateway takes."
  }
  assert {
    condition     = aws_lambda_function.this.runtime == "python3.13" && aws_lambda_function.this.architectures == tolist(["arm64"])
    error_message = "Functions run Python 3.13 on arm64."
  }
  assert {
    condition     = aws_s3_object.package.source == "tests/fixtures/build/posture/finding_export.zip" && aws_s3_object.package.source_hash == filebase64sha256("tests/fixtures/build/posture/finding_export.zip") && aws_lambda_function.this.source_code_hash == aws_s3_object.package.source_hash
    error_message = "The package's hash decides about upload and deployment."
  }
  assert {
    condition     = aws_lambda_function.this.s3_bucket == "test-packages-111122223333-eu-central-1" && aws_lambda_function.this.s3_key == "export.zip" && aws_s3_object.package.bucket == "test-packages-111122223333-eu-central-1"
    error_message = "The function is made from its object in the package bucket."
  }
  assert {
    condition     = aws_s3_object.package.server_side_encryption == "aws:kms" && aws_s3_object.package.kms_key_id == var.context.kms_key_arn && aws_s3_object.package.tags == null
    error_message = "The package is encrypted with the stack's key, and has no tags: an object takes no more than 10."
  }
  assert {
    condition     = aws_lambda_function.this.layers == tolist(["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"])
    error_message = "The common layer is attached."
  }
  assert {
    condition     = aws_lambda_function.this.kms_key_arn == var.context.kms_key_arn
    error_message = "The environment is encrypted with the stack's key."
  }
  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Tracing is on."
  }
  assert {
    condition     = length(aws_lambda_function.this.vpc_config) == 0
    error_message = "Without vpc there is none."
  }
  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == null || aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "Without reserved_concurrency the function shares the account's pool."
  }
  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "export"
    })
    error_message = "Powertools is configured."
  }
  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_format == "JSON" && aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/test-export"
    error_message = "Logs are JSON, in the group named after the function."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/test-export" && aws_cloudwatch_log_group.this.retention_in_days == 365 && aws_cloudwatch_log_group.this.kms_key_id == var.context.kms_key_arn
    error_message = "The log group has Lambda's own name, a retention and the stack's key."
  }
  assert {
    condition     = aws_iam_role.this.name == "test-export-function-eu-central-1" && aws_iam_role.this.permissions_boundary == null
    error_message = "The role's name tells environments and Regions apart."
  }
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid = "AssumedByLambda", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" }
    }]
    error_message = "Only Lambda assumes the role."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.runtime.policy).Statement == [
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
    error_message = "Without policy_statements the code may do nothing."
  }
  assert {
    condition     = output.dead_letter_queue_arn == "arn:aws:sqs:eu-central-1:111122223333:test-export-dlq" && aws_lambda_function_event_invoke_config.this[0].destination_config[0].on_failure[0].destination == output.dead_letter_queue_arn
    error_message = "Failed asynchronous calls go to the dead-letter queue that the role may send to."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.this[0].maximum_retry_attempts == 2 && aws_lambda_function_event_invoke_config.this[0].maximum_event_age_in_seconds == 21600
    error_message = "Asynchronous calls are retried as Lambda does by default."
  }
  assert {
    condition     = length(aws_lambda_permission.invoker) == 0
    error_message = "Nobody may call the function unless named."
  }
  assert {
    condition = alltrue([
      for metric in ["Errors", "Throttles"] :
      aws_cloudwatch_metric_alarm.this[metric].metric_name == metric &&
      aws_cloudwatch_metric_alarm.this[metric].namespace == "AWS/Lambda" &&
      aws_cloudwatch_metric_alarm.this[metric].dimensions == tomap({ FunctionName = "test-export" }) &&
      aws_cloudwatch_metric_alarm.this[metric].threshold == 1 &&
      aws_cloudwatch_metric_alarm.this[metric].alarm_actions == toset([var.context.alarm_topic_arn]) &&
      aws_cloudwatch_metric_alarm.this[metric].ok_actions == toset([var.context.alarm_topic_arn])
    ])
    error_message = "Errors and throttles raise alarms on the topic."
  }
  assert {
    condition     = toset(output.alarm_names) == toset(["test-export-errors", "test-export-throttles", "test-export-dlq-depth"])
    error_message = "The alarms, that of the dead-letter queue included, are named."
  }
  assert {
    condition     = alltrue([for t in [aws_lambda_function.this.tags, aws_iam_role.this.tags, aws_cloudwatch_log_group.this.tags, aws_cloudwatch_metric_alarm.this["Errors"].tags] : t == tomap({ stack = "test" })])
    error_message = "Everything carries the stack's tags."
  }
}

run "grants" {
  command = plan

  module {
    source = "./modules/blocks/function"
  }

  variables {
    key_services = ["s3", "dynamodb"]
    policy_statements = [
      { sid = "ReadReports", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::reports/*"] },
      {
        sid        = "NeverUntagged", actions = ["s3:*"], resources = ["arn:aws:s3:::reports/*"], effect = "Deny",
        conditions = { Null = { "aws:PrincipalTag/team" = ["true"] } }
      },
    ]
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.grants[0].policy).Statement == [
      { Sid = "ReadReports", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::reports/*"] },
      {
        Sid       = "NeverUntagged", Effect = "Deny", Action = ["s3:*"], Resource = ["arn:aws:s3:::reports/*"],
        Condition = { Null = { "aws:PrincipalTag/team" = ["true"] } }
      },
    ]
    error_message = "Statements reach the role as written."
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.runtime.policy).Statement : s.Condition if s.Sid == "UseKeyThroughServices"] == [
      { StringLike = { "kms:ViaService" = ["dynamodb.eu-central-1.*", "s3.eu-central-1.*", "sqs.eu-central-1.*"] } }
    ]
    error_message = "The key serves the named services and the dead-letter queue only."
  }
}

run "synchronous" {
  command = plan

  module {
    source = "./modules/blocks/function"
  }

  variables {
    dead_letter_queue = false
  }

  assert {
    condition     = output.dead_letter_queue_arn == null && output.dead_letter_queue_url == null && length(aws_lambda_function_event_invoke_config.this) == 0
    error_message = "A function called synchronously needs no dead-letter queue."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.runtime.policy).Statement[*].Sid == ["WriteOwnLogs", "WriteTraces"]
    error_message = "Without queue and services the role may use neither queue nor key."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/blocks/function"
  }

  variables {
    architecture                 = "x86_64"
    memory_size                  = 1024
    timeout                      = 900
    reserved_concurrency         = 5
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 60
    environment                  = { POWERTOOLS_LOG_LEVEL = "DEBUG", BUCKET = "reports" }
    layer_arns                   = ["arn:aws:lambda:eu-central-1:111122223333:layer:pdf:3"]
    alarms                       = { errors = 5 }
    vpc                          = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    invokers = {
      Uploads = { principal = "s3.amazonaws.com", source_arn = "arn:aws:s3:::uploads" }
      Topic   = { principal = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-central-1:111122223333:topic" }
      Rule    = { principal = "config.amazonaws.com" }
    }
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 5 && aws_lambda_function.this.memory_size == 1024 && aws_lambda_function.this.timeout == 900 && aws_lambda_function.this.architectures == tolist(["x86_64"])
    error_message = "Size and concurrency are as given."
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables["POWERTOOLS_LOG_LEVEL"] == "DEBUG" && aws_lambda_function.this.environment[0].variables["BUCKET"] == "reports"
    error_message = "The author's variables are set, and win over the defaults."
  }
  assert {
    condition     = length(aws_lambda_function.this.layers) == 2
    error_message = "Further layers follow the common one."
  }
  assert {
    condition     = aws_lambda_function.this.vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) && aws_lambda_function.this.vpc_config[0].security_group_ids == toset(["sg-1"])
    error_message = "The function runs in the VPC."
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.runtime.policy).Statement : { Effect = s.Effect, Condition = try(s.Condition, null) } if contains(["AttachToVpc", "KeepCodeFromNetworkInterfaces"], s.Sid)] == [
      { Effect = "Allow", Condition = null },
      { Effect = "Deny", Condition = { ArnEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:eu-central-1:111122223333:function:test-export" } } },
    ]
    error_message = "Lambda may make network interfaces, the function's code may not."
  }
  assert {
    condition     = aws_lambda_permission.invoker["Uploads"].source_account == "111122223333" && aws_lambda_permission.invoker["Uploads"].source_arn == "arn:aws:s3:::uploads"
    error_message = "A bucket is named with the account that owns it."
  }
  assert {
    condition     = aws_lambda_permission.invoker["Topic"].source_account == null && aws_lambda_permission.invoker["Topic"].source_arn == "arn:aws:sns:eu-central-1:111122223333:topic"
    error_message = "An invoker is bound to one resource."
  }
  assert {
    condition     = aws_lambda_permission.invoker["Rule"].source_account == "111122223333" && aws_lambda_permission.invoker["Rule"].source_arn == null
    error_message = "AWS Config is bound to the account."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["Errors"].threshold == 5 && aws_cloudwatch_metric_alarm.this["Throttles"].threshold == 1
    error_message = "Thresholds are as given."
  }
}

run "long_role_name" {
  command = plan

  module {
    source = "./modules/blocks/function"
  }

  variables {
    name = "a-name-that-together-with-its-region-exceeds-64"
  }

  assert {
    condition     = length(aws_iam_role.this.name) == 64 && endswith(aws_iam_role.this.name, substr(sha256("test-a-name-that-together-with-its-region-exceeds-64-function-eu-central-1"), 0, 6))
    error_message = "Too long a role name is cut and stays unique by its hash."
  }
  assert {
    condition     = output.role_name == aws_iam_role.this.name && output.role_arn == "arn:aws:iam::111122223333:role/${aws_iam_role.this.name}"
    error_message = "Outputs name the role as it is."
  }
}

run "permissions_boundary" {
  command = plan

  module {
    source = "./modules/blocks/function"
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
      build_dir                = "tests/fixtures/build"
      tags                     = {}
    }
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws-us-gov:iam::111122223333:policy/boundary"
    error_message = "The boundary bounds the role."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.runtime.policy, "arn:aws:") && strcontains(aws_iam_role_policy.runtime.policy, "arn:aws-us-gov:logs:us-gov-west-1:")
    error_message = "ARNs follow partition and Region."
  }
}

run "missing_package" {
  command = plan

  module {
    source = "./modules/blocks/function"
  }

  variables {
    package = "posture/never_built"
  }

  expect_failures = [aws_s3_object.package]
}

run "refuses_malformed_values" {
  command = plan

  module {
    source = "./tests/fixtures/variables/blocks/function"
  }

  variables {
    name                         = "Export"
    description                  = ""
    package                      = "posture/finding_export.zip"
    handler                      = "handler"
    policy_statements            = [{ sid = "S", actions = ["*"], resources = ["arn:aws:s3:::b/*"] }]
    key_services                 = ["s3.eu-central-1.amazonaws.com"]
    memory_size                  = 64
    timeout                      = 901
    architecture                 = "arm"
    reserved_concurrency         = -1
    maximum_retry_attempts       = 3
    maximum_event_age_in_seconds = 59
    layer_arns                   = ["a", "b", "c", "d", "e"]
    vpc                          = { subnet_ids = [], security_group_ids = ["sg-1"] }
    invokers                     = { All = { principal = "*", source_arn = "arn:aws:s3:::b" } }
    alarms                       = { errors = 0 }
  }

  expect_failures = [
    var.name,
    var.description,
    var.package,
    var.handler,
    var.policy_statements,
    var.key_services,
    var.memory_size,
    var.timeout,
    var.architecture,
    var.reserved_concurrency,
    var.maximum_retry_attempts,
    var.maximum_event_age_in_seconds,
    var.layer_arns,
    var.vpc,
    var.invokers,
    var.alarms,
  ]
}

run "refuses_malformed_values_2" {
  command = plan

  module {
    source = "./tests/fixtures/variables/blocks/function"
  }

  variables {
    name              = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
    policy_statements = [{ sid = "S", actions = ["s3:*"], resources = ["arn:aws:s3:::b/*"] }]
    invokers          = { Topic = { principal = "sns.amazonaws.com" } }
  }

  expect_failures = [
    var.name,
    var.policy_statements,
    var.invokers,
  ]
}

run "refuses_unknown_effect" {
  command = plan

  module {
    source = "./tests/fixtures/variables/blocks/function"
  }

  variables {
    policy_statements = [{ sid = "S", effect = "Permit", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/*"] }]
  }

  expect_failures = [var.policy_statements]
}

run "refuses_repeated_sid" {
  command = plan

  module {
    source = "./tests/fixtures/variables/blocks/function"
  }

  variables {
    policy_statements = [
      { sid = "S", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/*"] },
      { sid = "S", actions = ["s3:PutObject"], resources = ["arn:aws:s3:::b/*"] },
    ]
  }

  expect_failures = [var.policy_statements]
}

run "refuses_statement_without_resource" {
  command = plan

  module {
    source = "./tests/fixtures/variables/blocks/function"
  }

  variables {
    policy_statements = [{ sid = "S", actions = ["s3:GetObject"], resources = [] }]
  }

  expect_failures = [var.policy_statements]
}
