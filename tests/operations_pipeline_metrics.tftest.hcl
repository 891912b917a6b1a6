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
    source = "./modules/operations/pipeline_metrics"
  }

  # Events

  assert {
    condition = jsondecode(module.rules["pipelines"].resources.rule.event_pattern) == {
      source        = ["aws.codepipeline"]
      "detail-type" = ["CodePipeline Pipeline Execution State Change", "CodePipeline Stage Execution State Change", "CodePipeline Action Execution State Change"]
      detail        = { pipeline = [{ wildcard = "*" }] }
    }
    error_message = "The rule takes the events of all three levels, of all pipelines."
  }
  assert {
    condition     = module.rules["pipelines"].resources.targets["queue"].arn == "arn:aws:sqs:eu-central-1:111122223333:test-pipeline-metrics"
    error_message = "The rule sends to the queue."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.collect.batch_size == 2000 && aws_lambda_event_source_mapping.collect.maximum_batching_window_in_seconds == 300 && aws_lambda_event_source_mapping.collect.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.collect.scaling_config[0].maximum_concurrency == 2
    error_message = "Events are collected for five minutes, and single ones can be refused."
  }
  assert {
    condition     = !contains(keys(module.rules), "alarms") && length(aws_cloudwatch_event_permission.member) == 0
    error_message = "Without incident alarms and members there is no rule for alarms, and no other account may send events."
  }

  # Functions

  assert {
    condition = jsondecode(module.functions.resources.grants["collect"].policy).Statement == [
      { Sid = "WriteRecords", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/records/dt=*"] },
      { Sid = "EncryptRecords", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.context.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } } },
      { Sid = "ReceiveEvents", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-pipeline-metrics"] },
    ]
    error_message = "collect receives events and writes records, and does nothing else."
  }
  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["history"].policy).Statement : [s.Sid, s.Action, s.Resource] if !contains(["WriteRecords", "EncryptRecords"], s.Sid)] == [
      ["MarkWhatWasRead", ["s3:PutObject"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/history/*"]],
      ["ListMarks", ["s3:ListBucket"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1"]],
      ["ListPipelines", ["codepipeline:ListPipelines"], ["*"]],
      ["ReadHistory", ["codepipeline:ListPipelineExecutions", "codepipeline:ListActionExecutions"], ["arn:aws:codepipeline:eu-central-1:111122223333:*"]],
    ]
    error_message = "history reads CodePipeline's history, and assumes no role."
  }
  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["compact"].policy).Statement : [s.Sid, s.Action, s.Resource, try(s.Condition, null)] if !contains(["WriteRecords", "EncryptRecords"], s.Sid)] == [
      ["ReadRecords", ["s3:GetObject"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/records/dt=*"], null],
      ["DecryptRecords", ["kms:Decrypt"], [var.context.kms_key_arn], { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } }],
      ["ListRecords", ["s3:ListBucket"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1"], { StringEquals = { "s3:prefix" = ["records/"] } }],
      ["RemoveCompactedObjects", ["s3:DeleteObject"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/records/dt=*"], null],
    ]
    error_message = "compact reads and removes records, and nothing else in the bucket."
  }
  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["report"].policy).Statement : [s.Sid, s.Action, s.Resource]] == [
      ["RunQueries", ["athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup"], ["arn:aws:athena:eu-central-1:111122223333:workgroup/test-pipeline-metrics"]],
      ["ReadCatalog", ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"], ["arn:aws:glue:eu-central-1:111122223333:catalog", "arn:aws:glue:eu-central-1:111122223333:database/test_pipeline_metrics", "arn:aws:glue:eu-central-1:111122223333:table/test_pipeline_metrics/*"]],
      ["ReadData", ["s3:GetObject"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/records/*", "arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/athena-results/*"]],
      ["WriteResults", ["s3:PutObject"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/athena-results/*"]],
      ["FindData", ["s3:ListBucket", "s3:GetBucketLocation"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1"]],
      ["UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [var.context.kms_key_arn]],
      ["WriteReport", ["s3:PutObject"], ["arn:aws:s3:::test-pipe-metrics-111122223333-eu-central-1/report/*"]],
    ]
    error_message = "report queries the views and writes the page."
  }
  assert {
    condition = {
      for name in ["collect", "history", "compact", "report"] : name => {
        for key, value in module.functions.resources.functions[name].environment[0].variables : key => value if !startswith(key, "POWERTOOLS")
      }
      } == {
      collect = { BUCKET = "test-pipe-metrics-111122223333-eu-central-1", BUCKET_OWNER = "111122223333", KMS_KEY_ARN = var.context.kms_key_arn, INCIDENT_ALARMS = "{}" }
      history = { BUCKET = "test-pipe-metrics-111122223333-eu-central-1", BUCKET_OWNER = "111122223333", KMS_KEY_ARN = var.context.kms_key_arn, PIPELINES = "[\"*\"]", PLACES = "[{\"account\":\"111122223333\",\"region\":\"eu-central-1\"}]", RECENT_DAYS = "3", REQUESTS_PER_SECOND = "4" }
      compact = { BUCKET = "test-pipe-metrics-111122223333-eu-central-1", BUCKET_OWNER = "111122223333", KMS_KEY_ARN = var.context.kms_key_arn }
      report  = { BUCKET = "test-pipe-metrics-111122223333-eu-central-1", BUCKET_OWNER = "111122223333", KMS_KEY_ARN = var.context.kms_key_arn, WORKGROUP = "test-pipeline-metrics", DATABASE = "test_pipeline_metrics", DAYS = "90", TIME_ZONE = "UTC" }
    }
    error_message = "The functions have their settings."
  }
  assert {
    condition     = alltrue([for name in ["collect", "history", "compact", "report"] : module.functions.resources.functions[name].handler == "operations.pipeline_metrics.${name}.handler"])
    error_message = "The functions run this capability's handlers."
  }
  assert {
    condition     = module.functions.resources.alarms["pipeline-metrics-not-compacted"].metric_name == "DaysNotCompacted" && module.functions.resources.alarms["pipeline-metrics-not-compacted"].dimensions == tomap({ service = "pipeline-metrics-compact" })
    error_message = "Days that could not be compacted raise an alarm."
  }

  # History

  assert {
    condition     = jsondecode(module.history.resources.state_machine.definition).States.Each.MaxConcurrency == 2 && jsondecode(module.history.resources.state_machine.definition).States.Each.ItemProcessor.States.Read.Catch[0].Next == "Unread"
    error_message = "A pipeline that cannot be read does not end the reading of the others."
  }
  assert {
    condition     = alltrue([for state in [jsondecode(module.history.resources.state_machine.definition).States.List, jsondecode(module.history.resources.state_machine.definition).States.Each.ItemProcessor.States.Read] : state.Retry[0].JitterStrategy == "FULL" && !contains(state.Retry[0].ErrorEquals, "HistoryDenied")])
    error_message = "Throttled calls are tried again with jitter, refused ones are not."
  }
  assert {
    condition     = [module.schedules["history"].resources.schedule.schedule_expression, module.schedules["compact"].resources.schedule.schedule_expression, module.schedules["report"].resources.schedule.schedule_expression] == ["cron(30 0 * * ? *)", "cron(0 2 * * ? *)", "cron(0 3 * * ? *)"]
    error_message = "The history is read before days are compacted, and both before the report."
  }

  # Athena

  assert {
    condition     = module.athena.resources.tables["records"].parameters["projection.dt.range"] == "NOW-400DAYS,NOW+1DAY" && module.athena.resources.tables["records"].parameters["storage.location.template"] == "s3://test-pipe-metrics-111122223333-eu-central-1/records/dt=$${dt}/" && module.athena.resources.tables["records"].parameters["projection.enabled"] == "true"
    error_message = "The days of the table are projected, as far back as records are kept."
  }
  assert {
    condition     = module.bucket.resources.lifecycle.rule[1].expiration[0].days == 400 && !module.bucket.resources.bucket.force_destroy
    error_message = "Records are kept as long as the table has days, and terraform destroy keeps them."
  }
  assert {
    condition     = toset(keys(module.athena.resources.views)) == toset(["events", "executions", "actions", "daily_results", "action_results", "deployments", "dora_monthly"]) && alltrue([for view in module.athena.resources.views : view.table_type == "VIRTUAL_VIEW" && view.parameters["presto_view"] == "true" && view.view_expanded_text == "/* Presto View */"])
    error_message = "The views are views of Athena."
  }
  assert {
    condition = alltrue([
      for name, view in module.athena.resources.views :
      jsondecode(base64decode(trimsuffix(trimprefix(view.view_original_text, "/* Presto View: "), " */"))).schema == "test_pipeline_metrics" &&
      join(",", jsondecode(base64decode(trimsuffix(trimprefix(view.view_original_text, "/* Presto View: "), " */"))).columns[*].name) == join(",", view.storage_descriptor[0].columns[*].name)
    ])
    error_message = "Athena's and Glue's columns of a view are the same."
  }
  assert {
    condition     = strcontains(jsondecode(base64decode(trimsuffix(trimprefix(module.athena.resources.views["deployments"].view_original_text, "/* Presto View: "), " */"))).originalSql, "CASE WHEN lower(stage) = 'production' THEN 0 WHEN lower(stage) = 'prod' THEN 1 WHEN lower(stage) = 'deploy' THEN 2 END AS preference")
    error_message = "The production stage is the first of the list that a pipeline has."
  }
  assert {
    condition     = contains([for column in module.athena.resources.views["executions"].storage_descriptor[0].columns : "${column.name} ${column.type}"], "started_at timestamp") && contains([for column in module.athena.resources.views["deployments"].storage_descriptor[0].columns : "${column.name} ${column.type}"], "failed int")
    error_message = "Glue has its own names of types."
  }
  assert {
    condition     = module.athena.resources.workgroup.configuration[0].enforce_workgroup_configuration && module.athena.resources.workgroup.configuration[0].bytes_scanned_cutoff_per_query == 1073741824 && module.athena.resources.workgroup.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS" && module.athena.resources.workgroup.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.context.kms_key_arn
    error_message = "Results are encrypted, and a query may scan a gibibyte."
  }

  # Dashboards

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == 5 && alltrue([for widget in slice(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets, 0, 4) : strcontains(widget.properties.query, "count_distinct(execution)")])
    error_message = "The dashboard counts an execution once."
  }
  assert {
    condition     = length(aws_quicksight_data_source.this) + length(aws_quicksight_data_set.this) + length(aws_quicksight_refresh_schedule.this) + length(aws_quicksight_dashboard.this) + length(aws_iam_role_policy.quicksight) == 0 && output.quicksight == null
    error_message = "Without a subscription there is nothing in QuickSight."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/operations/pipeline_metrics"
  }

  variables {
    pipelines                  = ["shop-*", "web"]
    regions                    = ["eu-west-1"]
    members                    = { "222233334444" = { role_arn = "arn:aws:iam::222233334444:role/read", external_id = "x", regions = ["us-east-1"] } }
    time_zone                  = "Europe/Berlin"
    production_stages          = ["Live"]
    pipeline_production_stages = { web = "Release" }
    failure_signals            = ["rollback"]
    incident_alarms            = { shop-errors = "shop" }
    incident_hours             = 2
    batch_seconds              = 0
    retention_days             = 90
    query_limit_mib            = 10
    report_days                = 30
    recent_days                = 7
    dashboard                  = true
    force_destroy              = true
    quicksight = {
      owner_arns  = ["arn:aws:quicksight:us-east-1:111122223333:user/default/ann"]
      reader_arns = ["arn:aws:quicksight:us-east-1:111122223333:group/default/all"]
    }
  }

  assert {
    condition     = jsondecode(module.rules["pipelines"].resources.rule.event_pattern).detail.pipeline == [{ wildcard = "shop-*" }, { wildcard = "web" }] && jsondecode(module.rules["alarms"].resources.rule.event_pattern) == { source = ["aws.cloudwatch"], "detail-type" = ["CloudWatch Alarm State Change"], detail = { alarmName = ["shop-errors"] } }
    error_message = "The rules take the chosen pipelines and alarms."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.collect.batch_size == 10 && aws_lambda_event_source_mapping.collect.maximum_batching_window_in_seconds == 0
    error_message = "Without waiting, Lambda takes at most ten messages."
  }
  assert {
    condition     = aws_cloudwatch_event_permission.member["222233334444"].principal == "222233334444" && aws_cloudwatch_event_permission.member["222233334444"].statement_id == "test-pipeline-metrics-222233334444"
    error_message = "The member may send events, with a statement of its own."
  }
  assert {
    condition = jsondecode(module.functions.resources.functions["history"].environment[0].variables["PLACES"]) == [
      { account = "111122223333", region = "eu-central-1" },
      { account = "111122223333", region = "eu-west-1" },
      { account = "222233334444", region = "us-east-1", role_arn = "arn:aws:iam::222233334444:role/read", external_id = "x" },
    ]
    error_message = "The history of all Regions and members is read."
  }
  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["history"].policy).Statement : [s.Action, s.Resource] if contains(["ReadHistory", "ReadMembers"], s.Sid)] == [
      [["codepipeline:ListPipelineExecutions", "codepipeline:ListActionExecutions"], ["arn:aws:codepipeline:eu-central-1:111122223333:shop-*", "arn:aws:codepipeline:eu-central-1:111122223333:web", "arn:aws:codepipeline:eu-west-1:111122223333:shop-*", "arn:aws:codepipeline:eu-west-1:111122223333:web"]],
      [["sts:AssumeRole"], ["arn:aws:iam::222233334444:role/read"]],
    ]
    error_message = "history reads these pipelines and assumes the member's role."
  }
  assert {
    condition     = jsondecode(output.member_policy).Statement[1].Resource == ["arn:aws:codepipeline:*:*:shop-*", "arn:aws:codepipeline:*:*:web"]
    error_message = "The member's role reads these pipelines."
  }
  assert {
    condition = alltrue([
      for text in [
        "CASE WHEN pipeline = 'web' THEN CASE WHEN lower(stage) = 'release' THEN 0 END WHEN lower(stage) = 'live' THEN 0 END AS preference",
        "broke IS NOT NULL AND FALSE",
        "rolls_back = 1 AND TRUE",
        "<= 7200000",
        "AT TIME ZONE 'Europe/Berlin'",
      ] : strcontains(jsondecode(base64decode(trimsuffix(trimprefix(module.athena.resources.views["deployments"].view_original_text, "/* Presto View: "), " */"))).originalSql, text)
    ])
    error_message = "The rules of the views are those of the variables."
  }
  assert {
    condition     = module.athena.resources.tables["records"].parameters["projection.dt.range"] == "NOW-90DAYS,NOW+1DAY" && module.bucket.resources.lifecycle.rule[1].expiration[0].days == 90 && module.bucket.resources.bucket.force_destroy && module.athena.resources.workgroup.configuration[0].bytes_scanned_cutoff_per_query == 10485760
    error_message = "Retention and limits are those of the variables."
  }

  # QuickSight

  assert {
    condition     = aws_quicksight_data_source.this[0].parameters[0].athena[0].work_group == "test-pipeline-metrics" && one(aws_quicksight_data_source.this[0].permission).principal == "arn:aws:quicksight:us-east-1:111122223333:user/default/ann"
    error_message = "The data source uses the workgroup, and its owner may change it."
  }
  assert {
    condition     = alltrue([for set in aws_quicksight_data_set.this : set.import_mode == "SPICE" && length(set.logical_table_map) == 1 && length(set.refresh_properties) == 0 && length(one(set.permissions).actions) == 10])
    error_message = "Datasets are in SPICE, with the logical table that QuickSight would make, and actions that each version of the provider takes."
  }
  assert {
    condition     = toset([for schedule in aws_quicksight_refresh_schedule.this : "${schedule.schedule[0].schedule_frequency[0].interval} ${schedule.schedule[0].schedule_frequency[0].time_of_the_day} ${schedule.schedule[0].schedule_frequency[0].timezone}"]) == toset(["DAILY 04:00 UTC"]) && length(aws_quicksight_refresh_schedule.this) == 4
    error_message = "Each dataset is loaded once a day."
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.quicksight["aws-quicksight-service-role-v0"].policy).Statement : s.Sid] == ["RunQueries", "ReadCatalog", "ReadData", "WriteResults", "FindData", "UseKey", "StreamResults", "BrowseCatalog"] && contains(jsondecode(aws_iam_role_policy.quicksight["aws-quicksight-service-role-v0"].policy).Statement[0].Action, "athena:GetWorkGroup")
    error_message = "QuickSight's role may query, read the bucket and use the key."
  }
  assert {
    condition     = { for permission in aws_quicksight_dashboard.this[0].permissions : permission.principal => length(permission.actions) } == { "arn:aws:quicksight:us-east-1:111122223333:user/default/ann" = 8, "arn:aws:quicksight:us-east-1:111122223333:group/default/all" = 3 }
    error_message = "Owners may change the dashboard, readers see it."
  }
  assert {
    condition     = toset([for visual in aws_quicksight_template.this[0].definition[0].sheets[0].visuals : length(visual.bar_chart_visual) > 0 ? visual.bar_chart_visual[0].visual_id : length(visual.line_chart_visual) > 0 ? visual.line_chart_visual[0].visual_id : visual.table_visual[0].visual_id]) == toset(["results", "actions", "days", "deployments"]) && aws_quicksight_template.this[0].definition[0].filter_groups[0].cross_dataset == "ALL_DATASETS"
    error_message = "The plots of the source, the deployments, and one choice of pipelines for all of them."
  }
}

run "quicksight_without_spice" {
  command = plan

  module {
    source = "./modules/operations/pipeline_metrics"
  }

  variables {
    report_schedule_expression = null
    dashboard                  = false
    quicksight = {
      owner_arns        = ["arn:aws:quicksight:us-east-1:111122223333:user/default/ann"]
      direct_query      = true
      service_role_name = ""
    }
  }

  assert {
    condition     = alltrue([for set in aws_quicksight_data_set.this : set.import_mode == "DIRECT_QUERY"]) && length(aws_quicksight_refresh_schedule.this) == 0
    error_message = "QuickSight refuses a refresh of what is not in SPICE."
  }
  assert {
    condition     = length(aws_iam_role_policy.quicksight) == 0
    error_message = "Another policy grants QuickSight's permissions."
  }
  assert {
    condition     = !contains(keys(module.functions.functions), "report") && !contains(keys(module.schedules), "report") && length(aws_cloudwatch_dashboard.this) == 0 && output.report_key == null
    error_message = "There is no page and no dashboard."
  }
}
