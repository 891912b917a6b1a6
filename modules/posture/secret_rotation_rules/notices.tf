# NON_COMPLIANT -> AWS Config -> Automation document AWS-PublishSNSNotification -> topic.
# AWS Config remediates the rules of this account only, not the copies of an organization's.
locals {
  notified = var.notices && !var.organization_rules

  # IAM is global: the Region in the name separates the roles of two Regions.
  notice_role_name = "${var.context.name_prefix}-${local.name}-notices-${var.context.region}"
}

resource "aws_iam_role" "notices" {
  count = local.notified ? 1 : 0

  name                 = local.notice_role_name
  description          = "Allows Automation to notify ${module.topic.name} of secrets that break a rule"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByAutomation"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ssm.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.context.partition}:ssm:*:${var.context.account_id}:automation-execution/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "notices" {
  count = local.notified ? 1 : 0

  name = "notices"
  role = aws_iam_role.notices[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "TellTopic"
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = module.topic.arn
      },
      {
        Sid      = "EncryptNotices"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.context.kms_key_arn
        Condition = {
          StringEquals = {
            "kms:EncryptionContext:aws:sns:topicArn" = module.topic.arn
            "kms:ViaService"                         = "sns.${var.context.region}.amazonaws.com"
          }
        }
      },
    ]
  })
}

resource "aws_config_remediation_configuration" "notice" {
  for_each = { for name, rule in aws_config_config_rule.this : name => rule.name if local.notified }

  config_rule_name           = each.value
  resource_type              = "AWS::SecretsManager::Secret"
  target_type                = "SSM_DOCUMENT"
  target_id                  = "AWS-PublishSNSNotification"
  automatic                  = true
  maximum_automatic_attempts = var.maximum_automatic_attempts
  retry_attempt_seconds      = var.retry_attempt_seconds

  # In the order in which the provider reads them back: by name.
  parameter {
    name         = "AutomationAssumeRole"
    static_value = aws_iam_role.notices[0].arn
  }

  # A secret's resource ID is its ARN, so the notice names the secret. A custom message would not.
  parameter {
    name           = "Message"
    resource_value = "RESOURCE_ID"
  }

  parameter {
    name         = "TopicArn"
    static_value = module.topic.arn
  }

  # An attempt that fails because the policy is missing counts.
  depends_on = [aws_iam_role_policy.notices]
}
