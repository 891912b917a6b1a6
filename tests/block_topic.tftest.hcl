mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "status"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/topic"
  }

  assert {
    condition     = aws_sns_topic.this.name == "test-status" && output.arn == "arn:aws:sns:eu-central-1:111122223333:test-status"
    error_message = "Name and ARN follow from prefix and name."
  }
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.context.kms_key_arn
    error_message = "The topic is encrypted with the stack's key."
  }
  assert {
    condition = jsondecode(aws_sns_topic_policy.this.policy).Statement == [{
      Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sns:Publish", Resource = "arn:aws:sns:eu-central-1:111122223333:test-status",
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "TLS is required, and no principal is granted access."
  }
  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "No address is subscribed unless it is named."
  }
}

run "publishers_and_subscribers" {
  command = plan

  module {
    source = "./modules/blocks/topic"
  }

  variables {
    display_name        = "Status"
    email_subscriptions = ["security@example.com"]
    publishers = {
      Alarms  = { service = "cloudwatch.amazonaws.com", source_arns = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*"] }
      Rule    = { service = "events.amazonaws.com" }
      Uploads = { service = "s3.amazonaws.com", source_arns = ["arn:aws:s3:::uploads"] }
    }
  }

  assert {
    condition = [for s in jsondecode(aws_sns_topic_policy.this.policy).Statement : s if s.Effect == "Allow"] == [
      {
        Sid       = "Alarms", Effect = "Allow", Principal = { Service = "cloudwatch.amazonaws.com" }, Action = "sns:Publish", Resource = "arn:aws:sns:eu-central-1:111122223333:test-status",
        Condition = { ArnLike = { "aws:SourceArn" = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*"] } }
      },
      { Sid = "Rule", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sns:Publish", Resource = "arn:aws:sns:eu-central-1:111122223333:test-status" },
      {
        Sid       = "Uploads", Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sns:Publish", Resource = "arn:aws:sns:eu-central-1:111122223333:test-status",
        Condition = { ArnLike = { "aws:SourceArn" = ["arn:aws:s3:::uploads"] }, StringEquals = { "aws:SourceAccount" = "111122223333" } }
      },
    ]
    error_message = "A publisher may publish for its resources only, and a bucket must be this account's; EventBridge cannot meet a condition."
  }
  assert {
    condition     = aws_sns_topic_subscription.email["security@example.com"].protocol == "email" && aws_sns_topic_subscription.email["security@example.com"].endpoint == "security@example.com"
    error_message = "Addresses are subscribed."
  }
}
