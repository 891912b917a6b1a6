# Every action and the route that performs it. The schema, the API and the functions derive from these maps.
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
  # Routes that return which of these actions the caller may perform. Every caller with a valid token may use them.
  permission_routes = {
    order = "GET /store/{store-id}/order/{order-id}/permissions"
    store = "GET /store/{store-id}/permissions"
  }

  pack_associate_actions = ["GetOrder", "GetOrderBoxSize", "GetOrderLabel", "GetOrderReceipt", "ListOrders", "SetOrderShipped"]
  grant_actions          = ["AddPackAssociate", "AddStoreManager", "RemovePackAssociate", "RemoveStoreManager"]
  list_access_actions    = ["ListPackAssociates", "ListStoreManagers"]
  re_route_body = jsonencode({
    type                 = "object"
    required             = ["warehouse"]
    additionalProperties = false
    properties           = { warehouse = { type = "string", pattern = "^[A-Za-z0-9_-]{1,64}$" } }
  })

  routes = merge(
    { for action, route in local.order_actions : route => { function = "orders", body = action == "ReRouteOrder" ? local.re_route_body : null } },
    { for action, route in local.store_actions : route => { function = contains(local.grant_actions, action) ? "grant_access" : contains(local.list_access_actions, action) ? "list_access" : "list_orders", body = null } },
    { for route in values(local.permission_routes) : route => { function = "orders", body = null } },
  )
}
