resource "aws_kms_key" "this" {
  description             = "Data, logs and queues of ${var.name_prefix}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Lets the account's IAM policies grant access to the key; without this statement the key can become
        # unmanageable permanently.
        Sid       = "AccountThroughIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.${data.aws_partition.current.dns_suffix}" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.regional}:log-group:*" } }
      },
      {
        # The logs of state machines whose executions are encrypted are delivered encrypted under this key.
        Sid       = "LogDelivery"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "kms:Decrypt"
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:SourceArn" = "arn:${local.partition}:logs:${local.regional}:*" } }
      },
      {
        # AWS WAF delivers to buckets through CloudWatch Logs (WAF developer guide, logging to Amazon S3); with a
        # bucket key, the bucket is the encryption context.
        Sid       = "LogDeliveryToBuckets"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "kms:GenerateDataKey*"
        Resource  = "*"
        Condition = {
          ArnLike      = { "kms:EncryptionContext:aws:s3:arn" = "arn:${local.partition}:s3:::aws-waf-logs-${var.name_prefix}-*" }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        # AWS Config delivers snapshots and history with its service-linked role, whose policy cannot name this key.
        Sid       = "ConfigToBuckets"
        Effect    = "Allow"
        Principal = { Service = "config.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnLike      = { "kms:EncryptionContext:aws:s3:arn" = "arn:${local.partition}:s3:::${var.name_prefix}-*" }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        # SES stores received mail (SES developer guide, "Giving permissions to Amazon SES for email receiving").
        Sid       = "MailToBuckets"
        Effect    = "Allow"
        Principal = { Service = "ses.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "aws:SourceArn"                    = "arn:${local.partition}:ses:${local.regional}:receipt-rule-set/*:receipt-rule/${var.name_prefix}-*"
            "kms:EncryptionContext:aws:s3:arn" = "arn:${local.partition}:s3:::${var.name_prefix}-*"
          }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        Sid       = "AlarmsToTopics"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnLike      = { "kms:EncryptionContext:aws:sns:topicArn" = "arn:${local.partition}:sns:${local.regional}:${var.name_prefix}-*" }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        # EventBridge presents no aws:SourceAccount or aws:SourceArn for encrypted topics (SNS developer guide,
        # key management): delivery fails with these conditions. The policies of the topics name the rules.
        Sid       = "EventsToTopics"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:sns:topicArn" = "arn:${local.partition}:sns:${local.regional}:${var.name_prefix}-*" } }
      },
      {
        Sid       = "EventsToQueues"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:sqs:arn" = "arn:${local.partition}:sqs:${local.regional}:${var.name_prefix}-*" } }
      },
      {
        Sid       = "UploadsToTopics"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnLike      = { "kms:EncryptionContext:aws:sns:topicArn" = "arn:${local.partition}:sns:${local.regional}:${var.name_prefix}-*" }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        Sid       = "UploadsAndTopicsToQueues"
        Effect    = "Allow"
        Principal = { Service = ["s3.amazonaws.com", "sns.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnLike      = { "kms:EncryptionContext:aws:sqs:arn" = "arn:${local.partition}:sqs:${local.regional}:${var.name_prefix}-*" }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name_prefix}"
  target_key_id = aws_kms_key.this.key_id
}
