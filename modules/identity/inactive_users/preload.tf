# Users who already exist, or are created without a trigger (AdminCreateUser, imports), get a record too.

module "preload" {
  source = "../../blocks/state_machine"

  context = var.context
  name    = "${local.name}-preload"

  definition = jsonencode({
    Comment       = "Creates a record for every user of the pools, chunk by chunk"
    QueryLanguage = "JSONata"
    StartAt       = "Preload"
    States = {
      Preload = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::lambda:invoke"
        Arguments = {
          FunctionName = module.functions.functions.preload.arn
          Payload      = { state = "{% $exists($states.input.state) ? $states.input.state : null %}" }
        }
        Output         = "{% $states.result.Payload %}"
        TimeoutSeconds = 930
        Retry = [{
          Comment         = "All errors that a second attempt may resolve; a chunk may be repeated"
          ErrorEquals     = ["Throttled", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout", "Lambda.Unknown", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException", "Lambda.TooManyRequestsException", "Lambda.ResourceNotReadyException"]
          IntervalSeconds = 2
          BackoffRate     = 2
          MaxDelaySeconds = 60
          MaxAttempts     = 8
          JitterStrategy  = "FULL"
        }]
        Next = "Finished"
      }
      Finished = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $states.input.done %}", Next = "Succeeded" }]
        Default = "Preload"
      }
      Succeeded = {
        Type   = "Succeed"
        Output = "{% {'seen': $states.input.seen, 'added': $states.input.added} %}"
      }
    }
  })

  policy_statements = [{
    sid       = "PreloadChunk"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.functions.functions.preload.arn]
  }]
}

module "preload_schedule" {
  source = "../../blocks/schedule"
  count  = var.preload_schedule_expression == "" ? 0 : 1

  context             = var.context
  name                = "${local.name}-preload"
  description         = "Creates records for users who were created without a trigger"
  schedule_expression = var.preload_schedule_expression
  target_arn          = module.preload.arn
  action              = "states:StartExecution"
}
