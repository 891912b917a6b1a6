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

variable "name" {
  description = "Name of the API, to which the environment's prefix is prepended."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "description" {
  description = "Purpose of the API, shown in the console."
  type        = string
  nullable    = false
}

variable "functions" {
  description = "Functions that answer requests, by a name that `routes` refers to: `name` and `invoke_arn` from the `functions` block."
  type = map(object({
    name       = string
    invoke_arn = string
  }))
  nullable = false
}

variable "routes" {
  description = "Routes by `\"METHOD /path\"`, such as `\"GET /orders/{order-id}\"`: the `function` that answers, whether the authorizer is called first (`authorize`), the scopes of which an access token of `user_pool_arns` must have at least one (`user_pool_scopes`: API Gateway itself checks the token instead of the authorizer), whether the caller must sign with AWS credentials that may `execute-api:Invoke` (`iam`, instead of the authorizer), whether it must send an API key of a usage plan for the stage (`api_key`), `required_parameters` (`header.X-Scope`, `querystring.day`), the JSON schema (draft 4, as JSON) of an application/json `body`, and a separate `throttle` for the route."
  type = map(object({
    function            = string
    authorize           = optional(bool, true)
    user_pool_scopes    = optional(list(string))
    iam                 = optional(bool, false)
    api_key             = optional(bool, false)
    required_parameters = optional(list(string), [])
    body                = optional(string)
    throttle = optional(object({
      rate_limit  = number
      burst_limit = number
    }))
  }))
  nullable = false

  validation {
    condition     = length(var.routes) > 0 && alltrue([for route in keys(var.routes) : can(regex("^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|ANY) /((\\{[A-Za-z0-9._-]+\\+?\\}|[A-Za-z0-9._:-]+)(/|$)){0,6}$", route)) && !endswith(route, "//") && (endswith(route, " /") || !endswith(route, "/"))])
    error_message = "Each route must be \"METHOD /path\" with at most 6 segments, such as \"GET /orders/{order-id}\"."
  }
  validation {
    condition     = alltrue([for route in var.routes : contains(keys(var.functions), route.function)])
    error_message = "Each route's function must be a name in functions."
  }
  validation {
    condition     = var.authorizer != null || alltrue([for route in var.routes : !route.authorize || route.iam || route.user_pool_scopes != null])
    error_message = "There is no authorizer: set authorizer, or set authorize = false on each route that is public."
  }
  validation {
    condition     = alltrue([for route in var.routes : route.user_pool_scopes == null || try(length(route.user_pool_scopes) > 0 && length(var.user_pool_arns) > 0 && route.authorize, false)])
    error_message = "user_pool_scopes needs user_pool_arns, authorize, and at least one scope: without a scope, API Gateway accepts ID tokens and refuses access tokens."
  }
  validation {
    condition     = alltrue([for route in var.routes : !route.iam || (route.authorize && route.user_pool_scopes == null)])
    error_message = "iam needs authorize, and takes the place of user_pool_scopes: set one of the two."
  }
  validation {
    condition     = alltrue(flatten([for route in var.routes : [for p in route.required_parameters : can(regex("^(header|querystring)\\.[A-Za-z0-9._-]+$", p))]]))
    error_message = "required_parameters must be header.NAME or querystring.NAME."
  }
}

variable "authorizer" {
  description = "Function that authorizes each request (a REQUEST authorizer), and the seconds for which API Gateway caches its policy (`ttl_seconds`, 0 for no cache). **The cache key consists of the `identity_sources` only**: they must include everything that the policy depends on, and the policy must name only resources that they determine."
  type = object({
    name             = string
    invoke_arn       = string
    identity_sources = optional(list(string), ["method.request.header.Authorization"])
    ttl_seconds      = optional(number, 0)
  })
  default = null

  validation {
    condition     = var.authorizer == null || try(length(var.authorizer.identity_sources) > 0 && alltrue([for s in var.authorizer.identity_sources : can(regex("^(method\\.request\\.(header|querystring)|stageVariables|context)\\.[A-Za-z0-9._-]+$", s))]), false)
    error_message = "authorizer.identity_sources needs at least one of method.request.header.NAME, method.request.querystring.NAME, stageVariables.NAME or context.NAME."
  }
}

variable "user_pool_arns" {
  description = "ARNs of the Cognito user pools whose access tokens authorize the routes with `user_pool_scopes`. API Gateway checks the pool, the expiry and the scope, **but not the app client**: the function must check it."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.user_pool_arns : can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$", arn))])
    error_message = "user_pool_arns must be ARNs of user pools (arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID)."
  }
}

variable "throttle" {
  description = "Requests per second (`rate_limit`) and at once (`burst_limit`) that each route accepts."
  type = object({
    rate_limit  = optional(number, 100)
    burst_limit = optional(number, 200)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate_limit > 0 && var.throttle.burst_limit > 0
    error_message = "throttle.rate_limit and throttle.burst_limit must be more than 0: 0 refuses every request."
  }
}

variable "cors" {
  description = "Web pages of another origin that may call the API: their one `origin` (`https://shop.example.com`, or `*`), and the request `headers` that they may send. Preflight requests of all routes are answered, and API Gateway's own error responses may be read. **The functions add `Access-Control-Allow-Origin` to their responses themselves.** Null for no other origin."
  type = object({
    origin  = string
    headers = list(string)
  })
  default = null

  validation {
    condition     = var.cors == null || try(can(regex("^(\\*|https?://[A-Za-z0-9.:-]+)$", var.cors.origin)) && alltrue([for header in var.cors.headers : can(regex("^[A-Za-z0-9-]+$", header))]), false)
    error_message = "cors.origin must be \"*\" or a scheme and a host such as \"https://shop.example.com\", without a slash at the end, and cors.headers must be names of headers."
  }
  validation {
    condition     = var.cors == null || alltrue([for route in keys(var.routes) : !can(regex("^(OPTIONS|ANY) ", route))])
    error_message = "With cors, routes must not have the methods OPTIONS and ANY: the block answers OPTIONS itself."
  }
}

variable "error_headers" {
  description = "Headers of the responses that API Gateway itself creates (401, 403, 429, 5xx). Add `Access-Control-Allow-Origin` for web pages of another origin."
  type        = map(string)
  default = {
    Cache-Control             = "no-store"
    Strict-Transport-Security = "max-age=63072000; includeSubDomains"
    X-Content-Type-Options    = "nosniff"
  }
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.error_headers) : !strcontains(value, "'")])
    error_message = "error_headers must not contain single quotes: API Gateway ends the value there."
  }
}

variable "alarms" {
  description = "Number of responses with a 5xx status within 5 minutes (`server_errors`) that raises an alarm."
  type = object({
    server_errors = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.server_errors >= 1
    error_message = "alarms.server_errors must be 1 or more."
  }
}
