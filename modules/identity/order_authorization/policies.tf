locals {
  namespace  = "Orders"
  pool_id    = element(split("/", var.user_pool_arn), 1)
  order_type = "${local.namespace}::Order"
  user_type  = "${local.namespace}::User"
  group_type = "${local.namespace}::Group"

  schema = {
    (local.namespace) = {
      entityTypes = {
        Group = {}
        Store = {}
        User  = { memberOfTypes = ["Group"], shape = { type = "Record", attributes = {} } }
        Order = {
          memberOfTypes = ["Store"]
          shape         = { type = "Record", attributes = { department = { type = "Entity", name = "Group", required = false } } }
        }
      }
      actions = merge(
        { OrderActions = {}, StoreActions = {} },
        { for action in keys(local.order_actions) : action => {
          memberOf  = [{ id = "OrderActions" }]
          appliesTo = { principalTypes = ["User"], resourceTypes = ["Order"], context = { type = "Record", attributes = {} } }
        } },
        { for action in keys(local.store_actions) : action => {
          memberOf  = [{ id = "StoreActions" }]
          appliesTo = { principalTypes = ["User"], resourceTypes = ["Store"], context = { type = "Record", attributes = {} } }
        } },
      )
    }
  }

  templates = {
    pack_associate = {
      description = "Packs the orders of their own departments in one store"
      statement   = <<-EOT
        permit (
          principal == ?principal,
          action in [${join(", ", [for action in local.pack_associate_actions : "${local.namespace}::Action::\"${action}\""])}],
          resource in ?resource
        )
        when {
          resource is ${local.namespace}::Store ||
          (resource has department && principal in resource.department)
        };
      EOT
    }
    store_manager = {
      description = "Does everything in one store"
      statement   = <<-EOT
        permit (
          principal == ?principal,
          action in [${local.namespace}::Action::"OrderActions", ${local.namespace}::Action::"StoreActions"],
          resource in ?resource
        );
      EOT
    }
  }

  static_policies = merge(
    { for group in var.admin_groups : "admins-${group}" => "permit (principal in ${local.group_type}::\"${local.pool_id}|${group}\", action, resource);" },
    var.additional_policies,
  )
}

resource "aws_verifiedpermissions_policy_store" "this" {
  description = "Permissions for the orders of ${var.context.name_prefix}-${var.name}"
  tags        = var.context.tags

  validation_settings {
    mode = "STRICT"
  }
}

resource "aws_verifiedpermissions_schema" "this" {
  policy_store_id = aws_verifiedpermissions_policy_store.this.policy_store_id

  definition {
    value = jsonencode(local.schema)
  }
}

resource "aws_verifiedpermissions_policy_template" "this" {
  for_each = local.templates

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
