# The roles with which GitHub Actions deploys the stack in the folder above, and the boundary of the stack's own roles.
# An administrator applies this root once, and again when the stack gets more capabilities. Its state is its own: the
# pipeline must not be able to change its own permissions.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "@AWS@"
    }
  }
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  name         = "deploy-${var.name_prefix}" # does not begin with the stack's prefix: out of the reach of its deployer
  partition    = data.aws_partition.current.partition
  account_id   = data.aws_caller_identity.current.account_id
  boundary_arn = "arn:${local.partition}:iam::${local.account_id}:policy/${local.name}-boundary"

  policies = jsondecode(templatefile("${path.module}/policies.json", {
    partition    = local.partition
    region       = data.aws_region.current.id
    account_id   = local.account_id
    name_prefix  = var.name_prefix
    database     = replace(var.name_prefix, "-", "_")
    key_alias    = coalesce(var.key_alias, "${var.name_prefix}-*")
    secret_name  = coalesce(var.secret_name, "${var.name_prefix}-*")
    boundary_arn = local.boundary_arn
  }))
  read   = { for number, policy in local.policies.read : "read-${number + 1}" => policy }
  change = { for number, policy in local.policies.change : "change-${number + 1}" => policy }

  issuer       = "token.actions.githubusercontent.com"
  provider_arn = var.oidc_provider_arn == null ? one(aws_iam_openid_connect_provider.github[*].arn) : var.oidc_provider_arn

  # Who may assume a role, as GitHub's tokens name it. Pull requests from forks get no token.
  # https://docs.github.com/actions/reference/security/oidc#example-subject-claims
  roles = {
    plan = {
      description = "Plans the stack ${var.name_prefix}: reads only"
      subjects    = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
      policies    = keys(local.read)
    }
    apply = {
      description = "Plans, applies and destroys the stack ${var.name_prefix}"
      subjects    = ["repo:${var.repository}:environment:${var.environment}"]
      policies    = concat(keys(local.read), keys(local.change))
    }
  }
  attachments = merge([for role, settings in local.roles : {
    for policy in settings.policies : "${role}-${policy}" => { role = role, policy = policy }
  }]...)
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

# The most that a role of the stack can have, whatever its own policies say. The apply role creates and changes only
# roles under it, and cannot change it.
resource "aws_iam_policy" "boundary" {
  name        = "${local.name}-boundary"
  description = "Permissions boundary of the roles of the stack ${var.name_prefix}"
  policy      = jsonencode(local.policies.boundary)
  tags        = var.tags
}

resource "aws_iam_policy" "this" {
  for_each = merge(local.read, local.change)

  name        = "${local.name}-${each.key}"
  description = "Part of what Terraform needs for the stack ${var.name_prefix}"
  policy      = jsonencode(each.value)
  tags        = var.tags
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name        = "${local.name}-${each.key}"
  description = each.value.description
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "GitHubActions"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.provider_arn }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = each.value.subjects
        }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.attachments

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}
