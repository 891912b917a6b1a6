locals {
  name = "${var.context.name_prefix}-${var.name}"
  arn  = "arn:${var.context.partition}:sns:${var.context.region}:${var.context.account_id}:${local.name}"
}

resource "aws_sns_topic" "this" {
  name              = local.name
  display_name      = var.display_name
  kms_master_key_id = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [
        for sid, p in var.publishers : merge(
          {
            Sid       = sid
            Effect    = "Allow"
            Principal = { Service = p.service }
            Action    = "sns:Publish"
            Resource  = local.arn
          },
          # "You can't use Condition blocks in Amazon SNS topic policies for EventBridge."
          # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
          p.service == "events.amazonaws.com" ? {} : {
            Condition = merge(
              { ArnLike = { "aws:SourceArn" = p.source_arns } },
              # A bucket's ARN does not contain the account, and any account can reuse the name of a deleted bucket.
              p.service == "s3.amazonaws.com" ? { StringEquals = { "aws:SourceAccount" = var.context.account_id } } : {},
            )
          },
        )
      ],
    )
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.email_subscriptions

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}
