locals {
  state_machine_name = "${var.context.name_prefix}-${local.name}"
  state_machine_arn  = "arn:${var.context.partition}:states:${var.context.region}:${var.context.account_id}:stateMachine:${local.state_machine_name}"

  definition = {
    Comment       = "Exports the Security Hub findings to S3, chunk by chunk"
    QueryLanguage = "JSONata"
    StartAt       = "Export"
    States = {
      Export = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::lambda:invoke"
        Arguments = {
          FunctionName = module.functions.functions.export.arn
          Payload = {
            execution = {
              arn        = "{% $states.context.Execution.Id %}"
              name       = "{% $states.context.Execution.Name %}"
              started_at = "{% $states.context.Execution.StartTime %}"
              # Only the context of a redriven execution has it.
              redrive_count = "{% $exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0 %}"
            }
            # As text: of an object, Step Functions would evaluate each value that looks like an expression. Here and not in
            # the function's environment, which holds 4 KB.
            filters     = jsonencode(local.filters)
            retry_count = "{% $states.context.State.RetryCount %}"
            input       = "{% $states.context.Execution.Input %}"
            state       = "{% $exists($states.input.done) ? $states.input.state : null %}"
          }
        }
        Output         = "{% $states.result.Payload %}"
        TimeoutSeconds = 930
        Retry = [
          {
            # The chunk was lost with its process, or Lambda could not call the function: repeat it from its start.
            Comment     = "Errors that another attempt may resolve"
            ErrorEquals = ["Throttled", "ServiceUnavailable", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout", "Lambda.Unknown", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException", "Lambda.TooManyRequestsException", "Lambda.ResourceNotReadyException"]

            IntervalSeconds = 2
            BackoffRate     = 2
            MaxDelaySeconds = 60
            MaxAttempts     = 8
            JitterStrategy  = "FULL"
          },
        ]
        Next = "Finished"
      }
      Finished = {
        Type = "Choice"
        Choices = [
          { Condition = "{% $states.input.done %}", Next = "Succeeded" },
          { Condition = "{% $states.input.continue_as_new %}", Next = "ContinueAsNew" },
        ]
        Default = "Export"
      }
      ContinueAsNew = {
        # The history of an execution ends at 25,000 events.
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::states:startExecution"
        Arguments = {
          StateMachineArn = local.state_machine_arn
          Name            = "{% $states.input.next_execution_name %}"
          Input           = { state = "{% $states.input.state %}" }
        }
        Output = "{% {'continued_by': $states.result.ExecutionArn, 'exported': $states.input.exported, 'objects': $states.input.objects} %}"
        Retry = [
          {
            # All errors are safe to retry: the name is fixed, so the next execution starts only once.
            ErrorEquals     = ["States.TaskFailed", "States.Timeout"]
            IntervalSeconds = 2
            BackoffRate     = 2
            MaxDelaySeconds = 60
            MaxAttempts     = 8
            JitterStrategy  = "FULL"
          },
        ]
        End = true
      }
      Succeeded = {
        Type   = "Succeed"
        Output = "{% {'run_id': $states.input.state.run_id, 'exported': $states.input.exported, 'objects': $states.input.objects} %}"
      }
    }
  }
}

module "state_machine" {
  source = "../../blocks/state_machine"

  context    = var.context
  name       = local.name
  definition = jsonencode(local.definition)

  policy_statements = [
    {
      sid       = "ExportChunk"
      actions   = ["lambda:InvokeFunction"]
      resources = [module.functions.functions.export.arn]
    },
    {
      sid       = "ContinueAsNew"
      actions   = ["states:StartExecution"]
      resources = [local.state_machine_arn]
    },
  ]
}

module "schedule" {
  source = "../../blocks/schedule"
  count  = var.schedule_expression == null ? 0 : 1

  context             = var.context
  name                = local.name
  description         = "Starts an export of the Security Hub findings"
  schedule_expression = var.schedule_expression
  target_arn          = module.state_machine.arn
  action              = "states:StartExecution"
}
