locals {
  # The key's own setting or, if it has none, the default of the policy.
  rotation = { for name, key in var.keys : name => coalesce(key.rotation, key.rotation_period_days != null || var.policy.mode == "require") }
  period   = { for name, key in var.keys : name => local.rotation[name] ? coalesce(key.rotation_period_days, var.policy.mode == "require" ? var.policy.max_period_days : 365) : null }

  aliases = merge([for name, key in var.keys : { for alias in key.aliases : alias => name }]...)
  grants  = merge([for name, key in var.keys : { for grant, g in key.grants : "${name}-${grant}" => merge(g, { key = name, name = grant }) }]...)
}

resource "aws_kms_key" "this" {
  # checkov:skip=CKV_AWS_7:The variable policy decides about rotation, require or limit; require is the default
  for_each = var.keys

  description             = each.value.description
  multi_region            = each.value.multi_region
  enable_key_rotation     = local.rotation[each.key]
  rotation_period_in_days = local.period[each.key]
  deletion_window_in_days = each.value.deletion_window_days
  tags                    = merge(var.context.tags, { Name = "${var.context.name_prefix}-${each.key}" })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        # Lets the account's IAM policies grant access to the key; without this statement the key can become
        # unmanageable permanently.
        Sid       = "AccountThroughIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.context.partition}:iam::${var.context.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      length(each.value.administrators) > 0 ? [{
        # No kms:PutKeyPolicy, which would let them give themselves the key's use: Terraform owns the policy.
        Sid       = "Administer"
        Effect    = "Allow"
        Principal = { AWS = sort(each.value.administrators) }
        Action = [
          "kms:CancelKeyDeletion",
          "kms:CreateAlias",
          "kms:DeleteAlias",
          "kms:DescribeKey",
          "kms:DisableKey",
          "kms:DisableKeyRotation",
          "kms:EnableKey",
          "kms:EnableKeyRotation",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "kms:ListGrants",
          "kms:ListKeyPolicies",
          "kms:ListKeyRotations",
          "kms:ListResourceTags",
          "kms:RevokeGrant",
          "kms:RotateKeyOnDemand",
          "kms:ScheduleKeyDeletion",
          "kms:TagResource",
          "kms:UntagResource",
          "kms:UpdateAlias",
          "kms:UpdateKeyDescription",
        ]
        Resource = "*"
      }] : [],
      length(each.value.users) > 0 ? [{
        Sid       = "Use"
        Effect    = "Allow"
        Principal = { AWS = sort(each.value.users) }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
      }] : [],
      length(each.value.users) > 0 ? [{
        # Services such as EBS keep grants while they use the key on behalf of the role.
        Sid       = "GrantToServices"
        Effect    = "Allow"
        Principal = { AWS = sort(each.value.users) }
        Action    = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
        Resource  = "*"
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      }] : [],
    )
  })
}

resource "aws_kms_alias" "this" {
  for_each = local.aliases

  name          = "alias/${each.key}"
  target_key_id = aws_kms_key.this[each.value].key_id
}

resource "aws_kms_grant" "this" {
  for_each = local.grants

  key_id             = aws_kms_key.this[each.value.key].key_id
  name               = each.value.name
  grantee_principal  = each.value.grantee_principal
  operations         = each.value.operations
  retiring_principal = each.value.retiring_principal

  dynamic "constraints" {
    for_each = each.value.encryption_context_equals == null && each.value.encryption_context_subset == null ? [] : [each.value]

    content {
      encryption_context_equals = constraints.value.encryption_context_equals
      encryption_context_subset = constraints.value.encryption_context_subset
    }
  }
}
