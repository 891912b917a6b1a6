# Two roles in the sandbox account: what tests may do is the owner's choice, what the sweep may do is what it removes.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = "${local.partition}:iam::${data.aws_caller_identity.current.account_id}"
  mark      = { StringLike = { "aws:ResourceTag/ModuleTest" = "${var.name_prefix}/*" } }

  principals = {
    test  = [var.integration_role_arn]
    sweep = compact([var.integration_role_arn, var.sweep_function_role_arn])
  }
}

resource "aws_iam_role" "this" {
  for_each = local.principals

  name                 = "${var.role_prefix}-${each.key}"
  description          = each.key == "test" ? "Tests of Terraform modules" : "Removes what tests of Terraform modules left"
  max_session_duration = 3600
  permissions_boundary = each.key == "test" ? var.test_permissions_boundary_arn : null
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByModulePipeline"
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { AWS = distinct([for arn in each.value : "arn:${local.partition}:iam::${split(":", arn)[4]}:root"]) }
      Condition = {
        # The roles are named in a condition, so that they need not exist when these are created.
        ArnEquals    = { "aws:PrincipalArn" = each.value }
        StringEquals = { "sts:ExternalId" = var.external_id }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "test" {
  count = length(var.test_policy_arns) # the ARNs of policies that are created with the roles are not known before

  role       = aws_iam_role.this["test"].name
  policy_arn = var.test_policy_arns[count.index]
}

resource "aws_iam_role_policy" "sweep" {
  name = "sweep"
  role = aws_iam_role.this["sweep"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # The search is for tags and names, so it has no resource: these lists accept only "*".
        Sid      = "Find"
        Effect   = "Allow"
        Action   = ["iam:ListRoles", "kms:ListAliases", "tag:GetResources"]
        Resource = "*"
      },
      {
        # A bucket's tags are no condition for these actions; its name is, as tests must give it.
        Sid    = "RemoveBuckets"
        Effect = "Allow"
        Action = ["s3:DeleteBucket", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"]
        Resource = [
          "arn:${local.partition}:s3:::*mt-*",
          "arn:${local.partition}:s3:::*mt-*/*",
        ]
      },
      {
        Sid    = "RemoveTagged"
        Effect = "Allow"
        Action = [
          "dynamodb:DeleteTable", "kms:ScheduleKeyDeletion", "lambda:DeleteFunction", "logs:DeleteLogGroup",
          "secretsmanager:DeleteSecret", "sns:DeleteTopic", "ssm:DeleteParameter",
        ]
        Resource  = "*" # what has the mark of a test, in the condition
        Condition = local.mark
      },
      {
        # SQS has no condition key for the tags of a queue in all actions: queues are removed by name.
        Sid      = "RemoveQueues"
        Effect   = "Allow"
        Action   = ["sqs:DeleteQueue", "sqs:GetQueueUrl"]
        Resource = "arn:${local.partition}:sqs:*:${data.aws_caller_identity.current.account_id}:*mt-*"
      },
      {
        Sid      = "RemoveAliases"
        Effect   = "Allow"
        Action   = "kms:DeleteAlias"
        Resource = "arn:${local.partition}:kms:*:${data.aws_caller_identity.current.account_id}:alias/*mt-*"
      },
      {
        # KMS asks about the key, too, which need not be one of a test.
        Sid       = "RemoveAliasesOfKeys"
        Effect    = "Allow"
        Action    = "kms:DeleteAlias"
        Resource  = "arn:${local.partition}:kms:*:${data.aws_caller_identity.current.account_id}:key/*"
        Condition = { "ForAnyValue:StringLike" = { "kms:ResourceAliases" = "alias/*mt-*" } }
      },
      {
        Sid    = "RemoveRoles"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:ListAttachedRolePolicies",
          "iam:ListRolePolicies", "iam:ListRoleTags",
        ]
        Resource = "arn:${local.account}:role/*mt-*"
      },
    ]
  })
}
