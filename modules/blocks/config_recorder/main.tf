locals {
  all_types   = length(var.resource_types) == 0
  config_path = "AWSLogs/${var.context.account_id}/Config/*"
  own_account = { StringEquals = { "aws:SourceAccount" = [var.context.account_id] } }
  role_arn    = var.role_arn == null ? one(aws_iam_service_linked_role.config[*].arn) : var.role_arn
}

# Config's service-linked role: Security Hub control Config.1 requires it, and AWS adds to it the permissions for
# each resource type that Config starts to support.
resource "aws_iam_service_linked_role" "config" {
  count = var.role_arn == null ? 1 : 0

  aws_service_name = "config.amazonaws.com"
  tags             = var.context.tags
}

module "bucket" {
  source = "../bucket"

  context         = var.context
  name            = "config"
  expiration_days = var.expiration_days
  force_destroy   = var.force_destroy
  policy_statements = [
    {
      sid        = "ConfigLooks"
      principals = { Service = ["config.amazonaws.com"] }
      actions    = ["s3:GetBucketAcl", "s3:ListBucket"]
      paths      = ["/"]
      conditions = local.own_account
    },
    {
      sid        = "ConfigDelivers"
      principals = { Service = ["config.amazonaws.com"] }
      actions    = ["s3:PutObject"]
      paths      = [local.config_path]
      conditions = { StringEquals = merge(local.own_account.StringEquals, { "s3:x-amz-acl" = ["bucket-owner-full-control"] }) }
    },
  ]
}

resource "aws_config_configuration_recorder" "this" {
  # checkov:skip=CKV2_AWS_48:All types are recorded unless resource_types names some
  name     = "default"
  role_arn = local.role_arn

  recording_group {
    all_supported                 = local.all_types
    include_global_resource_types = local.all_types && var.include_global_resource_types
    resource_types                = local.all_types ? null : var.resource_types

    recording_strategy {
      use_only = local.all_types ? "ALL_SUPPORTED_RESOURCE_TYPES" : "INCLUSION_BY_RESOURCE_TYPES"
    }
  }

  recording_mode {
    recording_frequency = var.recording_frequency
  }
}

resource "aws_config_delivery_channel" "this" {
  name           = "default"
  s3_bucket_name = module.bucket.id
  # The bucket refuses every other key that Config could name.
  s3_kms_key_arn = var.context.kms_key_arn

  snapshot_delivery_properties {
    delivery_frequency = var.snapshot_frequency
  }

  depends_on = [aws_config_configuration_recorder.this]
}

# Recording needs a delivery channel to start, and a channel can be deleted only while nothing records.
resource "aws_config_configuration_recorder_status" "this" {
  name       = aws_config_configuration_recorder.this.name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}
