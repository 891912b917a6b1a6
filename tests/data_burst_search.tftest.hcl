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
    source = "./modules/data/burst_search"
  }

  variables {
    sources = { logs = { bucket = "our-logs", prefix = "app/" } }
  }

  assert {
    condition = {
      for name, grants in module.functions.resources.grants : name => jsondecode(grants.policy).Statement
      } == {
      plan = [
        { Sid = "StoreJob", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-burst-search"] },
        { Sid = "WriteManifests", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-burst-search-111122223333-eu-central-1/jobs/*"] },
        { Sid = "ListLogs", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::our-logs"], Condition = { StringLike = { "s3:prefix" = ["app/*"] } } },
        { Sid = "ReadObjects", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::our-logs/app/*"] },
      ]
      monitor = [
        { Sid = "FollowJob", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-burst-search"] },
        { Sid = "ReadManifests", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-burst-search-111122223333-eu-central-1/jobs/*"] },
        { Sid = "CallDispatchers", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:test-burst-search-dispatch"] },
        { Sid = "EndWaitingState", Effect = "Allow", Action = ["states:SendTaskSuccess"], Resource = ["*"] },
      ]
      dispatch = [
        { Sid = "ReadJob", Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-burst-search"] },
        { Sid = "CallDispatchersAndWorkers", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:test-burst-search-dispatch", "arn:aws:lambda:eu-central-1:111122223333:function:test-burst-search-worker"] },
      ]
      worker = [
        { Sid = "StoreFindings", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-burst-search"] },
        { Sid = "ReadManifests", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-burst-search-111122223333-eu-central-1/jobs/*"] },
        { Sid = "EndWaitingState", Effect = "Allow", Action = ["states:SendTaskSuccess"], Resource = ["*"] },
        { Sid = "ReadObjects", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::our-logs/app/*"] },
      ]
      combine = [
        { Sid = "ReadFindings", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-burst-search"] },
        { Sid = "ReadManifests", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-burst-search-111122223333-eu-central-1/jobs/*"] },
        { Sid = "WriteResults", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-burst-search-111122223333-eu-central-1/results/*"] },
        { Sid = "ReadObjects", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::our-logs/app/*"] },
      ]
    }
    error_message = "Each function may do these things, to these resources, and nothing else."
  }

  assert {
    condition = jsondecode(module.state_machine.resources.grants.policy).Statement == [
      { Sid = "CallFunctions", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [for name in ["plan", "monitor", "worker", "combine"] : "arn:aws:lambda:eu-central-1:111122223333:function:test-burst-search-${name}"] },
      { Sid = "RunMap", Effect = "Allow", Action = ["states:StartExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:test-burst-search"] },
      { Sid = "FollowMap", Effect = "Allow", Action = ["states:DescribeExecution", "states:StopExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:execution:test-burst-search:*"] },
      { Sid = "ReadBatches", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-burst-search-111122223333-eu-central-1/jobs/*"] },
      { Sid = "DecryptBatches", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.context.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } } },
    ]
    error_message = "The state machine calls its functions, and runs a map over the job's batches."
  }

  assert {
    condition     = { for key, config in aws_lambda_function_recursion_config.this : key => [config.function_name, config.recursive_loop] } == { dispatch = ["test-burst-search-dispatch", "Terminate"], worker = ["test-burst-search-worker", "Terminate"] }
    error_message = "Lambda's own detection of loops stays on, whatever the account's default is."
  }

  assert {
    condition     = module.functions.resources.functions["worker"].reserved_concurrent_executions == 500 && module.functions.resources.functions["worker"].timeout == 60 && module.functions.resources.functions["worker"].memory_size == 1769
    error_message = "The concurrency of the worker bounds what a job can cost in a second."
  }

  assert {
    condition     = { for name in ["dispatch", "worker"] : name => module.functions.resources.event_invoke_configs[name].destination_config[0].on_failure[0].destination } == { for name in ["dispatch", "worker"] : name => "arn:aws:sqs:eu-central-1:111122223333:test-burst-search-${name}-dlq" } && keys(module.functions.resources.event_invoke_configs) == ["dispatch", "worker"]
    error_message = "Asynchronous calls that fail for good are kept; the others have a state machine that sees their errors."
  }

  assert {
    condition     = alltrue([for name in ["dispatches-refused", "workers-refused", "incomplete"] : contains(keys(module.functions.resources.alarms), "burst-search-${name}")]) && module.functions.resources.alarms["burst-search-incomplete"].metric_name == "JobsIncomplete"
    error_message = "What the functions count without failing has alarms."
  }

  assert {
    condition     = jsondecode(module.functions.resources.functions["worker"].environment[0].variables.SEARCHES) == { log_grep = "data.burst_search.examples.log_grep" } && module.functions.resources.functions["worker"].layers == var.context.layer_arns && length(aws_lambda_layer_version.imaging) == 0
    error_message = "By default there is one search, and no layer for it."
  }

  assert {
    condition     = module.table.resources.table.ttl[0].attribute_name == "expires_at" && module.table.resources.table.hash_key == "partition" && module.table.resources.table.range_key == "part" && module.bucket.resources.lifecycle.rule[1].expiration[0].days == 7
    error_message = "Items and objects of a job expire."
  }

  assert {
    condition     = local.definition.States.Search.Resource == "arn:aws:states:::lambda:invoke.waitForTaskToken" && local.definition.States.Search.TimeoutSeconds == 60 && local.rounds == 20 && local.definition.States.Search.Retry[0] == { ErrorEquals = ["States.Timeout"], MaxAttempts = 0 } && !anytrue([for state in local.definition.States : state.Type == "Wait"])
    error_message = "The execution waits for a token, and its rounds are bounded: no polling fills the history."
  }

  assert {
    condition = (
      local.definition.States.Map.ItemProcessor.ProcessorConfig == { Mode = "DISTRIBUTED", ExecutionType = "EXPRESS" }
      && local.definition.States.Map.ItemProcessor.States.Worker.Output == 0
      && local.definition.States.Map.ItemReader.ReaderConfig == { InputType = "JSONL" }
      && local.definition.States.Map.MaxConcurrency == 500
      && local.definition.States.Map.ToleratedFailurePercentage == 100
    )
    error_message = "The map hands on no results, and what it could not do is left to the next state."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/data/burst_search"
  }

  variables {
    sources = {
      logs       = { bucket = "our-logs" }
      fly_brains = { bucket = "our-images", prefix = "mips/", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1" }
    }
    examples = ["colour_mask"]
    searches = {
      by_shape = { module = "ours.by_shape", layer_arn = "arn:aws:lambda:eu-central-1:111122223333:layer:ours:3" }
      by_size  = { module = "ours.by_size", layer_arn = "arn:aws:lambda:eu-central-1:111122223333:layer:ours:3" }
    }
    worker          = { concurrency = -1, timeout_seconds = 30 }
    strategy        = "map"
    check_seconds   = 30
    timeout_seconds = 600
    retention_days  = 30
    force_destroy   = true
  }

  assert {
    condition     = module.functions.resources.functions["worker"].reserved_concurrent_executions == -1 && local.definition.States.Map.MaxConcurrency == 1000 && module.functions.resources.functions["plan"].environment[0].variables.WORKERS == "1000"
    error_message = "Without a reservation, workers use the account's pool."
  }

  assert {
    condition     = jsondecode(module.functions.resources.functions["plan"].environment[0].variables.SEARCHES) == { by_shape = "ours.by_shape", by_size = "ours.by_size", colour_mask = "data.burst_search.examples.colour_mask" } && length(aws_lambda_layer_version.imaging) == 1
    error_message = "Each search is known to the functions, and images are read with Pillow's layer."
  }

  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["plan"].policy).Statement : s if startswith(s.Sid, "List")] == [for s in [{ Sid = "ListFlyBrains", bucket = "our-images", prefix = "mips/*" }, { Sid = "ListLogs", bucket = "our-logs", prefix = "*" }] : { Sid = s.Sid, Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::${s.bucket}"], Condition = { StringLike = { "s3:prefix" = [s.prefix] } } }]
    error_message = "Each source is listed below its prefix only."
  }

  assert {
    condition = alltrue([for name in ["plan", "worker", "combine"] : [for s in jsondecode(module.functions.resources.grants[name].policy).Statement : s if contains(["ReadObjects", "DecryptObjects"], s.Sid)] == [
      { Sid = "ReadObjects", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::our-images/mips/*", "arn:aws:s3:::our-logs/*"] },
      { Sid = "DecryptObjects", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/1"], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } } },
    ]])
    error_message = "Functions that run a search read and decrypt the sources."
  }
}
