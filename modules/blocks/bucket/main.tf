locals {
  # Bucket names are unique across all AWS accounts: the account and the Region in the name avoid collisions.
  name        = "${var.leading}${var.context.name_prefix}-${var.name}-${var.context.account_id}-${var.context.region}"
  arn         = "arn:${var.context.partition}:s3:::${local.name}"
  kms_key_arn = coalesce(var.kms_key_arn, var.context.kms_key_arn)
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_144:Replication is a separate decision, at the cost of a second Region; versioning guards against loss here
  bucket        = local.name
  force_destroy = var.force_destroy
  tags          = var.context.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.context.access_log_bucket
  target_prefix = "${local.name}/"
}

# The bucket sends its events to EventBridge, where any number of rules can match them
# without owning the bucket's single notification configuration.
resource "aws_s3_bucket_notification" "this" {
  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "objects"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    # S3 accepts either days or the removal of expired delete markers; with days, it removes them itself.
    expiration {
      days                         = var.expiration_days
      expired_object_delete_marker = var.expiration_days == null ? true : null
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "DenyInsecureTransport"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.arn, "${local.arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          # Uploads without encryption headers get the default above; uploads that request other encryption are refused.
          Sid       = "DenyOtherEncryption"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.arn}/*"
          Condition = {
            Null            = { "s3:x-amz-server-side-encryption" = "false" }
            StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = local.kms_key_arn }
          }
        },
        {
          Sid       = "DenyCallersKeys"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.arn}/*"
          Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
        },
      ],
      [
        for s in var.policy_statements : merge(
          {
            Sid       = s.sid
            Effect    = s.effect
            Principal = s.principals
            Action    = s.actions
            Resource  = [for path in s.paths : path == "/" ? local.arn : "${local.arn}/${path}"]
          },
          length(s.conditions) > 0 ? { Condition = s.conditions } : {},
        )
      ],
    )
  })

  # S3 refuses concurrent changes of both.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
