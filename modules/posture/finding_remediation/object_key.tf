# The key that encrypts objects with sensitive data. Access to these objects is controlled by access to this key.
locals {
  makes_key = contains(var.remediations, "macie_object") && !contains(keys(var.object_kms_key_arns), var.context.region)

  object_kms_key_arns = merge(var.object_kms_key_arns, { for key in aws_kms_key.objects : var.context.region => key.arn })
}

resource "aws_kms_key" "objects" {
  count = local.makes_key ? 1 : 0

  description             = "Objects in which Macie found sensitive data"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = var.context.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # Allows the account's IAM policies to grant use of the key. Without this, a key can become unmanageable for good.
          Sid       = "AccountThroughIam"
          Effect    = "Allow"
          Principal = { AWS = "arn:${var.context.partition}:iam::${var.context.account_id}:root" }
          Action    = "kms:*"
          Resource  = "*"
        },
      ],
      local.has_members ? [{
        Sid    = "MemberRoles"
        Effect = "Allow"
        # KMS refuses an account that does not exist. The conditions name the role and, without accounts, the organization.
        Principal = { AWS = var.member_organization_id == null ? [for account in sort(var.member_account_ids) : "arn:${var.context.partition}:iam::${account}:root"] : ["*"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = merge(
          {
            ArnLike    = { "aws:PrincipalArn" = replace(local.member_role_arns["macie_object"], "{account}", "*") }
            StringLike = { "kms:ViaService" = "s3.${var.context.region}.*" }
          },
          { for id in var.member_organization_id[*] : "StringEquals" => { "aws:PrincipalOrgID" = id } },
        )
      }] : [],
    )
  })
}

resource "aws_kms_alias" "objects" {
  count = local.makes_key ? 1 : 0

  name          = "alias/${var.context.name_prefix}-macie-key"
  target_key_id = aws_kms_key.objects[0].key_id
}
