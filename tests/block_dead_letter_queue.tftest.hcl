mock_provider "aws" {}

variables {
  context = {
    name_prefix        = "test"
    partition          = "aws"
    account_id         = "111122223333"
    region             = "eu-central-1"
    kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    alarm_topic_arn    = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    access_log_bucket  = "test-access-logs-111122223333-eu-central-1"
    package_bucket     = "test-packages-111122223333-eu-central-1"
    log_retention_days = 365
    layer_arns         = ["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"]
    build_dir          = "tests/fixtures/build"
    tags               = { stack = "test" }
  }
  name = "export-dlq"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/dead_letter_queue"
  }

  assert {
    condition     = aws_sqs_queue.this.name == "test-export-dlq" && output.arn == "arn:aws:sqs:eu-central-1:111122223333:test-export-dlq"
    error_message = "Name and ARN follow from prefix and name."
  }
  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.context.kms_key_arn && aws_sqs_queue.this.message_retention_seconds == 1209600
    error_message = "Messages are encrypted with the stack's key and kept for 14 days."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.this.policy).Statement == [{
      Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = output.arn,
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Without a rule the policy allows nothing, and denies what is not TLS."
  }
  assert {
    condition     = output.alarm_name == "test-export-dlq-depth" && aws_cloudwatch_metric_alarm.this.threshold == 1 && aws_cloudwatch_metric_alarm.this.metric_name == "ApproximateNumberOfMessagesVisible" && aws_cloudwatch_metric_alarm.this.dimensions == tomap({ QueueName = "test-export-dlq" }) && aws_cloudwatch_metric_alarm.this.alarm_actions == toset([var.context.alarm_topic_arn])
    error_message = "The first message raises an alarm."
  }
  assert {
    condition     = aws_sqs_queue.this.tags == tomap(var.context.tags) && aws_cloudwatch_metric_alarm.this.tags == tomap(var.context.tags)
    error_message = "Tags are set."
  }
}

run "of_a_rule" {
  command = plan

  module {
    source = "./modules/blocks/dead_letter_queue"
  }

  variables {
    rule_arn = "arn:aws:events:eu-central-1:111122223333:rule/test-export"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this.policy).Statement[1] == {
      Sid       = "UndeliveredEvents", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = output.arn,
      Condition = { ArnLike = { "aws:SourceArn" = ["arn:aws:events:eu-central-1:111122223333:rule/test-export"] } }
    }
    error_message = "The rule, and no other, may send."
  }
}

run "refusals" {
  command = plan

  module {
    source = "./tests/fixtures/variables/blocks/dead_letter_queue"
  }

  variables {
    name = "Export"
  }

  expect_failures = [var.name]
}
