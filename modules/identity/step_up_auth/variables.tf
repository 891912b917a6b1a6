variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`. The REST API writes logs, so the account and Region need `api_gateway_logging` there once."
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

variable "user_pool" {
  description = "The output `authorizer` of user_directory, instead of `issuer_url` and `client_ids`: in this form, the pool can be created in the same apply."
  type = object({
    issuer   = string
    audience = list(string)
  })
  default = null
}

variable "issuer_url" {
  description = "Issuer of the access tokens, exactly as in their claim `iss`: a Cognito user pool of this account and Region (`https://cognito-idp.REGION.amazonaws.com/POOL`), or any other OAuth 2 issuer that signs with RS256, PS256, ES256 or EdDSA (Ed25519). Required unless `user_pool` is set."
  type        = string
  default     = null

  validation {
    condition     = (var.issuer_url == null) == (var.user_pool != null)
    error_message = "Set issuer_url, or user_pool instead of it."
  }
  validation {
    condition     = var.issuer_url == null || can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^?#\\s]*)?$", var.issuer_url))
    error_message = "issuer_url must be an https URL without query, such as \"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc\"."
  }
  validation {
    condition     = try(!startswith(var.issuer_url, "https://cognito-idp.") || startswith(var.issuer_url, "https://cognito-idp.${var.context.region}."), true)
    error_message = "issuer_url must name a user pool in the stack's Region, ${var.context.region}."
  }
}

variable "client_ids" {
  description = "Ids of the app clients whose tokens are accepted (claim `client_id`, `azp`, `cid` or `appid`). Set this or `audiences`, or both."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.user_pool != null || length(var.client_ids) + length(var.audiences) > 0
    error_message = "Set client_ids or audiences: without either, tokens of every client of the issuer would be accepted."
  }
  validation {
    condition     = var.user_pool == null || length(var.client_ids) == 0
    error_message = "client_ids must not be set with user_pool, which has the clients of the pool."
  }
}

variable "audiences" {
  description = "Audiences (claim `aud`), one of which a token must have. Cognito's access tokens have no audience."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "jwks_url" {
  description = "URL of the issuer's JSON Web Key Set. Null for Cognito's own URL, or for the one in the issuer's OpenID configuration."
  type        = string
  default     = null

  validation {
    condition     = var.jwks_url == null || can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?/)", var.jwks_url))
    error_message = "jwks_url must be an https URL (http on loopback, for tests)."
  }
}

variable "required_claims" {
  description = "Claims that a token must have with exactly these values. Null means `{ token_use = \"access\" }` with Cognito, and none with other issuers."
  type        = map(string)
  default     = null
}

variable "token_types" {
  description = "Values of the header `typ`, in lower case, one of which a token must have. Null means any with Cognito, where a claim distinguishes access tokens from ID tokens, and `at+jwt` (RFC 9068) with other issuers."
  type        = set(string)
  default     = null
}

variable "acr_values" {
  description = "Values of the claim `acr` with which the issuer itself states that the user has just given a second factor (RFC 9470). A token with such a value needs no step-up for `session_seconds` after its `auth_time`."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "operations" {
  description = "Requirement (`state`) of each operation, by its resource path (`/transfer`, `/orders/{order-id}`, `/{proxy+}`) for all methods, or by method and path (`POST /transfer`), which precedes the path's: `STEP_UP_REQUIRED`, `STEP_UP_NOT_REQUIRED` or `STEP_UP_DENY` (which wins). One step-up unlocks all operations of one `group`; operations without a group share the group `default`."
  type = map(object({
    state = optional(string, "STEP_UP_REQUIRED")
    group = optional(string, "default")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.operations) : can(regex("^((GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) )?/([!-~]{0,999}[!-.0-~])?$", key))])
    error_message = "Each key of operations must be a resource path that begins with a slash and does not end in one, such as \"/orders/{order-id}\", or a method and such a path, such as \"DELETE /orders/{order-id}\". For all methods, leave the method out."
  }
  validation {
    condition     = alltrue([for key, o in var.operations : o.state == "STEP_UP_DENY" || try(var.operations[split(" ", key)[1]].state, "") != "STEP_UP_DENY"])
    error_message = "A path with STEP_UP_DENY is closed for all methods: a setting of one of its methods has no effect. Set STEP_UP_DENY on the methods instead."
  }
  validation {
    condition     = alltrue([for o in var.operations : contains(["STEP_UP_REQUIRED", "STEP_UP_NOT_REQUIRED", "STEP_UP_DENY"], o.state)])
    error_message = "state must be STEP_UP_REQUIRED, STEP_UP_NOT_REQUIRED or STEP_UP_DENY."
  }
  validation {
    condition     = alltrue([for o in var.operations : can(regex("^[A-Za-z0-9_-]{1,64}$", o.group))])
    error_message = "group must have 1 to 64 letters, digits, hyphens and underscores."
  }
}

variable "default_step_up_state" {
  description = "Requirement for operations that are not listed. **`STEP_UP_NOT_REQUIRED` leaves a new privileged route open until it is listed**; `STEP_UP_REQUIRED` and `STEP_UP_DENY` do not."
  type        = string
  default     = "STEP_UP_NOT_REQUIRED"
  nullable    = false

  validation {
    condition     = contains(["STEP_UP_REQUIRED", "STEP_UP_NOT_REQUIRED", "STEP_UP_DENY"], var.default_step_up_state)
    error_message = "default_step_up_state must be STEP_UP_REQUIRED, STEP_UP_NOT_REQUIRED or STEP_UP_DENY."
  }
}

variable "session_seconds" {
  description = "Maximum number of seconds for which a step-up is valid; it also ends when the token expires. With less than 900, users of SMS reach Cognito's limit of 5 codes per hour."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.session_seconds >= 60 && var.session_seconds <= 86400 && floor(var.session_seconds) == var.session_seconds
    error_message = "session_seconds must be a whole number from 60 to 86400."
  }
}

variable "maximum_attempts" {
  description = "Number of wrong codes of one user within 15 minutes after which all further codes are refused without a check."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_attempts >= 1 && var.maximum_attempts <= 20 && floor(var.maximum_attempts) == var.maximum_attempts
    error_message = "maximum_attempts must be a whole number from 1 to 20."
  }
}

variable "factors" {
  description = "Second factors that are accepted: `SOFTWARE_TOKEN` (authenticator apps), `SMS` (a verified phone), `EMAIL` (a verified address of a user who has chosen e-mail as second factor). Without `SMS` and `EMAIL`, no text message or e-mail is ever sent for a step-up."
  type        = set(string)
  default     = ["SOFTWARE_TOKEN", "SMS", "EMAIL"]
  nullable    = false

  validation {
    condition     = length(var.factors) > 0 && length(setsubtract(var.factors, ["SOFTWARE_TOKEN", "SMS", "EMAIL"])) == 0
    error_message = "factors needs at least one of SOFTWARE_TOKEN, SMS and EMAIL."
  }
}

variable "routes" {
  description = "Routes of the API behind the authorizer, by `\"METHOD /path\"`, each with the function that handles it. The function receives the decision in `requestContext.authorizer` (`sub`, `clientId`, `scope`, `stepUpState`)."
  type = map(object({
    function_name = string
    invoke_arn    = string
    body          = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition = length(setintersection(
      [for key in keys(var.routes) : split(" ", key)[1]],
      concat(["/initiate-auth", "/respond-to-challenge"], var.web_client == null ? [] : ["/", "/app.css", "/app.js", "/config.json"], var.sample ? ["/info", "/transfer"] : []),
    )) == 0
    error_message = "routes must not use the module's own paths: /initiate-auth, /respond-to-challenge, with web_client also /, /app.css, /app.js and /config.json, with sample also /info and /transfer."
  }
}

variable "sample" {
  description = "Add `POST /transfer` and `GET /info`, two sample operations for a trial. They do nothing."
  type        = bool
  default     = false
  nullable    = false
}

variable "web_client" {
  description = "Web page at the API's `/` where users sign in (authorization code with PKCE, a public client without a secret), call operations and answer challenges. `authorize_url` and `token_url` are URLs of the issuer; register the output `web_client_url` as the client's callback URL. Null for no page."
  type = object({
    authorize_url = string
    token_url     = string
    client_id     = string
    scopes        = optional(string, "openid aws.cognito.signin.user.admin")
    cognito_url   = optional(string)
  })
  default = null

  validation {
    condition     = var.web_client == null || try(alltrue([for url in compact([var.web_client.authorize_url, var.web_client.token_url, var.web_client.cognito_url]) : can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?/)", url))]), false)
    error_message = "web_client's URLs must be https (http on loopback, for tests)."
  }
  validation {
    condition     = var.web_client == null || try(length(var.client_ids) == 0 || contains(var.client_ids, var.web_client.client_id), false)
    error_message = "web_client.client_id must be one of client_ids; otherwise its tokens are refused."
  }
}

variable "throttle" {
  description = "Requests per second (`rate_limit`) and in a burst (`burst_limit`) that each route accepts. The two challenge routes accept 25 per second, which is Cognito's limit with SMS."
  type = object({
    rate_limit  = optional(number, 100)
    burst_limit = optional(number, 200)
  })
  default  = {}
  nullable = false
}

variable "alarms" {
  description = "Number of events within 5 minutes that raises an alarm: changes of second factors (`factor_changes`; edits of the profile that leave them as they are do not count), and requests to which the authorizer responded with 401 (`unauthorized`; each step-up begins with one)."
  type = object({
    factor_changes = optional(number, 1)
    unauthorized   = optional(number, 1000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.factor_changes >= 1 && var.alarms.unauthorized >= 1
    error_message = "alarms.factor_changes and alarms.unauthorized must be 1 or more."
  }
}

variable "deletion_protection" {
  description = "Protect the tables from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
