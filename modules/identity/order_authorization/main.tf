locals {
  actions = merge(local.order_actions, local.store_actions)

  # Decisions with a caller's token. The batch operation has no IAM action of its own.
  decide = {
    sid       = "DecideForTheCaller"
    actions   = ["verifiedpermissions:IsAuthorizedWithToken"]
    resources = [aws_verifiedpermissions_policy_store.this.arn]
  }
  decision_environment = {
    CLIENT_IDS      = jsonencode(sort(tolist(var.client_ids)))
    NAMESPACE       = local.namespace
    POLICY_STORE_ID = aws_verifiedpermissions_policy_store.this.policy_store_id
    USER_POOL_ID    = local.pool_id
  }
  access_environment = {
    NAMESPACE       = local.namespace
    POLICY_STORE_ID = aws_verifiedpermissions_policy_store.this.policy_store_id
    TEMPLATE_IDS    = jsonencode({ for name, template in aws_verifiedpermissions_policy_template.this : name => template.policy_template_id })
    USER_POOL_ID    = local.pool_id
  }
}

module "orders_table" {
  source = "../../blocks/table"

  context             = var.context
  name                = var.name
  hash_key            = "StoreId"
  range_key           = "OrderId"
  deletion_protection = var.deletion_protection
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "identity/order_authorization"

  functions = {
    authorizer = {
      name              = "${var.name}-authorizer"
      description       = "Decides on the requested action and all related actions of an order or a store in one call"
      handler           = "identity.order_authorization.authorizer.handler"
      memory_size       = var.memory_size
      timeout           = 10
      dead_letter_queue = false
      key_services      = ["dynamodb"]
      # A refused token is an error of the function, which API Gateway returns as 401. The function's own failures are
      # 5xx answers of the API.
      alarms = { errors = var.alarms.refused_tokens }
      environment = merge(local.decision_environment, {
        ORDERS_TABLE      = module.orders_table.name
        ORDER_ACTIONS     = jsonencode(local.order_actions)
        STORE_ACTIONS     = jsonencode(local.store_actions)
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
      description       = "Lists the orders of a store that the caller may see"
      handler           = "identity.order_authorization.list_orders.handler"
      memory_size       = var.memory_size
      timeout           = 29
      dead_letter_queue = false
      key_services      = ["dynamodb"]
      environment       = merge(local.decision_environment, { ORDERS_TABLE = module.orders_table.name })
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
      description       = "Reads, ships, re-routes and cancels orders; returns which actions are allowed"
      handler           = "identity.order_authorization.orders.handler"
      memory_size       = var.memory_size
      timeout           = 29
      dead_letter_queue = false
      key_services      = ["dynamodb"]
      environment       = { ORDERS_TABLE = module.orders_table.name }
      policy_statements = [{
        sid       = "ReadAndChangeOrders"
        actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        resources = [module.orders_table.arn]
      }]
    }
    grant_access = {
      name              = "${var.name}-grant"
      description       = "Grants users the role of pack associate or manager of a store, and withdraws it"
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
      description       = "Lists the pack associates or managers of a store"
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
  }
}

module "api" {
  source = "../../blocks/rest_api"

  context       = var.context
  name          = var.name
  description   = "Orders; Verified Permissions authorizes each call"
  routes        = local.routes
  throttle      = var.throttle
  error_headers = var.error_headers
  alarms        = { server_errors = var.alarms.server_errors }
  functions     = { for key, function in module.functions.functions : key => function if key != "authorizer" }
  authorizer = {
    name       = module.functions.functions.authorizer.name
    invoke_arn = module.functions.functions.authorizer.invoke_arn
    # The whole cache key. The authorizer decides on these two headers only, never on the path.
    identity_sources = ["method.request.header.Authorization", "method.request.header.X-Order-Scope"]
    ttl_seconds      = var.decision_cache_seconds
  }
}
