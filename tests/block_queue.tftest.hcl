mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "work"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/queue"
  }

  assert {
    condition     = aws_sqs_queue.this.name == "test-work" && output.arn == "arn:aws:sqs:eu-central-1:111122223333:test-work" && output.name == "test-work"
    error_message = "Name and ARN are derived from prefix and name."
  }
  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.context.kms_key_arn && aws_sqs_queue.dead_letter.kms_master_key_id == var.context.kms_key_arn
    error_message = "Both queues are encrypted with the stack's key."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-central-1:111122223333:test-work-dlq", maxReceiveCount = 5 }
    error_message = "Messages received five times go to the dead-letter queue."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.dead_letter.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-central-1:111122223333:test-work"] }
    error_message = "The dead-letter queue accepts messages only from its own queue."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter.message_retention_seconds == 1209600 && aws_sqs_queue.this.message_retention_seconds == 345600
    error_message = "Dead letters are kept for 14 days, messages for 4."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter.visibility_timeout_seconds == 30 && output.dead_letter_queue_arn == "arn:aws:sqs:eu-central-1:111122223333:test-work-dlq"
    error_message = "The dead-letter queue has SQS's own visibility timeout unless a function reads it."
  }
  assert {
    condition = jsondecode(aws_sqs_queue.this.policy).Statement == [{
      Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-work",
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "TLS is required, and no principal is granted access."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.dead_letter.policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } } && jsondecode(aws_sqs_queue.dead_letter.policy).Statement[0].Resource == "arn:aws:sqs:eu-central-1:111122223333:test-work-dlq"
    error_message = "The dead-letter queue requires TLS."
  }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.this) == ["dlq-depth"] && aws_cloudwatch_metric_alarm.this["dlq-depth"].dimensions == tomap({ QueueName = "test-work-dlq" }) && aws_cloudwatch_metric_alarm.this["dlq-depth"].threshold == 1 && aws_cloudwatch_metric_alarm.this["dlq-depth"].metric_name == "ApproximateNumberOfMessagesVisible"
    error_message = "The first dead letter raises an alarm."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["dlq-depth"].alarm_actions == toset([var.context.alarm_topic_arn])
    error_message = "Alarms go to the topic."
  }
}

run "senders" {
  command = plan

  module {
    source = "./modules/blocks/queue"
  }

  variables {
    senders = {
      Uploads = { service = "s3.amazonaws.com", source_arns = ["arn:aws:s3:::uploads"] }
      Rule    = { service = "events.amazonaws.com", source_arns = ["arn:aws:events:eu-central-1:111122223333:rule/test-findings"] }
    }
  }

  assert {
    condition = [for s in jsondecode(aws_sqs_queue.this.policy).Statement : s if s.Effect == "Allow"] == [
      {
        Sid       = "Rule", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-work",
        Condition = { ArnLike = { "aws:SourceArn" = ["arn:aws:events:eu-central-1:111122223333:rule/test-findings"] } }
      },
      {
        Sid       = "Uploads", Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-work",
        Condition = { ArnLike = { "aws:SourceArn" = ["arn:aws:s3:::uploads"] }, StringEquals = { "aws:SourceAccount" = "111122223333" } }
      },
    ]
    error_message = "A sender may send only for its resources, and a bucket must belong to this account."
  }
}

run "alarms" {
  command = plan

  module {
    source = "./modules/blocks/queue"
  }

  variables {
    alarms = { depth = 1, age_seconds = 3600 }
  }

  assert {
    condition     = toset(output.alarm_names) == toset(["test-work-depth", "test-work-age", "test-work-dlq-depth"]) && aws_cloudwatch_metric_alarm.this["age"].metric_name == "ApproximateAgeOfOldestMessage" && aws_cloudwatch_metric_alarm.this["age"].threshold == 3600
    error_message = "Depth and age raise alarms if thresholds are given."
  }
}
