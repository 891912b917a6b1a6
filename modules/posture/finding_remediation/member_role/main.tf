data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
}

module "remediations" {
  source = "../remediations"

  partition           = local.partition
  account_id          = local.account_id
  bucket_patterns     = var.bucket_patterns
  object_kms_key_arns = var.object_kms_key_arns
  source_kms_key_arns = var.source_kms_key_arns
  exempt_tag          = var.exempt_tag
  exempt_bucket_tag   = var.exempt_bucket_tag
  delete_old_version  = var.delete_old_version
}

resource "aws_iam_role" "this" {
  for_each = var.function_role_arns

  name                 = "${var.role_prefix}-${replace(each.key, "_", "-")}"
  description          = "Allows finding_remediation of account ${split(":", each.value)[4]} to remediate here: ${each.key}"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByRemediation"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:${local.partition}:iam::${split(":", each.value)[4]}:root" }
      Condition = merge(
        # The role is named in a condition, so that it need not exist when this role is created.
        { ArnEquals = { "aws:PrincipalArn" = each.value } },
        {
          for equals in [merge(
            { for id in var.external_id[*] : "sts:ExternalId" => id },
            { for id in var.organization_id[*] : "aws:PrincipalOrgID" => id },
          )] : "StringEquals" => equals if length(equals) > 0
        },
      )
    }]
  })

  lifecycle {
    precondition {
      condition     = each.key != "macie_object" || length(var.object_kms_key_arns) > 0
      error_message = "macie_object needs object_kms_key_arns: set it to the output object_kms_key_arns of finding_remediation."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = var.function_role_arns

  name = "remediation"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in module.remediations.remediations[each.key].statements : merge(
        { Sid = s.sid, Effect = "Allow", Action = s.actions, Resource = s.resources },
        length(s.conditions) > 0 ? { Condition = s.conditions } : {},
      )
    ]
  })
}
