variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`. A REST API logs: it needs `api_gateway_logging` there, once in an account and Region."
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

variable "issuer_url" {
  description = "The `iss` of the access tokens, exactly as it stands there: a Cognito user pool of this account and Region (`https://cognito-idp.REGION.amazonaws.com/POOL`), or any other OAuth 2 issuer that signs with RS256, PS256, ES256 or EdDSA (Ed25519)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^?#\\s]*)?$", var.issuer_url))
    error_message = "issuer_url must be an https URL without query, such as \"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc\"."
  }
  validation {
    condition     = !startswith(var.issuer_url, "https://cognito-idp.") || startswith(var.issuer_url, "https://cognito-idp.${var.context.region}.")
    error_message = "issuer_url must be a user pool of the stack's Region, ${var.context.region}."
  }
}

variable "client_ids" {
  description = "App clients whose tokens are accepted (claim `client_id`, `azp`, `cid` or `appid`). This or `audiences` is needed, or both."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.client_ids) + length(var.audiences) > 0
    error_message = "client_ids or audiences must name whom tokens are for: without either, every client of the issuer could call."
  }
}

variable "audiences" {
  description = "Audiences (claim `aud`) of which a token needs one; Cognito's access tokens have none."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "jwks_url" {
  description = "Where the issuer's keys are; null for where Cognito has them, or where the issuer's OpenID configuration says."
  type        = string
  default     = null

  validation {
    condition     = var.jwks_url == null || can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?/)", var.jwks_url))
    error_message = "jwks_url must be an https URL (http on loopback, for tests)."
  }
}

variable "required_claims" {
  description = "Claims that a token must have with exactly these values; null for Cognito's `{ token_use = \"access\" }`, and for nothing with other issuers."
  type        = map(string)
  default     = null
}

variable "token_types" {
  description = "Header `typ` that a token must have one of, in lower case; null for `at+jwt` (RFC 9068), which tells access tokens from ID tokens, and for anything with Cognito, which does that with a claim."
  type        = set(string)
  default     = null
}

variable "acr_values" {
  description = "Values of the claim `acr` with which the issuer itself says that the user has just shown more (RFC 9470): such a token needs no step-up for `session_seconds` from its `auth_time` on."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "operations" {
  description = "What operations require, by the resource path of the API (`/transfer`, `/orders/{order-id}`, `/{proxy+}`), whatever the method: `STEP_UP_REQUIRED`, `STEP_UP_NOT_REQUIRED` or `STEP_UP_DENY`. One step-up unlocks the operations of one `group`, and those without a group together."
  type = map(object({
    state = optional(string, "STEP_UP_REQUIRED")
    group = optional(string, "default")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for path in keys(var.operations) : startswith(path, "/") && (path == "/" || !endswith(path, "/"))])
    error_message = "Each operation must be a resource path that begins with a slash and does not end in one, such as \"/orders/{order-id}\"."
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
  description = "What an operation requires that is not listed. **`STEP_UP_NOT_REQUIRED` leaves a new privileged route open until it is listed**; `STEP_UP_REQUIRED` and `STEP_UP_DENY` do not."
  type        = string
  default     = "STEP_UP_NOT_REQUIRED"
  nullable    = false

  validation {
    condition     = contains(["STEP_UP_REQUIRED", "STEP_UP_NOT_REQUIRED", "STEP_UP_DENY"], var.default_step_up_state)
    error_message = "default_step_up_state must be STEP_UP_REQUIRED, STEP_UP_NOT_REQUIRED or STEP_UP_DENY."
  }
}

variable "session_seconds" {
  description = "How long a step-up holds, at most: the token's end is the end of it too. Below 900, users of SMS run into Cognito's limit of 5 codes an hour."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.session_seconds >= 60 && var.session_seconds <= 86400 && floor(var.session_seconds) == var.session_seconds
    error_message = "session_seconds must be a whole number from 60 to 86400."
  }
}

variable "maximum_attempts" {
  description = "Wrong codes of one user within 15 minutes after which further ones are not even looked at."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_attempts >= 1 && var.maximum_attempts <= 20 && floor(var.maximum_attempts) == var.maximum_attempts
    error_message = "maximum_attempts must be a whole number from 1 to 20."
  }
}

variable "routes" {
  description = "Routes of the API behind the authorizer, by `\"METHOD /path\"`: the function that answers. Its request has the decision in `requestContext.authorizer` (`sub`, `clientId`, `scope`, `stepUpState`)."
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
    error_message = "routes must not use the paths of the module itself: /initiate-auth, /respond-to-challenge, with web_client also /, /app.css, /app.js and /config.json, with sample also /info and /transfer."
  }
}

variable "sample" {
  description = "Add `POST /transfer` and `GET /info`, two back ends to try it with. They do nothing."
  type        = bool
  default     = false
  nullable    = false
}

variable "web_client" {
  description = "A page at the API's `/` to sign in (authorization code with PKCE, a public client without a secret), call operations and answer challenges. `authorize_url` and `token_url` are the issuer's; register the output `web_client_url` as the client's callback URL. Null for none."
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
    error_message = "web_client.client_id must be one of client_ids, or its tokens are refused."
  }
}

variable "throttle" {
  description = "Requests per second (`rate_limit`) and at once (`burst_limit`) of each route. The two challenge routes take 25 a second, which is what Cognito takes with SMS."
  type = object({
    rate_limit  = optional(number, 100)
    burst_limit = optional(number, 200)
  })
  default  = {}
  nullable = false
}

variable "alarms" {
  description = "Numbers within 5 minutes at which an alarm goes off: users who changed their second factor (`factor_changes`), and requests the authorizer answered with 401 (`unauthorized`; each step-up begins with one)."
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
  description = "Refuse to delete the tables, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
