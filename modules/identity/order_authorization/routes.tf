# The toy store: the domain unless `domain` gives another. Every action and the route that performs it.
locals {
  order_actions = {
    GetOrder        = "GET /store/{store-id}/order/{order-id}"
    GetOrderLabel   = "GET /store/{store-id}/order/{order-id}/label"
    GetOrderReceipt = "GET /store/{store-id}/order/{order-id}/receipt"
    GetOrderBoxSize = "GET /store/{store-id}/order/{order-id}/box_size"
    DeleteOrder     = "DELETE /store/{store-id}/order/{order-id}"
    ReRouteOrder    = "POST /store/{store-id}/order/{order-id}/re_route"
    SetOrderShipped = "PUT /store/{store-id}/order/{order-id}/status/shipped"
  }
  store_actions = {
    ListOrders          = "GET /store/{store-id}/orders"
    ListPackAssociates  = "GET /store/{store-id}/pack_associate"
    AddPackAssociate    = "PUT /store/{store-id}/pack_associate/{employee-id}"
    RemovePackAssociate = "DELETE /store/{store-id}/pack_associate/{employee-id}"
    ListStoreManagers   = "GET /store/{store-id}/store_manager"
    AddStoreManager     = "PUT /store/{store-id}/store_manager/{employee-id}"
    RemoveStoreManager  = "DELETE /store/{store-id}/store_manager/{employee-id}"
  }

  pack_associate_actions = ["GetOrder", "GetOrderBoxSize", "GetOrderLabel", "GetOrderReceipt", "ListOrders", "SetOrderShipped"]
  store_roles = {
    ListPackAssociates  = "pack_associate"
    AddPackAssociate    = "pack_associate"
    RemovePackAssociate = "pack_associate"
    ListStoreManagers   = "store_manager"
    AddStoreManager     = "store_manager"
    RemoveStoreManager  = "store_manager"
  }
  re_route_body = jsonencode({
    type                 = "object"
    required             = ["warehouse"]
    additionalProperties = false
    properties           = { warehouse = { type = "string", pattern = "^[A-Za-z0-9_-]{1,64}$" } }
  })

  toy_store = {
    namespace    = "Orders"
    scope_header = "X-Order-Scope"
    container    = { type = "Store", path = "/store/{store-id}", key = "StoreId" }
    item = {
      type       = "Order"
      path       = "/store/{store-id}/order/{order-id}"
      key        = "OrderId"
      attributes = { department = { from = "Department", type = "Group" } }
    }
    actions = merge(
      { for action, route in local.order_actions : action => {
        route   = route
        backend = "orders"
        role    = null
        lists   = null
        body    = action == "ReRouteOrder" ? local.re_route_body : null
      } },
      { for action, route in local.store_actions : action => {
        route   = route
        backend = null
        role    = lookup(local.store_roles, action, null)
        lists   = action == "ListOrders" ? "GetOrder" : null
        body    = null
      } },
    )
    schema = null
    templates = {
      pack_associate = {
        description = "Packs the orders of their own departments in one store"
        statement   = <<-EOT
          permit (
            principal == ?principal,
            action in [${join(", ", [for action in local.pack_associate_actions : "Orders::Action::\"${action}\""])}],
            resource in ?resource
          )
          when {
            resource is Orders::Store ||
            (resource has department && principal in resource.department)
          };
        EOT
      }
      store_manager = {
        description = "Does everything in one store"
        statement   = <<-EOT
          permit (
            principal == ?principal,
            action in [Orders::Action::"OrderActions", Orders::Action::"StoreActions"],
            resource in ?resource
          );
        EOT
      }
    }
  }
}
