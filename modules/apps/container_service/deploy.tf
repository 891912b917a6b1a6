# Who may deploy, and what a deployment may do. Subjects are compared exactly: a wildcard would trust other branches.
locals {
  github_subject = (
    var.github == null ? null :
    var.github.owner_id == null ? "repo:${var.github.repository}:ref:refs/heads/${var.github.branch}" :
    # Repositories since 15 July 2026 have ids: https://docs.github.com/actions/reference/security/oidc
    "repo:${split("/", var.github.repository)[0]}@${var.github.owner_id}/${split("/", var.github.repository)[1]}@${var.github.repository_id}:ref:refs/heads/${var.github.branch}"
  )

  identities = merge(
    { for github in var.github[*] : "GitHub" => {
      issuer       = trimprefix(github.issuer, "https://")
      audience     = github.audience
      subject      = local.github_subject
      provider_arn = github.oidc_provider_arn
    } },
    { for gitlab in var.gitlab[*] : "GitLab" => {
      issuer       = trimprefix(gitlab.issuer, "https://")
      audience     = gitlab.audience
      subject      = "project_path:${gitlab.project}:ref_type:branch:ref:${gitlab.branch}"
      provider_arn = gitlab.oidc_provider_arn
    } },
    { for name, identity in try(var.azure_devops.identities, {}) : "AzureDevOps${title(name)}" => {
      issuer       = trimprefix(identity.issuer, "https://")
      audience     = identity.audience
      subject      = identity.subject
      provider_arn = identity.oidc_provider_arn
    } },
  )

  issuers = { for issuer in distinct([for identity in values(local.identities) : identity.issuer if identity.provider_arn == null]) :
    issuer => sort(distinct([for identity in values(local.identities) : identity.audience if identity.issuer == issuer]))
  }
}

resource "aws_iam_openid_connect_provider" "this" {
  for_each = local.issuers

  url            = "https://${each.key}"
  client_id_list = each.value
  tags           = var.context.tags
}

resource "aws_iam_role" "deploy" {
  count = length(local.identities) > 0 ? 1 : 0

  name                 = local.role_names.deploy
  description          = "Lets a pipeline deploy ${local.name}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for name, identity in local.identities : {
      Sid       = name
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = identity.provider_arn == null ? "arn:${var.context.partition}:iam::${var.context.account_id}:oidc-provider/${identity.issuer}" : identity.provider_arn }
      Condition = {
        StringEquals = {
          "${identity.issuer}:aud" = identity.audience
          "${identity.issuer}:sub" = identity.subject
        }
      }
    }]
  })

  depends_on = [aws_iam_openid_connect_provider.this]
}

resource "aws_iam_role_policy" "deploy" {
  count = length(local.identities) > 0 ? 1 : 0

  name = "deploy"
  role = aws_iam_role.deploy[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # The token is the registry's, not a repository's: IAM accepts only "*".
        Sid      = "SignInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid    = "PushImages"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability",
          "ecr:BatchGetImage",
          "ecr:CompleteLayerUpload",
          "ecr:InitiateLayerUpload",
          "ecr:PutImage",
          "ecr:UploadLayerPart",
        ]
        Resource = local.repository_arn
      },
      {
        Sid      = "FindImages"
        Effect   = "Allow"
        Action   = "ecr:DescribeImages"
        Resource = local.repository_arn
      },
      {
        # ECS has no narrower resource for it.
        Sid      = "ReadRevisions"
        Effect   = "Allow"
        Action   = "ecs:DescribeTaskDefinition"
        Resource = "*"
      },
      {
        Sid      = "RegisterRevisions"
        Effect   = "Allow"
        Action   = "ecs:RegisterTaskDefinition"
        Resource = "${local.family_arn}:*"
      },
      {
        Sid       = "TagRevisions"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = "${local.family_arn}:*"
        Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
      },
      {
        Sid      = "GiveRolesToTasks"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = [local.role_arns.execution, local.role_arns.task]
        Condition = {
          StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
        }
      },
      {
        Sid      = "Deploy"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
        Resource = local.service_arn
      },
      {
        # A list of tasks has no resource of its own: the cluster limits it.
        Sid       = "FindStoppedTasks"
        Effect    = "Allow"
        Action    = "ecs:ListTasks"
        Resource  = "*"
        Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
      },
      {
        Sid      = "ReadWhyTasksStopped"
        Effect   = "Allow"
        Action   = "ecs:DescribeTasks"
        Resource = "arn:${var.context.partition}:ecs:${local.regional}:task/${local.name}/*"
      },
    ]
  })
}

# The pipelines' files.
locals {
  settings = {
    region         = var.context.region
    role_arn       = local.role_arns.deploy
    registry       = local.registry
    repository_url = "${local.registry}/${local.name}"
    repository     = local.name
    cluster        = local.name
    service        = local.name
    architecture   = var.container.architecture == "ARM64" ? "linux/arm64" : "linux/amd64"
  }
  program = { "deploy/deploy.py" = file("${path.module}/pipelines/deploy.py") }
}
