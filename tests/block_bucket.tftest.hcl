mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "reports"
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/bucket"
  }

  assert {
    condition     = aws_s3_bucket.this.bucket == "test-reports-111122223333-eu-central-1" && output.id == aws_s3_bucket.this.bucket && output.arn == "arn:aws:s3:::test-reports-111122223333-eu-central-1"
    error_message = "The name is unique to the account and Region, and known at plan time."
  }
  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "A bucket with objects is not destroyed."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four settings of Block Public Access are on."
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are off."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versions are kept."
  }
  assert {
    condition = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled && one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default) == {
      sse_algorithm = "aws:kms", kms_master_key_id = var.context.kms_key_arn
    }
    error_message = "Objects are encrypted with the stack's key, through a bucket key."
  }
  assert {
    condition     = aws_s3_bucket_logging.this.target_bucket == var.context.access_log_bucket && aws_s3_bucket_logging.this.target_prefix == "test-reports-111122223333-eu-central-1/"
    error_message = "Accesses are logged, under the bucket's own prefix."
  }
  assert {
    condition     = aws_s3_bucket_notification.this.eventbridge
    error_message = "Events reach EventBridge."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 7 && aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "Unfinished uploads and old versions expire."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration[0].expired_object_delete_marker
    error_message = "Objects do not expire; leftover delete markers do."
  }
  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement == [
      {
        Sid       = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "s3:*",
        Resource  = ["arn:aws:s3:::test-reports-111122223333-eu-central-1", "arn:aws:s3:::test-reports-111122223333-eu-central-1/*"],
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid = "DenyOtherEncryption", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::test-reports-111122223333-eu-central-1/*",
        Condition = {
          Null            = { "s3:x-amz-server-side-encryption" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.context.kms_key_arn }
        }
      },
      {
        Sid       = "DenyCallersKeys", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::test-reports-111122223333-eu-central-1/*",
        Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
      },
    ]
    error_message = "TLS and the bucket's key are required, and no principal is granted access."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/blocks/bucket"
  }

  variables {
    kms_key_arn     = "arn:aws:kms:eu-central-1:444455556666:key/99992222-3333-4444-5555-666677778888"
    force_destroy   = true
    expiration_days = 400
    noncurrent_days = 1
    policy_statements = [
      { sid = "PutEvidence", principals = { AWS = ["arn:aws:iam::444455556666:root"] }, actions = ["s3:PutObject"], paths = ["evidence/*"] },
      { sid = "ReadAcl", principals = { Service = ["logging.s3.amazonaws.com"] }, actions = ["s3:GetBucketAcl"], paths = ["/"], conditions = { StringEquals = { "aws:SourceAccount" = ["111122223333"] } } },
    ]
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn && output.kms_key_arn == var.kms_key_arn
    error_message = "Another key encrypts the objects."
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Condition.StringNotEquals == { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.kms_key_arn }
    error_message = "The other key is the only one allowed."
  }
  assert {
    condition     = aws_s3_bucket.this.force_destroy && aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration[0].days == 400 && aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_expiration[0].noncurrent_days == 1
    error_message = "Objects expire."
  }
  assert {
    condition = slice(jsondecode(aws_s3_bucket_policy.this.policy).Statement, 3, 5) == [
      { Sid = "PutEvidence", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::444455556666:root"] }, Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-reports-111122223333-eu-central-1/evidence/*"] },
      {
        Sid       = "ReadAcl", Effect = "Allow", Principal = { Service = ["logging.s3.amazonaws.com"] }, Action = ["s3:GetBucketAcl"], Resource = ["arn:aws:s3:::test-reports-111122223333-eu-central-1"],
        Condition = { StringEquals = { "aws:SourceAccount" = ["111122223333"] } }
      },
    ]
    error_message = "Additional statements apply to the paths that they name."
  }
}

run "name_that_a_service_demands" {
  command = plan

  module {
    source = "./modules/blocks/bucket"
  }

  variables {
    leading = "aws-waf-logs-"
  }

  assert {
    condition     = aws_s3_bucket.this.bucket == "aws-waf-logs-test-reports-111122223333-eu-central-1" && output.id == aws_s3_bucket.this.bucket && output.arn == "arn:aws:s3:::aws-waf-logs-test-reports-111122223333-eu-central-1"
    error_message = "The name begins with the prefix that the service requires."
  }
}
