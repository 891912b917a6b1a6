mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# AWS Foundational Security Best Practices, by control id; what no control could see in a plan is left out.

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "context" {
  command = plan

  module {
    source = "./modules/context"
  }

  variables {
    build_dir = ".switchyard/fixtures"
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "KMS.4: key rotation should be on."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_kms_key.this.policy).Statement : s.Principal != "*" && try(s.Principal.AWS, "") != "*"])
    error_message = "KMS.5: keys should not be publicly accessible."
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.access_logs.block_public_acls && aws_s3_bucket_public_access_block.access_logs.restrict_public_buckets
    error_message = "S3.8: public access should be blocked for the log bucket."
  }
  assert {
    condition     = contains([for s in jsondecode(aws_s3_bucket_policy.access_logs.policy).Statement : s.Effect if try(s.Condition.Bool["aws:SecureTransport"], "") == "false"], "Deny")
    error_message = "S3.5: requests to the log bucket should use TLS."
  }
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.access_logs.rule) > 0
    error_message = "S3.13: the log bucket should have a lifecycle configuration."
  }
}

run "bucket" {
  command = plan

  module {
    source = "./modules/blocks/bucket"
  }

  variables {
    name = "data"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "S3.1 and S3.8: all four public access blocks should be on."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Effect == "Deny"])
    error_message = "S3.2 and S3.3: the bucket policy should grant nothing to the public."
  }
  assert {
    condition     = contains([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Effect if try(s.Condition.Bool["aws:SecureTransport"], "") == "false"], "Deny")
    error_message = "S3.5: requests should use TLS."
  }
  assert {
    condition     = aws_s3_bucket_logging.this.target_bucket == var.context.access_log_bucket
    error_message = "S3.9: server access logging should be on."
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "S3.12: ACLs should not manage access."
  }
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this.rule) > 0
    error_message = "S3.10 and S3.13: there should be a lifecycle configuration."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "S3.14: versioning should be on."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "S3.17: objects should be encrypted with KMS."
  }
  assert {
    condition     = aws_s3_bucket_notification.this.eventbridge
    error_message = "S3.11: event notifications should be on."
  }
}

run "functions" {
  command = plan

  module {
    source = "./modules/blocks/functions"
  }

  variables {
    package = "posture/finding_export"
    functions = {
      export = {
        name        = "export"
        description = "Exports findings"
        handler     = "posture.finding_export.export.handler"
        invokers    = { Topic = { principal = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-central-1:111122223333:topic" } }
      }
    }
  }

  assert {
    condition     = alltrue([for p in aws_lambda_permission.invoker : p.principal != "*" && p.source_arn != null])
    error_message = "Lambda.1: functions should not be publicly callable."
  }
  assert {
    condition     = aws_lambda_function.this["export"].runtime == "python3.13"
    error_message = "Lambda.2: functions should use a supported runtime."
  }
  assert {
    condition     = aws_lambda_function.this["export"].tracing_config[0].mode == "Active"
    error_message = "Lambda.7: active tracing should be on."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.runtime["export"].policy).Statement : alltrue([for a in flatten([s.Action]) : !endswith(a, "*")])])
    error_message = "IAM.1 and IAM.21: policies should name their actions."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.runtime["export"].policy).Statement : !(contains(flatten([s.Action]), "kms:Decrypt") && s.Resource == "*")])
    error_message = "KMS.2: inline policies should not allow decryption with all keys."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this["export"].retention_in_days >= 365
    error_message = "CloudWatch.16: logs should be kept for a year."
  }
  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : length(a.alarm_actions) > 0])
    error_message = "CloudWatch.15: alarms should have an action."
  }
  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : a.actions_enabled != false])
    error_message = "CloudWatch.17: alarm actions should be on."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter["export"].kms_master_key_id != null
    error_message = "SQS.1: queues should be encrypted."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_sqs_queue.dead_letter["export"].policy).Statement : s.Effect == "Deny"])
    error_message = "SQS.3: queue policies should grant nothing to the public."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter["export"].tags == tomap(var.context.tags)
    error_message = "SQS.2: queues should be tagged."
  }
}

run "queue" {
  command = plan

  module {
    source = "./modules/blocks/queue"
  }

  variables {
    name = "work"
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id != null && aws_sqs_queue.dead_letter.kms_master_key_id != null
    error_message = "SQS.1: queues should be encrypted."
  }
  assert {
    condition     = alltrue([for s in concat(jsondecode(aws_sqs_queue.this.policy).Statement, jsondecode(aws_sqs_queue.dead_letter.policy).Statement) : s.Effect == "Deny"])
    error_message = "SQS.3: queue policies should grant nothing to the public."
  }
  assert {
    condition     = aws_sqs_queue.this.tags == tomap(var.context.tags)
    error_message = "SQS.2: queues should be tagged."
  }
  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : length(a.alarm_actions) > 0])
    error_message = "CloudWatch.15: alarms should have an action."
  }
}

run "event_rule" {
  command = plan

  module {
    source = "./modules/blocks/event_rule"
  }

  variables {
    name          = "status"
    description   = "Status changes"
    event_pattern = "{\"source\":[\"aws.states\"]}"
    targets       = { queue = { arn = "arn:aws:sqs:eu-central-1:111122223333:test-work", kind = "sqs" } }
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.kms_master_key_id != null
    error_message = "SQS.1: queues should be encrypted."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_sqs_queue.dead_letter.policy).Statement : s.Effect == "Deny" || s.Principal != "*" && try(s.Condition.ArnLike["aws:SourceArn"], null) != null])
    error_message = "SQS.3: queue policies should grant nothing to the public."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter.tags == tomap(var.context.tags)
    error_message = "SQS.2: queues should be tagged."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.dead_letter.alarm_actions) > 0
    error_message = "CloudWatch.15: alarms should have an action."
  }
}

run "schedule" {
  command = plan

  module {
    source = "./modules/blocks/schedule"
  }

  variables {
    name                = "weekly"
    description         = "Starts an export"
    schedule_expression = "cron(0 3 ? * SUN *)"
    target_arn          = "arn:aws:sqs:eu-central-1:111122223333:test-work"
    action              = "sqs:SendMessage"
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.kms_master_key_id != null
    error_message = "SQS.1: queues should be encrypted."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_sqs_queue.dead_letter.policy).Statement : s.Effect == "Deny"])
    error_message = "SQS.3: queue policies should grant nothing to the public."
  }
  assert {
    condition     = aws_sqs_queue.dead_letter.tags == tomap(var.context.tags)
    error_message = "SQS.2: queues should be tagged."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.dead_letter.alarm_actions) > 0
    error_message = "CloudWatch.15: alarms should have an action."
  }
}

run "topic" {
  command = plan

  module {
    source = "./modules/blocks/topic"
  }

  variables {
    name       = "status"
    publishers = { Alarms = { service = "cloudwatch.amazonaws.com", source_arns = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*"] } }
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id != null
    error_message = "SNS.1: topics should be encrypted."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_sns_topic_policy.this.policy).Statement : s.Principal != "*" && try(s.Condition.ArnLike["aws:SourceArn"], null) != null if s.Effect == "Allow"])
    error_message = "SNS.4: topic policies should grant nothing to the public."
  }
}

run "table" {
  command = plan

  module {
    source = "./modules/blocks/table"
  }

  variables {
    name     = "orders"
    hash_key = "OrderId"
  }

  assert {
    condition     = aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST"
    error_message = "DynamoDB.1: capacity should follow demand."
  }
  assert {
    condition     = aws_dynamodb_table.this.point_in_time_recovery[0].enabled
    error_message = "DynamoDB.2: point-in-time recovery should be on."
  }
  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "DynamoDB.6: deletion protection should be on."
  }
}

run "state_machine" {
  command = plan

  module {
    source = "./modules/blocks/state_machine"
  }

  variables {
    name       = "export"
    definition = "{\"StartAt\":\"Done\",\"States\":{\"Done\":{\"Type\":\"Succeed\"}}}"
  }

  assert {
    condition     = aws_sfn_state_machine.this.logging_configuration[0].level == "ALL"
    error_message = "StepFunctions.1: logging should be on."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days >= 365
    error_message = "CloudWatch.16: logs should be kept for a year."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.runtime.policy).Statement : alltrue([for a in flatten([s.Action]) : !endswith(a, "*")])])
    error_message = "IAM.1 and IAM.21: policies should name their actions."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.runtime.policy).Statement : !(contains(flatten([s.Action]), "kms:Decrypt") && s.Resource == "*")])
    error_message = "KMS.2: inline policies should not allow decryption with all keys."
  }
  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : length(a.alarm_actions) > 0])
    error_message = "CloudWatch.15: alarms should have an action."
  }
}
