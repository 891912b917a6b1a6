# CodePipeline keeps the history for twelve months. The first run reads all of it, later ones the last days: EventBridge
# delivers CodePipeline's events at best effort.
locals {
  history_retry = [{
    ErrorEquals     = ["Throttled", "Unavailable", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout", "Lambda.Unknown", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException", "Lambda.TooManyRequestsException", "Lambda.ResourceNotReadyException"]
    IntervalSeconds = 2
    BackoffRate     = 2
    MaxDelaySeconds = 60
    MaxAttempts     = 8
    JitterStrategy  = "FULL"
  }]

  history_definition = {
    Comment       = "Reads the history of each pipeline, some at a time"
    QueryLanguage = "JSONata"
    StartAt       = "List"
    States = {
      List = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::lambda:invoke"
        Arguments = {
          FunctionName = module.functions.functions.history.arn
          Payload      = { step = "list", days = "{% $exists($states.input.days) ? $states.input.days : 0 %}" }
        }
        Output         = "{% $states.result.Payload %}"
        TimeoutSeconds = 630
        Retry          = local.history_retry
        Next           = "Each"
      }
      Each = {
        Type           = "Map"
        Items          = "{% $states.input.pipelines %}"
        MaxConcurrency = 2
        ItemProcessor = {
          ProcessorConfig = { Mode = "INLINE" }
          StartAt         = "Read"
          States = {
            Read = {
              Type     = "Task"
              Resource = "arn:${var.context.partition}:states:::lambda:invoke"
              Arguments = {
                FunctionName = module.functions.functions.history.arn
                Payload      = "{% $merge([$states.input, {'step': 'read'}]) %}"
              }
              Output         = "{% $states.result.Payload %}"
              TimeoutSeconds = 630
              Retry          = local.history_retry
              Catch = [{
                ErrorEquals = ["States.ALL"]
                Output      = "{% {'pipeline': $states.input.pipeline, 'place': $states.input.place, 'error': $states.errorOutput.Error, 'cause': $substring($states.errorOutput.Cause, 0, 300)} %}"
                Next        = "Unread"
              }]
              Next = "Finished"
            }
            Finished = {
              Type    = "Choice"
              Choices = [{ Condition = "{% $states.input.done %}", Next = "Done" }]
              Default = "Read"
            }
            Done = {
              Type   = "Pass"
              Output = "{% {'pipeline': $states.input.pipeline, 'place': $states.input.place, 'executions': $states.input.executions} %}"
              End    = true
            }
            Unread = { Type = "Pass", End = true }
          }
        }
        # A list of one is no list in JSONata, unless it is written as one.
        Output = "{% {'places': $states.input.places, 'pipelines': $count($states.result), 'executions': $sum($states.result.executions), 'unread': $append([], $append($states.input.unread, $states.result[$exists(error)]))} %}"
        Next   = "Complete"
      }
      Complete = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $count($states.input.unread) > 0 %}", Next = "Incomplete" }]
        Default = "Succeeded"
      }
      Incomplete = {
        Type  = "Fail"
        Error = "HistoryIncomplete"
        Cause = "{% 'Not read, all the rest was: ' & $string($states.input.unread) %}"
      }
      Succeeded = { Type = "Succeed" }
    }
  }
}

module "history" {
  source = "../../blocks/state_machine"

  context    = var.context
  name       = "${local.name}-history"
  definition = jsonencode(local.history_definition)

  policy_statements = [{
    sid       = "ReadHistory"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.functions.functions.history.arn]
  }]
}
