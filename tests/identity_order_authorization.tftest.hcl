mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_api_gateway_authorizer" {
    defaults = { id = "au7h0r" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apigateway/test-orders" }
  }
  mock_resource "aws_verifiedpermissions_policy_store" {
    defaults = {
      arn             = "arn:aws:verifiedpermissions::111122223333:policy-store/PSEXAMPLEabcdefg111111"
      policy_store_id = "PSEXAMPLEabcdefg111111"
    }
  }
  mock_resource "aws_verifiedpermissions_policy_template" {
    defaults = { policy_template_id = "PTEXAMPLEabcdefg111111" }
  }
}

variables {
  user_pool_arn = "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Staff"
  client_ids    = ["web", "handheld"]
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "policies" {
  command = plan

  module {
    source = "./modules/identity/order_authorization"
  }

  assert {
    condition     = one(aws_verifiedpermissions_policy_store.this.validation_settings).mode == "STRICT"
    error_message = "Policies are validated against the schema."
  }
  assert {
    condition = jsonencode(jsondecode(flatten([aws_verifiedpermissions_schema.this.definition])[0].value).Orders.entityTypes) == jsonencode({
      Group = {}
      Order = {
        memberOfTypes = ["Store"]
        shape         = { type = "Record", attributes = { department = { type = "Entity", name = "Group", required = false } } }
      }
      Store = {}
      User  = { memberOfTypes = ["Group"], shape = { type = "Record", attributes = {} } }
    })
    error_message = "Users are in groups, orders in stores; an order may have a department."
  }
  assert {
    condition = { for action, a in jsondecode(flatten([aws_verifiedpermissions_schema.this.definition])[0].value).Orders.actions : action => "${a.memberOf[0].id} ${a.appliesTo.principalTypes[0]} ${a.appliesTo.resourceTypes[0]}" if length(a) > 0 } == {
      AddPackAssociate    = "StoreActions User Store"
      AddStoreManager     = "StoreActions User Store"
      DeleteOrder         = "OrderActions User Order"
      GetOrder            = "OrderActions User Order"
      GetOrderBoxSize     = "OrderActions User Order"
      GetOrderLabel       = "OrderActions User Order"
      GetOrderReceipt     = "OrderActions User Order"
      ListOrders          = "StoreActions User Store"
      ListPackAssociates  = "StoreActions User Store"
      ListStoreManagers   = "StoreActions User Store"
      ReRouteOrder        = "OrderActions User Order"
      RemovePackAssociate = "StoreActions User Store"
      RemoveStoreManager  = "StoreActions User Store"
      SetOrderShipped     = "OrderActions User Order"
    }
    error_message = "Each action applies to users, and to an order or to a store."
  }
  assert {
    condition     = alltrue([for t in aws_verifiedpermissions_policy_template.this : strcontains(t.statement, "principal == ?principal") && strcontains(t.statement, "resource in ?resource") && startswith(t.statement, "permit (")])
    error_message = "Templates permit one user in one store."
  }
  assert {
    condition     = alltrue([for action in keys(output.actions) : strcontains(aws_verifiedpermissions_policy_template.this["pack_associate"].statement, "\"${action}\"") == contains(["GetOrder", "GetOrderBoxSize", "GetOrderLabel", "GetOrderReceipt", "ListOrders", "SetOrderShipped"], action)])
    error_message = "A pack associate reads, lists and ships, and nothing else."
  }
  assert {
    condition     = strcontains(aws_verifiedpermissions_policy_template.this["pack_associate"].statement, "(resource has department && principal in resource.department)")
    error_message = "A pack associate sees orders of the user's own departments."
  }
  assert {
    condition     = { for name, p in aws_verifiedpermissions_policy.static : name => one(one(p.definition).static).statement } == { admins-order-admins = "permit (principal in Orders::Group::\"eu-central-1_Staff|order-admins\", action, resource);" }
    error_message = "Administrators may perform every action."
  }
  assert {
    condition     = aws_verifiedpermissions_identity_source.this.principal_entity_type == "Orders::User" && one(one(aws_verifiedpermissions_identity_source.this.configuration).cognito_user_pool_configuration).user_pool_arn == var.user_pool_arn && one(one(aws_verifiedpermissions_identity_source.this.configuration).cognito_user_pool_configuration).client_ids == tolist(["handheld", "web"]) && one(one(one(aws_verifiedpermissions_identity_source.this.configuration).cognito_user_pool_configuration).group_configuration).group_entity_type == "Orders::Group"
    error_message = "Tokens of this pool's two clients identify principals and their groups."
  }
}

run "api" {
  command = plan

  module {
    source = "./modules/identity/order_authorization"
  }

  assert {
    condition     = length(module.api.resources.methods) == 16 && alltrue([for m in module.api.resources.methods : m.authorization == "CUSTOM" && m.authorizer_id == "au7h0r"])
    error_message = "Every route uses the authorizer, including those of permissions."
  }
  assert {
    condition     = module.api.resources.authorizer.identity_source == "method.request.header.Authorization,method.request.header.X-Order-Scope" && module.api.resources.authorizer.authorizer_result_ttl_in_seconds == 60
    error_message = "The cache key contains token and scope."
  }
  assert {
    condition = { for route, i in module.api.resources.integrations : route => regex("function:test-([a-z-]+)/", i.uri)[0] } == {
      "DELETE /store/{store-id}/order/{order-id}"             = "orders-orders"
      "DELETE /store/{store-id}/pack_associate/{employee-id}" = "orders-grant"
      "DELETE /store/{store-id}/store_manager/{employee-id}"  = "orders-grant"
      "GET /store/{store-id}/order/{order-id}"                = "orders-orders"
      "GET /store/{store-id}/order/{order-id}/box_size"       = "orders-orders"
      "GET /store/{store-id}/order/{order-id}/label"          = "orders-orders"
      "GET /store/{store-id}/order/{order-id}/permissions"    = "orders-access"
      "GET /store/{store-id}/order/{order-id}/receipt"        = "orders-orders"
      "GET /store/{store-id}/orders"                          = "orders-list"
      "GET /store/{store-id}/pack_associate"                  = "orders-access"
      "GET /store/{store-id}/permissions"                     = "orders-access"
      "GET /store/{store-id}/store_manager"                   = "orders-access"
      "POST /store/{store-id}/order/{order-id}/re_route"      = "orders-orders"
      "PUT /store/{store-id}/order/{order-id}/status/shipped" = "orders-orders"
      "PUT /store/{store-id}/pack_associate/{employee-id}"    = "orders-grant"
      "PUT /store/{store-id}/store_manager/{employee-id}"     = "orders-grant"
    }
    error_message = "The function with the necessary permissions answers each route."
  }
  assert {
    condition     = keys(module.api.resources.models) == ["POST /store/{store-id}/order/{order-id}/re_route"]
    error_message = "The only body is validated."
  }
  assert {
    condition     = module.orders_table.resources.table.hash_key == "StoreId" && module.orders_table.resources.table.range_key == "OrderId" && module.orders_table.resources.table.deletion_protection_enabled
    error_message = "Orders have the keys store and order, and the table is protected."
  }
}

run "functions" {
  command = plan

  module {
    source = "./modules/identity/order_authorization"
  }

  assert {
    condition = jsondecode(module.functions.resources.grants["authorizer"].policy).Statement == [
      { Sid = "DecideForTheCaller", Effect = "Allow", Action = ["verifiedpermissions:IsAuthorizedWithToken"], Resource = ["arn:aws:verifiedpermissions::111122223333:policy-store/PSEXAMPLEabcdefg111111"] },
      { Sid = "ReadTheOrderAskedFor", Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-orders"] },
    ]
    error_message = "The authorizer may make decisions and read one order."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["list_orders"].policy).Statement == [
      { Sid = "DecideForTheCaller", Effect = "Allow", Action = ["verifiedpermissions:IsAuthorizedWithToken"], Resource = ["arn:aws:verifiedpermissions::111122223333:policy-store/PSEXAMPLEabcdefg111111"] },
      { Sid = "ListOrdersOfAStore", Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-orders"] },
    ]
    error_message = "The list may make decisions and query."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["orders"].policy).Statement == [
      { Sid = "ReadAndChangeOrders", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-orders"] },
    ]
    error_message = "Orders can be read and changed, not deleted, and the function makes no decisions."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["grant_access"].policy).Statement == [
      { Sid = "GrantAndWithdraw", Effect = "Allow", Action = ["verifiedpermissions:CreatePolicy", "verifiedpermissions:DeletePolicy", "verifiedpermissions:ListPolicies"], Resource = ["arn:aws:verifiedpermissions::111122223333:policy-store/PSEXAMPLEabcdefg111111"] },
      { Sid = "FindTheUser", Effect = "Allow", Action = ["cognito-idp:AdminGetUser"], Resource = [var.user_pool_arn] },
    ]
    error_message = "Granting may create and delete policies, and look up the user."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["list_access"].policy).Statement == [
      { Sid = "ListGrants", Effect = "Allow", Action = ["verifiedpermissions:ListPolicies"], Resource = ["arn:aws:verifiedpermissions::111122223333:policy-store/PSEXAMPLEabcdefg111111"] },
      { Sid = "NameTheUsers", Effect = "Allow", Action = ["cognito-idp:ListUsers"], Resource = [var.user_pool_arn] },
    ]
    error_message = "Listing grants may not change anything."
  }
  assert {
    condition = module.functions.resources.functions["authorizer"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "orders-authorizer"
      CLIENT_IDS                   = "[\"handheld\",\"web\"]"
      DOMAIN                       = "{\"attributes\":{\"department\":{\"from\":\"Department\",\"type\":\"Group\"}},\"container\":\"Store\",\"container_key\":\"StoreId\",\"container_parameter\":\"store-id\",\"item\":\"Order\",\"item_key\":\"OrderId\",\"namespace\":\"Orders\",\"scope_header\":\"X-Order-Scope\"}"
      ITEMS_TABLE                  = "test-orders"
      ITEM_ACTIONS                 = jsonencode({ for action, route in output.actions : action => route if strcontains(route, "{order-id}") })
      PERMISSION_ROUTES            = "{\"container\":\"GET /store/{store-id}/permissions\",\"item\":\"GET /store/{store-id}/order/{order-id}/permissions\"}"
      POLICY_STORE_ID              = "PSEXAMPLEabcdefg111111"
      CONTAINER_ACTIONS            = jsonencode({ for action, route in output.actions : action => route if !strcontains(route, "{order-id}") })
      USER_POOL_ID                 = "eu-central-1_Staff"
    })
    error_message = "The authorizer's settings name pool, clients, and every action's route."
  }
  assert {
    condition     = { for f in module.functions.resources.functions : f.function_name => f.handler } == { for name, module in { authorizer = "authorizer", list = "list_orders", orders = "orders", grant = "grant_access", access = "list_access" } : "test-orders-${name}" => "identity.order_authorization.${module}.handler" }
    error_message = "Each function runs its module."
  }
  assert {
    condition     = module.functions.resources.alarms["authorizer/errors"].threshold == 100 && module.functions.resources.alarms["orders/errors"].threshold == 1
    error_message = "Many refused tokens raise an alarm; other failures do so at once."
  }
  assert {
    condition     = module.functions.resources.functions["list_orders"].environment[0].variables.LISTS == jsonencode({ "GET /store/{store-id}/orders" = "GetOrder" }) && alltrue([for f in ["grant_access", "list_access"] : module.functions.resources.functions[f].environment[0].variables.ROLES == jsonencode({ for action, route in output.actions : route => strcontains(route, "store_manager") ? "store_manager" : "pack_associate" if strcontains(action, "Associate") || strcontains(action, "Manager") })])
    error_message = "The list decides on GetOrder, and each grant's route names its role."
  }
  assert {
    condition     = length(module.api.resources.preflights) == 0 && !anytrue([for f in module.functions.resources.functions : contains(keys(f.environment[0].variables), "CORS_ORIGIN")])
    error_message = "No page of another origin may call the API."
  }
  assert {
    condition     = module.api.resources.method_settings.settings[0].throttling_rate_limit == 25 && module.api.resources.method_settings.settings[0].throttling_burst_limit == 25
    error_message = "No route alone reaches Verified Permissions' quota of 30 batches per second."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/identity/order_authorization"
  }

  variables {
    name                   = "parcels"
    admin_groups           = []
    additional_policies    = { "No cancelling" = "forbid (principal, action == Orders::Action::\"DeleteOrder\", resource);" }
    decision_cache_seconds = 0
    deletion_protection    = false
    memory_size            = 1024
    alarms                 = { refused_tokens = 5, server_errors = 2 }
    throttle               = { rate_limit = 10, burst_limit = 20 }
    cors_origin            = "https://shop.example.com"
  }

  assert {
    condition = module.api.resources.preflights["/store/{store-id}/pack_associate/{employee-id}"].response_parameters == tomap({
      "method.response.header.Access-Control-Allow-Headers" = "'Authorization,Content-Type,X-Order-Scope'"
      "method.response.header.Access-Control-Allow-Methods" = "'DELETE,OPTIONS,PUT'"
      "method.response.header.Access-Control-Allow-Origin"  = "'https://shop.example.com'"
      "method.response.header.Access-Control-Max-Age"       = "'7200'"
      "method.response.header.Vary"                         = "'Origin'"
    }) && length(module.api.resources.preflights) == 13
    error_message = "Browsers learn for each path what the page may send."
  }
  assert {
    condition     = alltrue([for r in module.api.resources.gateway : r.response_parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == "'https://shop.example.com'" && r.response_parameters["gatewayresponse.header.Cache-Control"] == "'no-store'"]) && alltrue([for f in ["orders", "list_orders", "grant_access", "list_access"] : module.functions.resources.functions[f].environment[0].variables.CORS_ORIGIN == "https://shop.example.com"])
    error_message = "The page may read refusals and answers."
  }

  assert {
    condition     = keys(aws_verifiedpermissions_policy.static) == ["No cancelling"]
    error_message = "Given policies replace those of the administrators."
  }
  assert {
    condition     = module.api.resources.authorizer.authorizer_result_ttl_in_seconds == 0 && module.api.resources.rest_api.name == "test-parcels" && module.api.resources.method_settings.settings[0].throttling_rate_limit == 10
    error_message = "Caching of decisions can be turned off."
  }
  assert {
    condition     = !module.orders_table.resources.table.deletion_protection_enabled && module.functions.resources.functions["authorizer"].memory_size == 1024 && module.functions.resources.alarms["authorizer/errors"].threshold == 5
    error_message = "Protection, memory and alarms can be set."
  }
}

run "own_domain" {
  command = plan

  module {
    source = "./modules/identity/order_authorization"
  }

  variables {
    name                = "library"
    admin_groups        = ["librarians"]
    additional_policies = jsondecode(file("tests/fixtures/library.json")).additional_policies
    domain              = jsondecode(file("tests/fixtures/library.json")).domain
    backends            = { books = { function_name = "books", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:books/invocations" } }
  }

  # tests/unit/identity/order_authorization/test_domain.py checks what is in this file with Cedar, and runs on it.
  assert {
    condition     = jsonencode(jsondecode(aws_verifiedpermissions_schema.this.definition.value)) == jsonencode(jsondecode(file("tests/fixtures/library.json")).planned.schema)
    error_message = "The schema derives from the domain."
  }
  assert {
    condition     = { for role, t in aws_verifiedpermissions_policy_template.this : role => t.statement } == { for role, t in var.domain.templates : role => t.statement } && { for name, p in aws_verifiedpermissions_policy.static : name => one(one(p.definition).static).statement } == jsondecode(file("tests/fixtures/library.json")).planned.policies
    error_message = "Templates and policies are those of the domain."
  }
  assert {
    condition     = { for name, value in module.functions.resources.functions["authorizer"].environment[0].variables : name => jsondecode(value) if contains(["DOMAIN", "ITEM_ACTIONS", "CONTAINER_ACTIONS", "PERMISSION_ROUTES"], name) } == { for name, value in jsondecode(file("tests/fixtures/library.json")).planned.environment : name => value if contains(["DOMAIN", "ITEM_ACTIONS", "CONTAINER_ACTIONS", "PERMISSION_ROUTES"], name) }
    error_message = "The authorizer knows the domain."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["list_orders"].environment[0].variables.LISTS) == jsondecode(file("tests/fixtures/library.json")).planned.environment.LISTS && jsondecode(module.functions.resources.functions["grant_access"].environment[0].variables.ROLES) == jsondecode(file("tests/fixtures/library.json")).planned.environment.ROLES
    error_message = "So do the functions that list and grant."
  }
  assert {
    condition     = keys(module.functions.functions) == ["authorizer", "grant_access", "list_access", "list_orders"] && module.orders_table.resources.table.hash_key == "ShelfId" && module.orders_table.resources.table.range_key == "BookId"
    error_message = "The toy store's own back end is left out, and the table has the domain's keys."
  }
  assert {
    condition = { for route, i in module.api.resources.integrations : route => regex("function:([a-z-]+)/", i.uri)[0] } == {
      "DELETE /shelf/{shelf-id}/book/{book-id}"          = "books"
      "DELETE /shelf/{shelf-id}/reader/{employee-id}"    = "test-library-grant"
      "GET /shelf/{shelf-id}/book/{book-id}"             = "books"
      "GET /shelf/{shelf-id}/book/{book-id}/permissions" = "test-library-access"
      "GET /shelf/{shelf-id}/books"                      = "test-library-list"
      "GET /shelf/{shelf-id}/permissions"                = "test-library-access"
      "GET /shelf/{shelf-id}/reader"                     = "test-library-access"
      "PUT /shelf/{shelf-id}/reader/{employee-id}"       = "test-library-grant"
    }
    error_message = "Back ends of the domain handle its actions, and the module grants and lists."
  }
  assert {
    condition     = module.api.resources.authorizer.identity_source == "method.request.header.Authorization,method.request.header.X-Scope"
    error_message = "The cache key contains the domain's scope."
  }
}
