mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_securityhub_action_target" {
    override_during = plan
    defaults        = { arn = "arn:aws:securityhub:eu-central-1:111122223333:action/custom/SendToSlack" }
  }
  mock_resource "aws_iam_role" {
    override_during = plan
    defaults        = { arn = "arn:aws:iam::111122223333:role/test-finding-chat-channel-eu-central-1" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-finding-chat" }
  }
}

variables {
  slack_channels = {
    security = { workspace_id = "T0ABCDEFG", channel_id = "C0123456789" }
  }
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "custom_action_alone" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  assert {
    condition     = length(module.route_rule) == 0 && length(module.route_topic) == 0 && length(terraform_data.began) == 0 && length(module.queue) == 0 && length(module.functions) == 0 && length(aws_lambda_event_source_mapping.this) == 0
    error_message = "Without severities nothing is posted by itself, and there is no function."
  }
  assert {
    condition     = aws_securityhub_action_target.this.identifier == "SendToSlack" && aws_securityhub_action_target.this.name == "Send_To_Slack"
    error_message = "The action is named as in the source."
  }
  assert {
    condition = jsondecode(module.action_rule.resources.rule.event_pattern) == {
      source        = ["aws.securityhub"]
      "detail-type" = ["Security Hub Findings - Custom Action"]
      resources     = ["arn:aws:securityhub:eu-central-1:111122223333:action/custom/SendToSlack"]
    }
    error_message = "The rule takes this action's events, whatever the finding's state."
  }
  assert {
    condition = [for s in jsondecode(module.topic.resources.policy.policy).Statement : s if s.Effect == "Allow"] == [{
      Sid      = "ActionRule", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sns:Publish",
      Resource = "arn:aws:sns:eu-central-1:111122223333:test-finding-chat",
    }]
    error_message = "EventBridge alone may publish, without a condition, which it could not meet."
  }
  assert {
    condition     = module.topic.resources.topic.kms_master_key_id == var.context.kms_key_arn
    error_message = "The topic is encrypted under a customer managed key."
  }
  assert {
    condition     = length(module.action_rule.resources.targets) == 1 && module.action_rule.resources.targets["topic"].arn == "arn:aws:sns:eu-central-1:111122223333:test-finding-chat" && length(module.action_rule.resources.targets["topic"].input_transformer) == 0 && module.action_rule.resources.targets["topic"].input == null
    error_message = "The event is posted as it is: a transformer would break its formatting."
  }
  assert {
    condition = jsondecode(aws_iam_role.channel.assume_role_policy).Statement == [{
      Sid = "AssumedByChannels", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "chatbot.amazonaws.com" }
    }] && length(aws_iam_role_policy_attachment.channel) == 0
    error_message = "The chat service alone assumes a role that may do nothing, under no condition that it might not present."
  }
  assert {
    condition = {
      for key in ["configuration_name", "slack_team_id", "slack_channel_id", "logging_level", "user_authorization_required", "guardrail_policy_arns", "sns_topic_arns", "tags"] :
      key => aws_chatbot_slack_channel_configuration.this["security"][key]
      } == {
      configuration_name          = "test-finding-chat-eu-central-1-security"
      slack_team_id               = "T0ABCDEFG"
      slack_channel_id            = "C0123456789"
      logging_level               = "ERROR"
      user_authorization_required = true
      guardrail_policy_arns       = tolist(["arn:aws:iam::aws:policy/AWSSecurityHubReadOnlyAccess"])
      sns_topic_arns              = toset(["arn:aws:sns:eu-central-1:111122223333:test-finding-chat"])
      tags                        = tomap({ stack = "test" })
    }
    error_message = "The channel is configured with a narrow guardrail."
  }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.undelivered) == ["action"] && aws_cloudwatch_metric_alarm.undelivered["action"].alarm_name == "test-finding-chat-undelivered" && aws_cloudwatch_metric_alarm.undelivered["action"].dimensions["TopicName"] == "test-finding-chat" && aws_cloudwatch_metric_alarm.undelivered["action"].alarm_actions == toset([var.context.alarm_topic_arn])
    error_message = "What SNS cannot deliver alarms."
  }
  assert {
    condition     = output.function_name == null && length(output.dead_letter_queue_urls.routes) == 0 && output.dead_letter_queue_urls.notified == null && length(output.route_topic_arns) == 0
    error_message = "What is not there is null."
  }
}

run "severities_and_teams" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities                  = ["HIGH", "CRITICAL"]
    created_after               = "2029-12-01T00:00:00Z"
    slack_channels              = null
    action_id                   = "SendToTeams"
    action_name                 = "Send to Teams"
    guardrail_policy_arns       = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111122223333:policy/chat"]
    role_policy_arns            = ["arn:aws:iam::111122223333:policy/chat"]
    user_authorization_required = false
    logging_level               = "INFO"
    teams_channels = {
      soc = {
        tenant_id  = "11112222-3333-4444-5555-666677778888"
        team_id    = "99998888-7777-6666-5555-444433332222"
        channel_id = "19%3aab12cd34ef56%40thread.tacv2"
      }
    }
  }

  assert {
    condition = jsondecode(module.route_rule["severity"].resources.rule.event_pattern) == {
      source        = ["aws.securityhub"]
      "detail-type" = ["Security Hub Findings - Imported"]
      detail = { findings = {
        # From December 2029 on: that month, and the decades after it.
        CreatedAt   = [for prefix in concat(["2029-12"], [for digit in range(3, 10) : "20${digit}"]) : { prefix = prefix }]
        Severity    = { Label = ["CRITICAL", "HIGH"] }
        Workflow    = { Status = ["NEW"] }
        RecordState = ["ACTIVE"]
        Compliance  = { Status = [{ "anything-but" = ["PASSED"] }, { exists = false }] }
      } }
    }
    error_message = "New, active findings of the severities that did not pass, and no update of what was posted."
  }
  assert {
    condition     = { for id, t in module.route_rule["severity"].resources.targets : id => [t.arn, length(t.input_transformer)] } == { topic = ["arn:aws:sns:eu-central-1:111122223333:test-finding-chat-severity", 0], queue = ["arn:aws:sqs:eu-central-1:111122223333:test-finding-chat", 0] }
    error_message = "Posted as it is, and set NOTIFIED, independently."
  }
  assert {
    condition = jsondecode(module.functions[0].resources.grants["notified"].policy).Statement == [
      { Sid = "ReadQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-finding-chat"] },
      { Sid = "ReadFindings", Effect = "Allow", Action = ["securityhub:GetFindings"], Resource = ["arn:aws:securityhub:eu-central-1:111122223333:hub/default"] },
      { Sid = "SetNotified", Effect = "Allow", Action = ["securityhub:BatchUpdateFindings"], Resource = ["arn:aws:securityhub:eu-central-1:111122223333:hub/default"] },
    ]
    error_message = "The function reads its queue and findings, and updates these."
  }
  assert {
    condition     = [for s in jsondecode(module.route_topic["severity"].resources.policy.policy).Statement : [s.Principal, s.Action, can(s.Condition)] if s.Effect == "Allow"] == [[{ Service = "events.amazonaws.com" }, "sns:Publish", false]]
    error_message = "EventBridge may publish, without a condition."
  }
  assert {
    condition     = contains(aws_lambda_event_source_mapping.this[0].function_response_types, "ReportBatchItemFailures") && aws_lambda_event_source_mapping.this[0].batch_size == 100
    error_message = "Messages fail one by one, in batches that an update takes."
  }
  assert {
    condition     = length(aws_chatbot_slack_channel_configuration.this) == 0 && aws_chatbot_teams_channel_configuration.this["soc"].tenant_id == "11112222-3333-4444-5555-666677778888" && aws_chatbot_teams_channel_configuration.this["soc"].team_id == "99998888-7777-6666-5555-444433332222" && aws_chatbot_teams_channel_configuration.this["soc"].channel_id == "19%3aab12cd34ef56%40thread.tacv2"
    error_message = "Each id is where it belongs."
  }
  assert {
    condition     = aws_chatbot_teams_channel_configuration.this["soc"].guardrail_policy_arns == tolist(["arn:aws:iam::111122223333:policy/chat", "arn:aws:iam::aws:policy/ReadOnlyAccess"]) && aws_chatbot_teams_channel_configuration.this["soc"].logging_level == "INFO" && !aws_chatbot_teams_channel_configuration.this["soc"].user_authorization_required && keys(aws_iam_role_policy_attachment.channel) == ["arn:aws:iam::111122223333:policy/chat"]
    error_message = "Guardrails, role and logging are as given."
  }
}

# Channels of every kind: without filters, with filters of its own, and without automatic posts.
run "routes" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities    = ["CRITICAL"]
    created_after = "2026-11-28T16:31:59Z"
    slack_channels = {
      security = { workspace_id = "T0ABCDEFG", channel_id = "C0000000001" }
      payments-platform-on-call-engineers = {
        workspace_id = "T0ABCDEFG"
        channel_id   = "C0000000002"
        severities   = ["HIGH", "CRITICAL"]
        only = {
          products      = ["aws/securityhub", "aws/guardduty"]
          accounts      = ["444455556666"]
          controls      = ["S3.*", "IAM.1"]
          resource_tags = { team = ["payments", "billing"] }
        }
        exclude = { resource_tags = { stage = ["sandbox"] } }
      }
      quiet = { workspace_id = "T0ABCDEFG", channel_id = "C0000000003", severities = [] }
    }
    teams_channels = {
      soc = {
        tenant_id  = "11112222-3333-4444-5555-666677778888"
        team_id    = "99998888-7777-6666-5555-444433332222"
        channel_id = "19%3aab12cd34ef56%40thread.tacv2"
        exclude    = { products = ["aws/inspector"], accounts = ["777788889999"], controls = ["S3.8", "EC2.*"] }
      }
    }
  }

  assert {
    condition = { for id, rule in module.route_rule : id => [rule.resources.rule.name, rule.resources.targets["topic"].arn, rule.resources.targets["queue"].arn] } == {
      severity                                  = ["test-finding-chat-severity", "arn:aws:sns:eu-central-1:111122223333:test-finding-chat-severity", "arn:aws:sqs:eu-central-1:111122223333:test-finding-chat"]
      slack-payments-platform-on-call-engineers = ["test-finding-chat-slack-payments-platform-0604b9", "arn:aws:sns:eu-central-1:111122223333:test-finding-chat-slack-payments-platform-0604b9", "arn:aws:sqs:eu-central-1:111122223333:test-finding-chat"]
      teams-soc                                 = ["test-finding-chat-teams-soc", "arn:aws:sns:eu-central-1:111122223333:test-finding-chat-teams-soc", "arn:aws:sqs:eu-central-1:111122223333:test-finding-chat"]
    }
    error_message = "Each channel with filters has a rule and a topic of its own, whose names fit."
  }

  assert {
    condition = { for name, c in aws_chatbot_slack_channel_configuration.this : name => c.sns_topic_arns } == {
      security                            = toset(["arn:aws:sns:eu-central-1:111122223333:test-finding-chat", "arn:aws:sns:eu-central-1:111122223333:test-finding-chat-severity"])
      payments-platform-on-call-engineers = toset(["arn:aws:sns:eu-central-1:111122223333:test-finding-chat", "arn:aws:sns:eu-central-1:111122223333:test-finding-chat-slack-payments-platform-0604b9"])
      quiet                               = toset(["arn:aws:sns:eu-central-1:111122223333:test-finding-chat"])
    } && aws_chatbot_teams_channel_configuration.this["soc"].sns_topic_arns == toset(["arn:aws:sns:eu-central-1:111122223333:test-finding-chat", "arn:aws:sns:eu-central-1:111122223333:test-finding-chat-teams-soc"])
    error_message = "Each channel receives what analysts send, and the findings of its own route alone."
  }

  assert {
    condition = [for created in jsondecode(module.route_rule["severity"].resources.rule.event_pattern).detail.findings.CreatedAt : created.prefix] == concat(
      ["2026-11-28T16:31", "2026-11-28T2", "2026-11-28T17", "2026-11-28T18", "2026-11-28T19", "2026-11-28T16:4", "2026-11-28T16:5"],
      [for minute in range(2, 10) : "2026-11-28T16:3${minute}"],
      [for decade in range(3, 10) : "20${decade}"],
      ["2027", "2028", "2029", "2026-12", "2026-11-3", "2026-11-29"],
    )
    error_message = "Each later minute begins with one of these, and no earlier one."
  }

  assert {
    condition = { for name, value in jsondecode(module.route_rule["slack-payments-platform-on-call-engineers"].resources.rule.event_pattern).detail.findings : name => value if name != "CreatedAt" } == {
      Severity     = { Label = ["CRITICAL", "HIGH"] }
      Workflow     = { Status = ["NEW"] }
      RecordState  = ["ACTIVE"]
      Compliance   = { Status = [{ "anything-but" = ["PASSED"] }, { exists = false }], SecurityControlId = [{ wildcard = "IAM.1" }, { wildcard = "S3.*" }] }
      ProductArn   = [{ suffix = ":product/aws/guardduty" }, { suffix = ":product/aws/securityhub" }]
      AwsAccountId = ["444455556666"]
      Resources    = { Tags = { team = ["billing", "payments"], stage = [{ "anything-but" = ["sandbox"] }, { exists = false }] } }
    }
    error_message = "Every filter of `only` must match, by one of its values."
  }

  assert {
    condition = { for name, value in jsondecode(module.route_rule["teams-soc"].resources.rule.event_pattern).detail.findings : name => value if name != "CreatedAt" } == {
      Severity     = { Label = ["CRITICAL"] }
      Workflow     = { Status = ["NEW"] }
      RecordState  = ["ACTIVE"]
      Compliance   = { Status = [{ "anything-but" = ["PASSED"] }, { exists = false }], SecurityControlId = [{ "anything-but" = { wildcard = ["EC2.*", "S3.8"] } }, { exists = false }] }
      ProductArn   = [{ "anything-but" = { suffix = [":product/aws/inspector"] } }]
      AwsAccountId = [{ "anything-but" = ["777788889999"] }]
    }
    error_message = "What is excluded must not match, and findings without a control are not excluded."
  }

  assert {
    condition     = [for s in jsondecode(module.queue[0].resources.queue.policy).Statement : s.Condition.ArnLike["aws:SourceArn"] if s.Sid == "RouteRules"] == [["arn:aws:events:eu-central-1:111122223333:rule/test-finding-chat-severity", "arn:aws:events:eu-central-1:111122223333:rule/test-finding-chat-slack-payments-platform-0604b9", "arn:aws:events:eu-central-1:111122223333:rule/test-finding-chat-teams-soc"]]
    error_message = "The rules of all routes reach the queue."
  }

  assert {
    condition     = { for id, alarm in aws_cloudwatch_metric_alarm.undelivered : id => alarm.dimensions["TopicName"] } == { action = "test-finding-chat", severity = "test-finding-chat-severity", slack-payments-platform-on-call-engineers = "test-finding-chat-slack-payments-platform-0604b9", teams-soc = "test-finding-chat-teams-soc" }
    error_message = "What SNS cannot deliver alarms, for each topic."
  }
}

# An event pattern has prefixes in place of a comparison.
run "created_after_mid_month" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities    = ["CRITICAL"]
    created_after = "2026-11-12T09:05:00Z"
  }

  assert {
    condition = alltrue([
      for moment in [for minutes in flatten([for n in [1, 2, 3, 4, 5, 7, 9, 10, 13, 20, 29, 40, 55, 60, 90, 240, 600, 1380, 1440, 1500, 2880, 5760, 10080, 12960, 30240, 44640, 87840, 200000, 525600, 1700000] : [n, -n, 0]]) : timeadd(var.created_after, "${minutes}m")] :
      anytrue([for created in jsondecode(module.route_rule["severity"].resources.rule.event_pattern).detail.findings.CreatedAt : startswith(moment, created.prefix)]) == (timecmp(moment, var.created_after) >= 0)
    ])
    error_message = "A time is posted if, and only if, it is not earlier."
  }
}

run "created_after_last_minute" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities    = ["CRITICAL"]
    created_after = "2027-12-31T23:59:00Z"
  }

  assert {
    condition = alltrue([
      for moment in [for minutes in flatten([for n in [1, 2, 3, 4, 5, 7, 9, 10, 13, 20, 29, 40, 55, 60, 90, 240, 600, 1380, 1440, 1500, 2880, 5760, 10080, 12960, 30240, 44640, 87840, 200000, 525600, 1700000] : [n, -n, 0]]) : timeadd(var.created_after, "${minutes}m")] :
      anytrue([for created in jsondecode(module.route_rule["severity"].resources.rule.event_pattern).detail.findings.CreatedAt : startswith(moment, created.prefix)]) == (timecmp(moment, var.created_after) >= 0)
    ])
    error_message = "A time is posted if, and only if, it is not earlier."
  }
}

run "created_after_first_day" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities    = ["CRITICAL"]
    created_after = "2026-01-01T00:00:00Z"
  }

  assert {
    condition = alltrue([
      for moment in [for minutes in flatten([for n in [1, 2, 3, 4, 5, 7, 9, 10, 13, 20, 29, 40, 55, 60, 90, 240, 600, 1380, 1440, 1500, 2880, 5760, 10080, 12960, 30240, 44640, 87840, 200000, 525600, 1700000] : [n, -n, 0]]) : timeadd(var.created_after, "${minutes}m")] :
      anytrue([for created in jsondecode(module.route_rule["severity"].resources.rule.event_pattern).detail.findings.CreatedAt : startswith(moment, created.prefix)]) == (timecmp(moment, var.created_after) >= 0)
    ])
    error_message = "A time is posted if, and only if, it is not earlier."
  }
}

run "created_after_a_round_hour" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities    = ["CRITICAL"]
    created_after = "2028-02-29T20:00:00Z"
  }

  assert {
    condition = alltrue([
      for moment in [for minutes in flatten([for n in [1, 2, 3, 4, 5, 7, 9, 10, 13, 20, 29, 40, 55, 60, 90, 240, 600, 1380, 1440, 1500, 2880, 5760, 10080, 12960, 30240, 44640, 87840, 200000, 525600, 1700000] : [n, -n, 0]]) : timeadd(var.created_after, "${minutes}m")] :
      anytrue([for created in jsondecode(module.route_rule["severity"].resources.rule.event_pattern).detail.findings.CreatedAt : startswith(moment, created.prefix)]) == (timecmp(moment, var.created_after) >= 0)
    ])
    error_message = "A time is posted if, and only if, it is not earlier."
  }
}

run "created_after_a_tenth" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities    = ["CRITICAL"]
    created_after = "2026-10-10T10:10:00Z"
  }

  assert {
    condition = alltrue([
      for moment in [for minutes in flatten([for n in [1, 2, 3, 4, 5, 7, 9, 10, 13, 20, 29, 40, 55, 60, 90, 240, 600, 1380, 1440, 1500, 2880, 5760, 10080, 12960, 30240, 44640, 87840, 200000, 525600, 1700000] : [n, -n, 0]]) : timeadd(var.created_after, "${minutes}m")] :
      anytrue([for created in jsondecode(module.route_rule["severity"].resources.rule.event_pattern).detail.findings.CreatedAt : startswith(moment, created.prefix)]) == (timecmp(moment, var.created_after) >= 0)
    ])
    error_message = "A time is posted if, and only if, it is not earlier."
  }
}

# Without created_after: from the first apply on. The plan's time is known in the plan, and kept in the state.
run "no_backlog_by_default" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities = ["CRITICAL"]
  }

  assert {
    condition     = timecmp(terraform_data.began[0].input, timeadd(plantimestamp(), "-1h")) > 0 && jsondecode(module.route_rule["severity"].resources.rule.event_pattern).detail.findings.CreatedAt[0].prefix == replace(substr(terraform_data.began[0].input, 0, 16), "/(((-01)?-01)?T00)?:00$/", "")
    error_message = "Older findings are neither posted nor set NOTIFIED."
  }
}

run "pattern_too_long" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    severities     = ["CRITICAL"]
    slack_channels = { security = { workspace_id = "T0ABCDEFG", channel_id = "C0123456789", only = { accounts = ["111122223333", "111122223334", "111122223335"], resource_tags = { team = [for n in range(40) : format("a value of a tag that needs fifty characters %06d", n)] } } } }
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}

run "no_channel_to_notify" {
  command = plan

  module {
    source = "./modules/posture/finding_chat"
  }

  variables {
    slack_channels = null
  }

  expect_failures = [aws_securityhub_action_target.this]
}
