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

variable "things" {
  description = "Devices by name. The thing, and **the client ID with which the device must connect**, is the name with the environment's prefix. `csrs`: certificate signing requests (PEM) by a label of your choice, such as the year; a device's private key never leaves it. Two labels are two valid certificates, for a renewal: add the new request, update the device, remove the old one. `active = false` deactivates the certificates of a lost device. `attributes`: up to 3 of the thing in the registry."
  type = map(object({
    csrs       = optional(map(string), {})
    active     = optional(bool, true)
    attributes = optional(map(string), {})
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.things) : can(regex("^[A-Za-z0-9_-]+$", name)) && length("${var.context.name_prefix}-${name}") <= 128])
    error_message = "Names of things must consist of letters, digits, hyphens and underscores, with at most 128 characters including the prefix ${var.context.name_prefix}-."
  }
  validation {
    condition     = alltrue(flatten([for thing in var.things : [for csr in thing.csrs : can(regex("^-----BEGIN (NEW )?CERTIFICATE REQUEST-----\\s", csr))]]))
    error_message = "Each of csrs must be a certificate signing request in PEM format (-----BEGIN CERTIFICATE REQUEST-----), such as file(\"sensor-1.csr\"). Never pass a private key."
  }
  validation {
    condition     = alltrue(flatten([for thing in var.things : [for label in keys(thing.csrs) : can(regex("^[A-Za-z0-9._-]+$", label))]]))
    error_message = "Labels of csrs must consist of letters, digits, dots, hyphens and underscores, such as \"2026\"."
  }
  validation {
    condition     = alltrue([for thing in var.things : length(thing.attributes) <= 3])
    error_message = "A thing can have at most 3 attributes, because it has no thing type."
  }
  validation {
    condition     = alltrue(flatten([for thing in var.things : [for name, value in thing.attributes : can(regex("^[A-Za-z0-9_.,@/:#-]{1,128}$", name)) && can(regex("^[A-Za-z0-9_.,@/:#=\\[\\]-]{1,800}$", value))]]))
    error_message = "Names and values of attributes must consist of letters, digits and _.,@/:#- (values also =, [ and ]), without blanks."
  }
}

variable "retention_days" {
  description = "Days after which a message expires. DynamoDB deletes expired items within a few days."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 1825 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of days from 1 to 1825 (5 years)."
  }
}

variable "maximum_bytes" {
  description = "Largest payload that is stored, in bytes. Larger ones are kept in the queue of refused messages; AWS IoT itself ends the connection of a device that publishes more than 131072."
  type        = number
  default     = 8192
  nullable    = false

  validation {
    condition     = var.maximum_bytes >= 1 && var.maximum_bytes <= 131072 && floor(var.maximum_bytes) == var.maximum_bytes
    error_message = "maximum_bytes must be a whole number from 1 to 131072, AWS IoT's limit."
  }
}

variable "commands" {
  description = "Commands to devices: the largest one that a device's buffer holds (`maximum_bytes`, as published: an envelope of about 60 bytes included), and the seconds after which a command that was not delivered expires (`expiry_seconds`, unless the request says otherwise)."
  type = object({
    maximum_bytes  = optional(number, 1024)
    expiry_seconds = optional(number, 86400)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.commands.maximum_bytes >= 128 && var.commands.maximum_bytes <= 131072 && floor(var.commands.maximum_bytes) == var.commands.maximum_bytes
    error_message = "commands.maximum_bytes must be a whole number from 128 to 131072, AWS IoT's limit."
  }
  validation {
    condition     = var.commands.expiry_seconds >= 1 && var.commands.expiry_seconds <= 604800 && floor(var.commands.expiry_seconds) == var.commands.expiry_seconds
    error_message = "commands.expiry_seconds must be a whole number from 1 to 604800 (7 days)."
  }
}

variable "api_key_ids" {
  description = "IDs of API Gateway API keys (not their values) whose holders may call the routes `api_key_routes`. All other requests must be signed with AWS credentials that may `execute-api:Invoke`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.api_key_ids : can(regex("^[a-z0-9]{10}$", id))])
    error_message = "api_key_ids must be the IDs of API keys, 10 lowercase letters and digits, such as the id that `aws api-gateway create-api-key` returns. Never pass a key's value."
  }
}

variable "api_key_routes" {
  description = "Routes that take one of `api_key_ids` in the header `x-api-key` instead of a signature: `commands` (send and delete), `messages` (read), or both. `[\"messages\"]` lets a dashboard read, and leaves commands to principals that sign."
  type        = set(string)
  default     = ["commands", "messages"]
  nullable    = false

  validation {
    condition     = length(var.api_key_routes) > 0 && length(setsubtract(var.api_key_routes, ["commands", "messages"])) == 0
    error_message = "api_key_routes must be commands, messages or both. Leave api_key_ids empty for no keys at all."
  }
}

variable "webhook" {
  description = "Requests of another service, signed with HMAC-SHA256, that become commands at `POST /things/{thing}/webhook`; null for none. `secret_arn`: secret of Secrets Manager whose whole text is the webhook's secret, in this Region, with `kms_key_arn` if it is encrypted with a key of yours other than the stack's; for `previous_secret_hours` after a rotation the previous one is accepted too. `signature_header` has the signature in hexadecimal, after `signature_prefix`. `message`: a JMESPath expression of `headers` (lowercase names) and `body`, for the text of the command, which is cut to the device's buffer; if it is null, the request is ignored. `retain`: keep the command for a device that sleeps. The defaults suit GitHub."
  type = object({
    secret_arn            = string
    kms_key_arn           = optional(string)
    signature_header      = optional(string, "X-Hub-Signature-256")
    signature_prefix      = optional(string, "sha256=")
    message               = optional(string, "join(' ', [headers.\"x-github-event\", body.action, body.repository.full_name, body.sender.login, body.head_commit.message || body.pull_request.title || body.issue.title][?@])")
    retain                = optional(bool, false)
    previous_secret_hours = optional(number, 24)
  })
  default = null

  validation {
    condition     = var.webhook == null || can(regex("^arn:[a-z-]+:secretsmanager:${var.context.region}:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", var.webhook.secret_arn))
    error_message = "webhook.secret_arn must be the whole ARN, with its last 6 characters, of a secret in ${var.context.region}."
  }
  validation {
    condition     = var.webhook == null || try(var.webhook.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:${var.context.region}:[0-9]{12}:key/[A-Za-z0-9-]+$", var.webhook.kms_key_arn)), false)
    error_message = "webhook.kms_key_arn must be the ARN of a key (not an alias) in ${var.context.region}."
  }
  validation {
    condition     = var.webhook == null || can(regex("^[A-Za-z0-9-]+$", var.webhook.signature_header))
    error_message = "webhook.signature_header must be the name of a header, such as \"X-Hub-Signature-256\"."
  }
  validation {
    condition     = var.webhook == null || try(length(var.webhook.message) > 0 && length(var.webhook.message) <= 1024, false)
    error_message = "webhook.message must be a JMESPath expression of 1 to 1024 characters, such as \"body.text\"."
  }
  validation {
    condition     = var.webhook == null || try(var.webhook.previous_secret_hours >= 0 && var.webhook.previous_secret_hours <= 168 && floor(var.webhook.previous_secret_hours) == var.webhook.previous_secret_hours, false)
    error_message = "webhook.previous_secret_hours must be a whole number of hours from 0 to 168 (7 days)."
  }
}

variable "throttle" {
  description = "Requests per second (`rate_limit`) and at once (`burst_limit`) that each route accepts from all callers together, and from each API key on all routes together; it refuses others with 429."
  type = object({
    rate_limit  = optional(number, 10)
    burst_limit = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate_limit > 0 && var.throttle.burst_limit > 0
    error_message = "throttle.rate_limit and throttle.burst_limit must be more than 0: 0 refuses every request."
  }
}

variable "deletion_protection" {
  description = "Protect the tables from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
