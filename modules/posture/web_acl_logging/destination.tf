# The destination: one of three kinds created here, or an existing one. AWS WAF requires names with aws-waf-logs-.
locals {
  destination_name = "aws-waf-logs-${var.context.name_prefix}"
  made             = contains(["firehose", "s3", "cloudwatch_logs"], var.destination) ? var.destination : null

  made_arns = {
    firehose        = "arn:${var.context.partition}:firehose:${local.regional}:deliverystream/${local.destination_name}"
    s3              = one(module.waf_bucket[*].arn)
    cloudwatch_logs = "arn:${var.context.partition}:logs:${local.regional}:log-group:${local.destination_name}"
  }
  destination_arn = local.made == null ? var.destination : local.made_arns[local.made]
  # The service in the ARN is the kind, with one exception.
  kind = local.made != null ? local.made : split(":", var.destination)[2] == "logs" ? "cloudwatch_logs" : split(":", var.destination)[2]

  log_delivery_source = {
    StringEquals = { "aws:SourceAccount" = [var.context.account_id] }
    ArnLike      = { "aws:SourceArn" = ["arn:${var.context.partition}:logs:${local.regional}:*"] }
  }

  # Actions that AWS WAF takes with the permissions of the principal that puts a logging configuration (WAF developer
  # guide, "Logging destinations"). None of the actions of Logs and Firehose below supports resource-level permissions.
  via_waf = { "ForAnyValue:StringEquals" = { "aws:CalledVia" = ["wafv2.amazonaws.com"] } }
  destination_statements = concat(
    {
      firehose = [
        {
          sid        = "FindStream"
          actions    = ["firehose:ListDeliveryStreams"]
          resources  = ["*"]
          conditions = {}
        },
        {
          sid        = "MakeLoggingRole"
          actions    = ["iam:CreateServiceLinkedRole"]
          resources  = ["arn:${var.context.partition}:iam::${var.context.account_id}:role/aws-service-role/wafv2.amazonaws.com/AWSServiceRoleForWAFV2Logging"]
          conditions = { StringEquals = { "iam:AWSServiceName" = ["wafv2.amazonaws.com"] } }
        },
      ]
      s3 = [
        {
          sid        = "DeliverLogs"
          actions    = ["logs:CreateLogDelivery"]
          resources  = ["*"]
          conditions = local.via_waf
        },
        {
          # The policy already has all statements that WAF would add, but without these two actions WAF refuses the bucket.
          sid        = "CheckBucketPolicy"
          actions    = ["s3:GetBucketPolicy", "s3:PutBucketPolicy"]
          resources  = [split("/", local.destination_arn)[0]]
          conditions = {}
        },
      ]
      cloudwatch_logs = [
        {
          sid        = "DeliverLogs"
          actions    = ["logs:CreateLogDelivery"]
          resources  = ["*"]
          conditions = local.via_waf
        },
        {
          sid        = "CheckLogPolicy"
          actions    = ["logs:DescribeLogGroups", "logs:DescribeResourcePolicies"]
          resources  = ["*"]
          conditions = {}
        },
        {
          # Through WAF only, as in AWS's own policies AWSWAFFullAccess and AWSWAFConsoleFullAccess.
          sid        = "CompleteLogPolicy"
          actions    = ["logs:PutResourcePolicy"]
          resources  = ["*"]
          conditions = local.via_waf
        },
      ]
    }[local.kind],
    var.correct_destination ? [{
      # The delivery to the previous destination of a corrected web ACL.
      sid        = "EndFormerDelivery"
      actions    = ["logs:DeleteLogDelivery"]
      resources  = ["*"]
      conditions = local.via_waf
    }] : [],
  )
}

# --- S3, written by AWS WAF ----------------------------------------------------------------------------------------

module "waf_bucket" {
  source = "../../blocks/bucket"
  count  = local.made == "s3" ? 1 : 0

  context         = var.context
  name            = "w" # one letter: WAF requires the prefix, and S3 allows 63 characters in all
  leading         = "aws-waf-logs-"
  expiration_days = var.expiration_days == 0 ? null : var.expiration_days
  force_destroy   = var.force_destroy

  # Exactly the statements that WAF looks for, and would add.
  policy_statements = [
    {
      sid        = "AWSLogDeliveryWrite"
      principals = { Service = ["delivery.logs.amazonaws.com"] }
      actions    = ["s3:PutObject"]
      paths      = ["AWSLogs/${var.context.account_id}/*"]
      conditions = merge(local.log_delivery_source, {
        StringEquals = merge(local.log_delivery_source.StringEquals, { "s3:x-amz-acl" = ["bucket-owner-full-control"] })
      })
    },
    {
      sid        = "AWSLogDeliveryAclCheck"
      principals = { Service = ["delivery.logs.amazonaws.com"] }
      actions    = ["s3:GetBucketAcl"]
      paths      = ["/"]
      conditions = local.log_delivery_source
    },
  ]
}

# --- CloudWatch Logs -----------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "this" {
  count = local.made == "cloudwatch_logs" ? 1 : 0

  name              = local.destination_name
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_cloudwatch_log_resource_policy" "this" {
  count = local.made == "cloudwatch_logs" ? 1 : 0

  policy_name = local.destination_name
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AWSLogDeliveryWrite"
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${local.destination_arn}:log-stream:*"
      Condition = local.log_delivery_source
    }]
  })
}
