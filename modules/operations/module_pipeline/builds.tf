# What the stages run: a CodeBuild project each, with a role of its own. The code of a module runs in check, test and
# integration, so their roles can read sources, write reports, and no more; only release can write releases.

locals {
  builds = {
    for key, build in {
      check       = { description = "Checks a Terraform module: fmt, validate, documentation, Checkov", reports = ["checks"], timeout = var.build_timeout_minutes }
      test        = { description = "Tests a Terraform module without AWS credentials", reports = ["tests"], timeout = var.build_timeout_minutes }
      integration = { description = "Tests a Terraform module in the sandbox account", reports = ["integration"], timeout = try(var.sandbox.budget_minutes, 0) + 30 }
      release     = { description = "Releases a Terraform module", reports = [], timeout = var.build_timeout_minutes }
      } : key => merge(build, {
        name           = "${var.context.name_prefix}-module-${key}"
        arn            = "arn:${var.context.partition}:codebuild:${local.regional}:project/${var.context.name_prefix}-module-${key}"
        log_group_name = "/aws/codebuild/${var.context.name_prefix}-module-${key}"
        full_role_name = "${var.context.name_prefix}-module-${key}-build-${var.context.region}"
        spec           = yamldecode(file("${path.module}/buildspecs/${key}.yml"))
    }) if key != "integration" || var.sandbox != null
  }

  report_groups = merge([for key, build in local.builds : { for report in build.reports : "${key}/${report}" => {
    build = key
    name  = "${build.name}-${report}"
    arn   = "arn:${var.context.partition}:codebuild:${local.regional}:report-group/${build.name}-${report}"
  } }]...)

  # An image of another registry needs no permission.
  ecr_image      = regexall("^([0-9]{12})\\.dkr\\.ecr(?:-fips)?\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([a-z0-9._/-]+)@", var.image)
  ecr_repository = try("arn:${var.context.partition}:ecr:${local.ecr_image[0][1]}:${local.ecr_image[0][0]}:repository/${local.ecr_image[0][2]}", null)

  # CodePipeline puts artifacts into a folder with the first 20 characters of the pipeline's name.
  artifact_arns = sort(distinct([for pipeline in values(local.pipelines) : "${module.builds.arn}/${substr(pipeline, 0, 20)}/*"]))

  registry_key_arn = coalesce(var.registry_kms_key_arn, var.context.kms_key_arn)

  # What each role has in addition to what all have.
  build_statements = {
    check = [
      {
        Sid      = "SeeReleases"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${module.registry.arn}/registry/*"
      },
      {
        # With this permission, S3 reports that there is no such release instead of "access denied".
        Sid       = "FindReleases"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = module.registry.arn
        Condition = { StringLike = { "s3:prefix" = ["registry/*"] } }
      },
    ]
    test = []
    integration = [{
      Sid      = "UseSandbox"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole", "sts:TagSession"]
      Resource = try([var.sandbox.test_role_arn, var.sandbox.sweep_role_arn], [])
    }]
    release = [
      {
        Sid      = "Release"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${module.registry.arn}/registry/*"
      },
      {
        Sid      = "SeeReleases"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${module.registry.arn}/registry/*"
      },
    ]
  }

  # Sources of modules that are released as tags are cloned by the build itself.
  tag_connections  = sort(distinct([for name, c in local.connections : c.connection_arn if var.modules[name].release == "git_tag"]))
  tag_repositories = sort(distinct([for name, r in local.repositories : "arn:${var.context.partition}:codecommit:${local.regional}:${r.repository}" if var.modules[name].release == "git_tag"]))
}

resource "aws_cloudwatch_log_group" "build" {
  for_each = local.builds

  name              = each.value.log_group_name
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_codebuild_report_group" "this" {
  for_each = local.report_groups

  name           = each.value.name
  type           = "TEST"
  delete_reports = true # the same reports are in the bucket, for as long as report_days says
  tags           = var.context.tags

  export_config {
    type = "NO_EXPORT"
  }
}

resource "aws_iam_role" "build" {
  for_each = local.builds

  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  name                 = length(each.value.full_role_name) <= 64 ? each.value.full_role_name : "${substr(each.value.full_role_name, 0, 57)}-${substr(sha256(each.value.full_role_name), 0, 6)}"
  description          = "Role of the builds of ${each.value.name}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByBuild"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codebuild.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnEquals    = { "aws:SourceArn" = each.value.arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "build" {
  for_each = local.builds

  name = "grants"
  role = aws_iam_role.build[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteOwnLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${var.context.partition}:logs:${local.regional}:log-group:${each.value.log_group_name}:*"
        },
        {
          Sid      = "ReadArtifacts"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = local.artifact_arns
        },
        {
          Sid      = "KeepReports"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${module.builds.arn}/reports/*"
        },
        {
          Sid       = "UseKeyThroughServices"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = distinct([var.context.kms_key_arn, local.registry_key_arn])
          Condition = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
        },
      ],
      length(each.value.reports) > 0 ? [{
        Sid      = "PublishTestReports"
        Effect   = "Allow"
        Action   = ["codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:UpdateReport"]
        Resource = [for group in local.report_groups : group.arn if group.build == each.key]
      }] : [],
      [for statement in [
        {
          Sid      = "PullImage"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = local.ecr_repository
        },
        {
          # A token is for all repositories that its owner may read: ECR accepts only "*".
          Sid      = "LogInToEcr"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*"
        },
      ] : statement if local.ecr_repository != null],
      local.build_statements[each.key],
      length(local.tag_connections) > 0 ? [{
        Sid       = "CloneThroughConnection"
        Effect    = "Allow"
        Action    = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
        Resource  = local.tag_connections
        Condition = { "ForAnyValue:StringEquals" = { "codestar-connections:ProviderPermissionsRequired" = each.key == "release" ? ["read_only", "read_write"] : ["read_only"] } }
      }] : [],
      length(local.tag_repositories) > 0 ? [{
        Sid      = "CloneRepository"
        Effect   = "Allow"
        Action   = "codecommit:GitPull"
        Resource = local.tag_repositories
      }] : [],
      length(local.tag_repositories) > 0 && each.key == "release" ? [{
        Sid       = "PushTags"
        Effect    = "Allow"
        Action    = "codecommit:GitPush"
        Resource  = local.tag_repositories
        Condition = { StringLike = { "codecommit:References" = ["refs/tags/v*"] } }
      }] : [],
      [for statement in [
        {
          # EC2 creates network interfaces whose ids are not known before, and its lists accept only "*".
          Sid    = "UseNetwork"
          Effect = "Allow"
          Action = [
            "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
          ]
          Resource = "*"
        },
        {
          Sid      = "LetBuildUseInterface"
          Effect   = "Allow"
          Action   = "ec2:CreateNetworkInterfacePermission"
          Resource = "arn:${var.context.partition}:ec2:${local.regional}:network-interface/*"
          Condition = {
            StringEquals = { "ec2:AuthorizedService" = "codebuild.amazonaws.com" }
            ArnEquals    = { "ec2:Subnet" = [for id in try(var.vpc.subnet_ids, []) : "arn:${var.context.partition}:ec2:${local.regional}:subnet/${id}"] }
          }
        },
      ] : statement if var.vpc != null],
    )
  })
}

resource "aws_codebuild_project" "this" {
  for_each = local.builds

  name           = each.value.name
  description    = each.value.description
  service_role   = aws_iam_role.build[each.key].arn
  build_timeout  = each.value.timeout
  queued_timeout = 60
  encryption_key = var.context.kms_key_arn
  tags           = var.context.tags

  source {
    type = "CODEPIPELINE"
    # The buildspec is the project's: a module cannot bring one of its own. It names report groups; a project takes ARNs.
    buildspec = yamlencode(merge(each.value.spec, length(each.value.reports) > 0 ? {
      reports = { for report in each.value.reports : local.report_groups["${each.key}/${report}"].arn => each.value.spec.reports[report] }
    } : {}))
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type                        = var.image_architecture == "arm64" ? "ARM_CONTAINER" : "LINUX_CONTAINER"
    compute_type                = var.compute_type
    image                       = var.image
    image_pull_credentials_type = "SERVICE_ROLE"
    privileged_mode             = false

    dynamic "environment_variable" {
      for_each = merge(
        {
          BUCKET       = module.builds.id
          BUCKET_OWNER = var.context.account_id
          NAME_PREFIX  = var.context.name_prefix
        },
        contains(["check", "release"], each.key) ? { REGISTRY_BUCKET = module.registry.id } : {},
        each.key == "integration" ? {
          TEST_ROLE_ARN  = var.sandbox.test_role_arn
          SWEEP_ROLE_ARN = var.sandbox.sweep_role_arn
          EXTERNAL_ID    = var.sandbox.external_id
          SANDBOX_REGION = coalesce(var.sandbox.region, var.context.region)
          BUDGET_MINUTES = tostring(var.sandbox.budget_minutes)
        } : {},
      )

      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.build[each.key].name
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      vpc_id             = vpc_config.value.vpc_id
      subnets            = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # Without its permissions, the first build would fail.
  depends_on = [aws_iam_role_policy.build, aws_codebuild_report_group.this]
}
