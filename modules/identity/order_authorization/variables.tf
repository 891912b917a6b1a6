variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`."
  type = object({
    name_prefix              = string
    partition                = string
    account_id               = string
    region                   = string
    kms_key_arn              = string
    alarm_topic_arn          = string
    access_log_bucket        = string
    package_bucket           = string
    log_retention_days       = number
    layer_arns               = list(string)
    permissions_boundary_arn = optional(string)
    build_dir                = string
    tags                     = map(string)
  })
  nullable = false
}

variable "user_pool_arn" {
  description = "ARN of the Cognito user pool whose users call the API. It must be in this account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9-]+_[A-Za-z0-9]+$", var.user_pool_arn))
    error_message = "user_pool_arn must be the ARN of a user pool, such as \"arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Example\"."
  }
  validation {
    condition     = element(split(":", "${var.user_pool_arn}:::::"), 4) == var.context.account_id
    error_message = "user_pool_arn must be in account ${var.context.account_id}: Verified Permissions does not accept a user pool of another account."
  }
}

variable "client_ids" {
  description = "Ids of the pool's app clients whose access tokens are accepted."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.client_ids) > 0 && alltrue([for id in var.client_ids : can(regex("^[\\w+]{1,128}$", id))])
    error_message = "client_ids needs at least one app client id: with none, Verified Permissions accepts the tokens of all clients."
  }
}

variable "name" {
  description = "Name of the API and the table, and the first part of the functions' names. The stack's name prefix is put in front."
  type        = string
  default     = "orders"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,28}[a-z0-9]$", var.name))
    error_message = "name must have 2 to 30 lower-case letters, digits and hyphens, begin with a letter and not end in a hyphen."
  }
}

variable "admin_groups" {
  description = "Groups of the pool whose members may perform every action on every resource; they make the first grants."
  type        = set(string)
  default     = ["order-admins"]
  nullable    = false

  validation {
    condition     = alltrue([for group in var.admin_groups : can(regex("^[^\\s\"\\\\|]{1,128}$", group))])
    error_message = "admin_groups must be names of Cognito groups, without spaces, quotes, backslashes and bars."
  }
}

variable "additional_policies" {
  description = "Cedar policies of your own, by description, such as a `forbid` that no grant overrides. Types of the toy store: `Orders::User`, `Orders::Group` (`<pool id>|<group>`), `Orders::Store`, `Orders::Order`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for statement in values(var.additional_policies) : can(regex("^\\s*(@|permit|forbid|//)", statement))])
    error_message = "additional_policies must be Cedar policies: permit (...) or forbid (...)."
  }
}

variable "decision_cache_seconds" {
  description = "Seconds for which API Gateway caches the decisions on one order or store for one token, 0 to 3600. A changed policy, grant or order can take this long to have effect. Set 0 if changes must have effect at once or if policies depend on the time."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.decision_cache_seconds >= 0 && var.decision_cache_seconds <= 3600 && floor(var.decision_cache_seconds) == var.decision_cache_seconds
    error_message = "decision_cache_seconds must be a whole number from 0 (no cache) to 3600."
  }
}

variable "throttle" {
  description = "Requests per second (`rate_limit`) and in a burst (`burst_limit`) that each route accepts. Verified Permissions answers 30 batches per second and policy store by default: raise its quota first."
  type = object({
    rate_limit  = optional(number, 25)
    burst_limit = optional(number, 25)
  })
  default  = {}
  nullable = false
}

variable "error_headers" {
  description = "Headers of the responses that API Gateway itself sends (401, 403, 429, 5xx). Null for the defaults of the `rest_api` block."
  type        = map(string)
  default     = null
}

variable "cors_origin" {
  description = "Origin of the web page that calls the API from a browser, such as `https://shop.example.com`, or `*` for any page: preflight requests are answered, and all responses may be read there. Null for no browsers of another origin. Back ends of your own add `Access-Control-Allow-Origin` to their responses."
  type        = string
  default     = null

  validation {
    condition     = var.cors_origin == null || can(regex("^(\\*|https://[A-Za-z0-9.-]+(:[0-9]+)?|http://(localhost|127\\.0\\.0\\.1)(:[0-9]+)?)$", var.cors_origin))
    error_message = "cors_origin must be an origin without a path or a slash at the end, such as \"https://shop.example.com\" (http on loopback only), or \"*\"."
  }
}

variable "domain" {
  description = "Domain of your own in place of the toy store: `item`s (such as documents) in `container`s (such as folders), each with its Cedar `type`, the `path` of its routes, whose last segment is its parameter, and its `key` in the table of items; `attributes` of items that policies use, by Cedar name (`from`: the table's attribute; `type`: Group, String, Long, Boolean or StringSet); `actions`, each with its `route` and either the `backend` that handles it, or the `role` that the route grants (PUT), withdraws (DELETE) or lists (GET), or the action that decides on each item which the route `lists`; `templates`, one for each role; the Cedar `namespace`. The Cedar `schema` (JSON) derives from all this, unless you give one. `body` is a JSON schema."
  type = object({
    namespace    = string
    scope_header = optional(string, "X-Scope")
    container    = object({ type = string, path = string, key = string })
    item = object({
      type       = string
      path       = string
      key        = string
      attributes = optional(map(object({ from = string, type = optional(string, "String") })), {})
    })
    actions = map(object({
      route   = string
      backend = optional(string)
      role    = optional(string)
      lists   = optional(string)
      body    = optional(string)
    }))
    schema    = optional(string)
    templates = map(object({ description = string, statement = string }))
  })
  default = null

  validation {
    condition     = alltrue([for d in var.domain[*] : can(regex("^[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*$", d.namespace)) && alltrue([for type in [d.container.type, d.item.type] : can(regex("^[A-Z][A-Za-z0-9]*$", type))]) && length(distinct([d.container.type, d.item.type, "User", "Group"])) == 4])
    error_message = "domain.namespace must be a Cedar namespace, and the two types must be different names such as \"Folder\" and \"Document\" (not User or Group, which come from the user pool)."
  }
  validation {
    condition     = alltrue([for d in var.domain[*] : can(regex("^(/[A-Za-z0-9._-]+)+/\\{[A-Za-z0-9._-]+\\}$", d.container.path)) && can(regex("^(/[A-Za-z0-9._-]+)+/\\{[A-Za-z0-9._-]+\\}$", trimprefix(d.item.path, d.container.path))) && startswith(d.item.path, "${d.container.path}/")])
    error_message = "domain.container.path must end in its parameter, such as \"/folder/{folder-id}\", and domain.item.path must continue it and end in its own, such as \"/folder/{folder-id}/document/{document-id}\"."
  }
  validation {
    condition     = alltrue([for d in var.domain[*] : d.container.key != d.item.key && alltrue([for key in [d.container.key, d.item.key] : can(regex("^[A-Za-z0-9_.-]{1,255}$", key))]) && can(regex("^[A-Za-z][A-Za-z0-9-]*$", d.scope_header)) && lower(d.scope_header) != "authorization"])
    error_message = "domain's two keys must be different names of table attributes, and scope_header must be the name of a header other than Authorization."
  }
  validation {
    condition     = alltrue(flatten([for d in var.domain[*] : [length(distinct([for a in d.item.attributes : a.from])) == length(d.item.attributes), [for name, a in d.item.attributes : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && length(a.from) > 0 && contains(["Group", "String", "Long", "Boolean", "StringSet"], a.type)]]]))
    error_message = "domain.item.attributes need a Cedar name, a table attribute (`from`) that is used once, and one of the types Group, String, Long, Boolean and StringSet."
  }
  validation {
    condition     = alltrue(flatten([for d in var.domain[*] : [for name, a in d.actions : can(regex("^[A-Za-z][A-Za-z0-9]*$", name)) && !contains(["${d.container.type}Actions", "${d.item.type}Actions"], name) && can(regex("^(GET|POST|PUT|PATCH|DELETE) /", a.route)) && startswith("${try(split(" ", a.route)[1], "")}/", "${d.container.path}/") && !contains(["${d.container.path}/permissions", "${d.item.path}/permissions"], try(split(" ", a.route)[1], ""))]]))
    error_message = "domain.actions need names of letters and digits (not those of the two groups of actions), and a route \"METHOD /path\" that begins with the container's path and is not one of the module's own routes, …/permissions."
  }
  validation {
    condition     = alltrue([for d in var.domain[*] : length(distinct([for a in d.actions : a.route])) == length(d.actions) && alltrue([for own in [true, false] : contains(range(1, 31), length([for a in d.actions : a if startswith("${try(split(" ", a.route)[1], "")}/", "${d.item.path}/") == own]))])])
    error_message = "domain.actions need 1 to 30 actions on items and 1 to 30 on containers (one batch decides on all of a kind), each with a route of its own."
  }
  validation {
    condition     = alltrue(flatten([for d in var.domain[*] : [for a in d.actions : length(compact([a.backend, a.role, a.lists])) == 1 && (a.backend == null || contains(keys(var.backends), coalesce(a.backend, "-"))) && (a.role == null || contains(keys(d.templates), coalesce(a.role, "-"))) && (a.lists == null || contains([for name, listed in d.actions : name if startswith("${try(split(" ", listed.route)[1], "")}/", "${d.item.path}/")], coalesce(a.lists, "-")))]]))
    error_message = "Each of domain.actions needs exactly one of backend (a key of backends), role (a key of domain.templates) and lists (an action on items)."
  }
  validation {
    condition     = alltrue(flatten([for d in var.domain[*] : [for a in d.actions : (a.role == null || can(regex("^(GET /.*[^}]|(PUT|DELETE) /.*/\\{employee-id\\})$", a.route))) && ((a.role == null && a.lists == null) || !startswith("${try(split(" ", a.route)[1], "")}/", "${d.item.path}/")) && (a.lists == null || can(regex("^GET /.*[^}]$", a.route)))]]))
    error_message = "Of domain.actions, routes with role are GET …/name, PUT …/{employee-id} or DELETE …/{employee-id}, and routes with lists are GET …/name, all below the container's path and not below the item's."
  }
  validation {
    condition     = alltrue(flatten([for d in var.domain[*] : [for role, t in d.templates : can(regex("^[a-z][a-z0-9_]*$", role)) && can(regex("^\\s*(@|permit|forbid|//)", t.statement)) && strcontains(t.statement, "?principal") && strcontains(t.statement, "?resource") && length(t.statement) <= 10000]]))
    error_message = "domain.templates must be Cedar templates of at most 10,000 characters with ?principal and ?resource, by a role's name in small letters: permit (principal == ?principal, action …, resource in ?resource);"
  }
  validation {
    condition = alltrue([for d in var.domain[*] : d.schema == null || try(
      keys(jsondecode(d.schema)) == [d.namespace] &&
      length(setsubtract(["User", "Group", d.container.type, d.item.type], keys(jsondecode(d.schema)[d.namespace].entityTypes))) == 0 &&
      length(setsubtract(keys(d.actions), keys(jsondecode(d.schema)[d.namespace].actions))) == 0
    , false)])
    error_message = "domain.schema must be a Cedar schema in JSON with the one namespace of the domain, the entity types User, Group and the two of the domain, and all of its actions."
  }
}

variable "backends" {
  description = "Functions of your own that handle actions of `domain`, by the name that `backend` refers to. Each receives the decision in `requestContext.authorizer`, and must refuse a request whose `expires` (Unix seconds) has passed: a cached decision can outlive its token."
  type = map(object({
    function_name = string
    invoke_arn    = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setintersection(keys(var.backends), ["authorizer", "grant_access", "list_access", "list_orders", "orders"])) == 0
    error_message = "backends must not have the names of the module's own functions: authorizer, grant_access, list_access, list_orders, orders."
  }
}

variable "memory_size" {
  description = "Memory of the functions in MiB. More memory means more CPU and a shorter cold start."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number between 128 and 10240."
  }
}

variable "alarms" {
  description = "Number of refused tokens (`refused_tokens`) and of responses with a 5xx status (`server_errors`) within 5 minutes that raises an alarm."
  type = object({
    refused_tokens = optional(number, 100)
    server_errors  = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.refused_tokens >= 1 && var.alarms.server_errors >= 1
    error_message = "alarms.refused_tokens and alarms.server_errors must be 1 or more."
  }
}

variable "deletion_protection" {
  description = "Protect the table of orders from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
