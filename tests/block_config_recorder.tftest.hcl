mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_iam_service_linked_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig" }
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/config_recorder"
  }

  assert {
    condition     = aws_iam_service_linked_role.config[0].aws_service_name == "config.amazonaws.com" && aws_config_configuration_recorder.this.role_arn == output.role_arn && endswith(output.role_arn, "/AWSServiceRoleForConfig")
    error_message = "The recorder uses Config's service-linked role."
  }
  assert {
    condition = (
      one(aws_config_configuration_recorder.this.recording_group).all_supported &&
      !one(aws_config_configuration_recorder.this.recording_group).include_global_resource_types &&
      one(one(aws_config_configuration_recorder.this.recording_group).recording_strategy).use_only == "ALL_SUPPORTED_RESOURCE_TYPES" &&
      one(aws_config_configuration_recorder.this.recording_mode).recording_frequency == "CONTINUOUS"
    )
    error_message = "Each change of all supported types is recorded, except global ones, so that not every Region pays for them."
  }
  assert {
    condition     = aws_config_configuration_recorder_status.this.is_enabled && aws_config_configuration_recorder_status.this.name == "default" && output.recorder_name == "default"
    error_message = "The recorder is on."
  }
  assert {
    condition     = aws_config_delivery_channel.this.s3_bucket_name == "test-config-111122223333-eu-central-1" && aws_config_delivery_channel.this.s3_kms_key_arn == var.context.kms_key_arn && one(aws_config_delivery_channel.this.snapshot_delivery_properties).delivery_frequency == "TwentyFour_Hours"
    error_message = "Snapshots go to the bucket once a day, under the stack's key."
  }
  assert {
    condition = [for s in jsondecode(output.resources.bucket.policy.policy).Statement : s if s.Effect == "Allow"] == [
      {
        Sid      = "ConfigLooks", Effect = "Allow", Principal = { Service = ["config.amazonaws.com"] }, Action = ["s3:GetBucketAcl", "s3:ListBucket"],
        Resource = ["arn:aws:s3:::test-config-111122223333-eu-central-1"], Condition = { StringEquals = { "aws:SourceAccount" = ["111122223333"] } }
      },
      {
        Sid       = "ConfigDelivers", Effect = "Allow", Principal = { Service = ["config.amazonaws.com"] }, Action = ["s3:PutObject"],
        Resource  = ["arn:aws:s3:::test-config-111122223333-eu-central-1/AWSLogs/111122223333/Config/*"],
        Condition = { StringEquals = { "aws:SourceAccount" = ["111122223333"], "s3:x-amz-acl" = ["bucket-owner-full-control"] } }
      },
    ]
    error_message = "Only Config may read the bucket's settings and write to its own folder, for this account."
  }
  assert {
    condition     = !output.resources.bucket.bucket.force_destroy && output.bucket_name == "test-config-111122223333-eu-central-1" && output.delivery_channel_name == "default"
    error_message = "Recorded items are not destroyed."
  }
}

run "some_types_with_the_accounts_role" {
  command = plan

  module {
    source = "./modules/blocks/config_recorder"
  }

  variables {
    role_arn                      = "arn:aws:iam::111122223333:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    resource_types                = ["AWS::SecretsManager::Secret"]
    include_global_resource_types = true
    recording_frequency           = "DAILY"
    snapshot_frequency            = "One_Hour"
    force_destroy                 = true
  }

  assert {
    condition     = length(aws_iam_service_linked_role.config) == 0 && aws_config_configuration_recorder.this.role_arn == var.role_arn
    error_message = "An existing role is used."
  }
  assert {
    condition = (
      !one(aws_config_configuration_recorder.this.recording_group).all_supported &&
      !one(aws_config_configuration_recorder.this.recording_group).include_global_resource_types &&
      one(aws_config_configuration_recorder.this.recording_group).resource_types == toset(["AWS::SecretsManager::Secret"]) &&
      one(one(aws_config_configuration_recorder.this.recording_group).recording_strategy).use_only == "INCLUSION_BY_RESOURCE_TYPES" &&
      one(aws_config_configuration_recorder.this.recording_mode).recording_frequency == "DAILY"
    )
    error_message = "Only the named types are recorded, at the given frequency."
  }
  assert {
    condition     = one(aws_config_delivery_channel.this.snapshot_delivery_properties).delivery_frequency == "One_Hour" && output.resources.bucket.bucket.force_destroy
    error_message = "Snapshots have the given frequency, and the bucket may be destroyed."
  }
}
