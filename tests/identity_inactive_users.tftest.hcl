# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_dynamodb_table" {
    defaults = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users/stream/2026-11-20T00:00:00.000" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { url = "https://sqs.eu-central-1.amazonaws.com/111122223333/queue" }
  }
}

variables {
  user_pool_arns = [
    "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Staff0001",
    "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Partners1",
  ]
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "tables" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  assert {
    condition     = module.table.resources.table.hash_key == "sub" && module.table.resources.table.range_key == "userpool_id" && module.table.resources.table.ttl[0].attribute_name == "ttl" && module.table.resources.table.ttl[0].enabled
    error_message = "One item for each user of each pool, and it expires."
  }

  assert {
    condition     = module.table.resources.table.stream_enabled && module.table.resources.table.stream_view_type == "NEW_AND_OLD_IMAGES"
    error_message = "The stream says whose record expired."
  }

  assert {
    condition     = alltrue([for t in [module.table.resources.table, module.audit.resources.table] : t.point_in_time_recovery[0].enabled && t.server_side_encryption[0].kms_key_arn == var.context.kms_key_arn && t.deletion_protection_enabled])
    error_message = "Both tables are encrypted, can be restored, and are protected."
  }

  assert {
    condition     = length(module.audit.resources.table.global_secondary_index) == 0 && length(module.report_topic) == 0 && length(module.report_schedule) == 0 && !contains(keys(module.functions.functions), "report") && output.report_topic_arn == null
    error_message = "No report that is not asked for."
  }

  assert {
    condition     = module.audit.resources.table.hash_key == "sub" && module.audit.resources.table.range_key == "event"
    error_message = "The audit trail is by user and time."
  }
}

run "record" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  assert {
    condition     = module.record.resources.functions["record"].handler == "identity.inactive_users.record.handler" && module.record.resources.functions["record"].timeout == 5 && module.record.resources.functions["record"].memory_size == 512
    error_message = "The trigger has Cognito's 5 seconds."
  }

  assert {
    condition     = !contains(keys(module.record.resources.event_invoke_configs), "record")
    error_message = "Cognito calls it synchronously: an asynchronous destination would never get anything."
  }

  assert {
    condition     = jsondecode(module.record.resources.grants["record"].policy).Statement == [{ Sid = "Record", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users"] }, { Sid = "RecordLater", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-records"] }]
    error_message = "It may write records, and nothing else."
  }

  assert {
    condition     = { for k, p in aws_lambda_permission.record : k => [p.principal, p.source_arn, p.action] } == { UserPool0 = ["cognito-idp.amazonaws.com", var.user_pool_arns[0], "lambda:InvokeFunction"], UserPool1 = ["cognito-idp.amazonaws.com", var.user_pool_arns[1], "lambda:InvokeFunction"] }
    error_message = "Only the named pools may call it."
  }

  assert {
    condition     = output.sign_in_trigger == { post_authentication = output.trigger_function_arns.post_authentication }
    error_message = "A pool with a post-confirmation function of its own takes the trigger for sign-ins alone."
  }

  assert {
    condition     = output.trigger_function_arns == { post_authentication = "arn:aws:lambda:eu-central-1:111122223333:function:test-inactive-users-record", post_confirmation = "arn:aws:lambda:eu-central-1:111122223333:function:test-inactive-users-record" }
    error_message = "The output names what to attach."
  }

  assert {
    condition     = module.record.resources.functions["record"].environment[0].variables["INACTIVE_DAYS"] == "90" && module.record.resources.functions["record"].environment[0].variables["WARNING_DAYS"] == "0" && module.record.resources.functions["record"].environment[0].variables["TABLE"] == "test-inactive-users" && module.record.resources.functions["record"].environment[0].variables["DAYS_BY_POOL"] == "{}"
    error_message = "90 days by default, for all pools, without a warning."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.replay.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.replay.event_source_arn == "arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-records"
    error_message = "Records that the table did not take come through the queue, one by one."
  }

  assert {
    condition     = jsondecode(module.functions.resources.grants["replay"].policy).Statement == [{ Sid = "Record", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users"] }, { Sid = "ReadQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-records"] }]
    error_message = "The consumer may read the queue and write records."
  }
}

run "disable" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  assert {
    condition     = contains([for f in aws_lambda_event_source_mapping.stream.filter_criteria[0].filter : jsondecode(f.pattern)], { eventName = ["REMOVE"], userIdentity = { type = ["Service"], principalId = ["dynamodb.amazonaws.com"] } })
    error_message = "What time to live deletes passes."
  }

  assert {
    condition     = contains([for f in aws_lambda_event_source_mapping.stream.filter_criteria[0].filter : jsondecode(f.pattern)], { eventName = ["MODIFY"], dynamodb = { OldImage = { state = { S = ["disabling", "disabled"] } }, NewImage = { state = { S = ["active"] }, source = { S = ["PostAuthentication", "PostConfirmation"] } } } }) && length([for f in aws_lambda_event_source_mapping.stream.filter_criteria[0].filter : jsondecode(f.pattern)]) == 2
    error_message = "So does a sign-in over the record of a user who was being disabled, and nothing else."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.stream.bisect_batch_on_function_error && aws_lambda_event_source_mapping.stream.parallelization_factor == 1 && aws_lambda_event_source_mapping.stream.maximum_retry_attempts == 20 && aws_lambda_event_source_mapping.stream.starting_position == "TRIM_HORIZON" && aws_lambda_event_source_mapping.stream.batch_size == 100
    error_message = "Partial failures, retries with an end, and nothing skipped at the start."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.destination_config[0].on_failure[0].destination_arn == "arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-failed" && contains(output.alarm_names, "test-inactive-users-failed-depth")
    error_message = "What failed for good is kept, with an alarm."
  }

  assert {
    condition     = aws_sqs_queue.failed.name == "test-inactive-users-failed" && aws_sqs_queue.failed.kms_master_key_id == var.context.kms_key_arn && aws_sqs_queue.failed.message_retention_seconds == 1209600 && output.failed_queue.arn == "arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-failed"
    error_message = "It is encrypted with the stack's key and kept for 14 days."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.failed.policy).Statement == [{ Sid = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = "arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-failed", Condition = { Bool = { "aws:SecureTransport" = "false" } } }]
    error_message = "Its policy allows nothing, and denies what is not TLS."
  }

  assert {
    condition     = module.functions.resources.alarms["inactive-users-failed-depth"].metric_name == "ApproximateNumberOfMessagesVisible" && module.functions.resources.alarms["inactive-users-failed-depth"].dimensions == tomap({ QueueName = "test-inactive-users-failed" }) && module.functions.resources.alarms["inactive-users-failed-depth"].threshold == 1
    error_message = "The alarm goes off with the first message."
  }

  assert {
    condition     = module.functions.resources.functions["disable"].reserved_concurrent_executions == 1
    error_message = "One at a time: the quota is one for the account."
  }

  assert {
    condition     = jsondecode(module.functions.resources.grants["disable"].policy).Statement == [{ Sid = "DisableAndGiveBack", Effect = "Allow", Action = ["cognito-idp:AdminDisableUser", "cognito-idp:AdminEnableUser", "cognito-idp:AdminUserGlobalSignOut"], Resource = [for arn in var.user_pool_arns : arn] }, { Sid = "SeeUsersAndGroups", Effect = "Allow", Action = ["cognito-idp:AdminGetUser", "cognito-idp:AdminListGroupsForUser"], Resource = [for arn in var.user_pool_arns : arn] }, { Sid = "Claim", Effect = "Allow", Action = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users"] }, { Sid = "Audit", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users-audit"] }, { Sid = "ReadStream", Effect = "Allow", Action = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users/stream/*"] }, { Sid = "ListStreams", Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] }, { Sid = "KeepFailures", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-failed"] }]
    error_message = "The function may do what it is for, in these pools."
  }

  assert {
    condition     = module.functions.resources.functions["disable"].environment[0].variables["DISABLES_PER_SECOND"] == "20" && jsondecode(module.functions.resources.functions["disable"].environment[0].variables["POOLS"]) == ["eu-central-1_Staff0001", "eu-central-1_Partners1"]
    error_message = "Below the quota of 25; both pools by their ids."
  }

  assert {
    condition     = { for alarm in module.functions.resources.alarms : alarm.metric_name => [alarm.alarm_name, alarm.dimensions["service"], alarm.namespace] if alarm.namespace == "Switchyard" } == { SignInsNotRecorded = ["test-inactive-users-sign-ins-not-recorded", "inactive-users-record", "Switchyard"], RecordsRefused = ["test-inactive-users-records-refused", "inactive-users-disable", "Switchyard"], UsersToReview = ["test-inactive-users-users-to-review", "inactive-users-disable", "Switchyard"], UsersUnreachable = ["test-inactive-users-users-unreachable", "inactive-users-disable", "Switchyard"] }
    error_message = "What the functions only count raises an alarm."
  }

  assert {
    condition     = module.functions.resources.alarms["inactive-users-iterator-age"].threshold == 21600000 && module.functions.resources.alarms["inactive-users-iterator-age"].metric_name == "IteratorAge"
    error_message = "Expiries must not wait until the stream drops them."
  }
}

run "warning" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  variables {
    inactive_days_by_pool = { eu-central-1_Staff0001 = 30 }
    report                = { emails = ["identity-team@example.com"], days = 1, schedule_expression = "rate(1 day)" }
    warning = {
      days         = 7
      from_address = "accounts@example.com"
    }
  }

  assert {
    condition     = jsondecode(module.functions.resources.grants["disable"].policy).Statement == [{ Sid = "DisableAndGiveBack", Effect = "Allow", Action = ["cognito-idp:AdminDisableUser", "cognito-idp:AdminEnableUser", "cognito-idp:AdminUserGlobalSignOut"], Resource = [for arn in var.user_pool_arns : arn] }, { Sid = "Warn", Effect = "Allow", Action = ["ses:SendEmail"], Resource = ["arn:aws:ses:eu-central-1:111122223333:identity/accounts@example.com", "arn:aws:ses:eu-central-1:111122223333:identity/example.com", "arn:aws:ses:eu-central-1:111122223333:configuration-set/*"], Condition = { StringEquals = { "ses:FromAddress" = ["accounts@example.com"] } } }, { Sid = "SeeUsersAndGroups", Effect = "Allow", Action = ["cognito-idp:AdminGetUser", "cognito-idp:AdminListGroupsForUser"], Resource = [for arn in var.user_pool_arns : arn] }, { Sid = "Claim", Effect = "Allow", Action = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users"] }, { Sid = "Audit", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users-audit"] }, { Sid = "ReadStream", Effect = "Allow", Action = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users/stream/*"] }, { Sid = "ListStreams", Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] }, { Sid = "KeepFailures", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-failed"] }]
    error_message = "It may send from that address only."
  }

  assert {
    condition     = alltrue([for key, f in merge(module.record.resources.functions, module.functions.resources.functions) : key == "report" || try(jsondecode(f.environment[0].variables["DAYS_BY_POOL"]) == { eu-central-1_Staff0001 = 30 }, false)])
    error_message = "All functions know the days of each pool."
  }

  assert {
    condition     = alltrue([for key, f in merge(module.record.resources.functions, module.functions.resources.functions) : key == "report" || try(f.environment[0].variables["WARNING_DAYS"] == "7", false)])
    error_message = "Every function knows of the warning."
  }

  assert {
    condition     = jsondecode(module.functions.resources.grants["report"].policy).Statement == [{ Sid = "ReadAudit", Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users-audit/index/by-day"] }, { Sid = "SendReport", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-inactive-users-report"] }] && module.functions.resources.functions["report"].environment[0].variables["REPORT_DAYS"] == "1"
    error_message = "The report reads the audit trail by day, and may publish to its topic only."
  }

  assert {
    condition     = { for i in module.audit.resources.table.global_secondary_index : i.name => [i.hash_key, i.range_key, i.projection_type] } == { by-day = ["day", "event", "ALL"] } && keys(module.report_topic[0].resources.email_subscriptions) == ["identity-team@example.com"] && module.report_schedule[0].resources.schedule.schedule_expression == "rate(1 day)" && output.report_topic_arn == "arn:aws:sns:eu-central-1:111122223333:test-inactive-users-report"
    error_message = "Administrators get it by email, on schedule."
  }

  assert {
    condition     = strcontains(module.functions.resources.functions["disable"].environment[0].variables["WARNING_TEXT"], "{date}") && module.functions.resources.functions["disable"].environment[0].variables["EMAILS_PER_SECOND"] == "5"
    error_message = "The e-mail says by when."
  }
}

run "dry_run" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  variables {
    dry_run = true
    warning = {
      days         = 7
      from_address = "accounts@example.com"
    }
  }

  assert {
    condition     = jsondecode(module.functions.resources.grants["disable"].policy).Statement == [{ Sid = "SeeUsersAndGroups", Effect = "Allow", Action = ["cognito-idp:AdminGetUser", "cognito-idp:AdminListGroupsForUser"], Resource = [for arn in var.user_pool_arns : arn] }, { Sid = "Claim", Effect = "Allow", Action = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users"] }, { Sid = "Audit", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users-audit"] }, { Sid = "ReadStream", Effect = "Allow", Action = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users/stream/*"] }, { Sid = "ListStreams", Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] }, { Sid = "KeepFailures", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-inactive-users-failed"] }]
    error_message = "A dry run cannot disable, enable or write to any user."
  }

  assert {
    condition     = module.functions.resources.functions["disable"].environment[0].variables["DRY_RUN"] == "true"
    error_message = "And knows that it is one."
  }
}

run "configuration_set" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  variables {
    warning = {
      days              = 7
      from_address      = "accounts@example.com"
      configuration_set = "notices"
    }
  }

  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["disable"].policy).Statement : s.Resource if s.Sid == "Warn"] == [["arn:aws:ses:eu-central-1:111122223333:identity/accounts@example.com", "arn:aws:ses:eu-central-1:111122223333:identity/example.com", "arn:aws:ses:eu-central-1:111122223333:configuration-set/notices"]]
    error_message = "It may send with that set only."
  }

  assert {
    condition     = module.functions.resources.functions["disable"].environment[0].variables["WARNING_CONFIGURATION_SET"] == "notices"
    error_message = "The function names the set."
  }
}

run "exemptions" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  variables {
    exempt_users         = ["robot", "admin"]
    exempt_groups        = ["break-glass"]
    deletion_protection  = false
    audit_retention_days = 400
    inactive_days        = 0
  }

  assert {
    condition     = jsondecode(module.functions.resources.functions["disable"].environment[0].variables["EXEMPT_USERS"]) == ["admin", "robot"] && jsondecode(module.functions.resources.functions["disable"].environment[0].variables["EXEMPT_GROUPS"]) == ["break-glass"] && module.functions.resources.functions["disable"].environment[0].variables["AUDIT_RETENTION_DAYS"] == "400"
    error_message = "Exemptions reach the function."
  }

  assert {
    condition     = !module.table.resources.table.deletion_protection_enabled && !module.audit.resources.table.deletion_protection_enabled
    error_message = "Protection can be lifted."
  }

  assert {
    condition     = module.record.resources.functions["record"].environment[0].variables["INACTIVE_DAYS"] == "0"
    error_message = "0 days, for trying it out."
  }
}

run "preload" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  assert {
    condition     = jsondecode(module.functions.resources.grants["preload"].policy).Statement == [{ Sid = "ListUsers", Effect = "Allow", Action = ["cognito-idp:ListUsers"], Resource = [for arn in var.user_pool_arns : arn] }, { Sid = "Record", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inactive-users"] }]
    error_message = "It may list users and write records."
  }

  assert {
    condition     = module.preload_schedule[0].resources.schedule.schedule_expression == "cron(0 3 ? * SUN *)"
    error_message = "Weekly by default."
  }

  assert {
    condition     = module.functions.resources.functions["preload"].environment[0].variables["LISTS_PER_SECOND"] == "5"
    error_message = "Well below the quota of 30."
  }
}

run "preload_by_hand" {
  command = plan

  module {
    source = "./modules/identity/inactive_users"
  }

  variables {
    preload_schedule_expression = ""
  }

  assert {
    condition     = length(module.preload_schedule) == 0
    error_message = "The preload runs only when a user starts it."
  }
}
