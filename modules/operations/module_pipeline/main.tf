# From a source to a release: the stages are in pipelines.tf, what they run in builds.tf.

locals {
  name     = "module-pipeline"
  regional = "${var.context.region}:${var.context.account_id}"

  # Names and ARNs are computed from the inputs, so that policies that contain them are known at plan time.
  pipelines     = { for name in keys(var.modules) : name => "${var.context.name_prefix}-module-${name}" }
  pipeline_arns = { for name, pipeline in local.pipelines : name => "arn:${var.context.partition}:codepipeline:${local.regional}:${pipeline}" }

  gate_package = "${var.context.build_dir}/operations/module_pipeline.zip"
  gate_key     = "${local.name}-gate-${try(filesha256(local.gate_package), "missing")}.zip"
  gate_bucket  = "arn:${var.context.partition}:s3:::${var.context.package_bucket}"

  s3_sources = {
    for name, m in var.modules : name => {
      bucket      = coalesce(m.source.s3.bucket, module.registry.id)
      key         = coalesce(m.source.s3.key, "source/${name}.zip")
      kms_key_arn = m.source.s3.kms_key_arn
    } if m.source.s3 != null
  }
  connections  = { for name, m in var.modules : name => m.source.connection if m.source.connection != null }
  repositories = { for name, m in var.modules : name => m.source.codecommit if m.source.codecommit != null }
}

# Artifacts of the pipelines, and the reports of all stages: reports/<module>/<execution>/.
module "builds" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "module-builds" # with the longest prefix and Region, a bucket's name has room for 14 characters
  expiration_days = var.report_days
  noncurrent_days = 7
  force_destroy   = var.force_destroy
}

# registry/<module>/<version>.zip are the releases; source/<module>.zip is where S3 sources are uploaded.
module "registry" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "modules"
  kms_key_arn     = var.registry_kms_key_arn
  noncurrent_days = 365
  force_destroy   = var.force_destroy

  policy_statements = concat(
    [{
      # A release is written once: of two builds one wins, and no principal replaces what was approved.
      sid        = "DenyChangesOfReleases"
      effect     = "Deny"
      principals = { AWS = ["*"] }
      actions    = ["s3:PutObject"]
      paths      = ["registry/*"]
      conditions = { Null = { "s3:if-none-match" = ["true"] } }
    }],
    [for statement in [
      {
        sid        = "ReadReleases"
        principals = { AWS = [for id in sort(var.consumer_account_ids) : "arn:${var.context.partition}:iam::${id}:root"] }
        actions    = ["s3:GetObject"]
        paths      = ["registry/*"]
      },
      {
        sid        = "FindReleases"
        principals = { AWS = [for id in sort(var.consumer_account_ids) : "arn:${var.context.partition}:iam::${id}:root"] }
        actions    = ["s3:ListBucket"]
        paths      = ["/"]
        conditions = { StringLike = { "s3:prefix" = ["registry/*"] } }
      },
    ] : statement if length(var.consumer_account_ids) > 0],
  )
}

# The program of the buildspecs: an artifact of each execution, so that a build runs what Terraform deployed. The key has
# the hash of the content, so that an execution never gets another program than its pipeline's definition names.
resource "aws_s3_object" "gate" {
  bucket                 = var.context.package_bucket
  key                    = local.gate_key
  source                 = local.gate_package
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn

  # An S3 object can have 10 tags, other resources can have 50. The bucket carries the tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    # A queued execution may still read the program of the earlier definition.
    create_before_destroy = true

    precondition {
      condition     = fileexists(local.gate_package)
      error_message = "Package ${local.gate_package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.name
  display_name        = "Terraform modules"
  email_subscriptions = var.notification_emails
  publishers          = { FailedExecutions = { service = "events.amazonaws.com" } }
}

# A module that is refused is the pipeline's everyday work. A release that fails was approved.
resource "aws_cloudwatch_metric_alarm" "failed" {
  for_each = { for key in ["integration", "release"] : key => local.builds[key] if contains(keys(local.builds), key) }

  alarm_name          = "${each.value.name}-failed"
  alarm_description   = "A build of ${each.value.name} failed: see the reports in ${module.builds.id}"
  namespace           = "AWS/CodeBuild"
  metric_name         = "FailedBuilds"
  dimensions          = { ProjectName = each.value.name }
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
