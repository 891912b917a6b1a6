# This bucket does not use the bucket block: S3 delivers access logs only to buckets encrypted with its own keys,
# and each log that a bucket writes about itself would cause another one.
resource "aws_s3_bucket" "access_logs" {
  # checkov:skip=CKV_AWS_18:It receives the access logs of the other buckets; each log about itself would cause another one
  # checkov:skip=CKV_AWS_144:Replication is a separate decision, at the cost of a second Region
  # checkov:skip=CKV_AWS_145:S3 cannot deliver access logs to a bucket encrypted with a customer managed key; SSE-S3 is on
  # checkov:skip=CKV2_AWS_62:Nothing acts on the arrival of an access log
  bucket        = local.access_log_bucket
  force_destroy = var.access_log_force_destroy
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  bucket                  = aws_s3_bucket.access_logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.access_logs]
}

resource "aws_s3_bucket_policy" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.access_log_bucket_arn, "${local.access_log_bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DeliverAccessLogs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.access_log_bucket_arn}/*"
        Condition = {
          ArnLike      = { "aws:SourceArn" = ["arn:${local.partition}:s3:::${var.name_prefix}-*", "arn:${local.partition}:s3:::aws-waf-logs-${var.name_prefix}-*"] }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        # The path holds the account of the load balancer: others cannot write into it.
        Sid       = "DeliverLoadBalancerLogs"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.access_log_bucket_arn}/load-balancers/${var.name_prefix}-*/AWSLogs/${local.account_id}/*"
      },
    ]
  })

  # S3 refuses concurrent changes of both.
  depends_on = [aws_s3_bucket_public_access_block.access_logs]
}
