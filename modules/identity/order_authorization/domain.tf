# The domain: items in containers. The schema, the API and the functions derive from it.
locals {
  domain    = concat(var.domain[*], [local.toy_store])[0]
  namespace = local.domain.namespace
  container = local.domain.container
  item      = local.domain.item

  actions           = { for action, a in local.domain.actions : action => a.route }
  item_actions      = { for action, route in local.actions : action => route if startswith("${split(" ", route)[1]}/", "${local.item.path}/") }
  container_actions = { for action, route in local.actions : action => route if !contains(keys(local.item_actions), action) }
  # Routes that return which of these actions the caller may perform. Every caller with a valid token may use them.
  permission_routes = {
    item      = "GET ${local.item.path}/permissions"
    container = "GET ${local.container.path}/permissions"
  }
  roles = { for a in local.domain.actions : a.route => a.role if a.role != null }
  lists = { for a in local.domain.actions : a.route => a.lists if a.lists != null }

  routes = merge(
    { for a in local.domain.actions : a.route => {
      function = a.role != null ? (startswith(a.route, "GET ") ? "list_access" : "grant_access") : a.lists != null ? "list_orders" : a.backend
      body     = a.body
    } },
    { for route in values(local.permission_routes) : route => { function = "list_access", body = null } },
  )

  # What the functions know of it.
  names = {
    namespace           = local.namespace
    container           = local.container.type
    item                = local.item.type
    container_key       = local.container.key
    item_key            = local.item.key
    container_parameter = regex("\\{([^}]+)\\}$", local.container.path)[0]
    scope_header        = local.domain.scope_header
    attributes          = { for name, a in local.item.attributes : name => { from = a.from, type = a.type } }
  }

  cedar_types = {
    Group     = { type = "Entity", name = "Group", required = false }
    String    = { type = "String", required = false }
    Long      = { type = "Long", required = false }
    Boolean   = { type = "Boolean", required = false }
    StringSet = { type = "Set", element = { type = "String" }, required = false }
  }
  schema = {
    (local.namespace) = {
      entityTypes = {
        Group                  = {}
        (local.container.type) = {}
        User                   = { memberOfTypes = ["Group"], shape = { type = "Record", attributes = {} } }
        (local.item.type) = {
          memberOfTypes = [local.container.type]
          shape         = { type = "Record", attributes = { for name, a in local.item.attributes : name => local.cedar_types[a.type] } }
        }
      }
      actions = merge(
        { "${local.item.type}Actions" = {}, "${local.container.type}Actions" = {} },
        { for action in keys(local.actions) : action => {
          memberOf = [{ id = contains(keys(local.item_actions), action) ? "${local.item.type}Actions" : "${local.container.type}Actions" }]
          appliesTo = {
            principalTypes = ["User"]
            resourceTypes  = [contains(keys(local.item_actions), action) ? local.item.type : local.container.type]
            context        = { type = "Record", attributes = {} }
          }
        } },
      )
    }
  }
}
