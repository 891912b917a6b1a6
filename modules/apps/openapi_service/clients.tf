# What is served is published: a build makes documentation and clients, whenever current/openapi is written.

locals {
  build        = "${local.full}-publication"
  build_arn    = "arn:${var.context.partition}:codebuild:${local.regional}:project/${local.build}"
  build_log    = "/aws/codebuild/${local.build}"
  build_role   = "${local.build}-build-${var.context.region}"
  kit          = "${var.context.build_dir}/kits/openapi_service.zip"
  kit_key      = "${local.name}-kit-${try(filesha256(local.kit), "missing")}.zip"
  domain       = "${local.full}-clients"
  codeartifact = "arn:${var.context.partition}:codeartifact:${local.regional}"
  formats      = { python = "pypi", typescript = "npm" }
}

resource "aws_codeartifact_domain" "this" {
  domain         = local.domain
  encryption_key = var.context.kms_key_arn
  tags           = var.context.tags
}

resource "aws_codeartifact_repository" "this" {
  repository  = "clients"
  domain      = aws_codeartifact_domain.this.domain
  description = "Clients of the API ${local.full}"
  tags        = var.context.tags
}

# The key has the hash of the content, so that a build runs what Terraform deployed.
resource "aws_s3_object" "kit" {
  bucket                 = var.context.package_bucket
  key                    = local.kit_key
  source                 = local.kit
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn

  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = fileexists(local.kit)
      error_message = "Package ${local.kit} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}

resource "aws_cloudwatch_log_group" "build" {
  name              = local.build_log
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_iam_role" "build" {
  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  name                 = length(local.build_role) <= 64 ? local.build_role : "${substr(local.build_role, 0, 57)}-${substr(sha256(local.build_role), 0, 6)}"
  description          = "Role of the builds of ${local.build}"
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
        ArnEquals    = { "aws:SourceArn" = local.build_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "build" {
  name = "grants"
  role = aws_iam_role.build.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteOwnLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${var.context.partition}:logs:${local.regional}:log-group:${local.build_log}:*"
        },
        {
          Sid      = "ReadKit"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = "arn:${var.context.partition}:s3:::${var.context.package_bucket}/${local.name}-kit-*"
        },
        {
          Sid      = "ReadServedFile"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${module.documents.arn}/${local.current_key}"
        },
        {
          Sid      = "WriteReport"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${module.documents.arn}/reports/*"
        },
        {
          Sid      = "WriteDocumentation"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${module.site.arn}/site/*"
        },
        {
          Sid       = "UseKeysThroughS3"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = [var.context.kms_key_arn, aws_kms_key.site.arn]
          Condition = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
        },
      ],
      [for statement in [
        {
          Sid      = "LookForPackages"
          Effect   = "Allow"
          Action   = "codeartifact:DescribePackageVersion"
          Resource = [for language in sort(var.clients) : "${local.codeartifact}:package/${local.domain}/clients/${local.formats[language]}/*"]
        },
        {
          Sid      = "PublishPackages"
          Effect   = "Allow"
          Action   = ["codeartifact:PublishPackageVersion", "codeartifact:PutPackageMetadata"]
          Resource = [for language in sort(var.clients) : "${local.codeartifact}:package/${local.domain}/clients/${local.formats[language]}/*"]
        },
        {
          Sid      = "UseRepository"
          Effect   = "Allow"
          Action   = ["codeartifact:GetRepositoryEndpoint", "codeartifact:ReadFromRepository"]
          Resource = "${local.codeartifact}:repository/${local.domain}/clients"
        },
        {
          Sid      = "GetToken"
          Effect   = "Allow"
          Action   = "codeartifact:GetAuthorizationToken"
          Resource = "${local.codeartifact}:domain/${local.domain}"
        },
        {
          # A token is no resource: IAM accepts only "*".
          Sid       = "GetTokenForCodeArtifact"
          Effect    = "Allow"
          Action    = "sts:GetServiceBearerToken"
          Resource  = "*"
          Condition = { StringEquals = { "sts:AWSServiceName" = "codeartifact.amazonaws.com" } }
        },
      ] : statement if length(var.clients) > 0],
    )
  })
}

resource "aws_codebuild_project" "publication" {
  name                   = local.build
  description            = "Makes and publishes the documentation and the clients of ${local.full}"
  service_role           = aws_iam_role.build.arn
  build_timeout          = 30
  queued_timeout         = 60
  concurrent_build_limit = 1
  encryption_key         = var.context.kms_key_arn
  tags                   = var.context.tags

  source {
    type      = "S3"
    location  = "${var.context.package_bucket}/${aws_s3_object.kit.key}"
    buildspec = file("${path.module}/buildspec.yml")
  }

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    type                        = "ARM_CONTAINER"
    compute_type                = "BUILD_GENERAL1_SMALL"
    image                       = var.image
    image_pull_credentials_type = "CODEBUILD"
    privileged_mode             = false

    dynamic "environment_variable" {
      for_each = {
        API_URL      = aws_api_gateway_stage.this[local.main].invoke_url
        BUCKET       = module.documents.id
        CLIENTS      = jsonencode(sort(var.clients))
        CURRENT_KEY  = local.current_key
        DOMAIN       = aws_codeartifact_domain.this.domain
        DOMAIN_OWNER = var.context.account_id
        PACKAGE_NAME = var.package_name
        REPOSITORY   = aws_codeartifact_repository.this.repository
        SITE_BUCKET  = module.site.id
      }

      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.build.name
    }
  }

  # Without its permissions, the first build would fail.
  depends_on = [aws_iam_role_policy.build]
}

module "publication" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.name
  description = "The served OpenAPI file has changed"
  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail        = { bucket = { name = [module.documents.id] }, object = { key = [local.current_key] } }
  })
  targets = {
    publish = { arn = aws_codebuild_project.publication.arn, kind = "codebuild" }
  }
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${local.build}-failed"
  alarm_description   = "A build of ${local.build} failed, after three attempts or at once. Documentation and clients are those of an earlier file until one succeeds: start it again (aws codebuild start-build --project-name ${local.build}). Log: ${local.build_log}"
  namespace           = "AWS/CodeBuild"
  metric_name         = "FailedBuilds"
  dimensions          = { ProjectName = local.build }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
