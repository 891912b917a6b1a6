# The documentation: files that the build writes, in a bucket that only this distribution reads.

locals {
  site_name    = "${var.context.name_prefix}-api-docs-${var.context.account_id}-${var.context.region}" # as the block names it
  distribution = "arn:${var.context.partition}:cloudfront::${var.context.account_id}:distribution"
}

# CloudFront decrypts with it. The stack's key would have to name the distribution.
resource "aws_kms_key" "site" {
  description             = "Documentation of the API ${local.full}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = var.context.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ManagedByAccount"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.context.partition}:iam::${var.context.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "DecryptedForReaders"
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = "kms:Decrypt"
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.site.arn } }
      },
    ]
  })
}

module "site" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "api-docs"
  kms_key_arn     = aws_kms_key.site.arn
  noncurrent_days = 7
  force_destroy   = true # the next build writes it again

  policy_statements = [{
    sid        = "ReadByDistribution"
    principals = { Service = ["cloudfront.amazonaws.com"] }
    actions    = ["s3:GetObject"]
    paths      = ["site/*"]
    conditions = { StringEquals = { "aws:SourceArn" = [aws_cloudfront_distribution.site.arn] } }
  }]
}

resource "aws_cloudfront_origin_access_control" "site" {
  name                              = local.full
  description                       = "Reads the documentation of ${local.full}"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_response_headers_policy" "site" {
  name    = local.full
  comment = "The documentation needs nothing from elsewhere, and no other page may show it"

  security_headers_config {
    content_security_policy {
      content_security_policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
      override                = true
    }
    content_type_options {
      override = true
    }
    frame_options {
      frame_option = "DENY"
      override     = true
    }
    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }
    strict_transport_security {
      access_control_max_age_sec = 63072000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }
  }
}

resource "aws_cloudfront_distribution" "site" {
  # checkov:skip=CKV_AWS_86:Standard logs need a bucket with ACLs; the bucket's access log has each read
  # checkov:skip=CKV_AWS_68:The files are static; documentation.web_acl_arn associates a web ACL that limits readers
  # checkov:skip=CKV2_AWS_47:The files are static, and no Java runs
  # checkov:skip=CKV_AWS_310:The files are in one bucket
  # checkov:skip=CKV_AWS_374:Readers are wherever clients are; documentation.web_acl_arn limits them
  # checkov:skip=CKV_AWS_174:Without a domain of its own, CloudFront's certificate decides about TLS
  # checkov:skip=CKV2_AWS_42:A domain is the user's choice: documentation.domain_name
  enabled             = true
  comment             = "Documentation of ${local.full}"
  default_root_object = "index.html"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = "PriceClass_100"
  aliases             = compact([var.documentation.domain_name])
  web_acl_id          = var.documentation.web_acl_arn
  wait_for_deployment = false
  tags                = var.context.tags

  origin {
    # Composed from names: the bucket's policy names this distribution.
    domain_name              = "${local.site_name}.s3.${var.context.region}.amazonaws.com"
    origin_id                = "site"
    origin_path              = "/site"
    origin_access_control_id = aws_cloudfront_origin_access_control.site.id
  }

  default_cache_behavior {
    target_origin_id           = "site"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = "658327ea-f89d-4fab-a63d-7e88639e58f6" # AWS's CachingOptimized: it heeds Cache-Control
    response_headers_policy_id = aws_cloudfront_response_headers_policy.site.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.documentation.domain_name == null
    acm_certificate_arn            = var.documentation.certificate_arn
    minimum_protocol_version       = var.documentation.domain_name == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method             = var.documentation.domain_name == null ? null : "sni-only"
  }
}
