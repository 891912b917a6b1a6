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

variable "parameters" {
  description = "Parameters of Parameter Store to cache, by the name that functions ask for: `parameter` (its name or ARN; null if it is that name), `kms_key_arn` (customer managed key of a SecureString; null for the AWS managed key or no encryption), `ttl_seconds` (null for the common one)."
  type = map(object({
    parameter   = optional(string)
    kms_key_arn = optional(string)
    ttl_seconds = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, p in var.parameters : can(regex("^(arn:[a-z-]+:ssm:[a-z0-9-]+:[0-9]{12}:parameter)?[A-Za-z0-9_./-]+$", coalesce(p.parameter, name))) && length(coalesce(p.parameter, name)) <= 1011])
    error_message = "parameter must be the name of a parameter, such as \"/orders/limits\", or its ARN, without a version or a label."
  }
  validation {
    condition     = alltrue([for name, p in var.parameters : length(name) <= 2048 && !startswith(name, "/aws/reference/secretsmanager/")])
    error_message = "A name of parameters must have 2048 characters or fewer and not begin with /aws/reference/secretsmanager/. Write such a secret into secrets: functions can go on to ask parameters for it."
  }
  validation {
    condition     = alltrue([for p in var.parameters : p.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", p.kms_key_arn))])
    error_message = "kms_key_arn of a parameter must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not of an alias."
  }
  validation {
    condition     = alltrue([for p in var.parameters : p.ttl_seconds == null || try(p.ttl_seconds >= 0 && p.ttl_seconds <= 86400, false)])
    error_message = "ttl_seconds of a parameter must be from 0 to 86400."
  }
}

variable "secrets" {
  description = "Secrets of Secrets Manager to cache, by the name that functions ask for: `arn`, `version_stage` (staging label of the version), `kms_key_arn` (customer managed key; null for the AWS managed key), `ttl_seconds` (null for the common one)."
  type = map(object({
    arn           = string
    version_stage = optional(string, "AWSCURRENT")
    kms_key_arn   = optional(string)
    ttl_seconds   = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for s in var.secrets : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+-[A-Za-z0-9]{6}$", s.arn))])
    error_message = "arn of a secret must be its full ARN, with the six characters at its end: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf."
  }
  validation {
    condition     = alltrue([for name, s in var.secrets : length(name) <= 2048])
    error_message = "A name of secrets must have 2048 characters or fewer."
  }
  validation {
    condition     = alltrue([for s in var.secrets : length(s.version_stage) >= 1 && length(s.version_stage) <= 256])
    error_message = "version_stage must be a staging label of 1 to 256 characters, such as AWSCURRENT."
  }
  validation {
    condition     = alltrue([for s in var.secrets : s.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", s.kms_key_arn))])
    error_message = "kms_key_arn of a secret must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not of an alias."
  }
  validation {
    condition     = alltrue([for s in var.secrets : s.ttl_seconds == null || try(s.ttl_seconds >= 0 && s.ttl_seconds <= 86400, false)])
    error_message = "ttl_seconds of a secret must be from 0 to 86400."
  }
}

variable "items" {
  description = "Items of DynamoDB tables to cache, by the name that functions ask for: `table_arn`; `partition_key` and `sort_key`, each with `name`, `type` (`S`, `N` or `B`) and `value`; `fields` (attributes to read, all without them); `consistent` (strongly consistent reads, which cost twice as much); `kms_key_arn` (customer managed key of the table); `ttl_seconds` (null for the common one)."
  type = map(object({
    table_arn     = string
    partition_key = object({ name = string, type = optional(string, "S"), value = string })
    sort_key      = optional(object({ name = string, type = optional(string, "S"), value = string }))
    fields        = optional(list(string), [])
    consistent    = optional(bool, false)
    kms_key_arn   = optional(string)
    ttl_seconds   = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for i in var.items : can(regex("^arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}$", i.table_arn))])
    error_message = "table_arn must be the ARN of a table: arn:aws:dynamodb:REGION:ACCOUNT:table/NAME."
  }
  validation {
    condition     = alltrue([for name, i in var.items : length(name) <= 2048])
    error_message = "A name of items must have 2048 characters or fewer."
  }
  validation {
    condition     = alltrue(flatten([for i in var.items : [for key in [i.partition_key, i.sort_key] : key == null || try(contains(["S", "N", "B"], key.type) && key.name != "" && key.value != "", false)]]))
    error_message = "partition_key and sort_key must have a name, a value and the type S, N or B, as in { name = \"pk\", value = \"limits\" }."
  }
  validation {
    condition     = alltrue(flatten([for i in var.items : [for key in [i.partition_key, i.sort_key] : try(key.type, "S") != "N" || can(tonumber(key.value))]]))
    error_message = "The value of a key of type N must be a number in quotes, such as \"42\"."
  }
  validation {
    condition     = alltrue(flatten([for i in var.items : [for field in i.fields : length(field) >= 1]])) && alltrue([for i in var.items : length(i.fields) == length(distinct(i.fields))])
    error_message = "fields must be names of attributes, each once."
  }
  validation {
    condition     = alltrue([for i in var.items : i.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", i.kms_key_arn))])
    error_message = "kms_key_arn of an item must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not of an alias."
  }
  validation {
    condition     = alltrue([for i in var.items : i.ttl_seconds == null || try(i.ttl_seconds >= 0 && i.ttl_seconds <= 86400, false)])
    error_message = "ttl_seconds of an item must be from 0 to 86400."
  }
}

variable "functions" {
  description = "Functions that read from the cache, by a key of your choice: the names of `parameters`, `secrets` and `items` that the function may read; `role_name` (role that gets the permission to read them; null if you attach the output `wiring` yourself); `config_file` (path of a file in the function's package that holds the output's `config_json`, for a configuration that does not fit into an environment variable); `python_for` (architecture of a function whose runtime has no Python, which gets the layer of `python_packages`)."
  type = map(object({
    parameters  = optional(set(string), [])
    secrets     = optional(set(string), [])
    items       = optional(set(string), [])
    role_name   = optional(string)
    config_file = optional(string)
    python_for  = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([for f in var.functions :
      length(setsubtract(f.parameters, keys(var.parameters))) + length(setsubtract(f.secrets, keys(var.secrets))) + length(setsubtract(f.items, keys(var.items))) == 0
    ])
    error_message = "functions may name only what parameters, secrets and items have. Unknown: ${join(", ", distinct(flatten([for f in var.functions : concat(tolist(setsubtract(f.parameters, keys(var.parameters))), tolist(setsubtract(f.secrets, keys(var.secrets))), tolist(setsubtract(f.items, keys(var.items))))])))}."
  }
  validation {
    condition     = alltrue([for key in keys(var.functions) : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", key))])
    error_message = "Each key of functions must have 1 to 64 letters, digits, hyphens and underscores, and begin with a letter or a digit: it names a policy."
  }
  validation {
    condition     = alltrue([for f in var.functions : f.role_name == null || can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", f.role_name))])
    error_message = "role_name must be the name of the function's role, not its ARN; null if you attach the permissions yourself."
  }
  validation {
    condition     = alltrue([for f in var.functions : f.python_for == null || try(contains(keys(var.python_packages), f.python_for), false)])
    error_message = "python_for must be an architecture that python_packages has a zip for, such as \"arm64\"."
  }
  validation {
    condition     = alltrue([for f in var.functions : f.config_file == null || can(regex("^/(var/task|opt)/.+", f.config_file))])
    error_message = "config_file must be the file's path in the function: /var/task/FILE in its package, or /opt/FILE in a layer."
  }
  validation {
    condition     = alltrue([for f in var.functions : f.config_file != null || sum(concat([0], [for kind, names in { parameters = f.parameters, secrets = f.secrets, items = f.items } : sum(concat([0], [for name in names : lookup(local.sizes[kind], name, 0)]))])) <= 3400])
    error_message = "The configuration of a function exceeds 3400 characters, and all variables of a function may have 4 KB. Set config_file and put the output's config_json into the function's package, or give the function fewer names."
  }
}

variable "python_packages" {
  description = "Zips with a self-contained Python, by architecture (`arm64`, `x86_64`), as `python -m tools.python_layer` makes them: for functions whose runtime has no Python. Each becomes a layer."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.python_packages), ["arm64", "x86_64"])) == 0
    error_message = "The keys of python_packages must be arm64 or x86_64."
  }
}

variable "ttl_seconds" {
  description = "Seconds for which a value is served without a call to AWS."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.ttl_seconds >= 0 && var.ttl_seconds <= 86400
    error_message = "ttl_seconds must be from 0 to 86400."
  }
}

variable "stale_seconds" {
  description = "Seconds after its time to live for which a value is still served, while a newer one is fetched and if AWS does not answer; 0 to wait for the newer one, and fail without it."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.stale_seconds >= 0 && var.stale_seconds <= 86400
    error_message = "stale_seconds must be from 0 to 86400."
  }
}

variable "fetch_at_start" {
  description = "Fetch all names of a function when its environment starts, while the function itself starts; false to fetch each name when it is read for the first time."
  type        = bool
  default     = true
  nullable    = false
}

variable "timeout_seconds" {
  description = "Seconds that a read waits for AWS, with all attempts. Must be less than the timeout of the functions."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 8
    error_message = "timeout_seconds must be from 1 to 8: the Python client waits 10 seconds."
  }
}

variable "port" {
  description = "Port of the cache on 127.0.0.1 in each environment. Change it if the function or another extension uses it."
  type        = number
  default     = 4000
  nullable    = false

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && floor(var.port) == var.port && !contains([2772, 2773, 9001], var.port)
    error_message = "port must be from 1024 to 65535, without 2772 and 2773 (AWS's own extensions) and 9001 (Lambda's)."
  }
}

variable "check_schedule_expression" {
  description = "When a function with access to all names reads each one and raises an alarm if one cannot be read, in UTC: `cron(...)` or `rate(...)`; null for no such function."
  type        = string
  default     = null

  validation {
    condition     = var.check_schedule_expression == null || can(regex("^(cron|rate)\\(.+\\)$", var.check_schedule_expression))
    error_message = "check_schedule_expression must be cron(...) or rate(...), such as \"rate(1 day)\", or null."
  }

  validation {
    condition     = var.check_schedule_expression == null || length(local.config_json[" check"]) <= 3400
    error_message = "The configuration of all names exceeds 3400 characters, and all variables of a function may have 4 KB. Set check_schedule_expression to null, or call the module once for each part."
  }
}
