locals {
  pool_id    = element(split("/", var.user_pool_arn), 1)
  user_type  = "${local.namespace}::User"
  group_type = "${local.namespace}::Group"

  static_policies = merge(
    { for group in var.admin_groups : "admins-${group}" => "permit (principal in ${local.group_type}::\"${local.pool_id}|${group}\", action, resource);" },
    var.additional_policies,
  )
}

resource "aws_verifiedpermissions_policy_store" "this" {
  description = "Permissions for the API ${var.context.name_prefix}-${var.name}"
  tags        = var.context.tags

  validation_settings {
    mode = "STRICT"
  }
}

resource "aws_verifiedpermissions_schema" "this" {
  policy_store_id = aws_verifiedpermissions_policy_store.this.policy_store_id

  definition {
    value = local.domain.schema != null ? local.domain.schema : jsonencode(local.schema)
  }
}

resource "aws_verifiedpermissions_policy_template" "this" {
  for_each = local.domain.templates

  policy_store_id = aws_verifiedpermissions_policy_store.this.policy_store_id
  description     = each.value.description
  statement       = each.value.statement

  # Verified Permissions validates a template against the schema when the template is created.
  depends_on = [aws_verifiedpermissions_schema.this]
}

resource "aws_verifiedpermissions_policy" "static" {
  for_each = local.static_policies

  policy_store_id = aws_verifiedpermissions_policy_store.this.policy_store_id

  definition {
    static {
      description = each.key
      statement   = each.value
    }
  }

  depends_on = [aws_verifiedpermissions_schema.this]
}

resource "aws_verifiedpermissions_identity_source" "this" {
  policy_store_id       = aws_verifiedpermissions_policy_store.this.policy_store_id
  principal_entity_type = local.user_type

  configuration {
    cognito_user_pool_configuration {
      user_pool_arn = var.user_pool_arn
      client_ids    = sort(tolist(var.client_ids))

      group_configuration {
        group_entity_type = local.group_type
      }
    }
  }

  depends_on = [aws_verifiedpermissions_schema.this]
}
