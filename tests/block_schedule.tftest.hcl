mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                = "weekly"
  description         = "Starts an export"
  schedule_expression = "cron(0 3 ? * SUN *)"
  target_arn          = "arn:aws:states:eu-central-1:111122223333:stateMachine:test-export"
  action              = "states:StartExecution"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/schedule"
  }

  assert {
    condition     = aws_scheduler_schedule.this.name == "test-weekly" && output.name == "test-weekly"
    error_message = "Name and ARN are derived from prefix and name."
  }
  assert {
    condition     = aws_scheduler_schedule.this.schedule_expression_timezone == "UTC" && aws_scheduler_schedule.this.flexible_time_window[0].mode == "OFF"
    error_message = "Calls are made at the exact time, in UTC."
  }
  assert {
    condition     = aws_scheduler_schedule.this.kms_key_arn == var.context.kms_key_arn
    error_message = "The schedule's input is encrypted with the stack's key."
  }
  assert {
    condition     = aws_scheduler_schedule.this.target[0].arn == var.target_arn && aws_scheduler_schedule.this.target[0].input == "{}"
    error_message = "The target is called."
  }
  assert {
    condition     = aws_scheduler_schedule.this.target[0].dead_letter_config[0].arn == "arn:aws:sqs:eu-central-1:111122223333:test-weekly-schedule-dlq" && aws_scheduler_schedule.this.target[0].retry_policy[0].maximum_retry_attempts == 185 && aws_scheduler_schedule.this.target[0].retry_policy[0].maximum_event_age_in_seconds == 3600
    error_message = "A call that has failed for an hour goes to the dead-letter queue."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      { Sid = "CallTarget", Effect = "Allow", Action = "states:StartExecution", Resource = "arn:aws:states:eu-central-1:111122223333:stateMachine:test-export" },
      { Sid = "KeepFailedCalls", Effect = "Allow", Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-weekly-schedule-dlq" },
      {
        Sid       = "UseKeyThroughServices", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.context.kms_key_arn,
        Condition = { StringLike = { "kms:ViaService" = ["sqs.eu-central-1.*", "states.eu-central-1.*"] } }
      },
      {
        Sid       = "ReadOwnSchedule", Effect = "Allow", Action = "kms:Decrypt", Resource = var.context.kms_key_arn,
        Condition = { StringEquals = { "kms:EncryptionContext:aws:scheduler:schedule:arn" = "arn:aws:scheduler:eu-central-1:111122223333:schedule/default/test-weekly" } }
      },
    ]
    error_message = "The role may call its target, send failed calls to the queue and read its own schedule."
  }
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "111122223333", "aws:SourceArn" = "arn:aws:scheduler:eu-central-1:111122223333:schedule-group/default" }
    }
    error_message = "Only schedules of this account assume the role."
  }
  assert {
    condition     = output.alarm_names[0] == "test-weekly-schedule-dlq-depth"
    error_message = "A call that is given up raises an alarm."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter.name == "test-weekly-schedule-dlq" && aws_sqs_queue.dead_letter.kms_master_key_id == var.context.kms_key_arn && aws_sqs_queue.dead_letter.message_retention_seconds == 1209600 && aws_sqs_queue.dead_letter.tags == tomap(var.context.tags)
    error_message = "Dead letters are encrypted with the stack's key, kept for 14 days, and tagged."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.dead_letter.policy).Statement == [
      {
        Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-weekly-schedule-dlq",
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
    error_message = "The queue's policy grants nothing, and denies requests without TLS."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.dead_letter.alarm_name == "test-weekly-schedule-dlq-depth" &&
      aws_cloudwatch_metric_alarm.dead_letter.threshold == 1 &&
      aws_cloudwatch_metric_alarm.dead_letter.metric_name == "ApproximateNumberOfMessagesVisible" &&
      aws_cloudwatch_metric_alarm.dead_letter.dimensions == tomap({ QueueName = "test-weekly-schedule-dlq" }) &&
      aws_cloudwatch_metric_alarm.dead_letter.alarm_actions == toset([var.context.alarm_topic_arn]) &&
      aws_cloudwatch_metric_alarm.dead_letter.tags == tomap(var.context.tags)
    )
    error_message = "The first message raises an alarm."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/blocks/schedule"
  }

  variables {
    target_arn = "arn:aws:sns:eu-central-1:111122223333:test-status"
    action     = "sns:Publish"
    input      = "\"good morning\""
  }

  assert {
    condition     = aws_scheduler_schedule.this.target[0].input == var.input
    error_message = "The input is as given."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[2].Condition.StringLike["kms:ViaService"] == ["sns.eu-central-1.*", "sqs.eu-central-1.*"]
    error_message = "The role may use the key through SNS to publish to an encrypted topic."
  }
}

run "universal_target" {
  command = plan

  module {
    source = "./modules/blocks/schedule"
  }

  variables {
    target_arn   = "arn:aws:scheduler:::aws-sdk:config:startConfigRulesEvaluation"
    resource_arn = "arn:aws:config:eu-central-1:111122223333:config-rule/config-rule-abcdef"
    action       = "config:StartConfigRulesEvaluation"
    input        = "{\"ConfigRuleNames\": [\"test-rule\"]}"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[0] == { Sid = "CallTarget", Effect = "Allow", Action = "config:StartConfigRulesEvaluation", Resource = var.resource_arn }
    error_message = "The role may act on the one resource, not on the universal target's ARN."
  }
}
