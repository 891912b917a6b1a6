mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name          = "status"
  description   = "Status changes"
  event_pattern = "{\"source\":[\"aws.states\"]}"
  targets = {
    function = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:test-export", kind = "lambda", input = "{}" }
    machine  = { arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:test-export", kind = "states" }
    queue    = { arn = "arn:aws:sqs:eu-central-1:111122223333:test-work", kind = "sqs" }
    topic = {
      arn  = "arn:aws:sns:eu-central-1:111122223333:test-status"
      kind = "sns"
      input_transformer = {
        input_paths    = { status = "$.detail.status" }
        input_template = "\"The run is <status>.\""
      }
    }
  }
}

run "targets" {
  command = plan

  module {
    source = "./modules/blocks/event_rule"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.this.name == "test-status" && aws_cloudwatch_event_rule.this.event_pattern == var.event_pattern && output.arn == "arn:aws:events:eu-central-1:111122223333:rule/test-status"
    error_message = "Name and ARN are derived from prefix and name."
  }
  assert {
    condition     = toset(values(aws_cloudwatch_event_target.this)[*].arn) == toset([for t in var.targets : t.arn])
    error_message = "Each target receives the events."
  }
  assert {
    condition     = alltrue([for t in aws_cloudwatch_event_target.this : t.dead_letter_config[0].arn == "arn:aws:sqs:eu-central-1:111122223333:test-status-rule-dlq" && t.retry_policy[0].maximum_retry_attempts == 185 && t.retry_policy[0].maximum_event_age_in_seconds == 86400])
    error_message = "Events that cannot be delivered within a day go to the dead-letter queue."
  }
  assert {
    condition     = aws_cloudwatch_event_target.this["topic"].input_transformer[0].input_template == "\"The run is <status>.\"" && aws_cloudwatch_event_target.this["topic"].input_transformer[0].input_paths == tomap({ status = "$.detail.status" })
    error_message = "The event is transformed."
  }
  assert {
    condition     = aws_cloudwatch_event_target.this["function"].input == "{}" && aws_cloudwatch_event_target.this["queue"].input == null
    error_message = "The event is replaced if an input is given."
  }
  assert {
    condition     = keys(aws_lambda_permission.this) == ["function"] && aws_lambda_permission.this["function"].principal == "events.amazonaws.com" && aws_lambda_permission.this["function"].source_arn == output.arn && aws_lambda_permission.this["function"].action == "lambda:InvokeFunction"
    error_message = "Only this rule may call the function."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.this[0].policy).Statement == [
      { Sid = "StartStateMachines", Effect = "Allow", Action = "states:StartExecution", Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:test-export"] },
      {
        Sid       = "UseKeyThroughServices", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.context.kms_key_arn,
        Condition = { StringLike = { "kms:ViaService" = ["states.eu-central-1.*"] } }
      },
    ]
    error_message = "The role may start its state machine, whose executions are encrypted, and nothing else."
  }
  assert {
    condition = jsondecode(aws_iam_role.this[0].assume_role_policy).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "111122223333" }
      ArnEquals    = { "aws:SourceArn" = "arn:aws:events:eu-central-1:111122223333:rule/test-status" }
    }
    error_message = "Only this rule assumes the role."
  }
  assert {
    condition     = output.alarm_names[0] == "test-status-rule-dlq-depth"
    error_message = "An undelivered event raises an alarm."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter.name == "test-status-rule-dlq" && aws_sqs_queue.dead_letter.kms_master_key_id == var.context.kms_key_arn && aws_sqs_queue.dead_letter.message_retention_seconds == 1209600 && aws_sqs_queue.dead_letter.tags == tomap(var.context.tags)
    error_message = "Dead letters are encrypted with the stack's key, kept for 14 days, and tagged."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.dead_letter.policy).Statement == [
      {
        Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-status-rule-dlq",
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "UndeliveredEvents", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-status-rule-dlq",
        Condition = { ArnLike = { "aws:SourceArn" = ["arn:aws:events:eu-central-1:111122223333:rule/test-status"] } }
      },
    ]
    error_message = "Only this rule may send, and only over TLS."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.dead_letter.alarm_name == "test-status-rule-dlq-depth" &&
      aws_cloudwatch_metric_alarm.dead_letter.threshold == 1 &&
      aws_cloudwatch_metric_alarm.dead_letter.metric_name == "ApproximateNumberOfMessagesVisible" &&
      aws_cloudwatch_metric_alarm.dead_letter.dimensions == tomap({ QueueName = "test-status-rule-dlq" }) &&
      aws_cloudwatch_metric_alarm.dead_letter.alarm_actions == toset([var.context.alarm_topic_arn]) &&
      aws_cloudwatch_metric_alarm.dead_letter.tags == tomap(var.context.tags)
    )
    error_message = "The first message raises an alarm."
  }
}

run "no_role_without_state_machine" {
  command = plan

  module {
    source = "./modules/blocks/event_rule"
  }

  variables {
    targets = { queue = { arn = "arn:aws:sqs:eu-central-1:111122223333:test-work", kind = "sqs" } }
  }

  assert {
    condition     = length(aws_iam_role.this) == 0 && length(aws_lambda_permission.this) == 0 && aws_cloudwatch_event_target.this["queue"].role_arn == null
    error_message = "Without a target that needs them there are no role and no permission."
  }
}

run "pipeline" {
  command = plan

  module {
    source = "./modules/blocks/event_rule"
  }

  variables {
    targets = { pipeline = { arn = "arn:aws:codepipeline:eu-central-1:111122223333:test-module", kind = "codepipeline" } }
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this[0].policy).Statement == [
      { Sid = "StartPipelines", Effect = "Allow", Action = "codepipeline:StartPipelineExecution", Resource = ["arn:aws:codepipeline:eu-central-1:111122223333:test-module"] },
    ]
    error_message = "The role may start its pipeline, and nothing else."
  }
}
