# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "function" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  assert {
    condition     = module.functions.resources.functions["export"].handler == "posture.finding_export.export.handler" && module.functions.resources.package.source == ".switchyard/fixtures/posture/finding_export.zip" && module.functions.resources.functions["export"].function_name == "test-finding-export"
    error_message = "The function runs this capability's handler."
  }

  assert {
    condition     = module.functions.resources.functions["export"].memory_size == 512 && module.functions.resources.functions["export"].timeout == 900
    error_message = "A chunk of 600 seconds has the longest time there is, and memory for two pages and an object."
  }

  assert {
    condition = module.functions.resources.functions["export"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "finding-export"
      BUCKET                       = "test-finding-export-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      PREFIX                       = "findings/"
      KMS_KEY_ARN                  = var.context.kms_key_arn
      COUNT_PARAMETER              = "/test/finding-export/count"
      LOCK_TABLE                   = "test-finding-export-lock"
      MAX_ITERATIONS               = "1000"
      MAX_RUNTIME_SECONDS          = "600"
      OBJECT_BYTES                 = "8388608"
      RATE_LIMIT                   = "3"
    })
    error_message = "Without variables: active findings, at the quota, in chunks of ten minutes and objects of 8 MiB."
  }

  assert {
    condition = jsondecode(module.functions.resources.grants["export"].policy).Statement == [
      { Sid = "WriteFindings", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-finding-export-111122223333-eu-central-1/findings/dt=*"] },
      {
        Sid       = "EncryptFindings", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.context.kms_key_arn],
        Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } }
      },
      { Sid = "ReadFindings", Effect = "Allow", Action = ["securityhub:GetFindings"], Resource = ["arn:aws:securityhub:eu-central-1:111122223333:hub/default"] },
      {
        Sid       = "ListOwnObjects", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-finding-export-111122223333-eu-central-1"],
        Condition = { StringLike = { "s3:prefix" = ["findings/dt=*"] } }
      },
      { Sid = "WriteManifests", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-finding-export-111122223333-eu-central-1/findings/runs/dt=*"] },
      { Sid = "RemoveSurplusObjects", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = ["arn:aws:s3:::test-finding-export-111122223333-eu-central-1/findings/dt=*"] },
      { Sid = "Count", Effect = "Allow", Action = ["ssm:PutParameter"], Resource = ["arn:aws:ssm:eu-central-1:111122223333:parameter/test/finding-export/count"] },
      { Sid = "Lock", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-finding-export-lock"] },
      { Sid = "SeeWhetherTheHolderRuns", Effect = "Allow", Action = ["states:DescribeExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:execution:test-finding-export:*"] },
    ]
    error_message = "The function may do these things, to these resources, and nothing else."
  }

  assert {
    condition = jsondecode(module.functions.resources.runtime_policies["export"].policy).Statement == [
      { Sid = "WriteOwnLogs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/test-finding-export:*" },
      { Sid = "WriteTraces", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = "*" },
      {
        Sid       = "UseKeyThroughServices", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.context.kms_key_arn,
        Condition = { StringLike = { "kms:ViaService" = ["dynamodb.eu-central-1.*"] } }
      },
    ]
    error_message = "The stack's key serves the lock table alone; findings are encrypted by the statement above."
  }

  assert {
    condition     = length(module.functions.resources.permissions) == 0 && !contains(keys(module.functions.resources.event_invoke_configs), "export")
    error_message = "Only roles of this account call the function, and they wait for its answer: no permission, no dead letters."
  }
}

run "state_machine" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  assert {
    condition     = module.state_machine.resources.state_machine.type == "STANDARD" && module.state_machine.resources.state_machine.name == "test-finding-export" && output.state_machine_arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:test-finding-export"
    error_message = "Runs of days need a Standard workflow."
  }

  assert {
    condition = jsondecode(module.state_machine.resources.grants.policy).Statement == [
      { Sid = "ExportChunk", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:test-finding-export"] },
      { Sid = "ContinueAsNew", Effect = "Allow", Action = ["states:StartExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:test-finding-export"] },
    ]
    error_message = "The states may call the function and go on as a new execution, and nothing else."
  }

  assert {
    condition     = jsondecode(module.state_machine.resources.state_machine.definition).QueryLanguage == "JSONata" && jsondecode(module.state_machine.resources.state_machine.definition).StartAt == "Export" && toset(keys(jsondecode(module.state_machine.resources.state_machine.definition).States)) == toset(["Export", "Finished", "ContinueAsNew", "Succeeded"])
    error_message = "Export, and again until finished or continued."
  }

  assert {
    condition = jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Arguments == {
      FunctionName = "arn:aws:lambda:eu-central-1:111122223333:function:test-finding-export"
      Payload = {
        execution = {
          arn           = "{% $states.context.Execution.Id %}"
          name          = "{% $states.context.Execution.Name %}"
          started_at    = "{% $states.context.Execution.StartTime %}"
          redrive_count = "{% $exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0 %}"
        }
        filters     = "{\"RecordState\":[{\"Comparison\":\"EQUALS\",\"Value\":\"ACTIVE\"}]}"
        retry_count = "{% $states.context.State.RetryCount %}"
        input       = "{% $states.context.Execution.Input %}"
        state       = "{% $exists($states.input.done) ? $states.input.state : null %}"
      }
    } && jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Resource == "arn:aws:states:::lambda:invoke" && jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Output == "{% $states.result.Payload %}"
    error_message = "The function gets the event that its docstring describes, and its answer goes on."
  }

  assert {
    condition = toset(jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Retry[0].ErrorEquals) == toset([
      "Throttled", "ServiceUnavailable",
      "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout", "Lambda.Unknown",
      "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException",
      "Lambda.TooManyRequestsException", "Lambda.ResourceNotReadyException",
    ]) && length(jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Retry) == 1
    error_message = "Retried is what a second try may cure: the Transient errors of errors.py, lost processes and Lambda's own troubles."
  }

  assert {
    condition     = length(setintersection(flatten(jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Retry[*].ErrorEquals), ["States.ALL", "States.TaskFailed", "InvalidFilter", "OverlappingRun", "ResumeNotPossible", "DestinationDenied", "DestinationMissing", "HubNotEnabled", "SettingsError"])) == 0 && !contains(keys(jsondecode(module.state_machine.resources.state_machine.definition).States.Export), "Catch")
    error_message = "What only a person can cure fails at once, with its own name and cause."
  }

  assert {
    condition = [for r in [jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Retry[0], jsondecode(module.state_machine.resources.state_machine.definition).States.ContinueAsNew.Retry[0]] : { for k, v in r : k => v if !contains(["ErrorEquals", "Comment"], k) }] == [
      for r in [1, 2] : { IntervalSeconds = 2, BackoffRate = 2, MaxDelaySeconds = 60, MaxAttempts = 8, JitterStrategy = "FULL" }
    ]
    error_message = "Retries back off, with jitter, and end."
  }

  assert {
    condition     = toset(jsondecode(module.state_machine.resources.state_machine.definition).States.ContinueAsNew.Retry[0].ErrorEquals) == toset(["States.TaskFailed", "States.Timeout"])
    error_message = "Whatever failed at the hand-over is tried again: under its fixed name, the next execution starts once."
  }
  assert {
    condition     = jsondecode(module.state_machine.resources.state_machine.definition).States.Export.TimeoutSeconds > module.functions.resources.functions["export"].timeout
    error_message = "The function's own time-out comes first: its error is the more telling."
  }

  assert {
    condition = jsondecode(module.state_machine.resources.state_machine.definition).States.Finished == {
      Type = "Choice"
      Choices = [
        { Condition = "{% $states.input.done %}", Next = "Succeeded" },
        { Condition = "{% $states.input.continue_as_new %}", Next = "ContinueAsNew" },
      ]
      Default = "Export"
    } && jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Next == "Finished"
    error_message = "Done ends, a long history goes on as new, anything else exports the next chunk."
  }

  assert {
    condition = jsondecode(module.state_machine.resources.state_machine.definition).States.ContinueAsNew.Resource == "arn:aws:states:::states:startExecution" && jsondecode(module.state_machine.resources.state_machine.definition).States.ContinueAsNew.End && jsondecode(module.state_machine.resources.state_machine.definition).States.ContinueAsNew.Arguments == {
      StateMachineArn = "arn:aws:states:eu-central-1:111122223333:stateMachine:test-finding-export"
      Name            = "{% $states.input.next_execution_name %}"
      Input           = { state = "{% $states.input.state %}" }
    }
    error_message = "The next execution of the same state machine gets the state, under a name that a retry meets again."
  }

  assert {
    condition = jsondecode(module.state_machine.resources.state_machine.definition).States.ContinueAsNew.Output == "{% {'continued_by': $states.result.ExecutionArn, 'exported': $states.input.exported, 'objects': $states.input.objects} %}" && jsondecode(module.state_machine.resources.state_machine.definition).States.Succeeded == {
      Type   = "Succeed"
      Output = "{% {'run_id': $states.input.state.run_id, 'exported': $states.input.exported, 'objects': $states.input.objects} %}"
    }
    error_message = "The output shows what was exported, and which execution goes on."
  }
}

run "outputs_and_resources" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  assert {
    condition     = length(module.continuous_queue) == 0 && length(module.continuous_rule) == 0 && keys(module.functions.functions) == ["export"] && length(aws_lambda_event_source_mapping.continuous) == 0 && length(module.schedule) == 0
    error_message = "Continuous export and schedule are off."
  }

  assert {
    condition     = output.bucket_name == "test-finding-export-111122223333-eu-central-1" && output.prefix == "findings/" && output.count_parameter_name == "/test/finding-export/count" && output.lock_table_name == "test-finding-export-lock" && output.topic_arn == "arn:aws:sns:eu-central-1:111122223333:test-finding-export-status"
    error_message = "Outputs name the parts."
  }

  assert {
    condition     = output.function_names == { export = "test-finding-export" } && output.role_arns == { export = "arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1" }
    error_message = "One function, one role."
  }

  assert {
    condition     = output.destination_bucket_policy == null && output.destination_key_policy == null
    error_message = "A bucket of the module's own needs no further policy."
  }

  assert {
    condition     = toset(output.alarm_names) == toset(["test-finding-export-errors", "test-finding-export-throttles", "test-finding-export-failed", "test-finding-export-timed-out", "test-finding-export-throttled", "test-finding-export-status-rule-dlq-depth"])
    error_message = "Failed, timed-out and throttled runs, function errors and lost notices raise alarms."
  }

  assert {
    condition = alltrue([
      for a in concat(values(module.state_machine.resources.alarms), values(module.functions.resources.alarms)) : a.alarm_actions == toset([var.context.alarm_topic_arn])
    ])
    error_message = "Alarms go to the stack's topic."
  }

  assert {
    condition     = aws_ssm_parameter.count.name == "/test/finding-export/count" && aws_ssm_parameter.count.type == "String" && aws_ssm_parameter.count.value == "0"
    error_message = "The counter begins at 0, readable without a key."
  }
}

run "notices" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  assert {
    condition = jsondecode(module.status_rule.resources.rule.event_pattern) == {
      source        = ["aws.states"]
      "detail-type" = ["Step Functions Execution Status Change"]
      detail = {
        stateMachineArn = ["arn:aws:states:eu-central-1:111122223333:stateMachine:test-finding-export"]
        status          = ["ABORTED", "FAILED", "RUNNING", "SUCCEEDED", "TIMED_OUT"]
      }
    }
    error_message = "Each change of status of this state machine's executions causes a notice."
  }

  assert {
    condition     = keys(module.status_rule.resources.targets) == ["topic"] && module.status_rule.resources.targets["topic"].arn == "arn:aws:sns:eu-central-1:111122223333:test-finding-export-status"
    error_message = "Notices go to the topic."
  }

  assert {
    condition     = module.status_rule.resources.targets["topic"].input_transformer[0].input_paths == tomap({ name = "$.detail.name", status = "$.detail.status", execution = "$.detail.executionArn" }) && module.status_rule.resources.targets["topic"].input_transformer[0].input_template == "\"The export of Security Hub findings <name> is <status>. Its result, or its error and cause: aws stepfunctions describe-execution --execution-arn <execution>\""
    error_message = "A notice says which run, its status, and where to see why."
  }

  assert {
    condition     = [for s in jsondecode(module.topic.resources.policy.policy).Statement : [s.Principal, s.Action, can(s.Condition)] if s.Effect == "Allow"] == [[{ Service = "events.amazonaws.com" }, "sns:Publish", false]]
    error_message = "Only EventBridge publishes, without a condition, which it could not meet."
  }

  assert {
    condition     = length(module.topic.resources.email_subscriptions) == 0
    error_message = "No address is notified unless it is named."
  }
}

run "notices_chosen" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    notification_emails   = ["security@example.com", "soc@example.com"]
    notification_statuses = ["FAILED", "ABORTED"]
  }

  assert {
    condition     = jsondecode(module.status_rule.resources.rule.event_pattern).detail.status == ["ABORTED", "FAILED"]
    error_message = "The chosen statuses cause a notice."
  }

  assert {
    condition     = toset([for s in module.topic.resources.email_subscriptions : s.endpoint]) == toset(["security@example.com", "soc@example.com"])
    error_message = "Each address is subscribed."
  }
}

run "athena" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  assert {
    condition     = output.athena.database == "test_finding_export" && output.athena.table == "findings" && output.athena.runs_table == "runs" && output.athena.workgroup == "test-finding-export"
    error_message = "The output names where to query."
  }

  assert {
    condition     = aws_glue_catalog_database.this[0].name == "test_finding_export" && aws_glue_catalog_table.this["findings"].name == "findings" && aws_glue_catalog_table.this["findings"].table_type == "EXTERNAL_TABLE"
    error_message = "Database and table have names that SQL takes unquoted."
  }

  assert {
    condition = aws_glue_catalog_table.this["findings"].parameters == tomap({
      EXTERNAL                      = "TRUE"
      classification                = "json"
      compressionType               = "gzip"
      "projection.enabled"          = "true"
      "projection.dt.type"          = "date"
      "projection.dt.format"        = "yyyy-MM-dd"
      "projection.dt.range"         = "2020-01-01,NOW+1DAY"
      "projection.dt.interval"      = "1"
      "projection.dt.interval.unit" = "DAYS"
      "storage.location.template"   = "s3://test-finding-export-111122223333-eu-central-1/findings/dt=$${dt}/"
    })
    error_message = "Partitions are projected from the keys that the functions write."
  }

  assert {
    condition     = one(aws_glue_catalog_table.this["findings"].partition_keys).name == "dt" && aws_glue_catalog_table.this["findings"].storage_descriptor[0].location == "s3://test-finding-export-111122223333-eu-central-1/findings/" && aws_glue_catalog_table.this["findings"].storage_descriptor[0].ser_de_info[0].serialization_library == "org.openx.data.jsonserde.JsonSerDe"
    error_message = "The table reads JSON below the prefix."
  }

  assert {
    condition     = aws_glue_catalog_table.this["findings"].storage_descriptor[0].ser_de_info[0].parameters["ignore.malformed.json"] == "false"
    error_message = "A damaged line fails the query rather than be left out."
  }

  assert {
    condition     = length(setsubtract(["id", "productarn", "awsaccountid", "region", "severity", "compliance", "workflow", "recordstate", "createdat", "updatedat", "exportrunid", "exportedat"], aws_glue_catalog_table.this["findings"].storage_descriptor[0].columns[*].name)) == 0 && length(distinct(aws_glue_catalog_table.this["findings"].storage_descriptor[0].columns[*].name)) == length(aws_glue_catalog_table.this["findings"].storage_descriptor[0].columns)
    error_message = "What the queries ask for is a column, once."
  }

  assert {
    condition     = aws_athena_workgroup.this[0].configuration[0].enforce_workgroup_configuration && aws_athena_workgroup.this[0].configuration[0].result_configuration[0].output_location == "s3://test-finding-export-111122223333-eu-central-1/athena-results/" && aws_athena_workgroup.this[0].configuration[0].result_configuration[0].expected_bucket_owner == "111122223333"
    error_message = "Clients cannot send results elsewhere."
  }

  assert {
    condition     = aws_athena_workgroup.this[0].configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS" && aws_athena_workgroup.this[0].configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.context.kms_key_arn
    error_message = "Athena.1: results are encrypted, with the bucket's key."
  }

  assert {
    condition     = aws_athena_workgroup.this[0].configuration[0].publish_cloudwatch_metrics_enabled
    error_message = "Athena.4: workgroups should have logging enabled (published metrics)."
  }

  assert {
    condition     = toset(keys(aws_athena_named_query.this)) == toset(["findings_by_severity", "failed_controls", "oldest_unresolved", "latest_version_of_each"]) && alltrue([for q in aws_athena_named_query.this : q.workgroup == "test-finding-export" && q.database == "test_finding_export"])
    error_message = "The named queries are in the workgroup, for the database."
  }

  assert {
    condition = { for name, table in aws_glue_catalog_table.this : name => [
      table.storage_descriptor[0].ser_de_info[0].parameters["case.insensitive"],
      [for word in distinct(flatten([for c in table.storage_descriptor[0].columns : regexall("\\w+", "${c.name} ${c.type}")])) : word if !contains(["string", "int", "bigint", "array", "map", "struct"], word) && lower(lookup(table.storage_descriptor[0].ser_de_info[0].parameters, "mapping.${word}", "")) != word],
    ] } == { findings = ["false", []], runs = ["false", []] }
    error_message = "Keys keep their case, and each column and field is mapped to its key."
  }

  assert {
    condition     = aws_glue_catalog_table.this["findings"].storage_descriptor[0].ser_de_info[0].parameters["mapping.awsaccountid"] == "AwsAccountId" && aws_glue_catalog_table.this["findings"].storage_descriptor[0].ser_de_info[0].parameters["mapping.label"] == "Label" && aws_glue_catalog_table.this["runs"].storage_descriptor[0].ser_de_info[0].parameters["mapping.runid"] == "RunId"
    error_message = "The keys are spelled as in the objects."
  }

  assert {
    condition     = aws_glue_catalog_table.this["runs"].parameters["storage.location.template"] == "s3://test-finding-export-111122223333-eu-central-1/findings/runs/dt=$${dt}/" && aws_glue_catalog_table.this["runs"].parameters["compressionType"] == "none" && !aws_glue_catalog_table.this["runs"].storage_descriptor[0].compressed
    error_message = "The manifests are plain, below the prefix."
  }

  assert {
    condition     = strcontains(aws_athena_named_query.this["latest_version_of_each"].query, "ORDER BY try(from_iso8601_timestamp(updatedat)) DESC NULLS LAST, exportedat DESC") && strcontains(aws_athena_named_query.this["oldest_unresolved"].query, "ORDER BY try(from_iso8601_timestamp(createdat)) NULLS LAST")
    error_message = "Times are compared as times, and one that is none takes nothing down."
  }

  assert {
    condition     = alltrue([for name, q in aws_athena_named_query.this : strcontains(q.query, "exportrunid = (SELECT max_by(runid, startedat) FROM runs)") if name != "latest_version_of_each"])
    error_message = "Queries of the latest run leave out the continuous findings, and runs that are not complete."
  }

  assert {
    condition     = aws_athena_workgroup.this[0].tags == tomap(var.context.tags) && aws_glue_catalog_database.this[0].tags == tomap(var.context.tags) && aws_ssm_parameter.count.tags == tomap(var.context.tags)
    error_message = "Athena.2, Glue.1, SSM.5: resources should be tagged."
  }
}

run "fsbp" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  assert {
    condition     = module.state_machine.resources.state_machine.logging_configuration[0].level == "ALL"
    error_message = "StepFunctions.1: state machines should have logging turned on."
  }

  assert {
    condition     = module.state_machine.resources.state_machine.encryption_configuration[0].kms_key_id == var.context.kms_key_arn && module.state_machine.resources.state_machine.tracing_configuration[0].enabled
    error_message = "Executions are encrypted with the stack's key and traced."
  }

  assert {
    condition     = alltrue([module.bucket[0].resources.public_access_block.block_public_acls, module.bucket[0].resources.public_access_block.block_public_policy, module.bucket[0].resources.public_access_block.ignore_public_acls, module.bucket[0].resources.public_access_block.restrict_public_buckets])
    error_message = "S3.1 and S3.8: public access should be blocked."
  }

  assert {
    condition     = alltrue([for s in jsondecode(module.bucket[0].resources.policy.policy).Statement : s.Effect == "Deny"])
    error_message = "S3.2, S3.3 and S3.6: the bucket policy should grant nothing to any principal."
  }

  assert {
    condition     = contains([for s in jsondecode(module.bucket[0].resources.policy.policy).Statement : s.Effect if try(s.Condition.Bool["aws:SecureTransport"], "") == "false"], "Deny")
    error_message = "S3.5: requests should use TLS."
  }

  assert {
    condition     = module.bucket[0].resources.logging.target_bucket == var.context.access_log_bucket
    error_message = "S3.9: server access logging should be on."
  }

  assert {
    condition     = module.bucket[0].resources.notification.eventbridge
    error_message = "S3.11: event notifications should be on."
  }

  assert {
    condition     = module.bucket[0].resources.ownership_controls.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "S3.12: ACLs should not manage access."
  }

  assert {
    condition     = length(module.bucket[0].resources.lifecycle.rule) > 0 && module.bucket[0].resources.versioning.versioning_configuration[0].status == "Enabled"
    error_message = "S3.10, S3.13 and S3.14: versioning and a lifecycle configuration should be on."
  }

  assert {
    condition     = one(one(module.bucket[0].resources.encryption.rule).apply_server_side_encryption_by_default) == { sse_algorithm = "aws:kms", kms_master_key_id = var.context.kms_key_arn }
    error_message = "S3.17: objects should be encrypted with KMS."
  }

  assert {
    condition     = !module.bucket[0].resources.bucket.force_destroy
    error_message = "Findings outlive a careless destroy."
  }

  assert {
    condition     = module.topic.resources.topic.kms_master_key_id == var.context.kms_key_arn
    error_message = "SNS.1: topics should be encrypted."
  }

  assert {
    condition     = alltrue([for s in jsondecode(module.topic.resources.policy.policy).Statement : s.Principal == { Service = "events.amazonaws.com" } if s.Effect == "Allow"])
    error_message = "SNS.4: topic policies should grant nothing to the public."
  }

  assert {
    condition     = length(module.functions.resources.permissions) == 0
    error_message = "Lambda.1: functions should not be publicly callable."
  }

  assert {
    condition     = module.functions.resources.functions["export"].runtime == "python3.13"
    error_message = "Lambda.2: functions should use a supported runtime."
  }

  assert {
    condition     = module.functions.resources.functions["export"].tracing_config[0].mode == "Active" && module.functions.resources.functions["export"].kms_key_arn == var.context.kms_key_arn
    error_message = "Lambda.7: active tracing should be on; the environment is encrypted with the stack's key."
  }

  assert {
    condition     = module.lock.resources.table.billing_mode == "PAY_PER_REQUEST" && module.lock.resources.table.point_in_time_recovery[0].enabled && module.lock.resources.table.server_side_encryption[0].kms_key_arn == var.context.kms_key_arn
    error_message = "DynamoDB.1 and DynamoDB.2: capacity should follow demand and point-in-time recovery be on."
  }

  assert {
    condition     = !module.lock.resources.table.deletion_protection_enabled && module.lock.resources.table.hash_key == "LockId" && module.lock.resources.table.ttl[0].attribute_name == "ExpiresAt"
    error_message = "DynamoDB.6 is broken on purpose: the table holds one item, which each run creates again, and must not keep terraform destroy from ending. Suppress the control for it."
  }

  assert {
    condition     = aws_ssm_parameter.count.type == "String"
    error_message = "The parameter holds a number; SSM's controls are on documents, none on parameters but SSM.5 (tags)."
  }

  assert {
    condition     = alltrue([for g in [module.functions.resources.log_groups["export"], module.state_machine.resources.log_group] : g.retention_in_days >= 365 && g.kms_key_id == var.context.kms_key_arn])
    error_message = "CloudWatch.16: logs should be kept for a year."
  }

  assert {
    condition     = alltrue([for a in concat(values(module.state_machine.resources.alarms), values(module.functions.resources.alarms)) : length(a.alarm_actions) > 0 && a.actions_enabled != false])
    error_message = "CloudWatch.15 and CloudWatch.17: alarms should have an action, and it should be on."
  }

  assert {
    condition     = alltrue([for s in concat(jsondecode(module.functions.resources.grants["export"].policy).Statement, jsondecode(module.state_machine.resources.grants.policy).Statement) : alltrue([for a in s.Action : !strcontains(a, "*")]) && alltrue([for r in s.Resource : r != "*"])])
    error_message = "IAM.1 and IAM.21: policies should name actions and resources."
  }

  assert {
    condition     = alltrue([for s in jsondecode(module.functions.resources.runtime_policies["export"].policy).Statement : !(contains(flatten([s.Action]), "kms:Decrypt") && s.Resource == "*")])
    error_message = "KMS.2: inline policies should not allow decryption with all keys."
  }
}

run "continuous" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    continuous = true
  }

  assert {
    condition     = jsondecode(module.continuous_rule[0].resources.rule.event_pattern) == { source = ["aws.securityhub"], "detail-type" = ["Security Hub Findings - Imported"] }
    error_message = "New and updated findings, as Security Hub publishes them."
  }

  assert {
    condition     = [for t in module.continuous_rule[0].resources.targets : t.arn] == ["arn:aws:sqs:eu-central-1:111122223333:test-finding-export-continuous"]
    error_message = "The rule feeds the queue."
  }

  assert {
    condition = [for s in jsondecode(module.continuous_queue[0].resources.queue.policy).Statement : [s.Action, s.Principal, s.Condition] if s.Effect == "Allow"] == [[
      "sqs:SendMessage", { Service = "events.amazonaws.com" },
      { ArnLike = { "aws:SourceArn" = ["arn:aws:events:eu-central-1:111122223333:rule/test-finding-export-continuous"] } },
    ]]
    error_message = "Only the rule sends to the queue."
  }

  assert {
    condition     = module.continuous_queue[0].resources.queue.kms_master_key_id == var.context.kms_key_arn && module.continuous_queue[0].resources.dead_letter_queue.kms_master_key_id == var.context.kms_key_arn && jsondecode(module.continuous_queue[0].resources.queue.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-central-1:111122223333:test-finding-export-continuous-dlq", maxReceiveCount = 5 }
    error_message = "SQS.1: queues should be encrypted; what fails five times is kept."
  }

  assert {
    condition     = module.functions.resources.functions["continuous"].handler == "posture.finding_export.continuous.handler" && module.functions.resources.functions["continuous"].memory_size == 512 && module.functions.resources.functions["continuous"].timeout == 60 && module.continuous_queue[0].resources.queue.visibility_timeout_seconds >= 6 * module.functions.resources.functions["continuous"].timeout
    error_message = "A message stays hidden for six times the function's time, as Lambda asks."
  }

  assert {
    condition = module.functions.resources.functions["continuous"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "finding-export-continuous"
      BUCKET                       = "test-finding-export-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      PREFIX                       = "findings/"
      KMS_KEY_ARN                  = var.context.kms_key_arn
    })
    error_message = "It writes where runs write."
  }

  assert {
    condition = jsondecode(module.functions.resources.grants["continuous"].policy).Statement == [
      { Sid = "WriteFindings", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-finding-export-111122223333-eu-central-1/findings/dt=*"] },
      {
        Sid       = "EncryptFindings", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.context.kms_key_arn],
        Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } }
      },
      { Sid = "ReadQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-finding-export-continuous"] },
    ]
    error_message = "It may read its queue and write findings, and nothing else."
  }

  assert {
    condition = jsondecode(module.functions.resources.runtime_policies["continuous"].policy).Statement == [
      { Sid = "WriteOwnLogs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/test-finding-export-continuous:*" },
      { Sid = "WriteTraces", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = "*" },
      {
        Sid       = "UseKeyThroughServices", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.context.kms_key_arn,
        Condition = { StringLike = { "kms:ViaService" = ["sqs.eu-central-1.*"] } }
      },
    ]
    error_message = "The stack's key serves its queue alone."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.continuous[0].event_source_arn == "arn:aws:sqs:eu-central-1:111122223333:test-finding-export-continuous" && aws_lambda_event_source_mapping.continuous[0].batch_size == 1000 && aws_lambda_event_source_mapping.continuous[0].maximum_batching_window_in_seconds == 60 && aws_lambda_event_source_mapping.continuous[0].function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.continuous[0].scaling_config[0].maximum_concurrency == 2
    error_message = "Up to a minute's findings make one object; malformed messages alone come again."
  }

  assert {
    condition     = output.function_names == { export = "test-finding-export", continuous = "test-finding-export-continuous" } && output.role_arns.continuous == "arn:aws:iam::111122223333:role/test-finding-export-continuous-function-eu-central-1"
    error_message = "Outputs name both functions."
  }

  assert {
    condition     = toset(output.alarm_names) == toset(["test-finding-export-errors", "test-finding-export-throttles", "test-finding-export-failed", "test-finding-export-timed-out", "test-finding-export-throttled", "test-finding-export-status-rule-dlq-depth", "test-finding-export-continuous-errors", "test-finding-export-continuous-throttles", "test-finding-export-continuous-dlq-depth", "test-finding-export-continuous-rule-dlq-depth"])
    error_message = "Errors and dead letters of the continuous export raise alarms too."
  }
}

run "destination" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    destination = {
      bucket_name = "central-findings"
      account_id  = "444455556666"
      kms_key_arn = "arn:aws:kms:eu-west-1:444455556666:key/99992222-3333-4444-5555-666677778888"
    }
    continuous = true
  }

  assert {
    condition     = length(module.bucket) == 0 && length(aws_glue_catalog_database.this) == 0 && length(aws_glue_catalog_table.this) == 0 && length(aws_athena_workgroup.this) == 0 && length(aws_athena_named_query.this) == 0 && output.athena == null && output.bucket_name == "central-findings"
    error_message = "Bucket and Athena are the other account's."
  }

  assert {
    condition     = alltrue([for f in [module.functions.resources.functions["export"], module.functions.resources.functions["continuous"]] : f.environment[0].variables["BUCKET"] == "central-findings" && f.environment[0].variables["BUCKET_OWNER"] == "444455556666" && f.environment[0].variables["KMS_KEY_ARN"] == var.destination.kms_key_arn])
    error_message = "The functions write there, under its key, and only while its owner owns it."
  }

  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["export"].policy).Statement : s if contains(["WriteFindings", "EncryptFindings", "ListOwnObjects", "WriteManifests", "RemoveSurplusObjects"], s.Sid)] == [
      { Sid = "WriteFindings", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::central-findings/findings/dt=*"] },
      {
        Sid       = "EncryptFindings", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.destination.kms_key_arn],
        Condition = { StringLike = { "kms:ViaService" = ["s3.eu-west-1.*"] } }
      },
      {
        Sid       = "ListOwnObjects", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::central-findings"],
        Condition = { StringLike = { "s3:prefix" = ["findings/dt=*"] } }
      },
      { Sid = "WriteManifests", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::central-findings/findings/runs/dt=*"] },
      { Sid = "RemoveSurplusObjects", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = ["arn:aws:s3:::central-findings/findings/dt=*"] },
    ]
    error_message = "Rights follow the bucket; its key is used through S3 in the bucket's Region."
  }

  assert {
    condition = jsondecode(output.destination_bucket_policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid    = "SwitchyardFindingExportObjects", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::111122223333:role/test-finding-export-continuous-function-eu-central-1", "arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1"] },
          Action = ["s3:PutObject", "s3:DeleteObject"], Resource = "arn:aws:s3:::central-findings/findings/dt=*"
        },
        {
          Sid    = "SwitchyardFindingExportManifests", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1" },
          Action = "s3:PutObject", Resource = "arn:aws:s3:::central-findings/findings/runs/dt=*"
        },
        {
          Sid    = "SwitchyardFindingExportList", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::111122223333:role/test-finding-export-continuous-function-eu-central-1", "arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1"] },
          Action = "s3:ListBucket", Resource = "arn:aws:s3:::central-findings", Condition = { StringLike = { "s3:prefix" = "findings/dt=*" } }
        },
      ]
    }
    error_message = "The output shows the owner the policy that lets both roles write, delete and list below the prefix."
  }

  assert {
    condition = jsondecode(output.destination_key_policy) == {
      Version = "2012-10-17"
      Statement = [{
        Sid    = "SwitchyardFindingExport", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::111122223333:role/test-finding-export-continuous-function-eu-central-1", "arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1"] },
        Action = "kms:GenerateDataKey", Resource = "*", Condition = { StringLike = { "kms:ViaService" = ["s3.eu-west-1.*"] } }
      }]
    }
    error_message = "The output shows the owner the policy that lets both roles encrypt, through S3."
  }
}

run "destination_without_a_key" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    destination = { bucket_name = "central-findings", account_id = "444455556666" }
  }

  assert {
    condition     = module.functions.resources.functions["export"].environment[0].variables["KMS_KEY_ARN"] == "" && !contains([for s in jsondecode(module.functions.resources.grants["export"].policy).Statement : s.Sid], "EncryptFindings") && output.destination_key_policy == null
    error_message = "The bucket's default encryption holds, and no key is asked for."
  }

  assert {
    condition = jsondecode(output.destination_bucket_policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid    = "SwitchyardFindingExportObjects", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1"] },
          Action = ["s3:PutObject", "s3:DeleteObject"], Resource = "arn:aws:s3:::central-findings/findings/dt=*"
        },
        {
          Sid    = "SwitchyardFindingExportManifests", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1" },
          Action = "s3:PutObject", Resource = "arn:aws:s3:::central-findings/findings/runs/dt=*"
        },
        {
          Sid    = "SwitchyardFindingExportList", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::111122223333:role/test-finding-export-function-eu-central-1"] },
          Action = "s3:ListBucket", Resource = "arn:aws:s3:::central-findings", Condition = { StringLike = { "s3:prefix" = "findings/dt=*" } }
        },
      ]
    }
    error_message = "The output shows the owner the policy that lets the one role write, delete and list below the prefix."
  }
}

run "schedule" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    schedule_expression = "cron(0 3 ? * SUN *)"
  }

  assert {
    condition     = module.schedule[0].resources.schedule.schedule_expression == "cron(0 3 ? * SUN *)" && one(module.schedule[0].resources.schedule.target).arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:test-finding-export" && one(module.schedule[0].resources.schedule.target).input == "{}"
    error_message = "The schedule starts a run with the default filters."
  }

  assert {
    condition     = [for s in jsondecode(module.schedule[0].resources.role_policy.policy).Statement : [s.Action, s.Resource] if s.Sid == "CallTarget"] == [["states:StartExecution", "arn:aws:states:eu-central-1:111122223333:stateMachine:test-finding-export"]]
    error_message = "It may start this state machine."
  }

  assert {
    condition     = toset(output.alarm_names) == toset(["test-finding-export-errors", "test-finding-export-throttles", "test-finding-export-failed", "test-finding-export-timed-out", "test-finding-export-throttled", "test-finding-export-status-rule-dlq-depth", "test-finding-export-schedule-dlq-depth"])
    error_message = "Calls that fail for good raise an alarm."
  }
}

run "own_key_and_lifecycle" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    kms_key_arn          = "arn:aws:kms:eu-central-1:111122223333:key/99992222-3333-4444-5555-666677778888"
    expiration_days      = 30
    force_destroy        = true
    prefix               = "audit/hub/"
    count_parameter_name = "/sechubexport/findingcount"
  }

  assert {
    condition     = one(one(module.bucket[0].resources.encryption.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn && aws_athena_workgroup.this[0].configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.kms_key_arn && module.functions.resources.functions["export"].environment[0].variables["KMS_KEY_ARN"] == var.kms_key_arn
    error_message = "Bucket, query results and objects are encrypted with the key given."
  }

  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["export"].policy).Statement : s.Resource if s.Sid == "EncryptFindings"] == [[var.kms_key_arn]]
    error_message = "The function may use that key."
  }

  assert {
    condition     = module.state_machine.resources.state_machine.encryption_configuration[0].kms_key_id == var.context.kms_key_arn && module.lock.resources.table.server_side_encryption[0].kms_key_arn == var.context.kms_key_arn
    error_message = "The rest keeps the stack's key."
  }

  assert {
    condition     = module.bucket[0].resources.bucket.force_destroy && module.bucket[0].resources.lifecycle.rule[1].expiration[0].days == 30
    error_message = "Objects go after the days given, and with the stack when allowed."
  }

  assert {
    condition     = output.prefix == "audit/hub/" && module.functions.resources.functions["export"].environment[0].variables["PREFIX"] == "audit/hub/" && aws_glue_catalog_table.this["findings"].parameters["storage.location.template"] == "s3://test-finding-export-111122223333-eu-central-1/audit/hub/dt=$${dt}/" && aws_glue_catalog_table.this["findings"].storage_descriptor[0].location == "s3://test-finding-export-111122223333-eu-central-1/audit/hub/" && [for s in jsondecode(module.functions.resources.grants["export"].policy).Statement : s.Resource if s.Sid == "WriteFindings"] == [["arn:aws:s3:::test-finding-export-111122223333-eu-central-1/audit/hub/dt=*"]]
    error_message = "The prefix is the same for function, rights and table."
  }

  assert {
    condition     = output.count_parameter_name == "/sechubexport/findingcount" && module.functions.resources.functions["export"].environment[0].variables["COUNT_PARAMETER"] == "/sechubexport/findingcount" && [for s in jsondecode(module.functions.resources.grants["export"].policy).Statement : s.Resource if s.Sid == "Count"] == [["arn:aws:ssm:eu-central-1:111122223333:parameter/sechubexport/findingcount"]]
    error_message = "The counter has the name given."
  }
}

run "filters_in_the_shape_of_the_api" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    filters = {
      strings = {
        WorkflowStatus = [{ value = "NEW" }, { value = "NOTIFIED" }]
        GeneratorId    = [{ value = "aws-foundational-security-best-practices", comparison = "PREFIX" }]
      }
      dates = {
        UpdatedAt = [{ last_days = 30 }]
        CreatedAt = [{ start = "2026-01-01T00:00:00Z", end = "2026-02-01T00:00:00Z" }]
      }
      numbers  = { Criticality = [{ gte = 70 }, { eq = 0 }, { gte = 1, lte = 2 }] }
      maps     = { ResourceTags = [{ key = "stage", value = "prod" }] }
      cidrs    = { NetworkSourceIpV4 = ["10.0.0.0/8"] }
      booleans = { Sample = false }
    }
  }

  assert {
    condition = jsondecode(jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Arguments.Payload.filters) == {
      WorkflowStatus    = [{ Value = "NEW", Comparison = "EQUALS" }, { Value = "NOTIFIED", Comparison = "EQUALS" }]
      GeneratorId       = [{ Value = "aws-foundational-security-best-practices", Comparison = "PREFIX" }]
      UpdatedAt         = [{ DateRange = { Value = 30, Unit = "DAYS" } }]
      CreatedAt         = [{ Start = "2026-01-01T00:00:00Z", End = "2026-02-01T00:00:00Z" }]
      Criticality       = [{ Gte = 70 }, { Eq = 0 }, { Gte = 1, Lte = 2 }]
      ResourceTags      = [{ Key = "stage", Value = "prod", Comparison = "EQUALS" }]
      NetworkSourceIpV4 = [{ Cidr = "10.0.0.0/8" }]
      Sample            = [{ Value = false }]
    }
    error_message = "Each kind of filter reaches the function in the API's shape."
  }
}

run "accepts_the_limits" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    requests_per_second  = 1000
    object_mib           = 64
    chunk_seconds        = 780
    chunks_per_execution = 1500
    expiration_days      = 1
    schedule_expression  = "rate(7 days)"
    filters = {
      strings = {
        AwsAccountId = [for n in range(20) : { value = format("%012d", n) }]
        RecordState  = [{ value = "ARCHIVED", comparison = "NOT_EQUALS" }]
        # Beginnings of values that exist.
        SeverityLabel = [{ value = "C", comparison = "PREFIX" }, { value = "H", comparison = "PREFIX_NOT_EQUALS" }]
        # 20 ARNs of 150 characters: more than the 4 KB of a function's environment.
        ResourceId = [for n in range(20) : { value = format("arn:aws:s3:::%0137d", n) }]
      }
      dates    = { CreatedAt = [{ last_days = 36500 }], UpdatedAt = [{ last_days = 1 }] }
      numbers  = { Confidence = [{ gte = 5, lte = 5, eq = 5 }] }
      maps     = { ProductFields = [{ key = "k", value = "v", comparison = "NOT_EQUALS" }] }
      cidrs    = { NetworkSourceIpV6 = ["2001:db8::/32"] }
      booleans = { Sample = true }
    }
  }

  assert {
    condition     = module.functions.resources.functions["export"].environment[0].variables["RATE_LIMIT"] == "1000" && module.functions.resources.functions["export"].environment[0].variables["OBJECT_BYTES"] == "67108864" && module.functions.resources.functions["export"].environment[0].variables["MAX_RUNTIME_SECONDS"] == "780" && module.functions.resources.functions["export"].environment[0].variables["MAX_ITERATIONS"] == "1500"
    error_message = "Upper limits are allowed."
  }

  assert {
    condition     = length(jsondecode(jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Arguments.Payload.filters)) == 10 && length(jsondecode(jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Arguments.Payload.filters).AwsAccountId) == 20
    error_message = "Ten attributes of twenty criteria are allowed, of more than 4 KB together."
  }
}

run "accepts_the_lower_limits" {
  command = plan

  module {
    source = "./modules/posture/finding_export"
  }

  variables {
    requests_per_second   = 0.5
    object_mib            = 1
    chunk_seconds         = 1
    chunks_per_execution  = 1
    filters               = {}
    notification_statuses = ["FAILED"]
  }

  assert {
    condition     = module.functions.resources.functions["export"].environment[0].variables["RATE_LIMIT"] == "0.5" && module.functions.resources.functions["export"].environment[0].variables["OBJECT_BYTES"] == "1048576" && module.functions.resources.functions["export"].environment[0].variables["MAX_RUNTIME_SECONDS"] == "1" && module.functions.resources.functions["export"].environment[0].variables["MAX_ITERATIONS"] == "1" && jsondecode(module.state_machine.resources.state_machine.definition).States.Export.Arguments.Payload.filters == "{}"
    error_message = "Lower limits are allowed, and no filter at all."
  }
}
