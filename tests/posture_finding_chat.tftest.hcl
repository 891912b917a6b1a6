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
    condition     = length(module.severity_rule) == 0 && length(module.queue) == 0 && length(module.functions) == 0 && length(aws_lambda_event_source_mapping.this) == 0
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
      Sid      = "FindingRules", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sns:Publish",
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
    condition     = aws_cloudwatch_metric_alarm.undelivered.dimensions["TopicName"] == "test-finding-chat" && aws_cloudwatch_metric_alarm.undelivered.alarm_actions == toset([var.context.alarm_topic_arn])
    error_message = "What SNS cannot deliver alarms."
  }
  assert {
    condition     = output.function_name == null && output.dead_letter_queue_urls.severity == null && output.dead_letter_queue_urls.notified == null
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
    condition = jsondecode(module.severity_rule[0].resources.rule.event_pattern) == {
      source        = ["aws.securityhub"]
      "detail-type" = ["Security Hub Findings - Imported"]
      detail = { findings = {
        Severity    = { Label = ["CRITICAL", "HIGH"] }
        Workflow    = { Status = ["NEW"] }
        RecordState = ["ACTIVE"]
        Compliance  = { Status = [{ "anything-but" = ["PASSED"] }, { exists = false }] }
      } }
    }
    error_message = "New, active findings of the severities that did not pass, and no update of what was posted."
  }
  assert {
    condition     = { for id, t in module.severity_rule[0].resources.targets : id => [t.arn, length(t.input_transformer)] } == { topic = ["arn:aws:sns:eu-central-1:111122223333:test-finding-chat", 0], queue = ["arn:aws:sqs:eu-central-1:111122223333:test-finding-chat", 0] }
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
    condition     = [for s in jsondecode(module.topic.resources.policy.policy).Statement : [s.Principal, s.Action, can(s.Condition)] if s.Effect == "Allow"] == [[{ Service = "events.amazonaws.com" }, "sns:Publish", false]]
    error_message = "Both rules may publish: EventBridge may, without a condition."
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
