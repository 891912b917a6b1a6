mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name       = "export"
  definition = "{\"StartAt\":\"Done\",\"States\":{\"Done\":{\"Type\":\"Succeed\"}}}"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/state_machine"
  }

  assert {
    condition     = aws_sfn_state_machine.this.name == "test-export" && output.arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:test-export" && aws_sfn_state_machine.this.type == "STANDARD"
    error_message = "Name and ARN are derived from prefix and name."
  }
  assert {
    condition     = aws_sfn_state_machine.this.encryption_configuration[0].type == "CUSTOMER_MANAGED_KMS_KEY" && aws_sfn_state_machine.this.encryption_configuration[0].kms_key_id == var.context.kms_key_arn
    error_message = "Executions are encrypted with the stack's key."
  }
  assert {
    condition     = aws_sfn_state_machine.this.logging_configuration[0].level == "ALL" && !aws_sfn_state_machine.this.logging_configuration[0].include_execution_data && aws_sfn_state_machine.this.logging_configuration[0].log_destination == "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/vendedlogs/states/test-export:*"
    error_message = "Every event is logged, without input and output."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/vendedlogs/states/test-export" && aws_cloudwatch_log_group.this.retention_in_days == 365 && aws_cloudwatch_log_group.this.kms_key_id == var.context.kms_key_arn
    error_message = "The log group has a retention and the stack's key."
  }
  assert {
    condition     = aws_sfn_state_machine.this.tracing_configuration[0].enabled
    error_message = "Tracing is on."
  }
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid = "AssumedByStateMachine", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "states.amazonaws.com" },
      Condition = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnLike      = { "aws:SourceArn" = ["arn:aws:states:eu-central-1:111122223333:stateMachine:test-export", "arn:aws:states:eu-central-1:111122223333:stateMachine:test-export/*"] }
      }
    }]
    error_message = "Only this state machine assumes the role."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.runtime.policy).Statement == [
      {
        Sid = "DeliverLogs", Effect = "Allow", Resource = "*",
        Action = [
          "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
        ]
      },
      { Sid = "WriteTraces", Effect = "Allow", Action = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"], Resource = "*" },
      {
        Sid       = "EncryptExecutions", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.context.kms_key_arn,
        Condition = { StringLike = { "kms:EncryptionContext:aws:states:stateMachineArn" = ["arn:aws:states:eu-central-1:111122223333:stateMachine:test-export", "arn:aws:states:eu-central-1:111122223333:stateMachine:test-export/*"] } }
      },
      {
        Sid       = "EncryptLogDelivery", Effect = "Allow", Action = "kms:GenerateDataKey", Resource = var.context.kms_key_arn,
        Condition = { StringEquals = { "kms:EncryptionContext:SourceArn" = "arn:aws:logs:eu-central-1:111122223333:*" } }
      },
    ]
    error_message = "The runtime may log, trace and encrypt its executions, and nothing else."
  }
  assert {
    condition     = length(aws_iam_role_policy.grants) == 0
    error_message = "Without policy_statements the states have no permissions."
  }
  assert {
    condition     = toset(output.alarm_names) == toset(["test-export-failed", "test-export-timed-out", "test-export-throttled"])
    error_message = "Failed, timed-out and throttled executions raise alarms."
  }
  assert {
    condition = alltrue([
      for metric, alarm in aws_cloudwatch_metric_alarm.this : alarm.metric_name == metric && alarm.namespace == "AWS/States" &&
      alarm.dimensions == tomap({ StateMachineArn = "arn:aws:states:eu-central-1:111122223333:stateMachine:test-export" }) && alarm.alarm_actions == toset([var.context.alarm_topic_arn])
    ])
    error_message = "Alarms watch this state machine and go to the topic."
  }
  assert {
    condition     = aws_iam_role.this.name == "test-export-states-eu-central-1"
    error_message = "The role's name differs from that of a function of the same name."
  }
}

run "grants" {
  command = plan

  module {
    source = "./modules/blocks/state_machine"
  }

  variables {
    policy_statements = [{ sid = "InvokeExport", actions = ["lambda:InvokeFunction"], resources = ["arn:aws:lambda:eu-central-1:111122223333:function:test-export"] }]
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.grants[0].policy).Statement == [{ Sid = "InvokeExport", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:test-export"] }]
    error_message = "Statements reach the role unchanged."
  }
}
