# Aggregates all accounts and Regions: those of the organization, or named accounts that have authorized this one.
locals {
  aggregator_name      = "${var.context.name_prefix}-${local.name}"
  aggregator_role_name = "${var.context.name_prefix}-${local.name}-aggregator-${var.context.region}"
  organization         = try(length(var.aggregator.account_ids) == 0, false)
  all_regions          = try(length(var.aggregator.regions) == 0, false)
}

resource "aws_iam_role" "aggregator" {
  count = local.organization ? 1 : 0

  name                 = local.aggregator_role_name
  description          = "Allows AWS Config to list the accounts of the organization"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByConfig"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "config.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "aggregator" {
  count = local.organization ? 1 : 0

  name = "organization"
  role = aws_iam_role.aggregator[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      # The permissions of the managed policy AWSConfigRoleForOrganizations. None of them supports resources.
      Sid    = "ListAccounts"
      Effect = "Allow"
      Action = [
        "organizations:DescribeOrganization",
        "organizations:ListAWSServiceAccessForOrganization",
        "organizations:ListAccounts",
        "organizations:ListDelegatedAdministrators",
      ]
      Resource = "*"
    }]
  })
}

resource "aws_config_configuration_aggregator" "this" {
  count = var.aggregator == null ? 0 : 1

  name = local.aggregator_name
  tags = var.context.tags

  dynamic "account_aggregation_source" {
    for_each = local.organization ? [] : [1]

    content {
      account_ids = sort(var.aggregator.account_ids)
      all_regions = local.all_regions ? true : null
      regions     = local.all_regions ? null : sort(var.aggregator.regions)
    }
  }

  dynamic "organization_aggregation_source" {
    for_each = local.organization ? [1] : []

    content {
      role_arn    = aws_iam_role.aggregator[0].arn
      all_regions = local.all_regions ? true : null
      regions     = local.all_regions ? null : sort(var.aggregator.regions)
    }
  }

  depends_on = [aws_iam_role_policy.aggregator]
}
