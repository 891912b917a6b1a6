data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
}

resource "aws_iam_role" "this" {
  name                 = var.role_name
  description          = "Lets volume_alarms of account ${split(":", var.function_role_arn)[4]} watch the volumes of this account"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByVolumeAlarms"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:${local.partition}:iam::${split(":", var.function_role_arn)[4]}:root" }
      Condition = merge(
        # The role is named in a condition, so that it need not exist when this role is created.
        { ArnEquals = { "aws:PrincipalArn" = var.function_role_arn } },
        { for id in var.external_id[*] : "StringEquals" => { "sts:ExternalId" = id } },
      )
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "volume-alarms"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # These three actions have no resource type: IAM accepts only "*".
        Sid       = "ReadInstancesAndMetrics"
        Effect    = "Allow"
        Action    = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstances"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = sort(var.regions) } }
      },
      {
        # A list by prefix is authorized against all alarms of the Region.
        Sid      = "ListAlarms"
        Effect   = "Allow"
        Action   = "cloudwatch:DescribeAlarms"
        Resource = [for region in sort(var.regions) : "arn:${local.partition}:cloudwatch:${region}:${local.account_id}:alarm:*"]
      },
      {
        Sid      = "WriteAlarms"
        Effect   = "Allow"
        Action   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"]
        Resource = [for region in sort(var.regions) : "arn:${local.partition}:cloudwatch:${region}:${local.account_id}:alarm:${var.alarm_prefix}*"]
      },
    ]
  })
}
