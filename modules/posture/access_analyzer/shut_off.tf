# Shutting access off, on request only: the function's permissions for it, and the bucket that keeps removed policies.
locals {
  acts             = var.shut_off != null && !try(var.shut_off.dry_run, true)
  blocks_buckets   = local.acts
  removes_policies = local.acts && try(var.shut_off.public_access_points == "access_point" || var.shut_off.cross_account_access_points, false)

  access_point_arn_root = "arn:${var.context.partition}:s3:${var.context.region}:${var.context.account_id}:accesspoint"

  # By default the statements cover all buckets of this account, as each can become public, but never exempt ones.
  shut_off_statements = concat(
    local.blocks_buckets ? [{
      sid        = "BlockPublicAccess"
      actions    = ["s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"]
      resources  = [for name in sort(var.shut_off.bucket_names) : "arn:${var.context.partition}:s3:::${name}"]
      effect     = "Allow"
      conditions = { StringEquals = { "aws:ResourceAccount" = [var.context.account_id] } }
    }] : [],
    local.removes_policies ? [{
      sid        = "RemoveAccessPointPolicies"
      actions    = ["s3:DeleteAccessPointPolicy", "s3:GetAccessPointPolicy"]
      resources  = ["${local.access_point_arn_root}/*"]
      effect     = "Allow"
      conditions = {}
    }] : [],
    local.removes_policies ? [{
      sid        = "KeepRemovedPolicies"
      actions    = ["s3:PutObject"]
      resources  = ["${module.evidence[0].arn}/access-point-policies/*"]
      effect     = "Allow"
      conditions = {}
    }] : [],
    local.acts ? [{
      sid        = "ScanAgain"
      actions    = ["access-analyzer:StartResourceScan"]
      resources  = [local.analyzer_arn]
      effect     = "Allow"
      conditions = {}
    }] : [],
    local.blocks_buckets && length(var.exempt.bucket_names) > 0 ? [{
      sid        = "LeaveExemptBuckets"
      actions    = ["s3:PutBucketPublicAccessBlock"]
      resources  = [for name in sort(var.exempt.bucket_names) : "arn:${var.context.partition}:s3:::${name}"]
      effect     = "Deny"
      conditions = {}
    }] : [],
    local.removes_policies && length(var.exempt.access_point_names) > 0 ? [{
      sid        = "LeaveExemptAccessPoints"
      actions    = ["s3:DeleteAccessPointPolicy"]
      resources  = [for name in sort(var.exempt.access_point_names) : "${local.access_point_arn_root}/${name}"]
      effect     = "Deny"
      conditions = {}
    }] : [],
  )
}

# Keeps the access point policies that were removed, so that they can be restored.
module "evidence" {
  source = "../../blocks/bucket"
  count  = local.removes_policies ? 1 : 0

  context       = var.context
  name          = "analyzer-kept" # With the longest prefix and Region, it has 62 of 63 characters.
  force_destroy = var.force_destroy
}
