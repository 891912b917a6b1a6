locals {
  # Decisions with a caller's token. The batch operation has no IAM action of its own.
  decide = {
    sid       = "DecideForTheCaller"
    actions   = ["verifiedpermissions:IsAuthorizedWithToken"]
    resources = [aws_verifiedpermissions_policy_store.this.arn]
  }
  decision_environment = {
    CLIENT_IDS      = jsonencode(sort(tolist(var.client_ids)))
    DOMAIN          = jsonencode(local.names)
    ITEMS_TABLE     = module.orders_table.name
    POLICY_STORE_ID = aws_verifiedpermissions_policy_store.this.policy_store_id
    USER_POOL_ID    = local.pool_id
  }
  called = distinct([for route in local.routes : route.function])
  # Null values are left out: they would be unset variables of the functions.
  web_environment = { for name, value in { CORS_ORIGIN = var.cors_origin } : name => value if value != null }
  access_environment = merge(local.web_environment, {
    DOMAIN          = jsonencode(local.names)
    POLICY_STORE_ID = aws_verifiedpermissions_policy_store.this.policy_store_id
    ROLES           = jsonencode(local.roles)
    TEMPLATE_IDS    = jsonencode({ for name, template in aws_verifiedpermissions_policy_template.this : name => template.policy_template_id })
    USER_POOL_ID    = local.pool_id
  })
}

module "orders_table" {
  source = "../../blocks/table"

  context             = var.context
  name                = var.name
  hash_key            = local.container.key
  range_key           = local.item.key
  deletion_protection = var.deletion_protection
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "identity/order_authorization"

  functions = { for key, function in {
    authorizer = {
      name              = "${var.name}-authorizer"
      description       = "Decides on the requested action and all related actions of an item or a container in one call"
      handler           = "identity.order_authorization.authorizer.handler"
      memory_size       = var.memory_size
      timeout           = 10
      dead_letter_queue = false
      key_services      = ["dynamodb"]
      # A refused token is an error of the function, which API Gateway returns as 401. The function's own failures are
      # 5xx answers of the API.
      alarms = { errors = var.alarms.refused_tokens }
      environment = merge(local.decision_environment, {
        CONTAINER_ACTIONS = jsonencode(local.container_actions)
        ITEM_ACTIONS      = jsonencode(local.item_actions)
        PERMISSION_ROUTES = jsonencode(local.permission_routes)
      })
      policy_statements = [
        local.decide,
        {
          sid       = "ReadTheOrderAskedFor"
          actions   = ["dynamodb:GetItem"]
          resources = [module.orders_table.arn]
        },
      ]
    }
    list_orders = {
      name              = "${var.name}-list"
      description       = "Lists the items of a container that the caller may see"
      handler           = "identity.order_authorization.list_orders.handler"
      memory_size       = var.memory_size
      timeout           = 29
      dead_letter_queue = false
      key_services      = ["dynamodb"]
      environment       = merge(local.decision_environment, local.web_environment, { LISTS = jsonencode(local.lists) })
      policy_statements = [
        local.decide,
        {
          sid       = "ListOrdersOfAStore"
          actions   = ["dynamodb:Query"]
          resources = [module.orders_table.arn]
        },
      ]
    }
    orders = {
      name              = "${var.name}-orders"
      description       = "Reads, ships, re-routes and cancels the toy store's orders"
      handler           = "identity.order_authorization.orders.handler"
      memory_size       = var.memory_size
      timeout           = 29
      dead_letter_queue = false
      key_services      = ["dynamodb"]
      environment       = merge(local.web_environment, { ORDERS_TABLE = module.orders_table.name })
      policy_statements = [{
        sid       = "ReadAndChangeOrders"
        actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        resources = [module.orders_table.arn]
      }]
    }
    grant_access = {
      name              = "${var.name}-grant"
      description       = "Grants users a role on a container, and withdraws it"
      handler           = "identity.order_authorization.grant_access.handler"
      memory_size       = var.memory_size
      timeout           = 29
      dead_letter_queue = false
      environment       = local.access_environment
      policy_statements = [
        {
          sid       = "GrantAndWithdraw"
          actions   = ["verifiedpermissions:CreatePolicy", "verifiedpermissions:DeletePolicy", "verifiedpermissions:ListPolicies"]
          resources = [aws_verifiedpermissions_policy_store.this.arn]
        },
        {
          sid       = "FindTheUser"
          actions   = ["cognito-idp:AdminGetUser"]
          resources = [var.user_pool_arn]
        },
      ]
    }
    list_access = {
      name              = "${var.name}-access"
      description       = "Lists who has a role on a container, and which actions the caller may perform"
      handler           = "identity.order_authorization.list_access.handler"
      memory_size       = var.memory_size
      timeout           = 29
      dead_letter_queue = false
      environment       = local.access_environment
      policy_statements = [
        {
          sid       = "ListGrants"
          actions   = ["verifiedpermissions:ListPolicies"]
          resources = [aws_verifiedpermissions_policy_store.this.arn]
        },
        {
          sid       = "NameTheUsers"
          actions   = ["cognito-idp:ListUsers"]
          resources = [var.user_pool_arn]
        },
      ]
    }
  } : key => function if key == "authorizer" || contains(local.called, key) }
}

module "api" {
  source = "../../blocks/rest_api"

  context       = var.context
  name          = var.name
  description   = "Verified Permissions authorizes each call"
  routes        = local.routes
  throttle      = var.throttle
  error_headers = var.error_headers
  alarms        = { server_errors = var.alarms.server_errors }
  functions = merge(
    { for key, backend in var.backends : key => { name = backend.function_name, invoke_arn = backend.invoke_arn } if contains(local.called, key) },
    { for key, function in module.functions.functions : key => { name = function.name, invoke_arn = function.invoke_arn } if key != "authorizer" },
  )
  cors = var.cors_origin == null ? null : { origin = var.cors_origin, headers = ["Authorization", "Content-Type", local.domain.scope_header] }
  authorizer = {
    name       = module.functions.functions.authorizer.name
    invoke_arn = module.functions.functions.authorizer.invoke_arn
    # The whole cache key. The authorizer decides on these two headers only, never on the path.
    identity_sources = ["method.request.header.Authorization", "method.request.header.${local.domain.scope_header}"]
    ttl_seconds      = var.decision_cache_seconds
  }
}
