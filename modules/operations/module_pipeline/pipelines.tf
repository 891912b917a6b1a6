# A pipeline for each module, started by changes of its source.

locals {
  pipeline_role = "${var.context.name_prefix}-module-pipeline-${var.context.region}"

  sources = {
    for name, m in var.modules : name => (
      m.source.s3 != null ? {
        provider = "S3"
        configuration = {
          S3Bucket             = local.s3_sources[name].bucket
          S3ObjectKey          = local.s3_sources[name].key
          PollForSourceChanges = "false" # the rule below starts the pipeline
        }
      } :
      m.source.codecommit != null ? {
        provider = "CodeCommit"
        configuration = {
          RepositoryName       = m.source.codecommit.repository
          BranchName           = m.source.codecommit.branch
          PollForSourceChanges = "false"
          OutputArtifactFormat = m.release == "git_tag" ? "CODEBUILD_CLONE_REF" : "CODE_ZIP"
        }
      } :
      {
        provider = "CodeStarSourceConnection"
        configuration = {
          ConnectionArn        = m.source.connection.connection_arn
          FullRepositoryId     = m.source.connection.repository
          BranchName           = m.source.connection.branch
          OutputArtifactFormat = m.release == "git_tag" ? "CODEBUILD_CLONE_REF" : "CODE_ZIP"
        }
      }
    )
  }

  # Settings of a module, for its builds.
  environments = {
    for name, m in var.modules : name => jsonencode(concat(
      [
        { name = "MODULE", value = name, type = "PLAINTEXT" },
        { name = "MODULE_PATH", value = m.path, type = "PLAINTEXT" },
        { name = "EXECUTION", value = "#{codepipeline.PipelineExecutionId}", type = "PLAINTEXT" },
        { name = "RELEASE", value = m.release, type = "PLAINTEXT" },
      ],
      m.integration_tests ? [{ name = "INTEGRATION", value = "true", type = "PLAINTEXT" }] : [],
      length(m.accept_unparsed) > 0 ? [{ name = "ACCEPT_UNPARSED", value = jsonencode(m.accept_unparsed), type = "PLAINTEXT" }] : [],
    ))
  }

  # The stages after the source, in their order. `release_only` are skipped if the version was released before.
  stages = {
    for name, m in var.modules : name => concat(
      [{ name = "Check", build = "check", namespace = "Check", release_only = false }],
      [{ name = "Test", build = "test", namespace = null, release_only = false }],
      m.integration_tests ? [{ name = "Integration", build = "integration", namespace = null, release_only = false }] : [],
      var.approval_required ? [{ name = "Approve", build = null, namespace = null, release_only = true }] : [],
      [{ name = "Release", build = "release", namespace = null, release_only = true }],
    )
  }

  source_key_arns = sort(distinct(compact([for source in local.s3_sources : source.kms_key_arn])))
}

resource "aws_iam_role" "pipeline" {
  name                 = length(local.pipeline_role) <= 64 ? local.pipeline_role : "${substr(local.pipeline_role, 0, 57)}-${substr(sha256(local.pipeline_role), 0, 6)}"
  description          = "Role of the module pipelines of ${var.context.name_prefix}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByPipelines"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codepipeline.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "pipeline" {
  name = "grants"
  role = aws_iam_role.pipeline.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ReadSources"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = sort(distinct(concat(["${local.gate_bucket}/${local.gate_key}"], [for source in local.s3_sources : "arn:${var.context.partition}:s3:::${source.bucket}/${source.key}"])))
        },
        {
          # An S3 source must have versions: CodePipeline checks that before it reads the object.
          Sid      = "SeeVersioning"
          Effect   = "Allow"
          Action   = "s3:GetBucketVersioning"
          Resource = sort(distinct(concat([local.gate_bucket], [for source in local.s3_sources : "arn:${var.context.partition}:s3:::${source.bucket}"])))
        },
        {
          Sid      = "KeepArtifacts"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
          Resource = local.artifact_arns
        },
        {
          Sid      = "RunBuilds"
          Effect   = "Allow"
          Action   = ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"]
          Resource = [for build in local.builds : build.arn]
        },
        {
          Sid       = "UseKeyThroughServices"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = concat(distinct([var.context.kms_key_arn, local.registry_key_arn]), local.source_key_arns)
          Condition = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*", "sns.${var.context.region}.*"] } }
        },
      ],
      var.approval_required ? [{
        Sid      = "AskForApproval"
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = module.topic.arn
      }] : [],
      length(local.connections) > 0 ? [{
        Sid      = "ReadThroughConnections"
        Effect   = "Allow"
        Action   = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
        Resource = sort(distinct([for connection in local.connections : connection.connection_arn]))
      }] : [],
      length(local.repositories) > 0 ? [{
        Sid    = "ReadRepositories"
        Effect = "Allow"
        Action = [
          "codecommit:CancelUploadArchive", "codecommit:GetBranch", "codecommit:GetCommit", "codecommit:GetRepository",
          "codecommit:GetUploadArchiveStatus", "codecommit:UploadArchive",
        ]
        Resource = sort(distinct([for r in local.repositories : "arn:${var.context.partition}:codecommit:${local.regional}:${r.repository}"]))
      }] : [],
    )
  })
}

resource "aws_codepipeline" "this" {
  for_each = var.modules

  name           = local.pipelines[each.key]
  role_arn       = aws_iam_role.pipeline.arn
  pipeline_type  = "V2"
  execution_mode = var.execution_mode
  tags           = var.context.tags

  artifact_store {
    location = module.builds.id
    type     = "S3"

    encryption_key {
      id   = var.context.kms_key_arn
      type = "KMS"
    }
  }

  dynamic "trigger" {
    for_each = each.value.source.connection[*]

    content {
      provider_type = "CodeStarSourceConnection"

      git_configuration {
        source_action_name = "Module"

        push {
          branches {
            includes = [trigger.value.branch]
          }
          dynamic "file_paths" {
            for_each = each.value.path == "." ? [] : [each.value.path]

            content {
              includes = ["${file_paths.value}/**"]
            }
          }
        }
      }
    }
  }

  stage {
    name = "Source"

    action {
      name             = "Module"
      category         = "Source"
      owner            = "AWS"
      provider         = local.sources[each.key].provider
      version          = "1"
      output_artifacts = ["Module"]
      configuration    = local.sources[each.key].configuration
    }

    action {
      name             = "Gate"
      category         = "Source"
      owner            = "AWS"
      provider         = "S3"
      version          = "1"
      output_artifacts = ["Gate"]
      configuration = {
        S3Bucket             = aws_s3_object.gate.bucket
        S3ObjectKey          = aws_s3_object.gate.key
        PollForSourceChanges = "false"
      }
    }
  }

  dynamic "stage" {
    for_each = local.stages[each.key]

    content {
      name = stage.value.name

      dynamic "before_entry" {
        for_each = stage.value.release_only ? [true] : []

        content {
          condition {
            result = "SKIP"

            rule {
              name = "VersionIsNew"

              rule_type_id {
                category = "Rule"
                owner    = "AWS"
                provider = "VariableCheck"
                version  = "1"
              }
              configuration = { Variable = "#{Check.MODULE_RELEASE}", Value = "new", Operator = "EQ" }
            }
          }
        }
      }

      action {
        name               = stage.value.name
        category           = stage.value.build == null ? "Approval" : "Build"
        owner              = "AWS"
        provider           = stage.value.build == null ? "Manual" : "CodeBuild"
        version            = "1"
        namespace          = stage.value.namespace
        input_artifacts    = stage.value.build == null ? [] : ["Module", "Gate"]
        timeout_in_minutes = stage.value.build == null ? var.approval_timeout_minutes : null
        configuration = stage.value.build == null ? {
          NotificationArn = module.topic.arn
          CustomData      = "Release ${each.key} #{Check.MODULE_VERSION}? The reports are in s3://${module.builds.id}/reports/${each.key}/#{codepipeline.PipelineExecutionId}/"
          } : {
          ProjectName          = aws_codebuild_project.this[stage.value.build].name
          PrimarySource        = "Module"
          EnvironmentVariables = local.environments[each.key]
        }
      }
    }
  }

  # Without its permissions, the first execution, which begins with the pipeline, would fail.
  depends_on = [aws_iam_role_policy.pipeline]
}

# Changes of S3 and CodeCommit sources start the pipeline, for exactly the version that was uploaded or pushed. Failed
# executions are reported. https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-trigger-source-overrides.html

locals {
  revisions = merge(
    { for name in keys(local.s3_sources) : name => { type = "S3_OBJECT_VERSION_ID", path = "$.detail.object.version-id" } },
    { for name in keys(local.repositories) : name => { type = "COMMIT_ID", path = "$.detail.commitId" } },
  )

  rules = merge(
    {
      for name, revision in local.revisions : "module-${name}" => {
        description = "Changes of the source of the Terraform module ${name}"
        pattern = contains(keys(local.s3_sources), name) ? jsonencode({
          source        = ["aws.s3"]
          "detail-type" = ["Object Created"]
          detail        = { bucket = { name = [local.s3_sources[name].bucket] }, object = { key = [local.s3_sources[name].key] } }
          }) : jsonencode({
          source        = ["aws.codecommit"]
          "detail-type" = ["CodeCommit Repository State Change"]
          resources     = ["arn:${var.context.partition}:codecommit:${local.regional}:${local.repositories[name].repository}"]
          detail        = { event = ["referenceCreated", "referenceUpdated"], referenceType = ["branch"], referenceName = [local.repositories[name].branch] }
        })
        arn      = local.pipeline_arns[name]
        kind     = "codepipeline"
        paths    = { revision = revision.path }
        template = "{\"sourceRevisions\": [{\"actionName\": \"Module\", \"revisionType\": \"${revision.type}\", \"revisionValue\": \"<revision>\"}]}"
      }
    },
    {
      "modules-failed" = {
        description = "Failed executions of the module pipelines"
        pattern = jsonencode({
          source        = ["aws.codepipeline"]
          "detail-type" = ["CodePipeline Pipeline Execution State Change"]
          detail        = { pipeline = sort(values(local.pipelines)), state = ["FAILED"] }
        })
        arn      = module.topic.arn
        kind     = "sns"
        paths    = { pipeline = "$.detail.pipeline", execution = "$.detail.execution-id", region = "$.region" }
        template = "\"<pipeline>: execution <execution> failed in <region>. Its reports are in s3://${module.builds.id}/reports/, in the module's folder, under <execution>.\""
      }
    },
  )
}

module "rules" {
  source   = "../../blocks/event_rule"
  for_each = local.rules

  context       = var.context
  name          = each.key
  description   = each.value.description
  event_pattern = each.value.pattern
  targets = {
    (each.value.kind) = {
      arn               = each.value.arn
      kind              = each.value.kind
      input_transformer = { input_paths = each.value.paths, input_template = each.value.template }
    }
  }

  depends_on = [aws_codepipeline.this]
}
