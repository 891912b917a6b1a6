# One execution is one job. It waits for a token, not for a clock: the worker that completes the last group ends the state.
module "state_machine" {
  source = "../../blocks/state_machine"

  context    = var.context
  name       = local.name
  definition = jsonencode(local.definition)

  policy_statements = [
    {
      sid     = "CallFunctions"
      actions = ["lambda:InvokeFunction"]
      resources = [
        module.functions.functions.plan.arn,
        module.functions.functions.monitor.arn,
        module.functions.functions.worker.arn,
        module.functions.functions.combine.arn,
      ]
    },
    # https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    {
      sid       = "RunMap"
      actions   = ["states:StartExecution"]
      resources = [local.state_machine_arn]
    },
    {
      sid       = "FollowMap"
      actions   = ["states:DescribeExecution", "states:StopExecution"]
      resources = ["${replace(local.state_machine_arn, ":stateMachine:", ":execution:")}:*"]
    },
    {
      sid       = "ReadBatches"
      actions   = ["s3:GetObject"]
      resources = ["${module.bucket.arn}/jobs/*"]
    },
    {
      sid        = "DecryptBatches"
      actions    = ["kms:Decrypt"]
      resources  = [module.bucket.kms_key_arn]
      conditions = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
    },
  ]
}

locals {
  # Each round is one call of the monitor and about ten events of the 25,000 that an execution may have.
  rounds = ceil(var.timeout_seconds / var.check_seconds) + 5

  final = ["RequestRefused", "JobMissing", "SettingsError", "Lambda.AccessDeniedException", "States.Permissions"]
  retry = [
    { ErrorEquals = local.final, MaxAttempts = 0 },
    {
      ErrorEquals     = ["States.ALL"]
      IntervalSeconds = 1
      BackoffRate     = 2
      MaxDelaySeconds = 20
      MaxAttempts     = 6
      JitterStrategy  = "FULL"
    },
  ]

  # As Lambda repeats an asynchronous call: throttling for long, an error twice.
  retry_worker = [
    local.retry[0],
    merge(local.retry[1], { ErrorEquals = ["Lambda.TooManyRequestsException", "Lambda.ServiceException"], MaxAttempts = 12 }),
    merge(local.retry[1], { MaxAttempts = 2 }),
  ]

  definition = {
    Comment        = "Searches many objects at once"
    QueryLanguage  = "JSONata"
    TimeoutSeconds = var.timeout_seconds + 5 * var.check_seconds + 3600 # a last resort: rounds end a job before
    StartAt        = "Plan"
    States = {
      Plan = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::lambda:invoke"
        Arguments = {
          FunctionName = module.functions.functions.plan.arn
          Payload      = { execution = "{% $states.context.Execution.Name %}", input = "{% $states.context.Execution.Input %}" }
        }
        Output         = "{% $merge([$states.result.Payload, {'round': 0}]) %}"
        TimeoutSeconds = 910
        Retry          = local.retry
        Next           = "Strategy"
      }
      Strategy = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $states.input.strategy = 'map' and $states.input.batches > 0 %}", Next = "Map" }]
        Default = "Search"
      }
      # The other way to call the workers. Its items are the lines of the manifest: numbers, whatever the keys are.
      Map = {
        Type                       = "Map"
        Label                      = "Batches"
        MaxConcurrency             = local.workers
        ToleratedFailurePercentage = 100 # what is missing is found by the next state
        ItemReader = {
          Resource     = "arn:${var.context.partition}:states:::s3:getObject"
          ReaderConfig = { InputType = "JSONL" }
          Arguments    = { Bucket = "{% $states.input.bucket %}", Key = "{% $states.input.batches_key %}" }
        }
        ItemProcessor = {
          ProcessorConfig = { Mode = "DISTRIBUTED", ExecutionType = "EXPRESS" }
          StartAt         = "Worker"
          States = {
            Worker = {
              Type           = "Task"
              Resource       = "arn:${var.context.partition}:states:::lambda:invoke"
              Arguments      = { FunctionName = module.functions.functions.worker.arn, Payload = "{% $states.input %}" }
              Output         = 0 # results are in the table: 256 KiB of them would fail the map
              TimeoutSeconds = var.worker.timeout_seconds + 10
              Retry          = local.retry_worker
              End            = true
            }
          }
        }
        Output = "{% $merge([$states.input, {'round': 1}]) %}"
        Catch = [{
          ErrorEquals = ["States.ALL"]
          Output      = "{% $merge([$states.input, {'round': 1, 'map_error': $states.errorOutput.Error}]) %}"
          Next        = "Search"
        }]
        Next = "Search"
      }
      Search = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::lambda:invoke.waitForTaskToken"
        Arguments = {
          FunctionName = module.functions.functions.monitor.arn
          Payload      = { job = "{% $states.input.job %}", round = "{% $states.input.round %}", token = "{% $states.context.Task.Token %}" }
        }
        Output         = "{% $merge([$states.input, {'reason': $states.result.reason}]) %}"
        TimeoutSeconds = var.check_seconds
        Retry          = concat([{ ErrorEquals = ["States.Timeout"], MaxAttempts = 0 }], local.retry)
        Catch = [
          {
            ErrorEquals = ["States.Timeout"]
            Output      = "{% $merge([$states.input, {'round': $states.input.round + 1}]) %}"
            Next        = "Round"
          },
          {
            ErrorEquals = ["States.ALL"]
            Output      = "{% $merge([$states.input, {'reason': $states.errorOutput.Error}]) %}"
            Next        = "Combine"
          },
        ]
        Next = "Combine"
      }
      Round = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $states.input.round <= ${local.rounds} %}", Next = "Search" }]
        Default = "OutOfRounds"
      }
      OutOfRounds = {
        Type   = "Pass"
        Output = "{% $merge([$states.input, {'reason': 'rounds'}]) %}"
        Next   = "Combine"
      }
      Combine = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::lambda:invoke"
        Arguments = {
          FunctionName = module.functions.functions.combine.arn
          Payload      = "{% $states.input %}"
        }
        Output         = "{% $states.result.Payload %}"
        TimeoutSeconds = 910
        Retry          = local.retry
        Next           = "Result"
      }
      Result = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $states.input.status = 'FAILED' or $not($states.input.reason in ['complete', 'no_progress']) %}", Next = "Incomplete" }]
        Default = "Searched"
      }
      Searched = {
        Type = "Succeed"
      }
      Incomplete = {
        Type  = "Fail"
        Error = "SearchIncomplete"
        Cause = "{% $string($states.input.searched) & ' of ' & $string($states.input.objects) & ' objects were searched (' & $states.input.reason & '). What was found is in s3://' & $states.input.bucket & '/' & $states.input.prefix %}"
      }
    }
  }
}
