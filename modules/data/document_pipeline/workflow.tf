locals {
  retry = [
    { ErrorEquals = ["KeyError", "ValueError", "RequestRefused", "SettingsError", "Lambda.AccessDeniedException", "States.Permissions"], MaxAttempts = 0 },
    {
      ErrorEquals     = ["States.ALL"]
      IntervalSeconds = 1
      BackoffRate     = 2
      MaxDelaySeconds = 30
      MaxAttempts     = var.attempts
      JitterStrategy  = "FULL"
    },
  ]
  invoke = "arn:${var.context.partition}:states:::lambda:invoke"
  send_dead_letter = {
    Type     = "Task"
    Resource = "arn:${var.context.partition}:states:::sqs:sendMessage"
    Output   = 0
    Retry    = [local.retry[1]]
  }
}

# One execution is one batch: it lists a prefix part by part, for as long as there is more.
module "batches" {
  source = "../../blocks/state_machine"

  context = var.context
  name    = "${local.name}-batches"
  definition = jsonencode({
    Comment       = "Finds the documents of a batch"
    QueryLanguage = "JSONata"
    StartAt       = "Begin"
    States = {
      Begin = {
        Type   = "Pass"
        Output = { after = "", documents = 0 }
        Next   = "List"
      }
      List = {
        Type     = "Task"
        Resource = local.invoke
        Arguments = {
          FunctionName = module.functions.functions.listing.arn
          Payload = {
            execution = "{% $states.context.Execution.Name %}"
            input     = "{% $states.context.Execution.Input %}"
            after     = "{% $states.input.after %}"
            documents = "{% $states.input.documents %}"
          }
        }
        Output         = "{% $states.result.Payload %}"
        TimeoutSeconds = 910
        Retry          = local.retry
        Next           = "More"
      }
      More = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $states.input.after != '' %}", Next = "List" }]
        Default = "Listed"
      }
      Listed = {
        Type   = "Succeed"
        Output = { batch = "{% $states.input.batch %}", documents = "{% $states.input.documents %}" }
      }
    }
  })
  policy_statements = [{
    sid       = "CallListing"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.functions.functions.listing.arn]
  }]
}

# One execution is one large document: a Distributed Map draws its ranges, while small documents go through the queue. Its
# items are short and at most 3,000, so no state comes near 256 KiB.
module "large" {
  source = "../../blocks/state_machine"

  context = var.context
  name    = "${local.name}-large"
  definition = jsonencode({
    Comment       = "Draws the pages of a large document"
    QueryLanguage = "JSONata"
    StartAt       = "Draw"
    States = {
      Draw = {
        Type                       = "Map"
        Label                      = "Ranges"
        MaxConcurrency             = var.concurrency.large
        ToleratedFailurePercentage = 100
        Items                      = "{% [[0..$states.input.ranges - 1].{'document': $states.input.document, 'range': $}] %}"
        ItemProcessor = {
          ProcessorConfig = { Mode = "DISTRIBUTED", ExecutionType = "STANDARD" }
          StartAt         = "Range"
          States = {
            Range = {
              Type           = "Task"
              Resource       = local.invoke
              Arguments      = { FunctionName = module.functions.functions.render.arn, Payload = "{% $states.input %}" }
              Output         = 0
              TimeoutSeconds = local.render_timeout + 10
              Retry          = local.retry
              Catch          = [{ ErrorEquals = ["States.ALL"], Output = "{% $states.input %}", Next = "Failed" }]
              End            = true
            }
            Failed = merge(local.send_dead_letter, {
              Arguments = { QueueUrl = module.queues["pages"].dead_letter_queue_url, MessageBody = "{% $string({'document': $states.input.document, 'range': $states.input.range}) %}" }
              End       = true
            })
          }
        }
        Output = 0
        Catch  = [{ ErrorEquals = ["States.ALL"], Output = "{% $states.input %}", Next = "MapFailed" }]
        End    = true
      }
      # The failsafe sends all ranges that are not complete through the queue.
      MapFailed = merge(local.send_dead_letter, {
        Arguments = { QueueUrl = module.queues["pages"].dead_letter_queue_url, MessageBody = "{% $string({'document': $states.input.document}) %}" }
        End       = true
      })
    }
  })
  policy_statements = [
    {
      sid       = "CallRender"
      actions   = ["lambda:InvokeFunction"]
      resources = [module.functions.functions.render.arn]
    },
    # https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    {
      sid       = "RunMap"
      actions   = ["states:StartExecution"]
      resources = ["${local.states_arn}-large"]
    },
    {
      sid       = "FollowMap"
      actions   = ["states:DescribeExecution", "states:StopExecution"]
      resources = ["${replace("${local.states_arn}-large", ":stateMachine:", ":execution:")}:*"]
    },
    {
      sid       = "SendToFailsafe"
      actions   = ["sqs:SendMessage"]
      resources = [module.queues["pages"].dead_letter_queue_arn]
    },
    {
      sid        = "EncryptMessages"
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [var.context.kms_key_arn]
      conditions = { StringLike = { "kms:ViaService" = ["sqs.${var.context.region}.*"] } }
    },
  ]
}
