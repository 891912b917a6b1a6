data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.id
  regional   = "${local.region}:${local.account_id}"

  access_log_bucket     = "${var.name_prefix}-access-logs-${local.account_id}-${local.region}"
  access_log_bucket_arn = "arn:${local.partition}:s3:::${local.access_log_bucket}"
  package_bucket        = "${var.name_prefix}-packages-${local.account_id}-${local.region}"
  layer_package         = "${var.build_dir}/layers/common.zip"

  # The context for the blocks that this module uses. Names and ARNs are known before the resources exist.
  context = {
    name_prefix              = var.name_prefix
    partition                = local.partition
    account_id               = local.account_id
    region                   = local.region
    kms_key_arn              = aws_kms_key.this.arn
    alarm_topic_arn          = "arn:${local.partition}:sns:${local.regional}:${var.name_prefix}-alarms"
    access_log_bucket        = local.access_log_bucket
    package_bucket           = local.package_bucket
    log_retention_days       = var.log_retention_days
    layer_arns               = []
    permissions_boundary_arn = var.permissions_boundary_arn
    build_dir                = var.build_dir
    tags                     = local.tags
  }

  # The stack's resources can be found by this tag, as service_health does.
  tags = tomap(merge(var.tags, { SwitchyardStack = var.name_prefix }))
}

module "alarm_topic" {
  source = "../blocks/topic"

  context             = local.context
  name                = "alarms"
  display_name        = "Alarms of ${var.name_prefix}"
  email_subscriptions = var.alarm_emails
  publishers = {
    Alarms = {
      service     = "cloudwatch.amazonaws.com"
      source_arns = ["arn:${local.partition}:cloudwatch:${local.regional}:alarm:*"]
    }
  }
}

# Packages of the functions (modules/blocks/functions).
module "packages" {
  source = "../blocks/bucket"

  context         = local.context
  name            = "packages"
  force_destroy   = true # holds copies of the packages that `make package` builds
  noncurrent_days = 7

  # The context names the log bucket before it exists, and S3 refuses to log to a bucket that it does not find.
  depends_on = [aws_s3_bucket.access_logs, aws_s3_bucket_policy.access_logs]
}

resource "aws_lambda_layer_version" "common" {
  layer_name               = "${var.name_prefix}-common"
  description              = "Libraries that the functions of ${var.name_prefix} share"
  filename                 = local.layer_package
  source_code_hash         = try(filebase64sha256(local.layer_package), null)
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["arm64"]

  lifecycle {
    precondition {
      condition     = fileexists(local.layer_package)
      error_message = "Package ${local.layer_package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}
