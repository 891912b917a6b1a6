mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/context"
  }

  assert {
    condition = jsonencode(output.context) == jsonencode({
      name_prefix              = "switchyard"
      partition                = "aws"
      account_id               = "111122223333"
      region                   = "eu-central-1"
      kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn          = "arn:aws:sns:eu-central-1:111122223333:switchyard-alarms"
      access_log_bucket        = "switchyard-access-logs-111122223333-eu-central-1"
      package_bucket           = "switchyard-packages-111122223333-eu-central-1"
      log_retention_days       = 365
      layer_arns               = ["arn:aws:lambda:eu-central-1:111122223333:layer:switchyard-common:1"]
      permissions_boundary_arn = null
      build_dir                = ".switchyard/fixtures"
      tags                     = { SwitchyardStack = "switchyard" }
    })
    error_message = "The context has exactly the attributes that blocks use."
  }
  assert {
    condition     = output.alarm_topic_arn == output.context.alarm_topic_arn && output.kms_key_arn == output.context.kms_key_arn && output.access_log_bucket == output.context.access_log_bucket && output.context.layer_arns == [aws_lambda_layer_version.common.arn] && output.context.package_bucket == module.packages.id
    error_message = "The topic, the key and the log bucket are also outputs of their own."
  }
  assert {
    condition     = module.packages.resources.bucket.force_destroy && module.packages.resources.encryption.rule != null && module.packages.resources.versioning.versioning_configuration[0].status == "Enabled"
    error_message = "The package bucket is versioned, and is destroyed with the stack: its objects are copies."
  }
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key rotates, and its deletion can be canceled for 30 days."
  }
  assert {
    condition     = aws_kms_alias.this.name == "alias/switchyard" && aws_kms_alias.this.target_key_id == "11112222-3333-4444-5555-666677778888"
    error_message = "The key has an alias."
  }
  assert {
    condition = { for s in jsondecode(aws_kms_key.this.policy).Statement : s.Sid => s.Principal } == {
      AccountThroughIam    = { AWS = "arn:aws:iam::111122223333:root" }
      LogGroups            = { Service = "logs.eu-central-1.amazonaws.com" }
      LogDelivery          = { Service = "delivery.logs.amazonaws.com" }
      LogDeliveryToBuckets = { Service = "delivery.logs.amazonaws.com" }
      ConfigToBuckets      = { Service = "config.amazonaws.com" }
      MailToBuckets        = { Service = "ses.amazonaws.com" }
      AlarmsToTopics       = { Service = "cloudwatch.amazonaws.com" }
      EventsToTopics       = { Service = "events.amazonaws.com" }
      EventsToQueues       = { Service = "events.amazonaws.com" }
      UploadsToTopics      = { Service = "s3.amazonaws.com" }

      UploadsAndTopicsToQueues = { Service = ["s3.amazonaws.com", "sns.amazonaws.com"] }
    }
    error_message = "Only the account and the services that carry its data may use the key."
  }
  assert {
    condition = { for s in jsondecode(aws_kms_key.this.policy).Statement : s.Sid => s.Action } == {
      AccountThroughIam    = "kms:*"
      LogGroups            = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      LogDelivery          = "kms:Decrypt"
      LogDeliveryToBuckets = "kms:GenerateDataKey*"
      ConfigToBuckets      = ["kms:Decrypt", "kms:GenerateDataKey*"]
      MailToBuckets        = ["kms:Decrypt", "kms:GenerateDataKey*"]
      AlarmsToTopics       = ["kms:Decrypt", "kms:GenerateDataKey*"]
      EventsToTopics       = ["kms:Decrypt", "kms:GenerateDataKey*"]
      EventsToQueues       = ["kms:Decrypt", "kms:GenerateDataKey*"]
      UploadsToTopics      = ["kms:Decrypt", "kms:GenerateDataKey*"]

      UploadsAndTopicsToQueues = ["kms:Decrypt", "kms:GenerateDataKey*"]
    }
    error_message = "Services encrypt and decrypt; none of them administers the key."
  }
  assert {
    condition = { for s in jsondecode(aws_kms_key.this.policy).Statement : s.Sid => s.Condition if s.Sid != "AccountThroughIam" } == {
      LogGroups   = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-central-1:111122223333:log-group:*" } }
      LogDelivery = { StringEquals = { "kms:EncryptionContext:SourceArn" = "arn:aws:logs:eu-central-1:111122223333:*" } }
      LogDeliveryToBuckets = {
        ArnLike      = { "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::aws-waf-logs-switchyard-*" }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
      ConfigToBuckets = {
        ArnLike      = { "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::switchyard-*" }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
      MailToBuckets = {
        ArnLike = {
          "aws:SourceArn"                    = "arn:aws:ses:eu-central-1:111122223333:receipt-rule-set/*:receipt-rule/switchyard-*"
          "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::switchyard-*"
        }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
      AlarmsToTopics = {
        ArnLike      = { "kms:EncryptionContext:aws:sns:topicArn" = "arn:aws:sns:eu-central-1:111122223333:switchyard-*" }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
      EventsToTopics = { ArnLike = { "kms:EncryptionContext:aws:sns:topicArn" = "arn:aws:sns:eu-central-1:111122223333:switchyard-*" } }
      EventsToQueues = { ArnLike = { "kms:EncryptionContext:aws:sqs:arn" = "arn:aws:sqs:eu-central-1:111122223333:switchyard-*" } }
      UploadsToTopics = {
        ArnLike      = { "kms:EncryptionContext:aws:sns:topicArn" = "arn:aws:sns:eu-central-1:111122223333:switchyard-*" }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
      UploadsAndTopicsToQueues = {
        ArnLike      = { "kms:EncryptionContext:aws:sqs:arn" = "arn:aws:sqs:eu-central-1:111122223333:switchyard-*" }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
    }
    error_message = "Each service uses the key only for this account's log groups, or for this stack's buckets, topics and queues."
  }
  assert {
    condition     = aws_s3_bucket.access_logs.bucket == "switchyard-access-logs-111122223333-eu-central-1" && !aws_s3_bucket.access_logs.force_destroy
    error_message = "The log bucket's name is unique to the account and Region, and logs are not destroyed."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.access_logs.block_public_acls, aws_s3_bucket_public_access_block.access_logs.block_public_policy,
      aws_s3_bucket_public_access_block.access_logs.ignore_public_acls, aws_s3_bucket_public_access_block.access_logs.restrict_public_buckets,
      aws_s3_bucket_ownership_controls.access_logs.rule[0].object_ownership == "BucketOwnerEnforced",
      aws_s3_bucket_versioning.access_logs.versioning_configuration[0].status == "Enabled",
    ])
    error_message = "The log bucket is private and keeps versions."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.access_logs.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The log bucket uses keys that S3 manages: S3 delivers access logs only to such a bucket."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.access_logs.rule[0].expiration[0].days == 365
    error_message = "Access logs have the retention of other logs."
  }
  assert {
    condition = jsondecode(aws_s3_bucket_policy.access_logs.policy).Statement == [
      {
        Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "s3:*",
        Resource  = ["arn:aws:s3:::switchyard-access-logs-111122223333-eu-central-1", "arn:aws:s3:::switchyard-access-logs-111122223333-eu-central-1/*"],
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid      = "DeliverAccessLogs", Effect = "Allow", Principal = { Service = "logging.s3.amazonaws.com" }, Action = "s3:PutObject",
        Resource = "arn:aws:s3:::switchyard-access-logs-111122223333-eu-central-1/*",
        Condition = {
          ArnLike      = { "aws:SourceArn" = ["arn:aws:s3:::switchyard-*", "arn:aws:s3:::aws-waf-logs-switchyard-*"] }
          StringEquals = { "aws:SourceAccount" = "111122223333" }
        }
      },
      {
        Sid      = "DeliverLoadBalancerLogs", Effect = "Allow", Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }, Action = "s3:PutObject",
        Resource = "arn:aws:s3:::switchyard-access-logs-111122223333-eu-central-1/load-balancers/switchyard-*/AWSLogs/111122223333/*"
      },
    ]
    error_message = "Only S3 and load balancers may write, over TLS and for the logs of this stack's buckets and load balancers."
  }
  assert {
    condition     = aws_lambda_layer_version.common.filename == ".switchyard/fixtures/layers/common.zip" && aws_lambda_layer_version.common.source_code_hash == filebase64sha256(".switchyard/fixtures/layers/common.zip") && aws_lambda_layer_version.common.compatible_runtimes == toset(["python3.13"])
    error_message = "The common layer is the built one."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/context"
  }

  variables {
    name_prefix              = "staging"
    alarm_emails             = ["security@example.com"]
    log_retention_days       = 30
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    access_log_force_destroy = true
    tags                     = { team = "security" }
  }

  assert {
    condition     = output.context.name_prefix == "staging" && output.alarm_topic_arn == "arn:aws:sns:eu-central-1:111122223333:staging-alarms" && output.kms_alias_name == "alias/staging"
    error_message = "Every name begins with the prefix."
  }
  assert {
    condition     = output.context.permissions_boundary_arn == "arn:aws:iam::111122223333:policy/boundary" && output.context.log_retention_days == 30
    error_message = "Every block gets boundary and retention."
  }
  assert {
    condition     = aws_s3_bucket.access_logs.force_destroy && aws_s3_bucket_lifecycle_configuration.access_logs.rule[0].expiration[0].days == 30
    error_message = "Access logs follow retention and force_destroy."
  }
  assert {
    condition     = alltrue([for tags in [output.context.tags, aws_kms_key.this.tags, aws_s3_bucket.access_logs.tags] : tomap(tags) == tomap({ team = "security", SwitchyardStack = var.name_prefix })])
    error_message = "Everything carries the tags."
  }
}

run "missing_layer" {
  command = plan

  module {
    source = "./modules/context"
  }

  variables {
    build_dir = "tests/fixtures/never_built"
  }

  expect_failures = [aws_lambda_layer_version.common]
}

run "api_gateway_logging" {
  command = plan

  module {
    source = "./modules/context"
  }

  variables {
    api_gateway_logging = true
  }

  assert {
    condition     = length(aws_api_gateway_account.this) == 1 && aws_iam_role_policy_attachment.api_gateway[0].policy_arn == "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    error_message = "API Gateway gets its logging role if the context's switch is on."
  }
  assert {
    condition     = jsondecode(aws_iam_role.api_gateway[0].assume_role_policy).Statement[0].Principal == { Service = "apigateway.amazonaws.com" }
    error_message = "Only API Gateway may use that role."
  }
}
