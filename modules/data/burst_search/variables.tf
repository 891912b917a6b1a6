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

variable "sources" {
  description = "Objects that jobs can search, by a name of your choice: the `bucket` in this Region, the `prefix` below which they are, and the KMS key that encrypts them if it is not S3's own (`kms_key_arn`; its key policy must let this account's roles use it). The functions can read nothing else."
  type = map(object({
    bucket      = string
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  }))
  nullable = false

  validation {
    condition     = length(var.sources) >= 1 && length(var.sources) <= 20
    error_message = "sources must have 1 to 20 entries, such as { logs = { bucket = \"my-logs\", prefix = \"app/\" } }."
  }
  validation {
    condition     = alltrue([for name in keys(var.sources) : can(regex("^[a-z][a-z0-9_]{0,29}$", name))])
    error_message = "The names of sources must begin with a lowercase letter and have up to 30 lowercase letters, digits and underscores."
  }
  validation {
    condition     = alltrue([for source in var.sources : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", source.bucket))])
    error_message = "bucket must be the name of a bucket, not its ARN or URL."
  }
  validation {
    condition     = alltrue([for source in var.sources : can(regex("^[^*?$]*$", source.prefix)) && !startswith(source.prefix, "/")])
    error_message = "prefix must be the beginning of keys, such as \"app/\", without a leading slash and without *, ? and $, which IAM would not take as they are."
  }
  validation {
    condition     = alltrue([for source in var.sources : source.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", source.kms_key_arn))])
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "examples" {
  description = "Searches that come with the module: `log_grep` (lines of log files) and `colour_mask` (images by the colours of a mask; adds a layer with Pillow)."
  type        = set(string)
  default     = ["log_grep"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.examples : contains(["log_grep", "colour_mask"], name)])
    error_message = "examples must be from log_grep and colour_mask."
  }
}

variable "searches" {
  description = "Searches of your own, by name: the Python `module` with the functions `prepare` and `search`, and the `layer_arn` (with its version) of the layer that has it in `python/`. See the README for the contract."
  type = map(object({
    module    = string
    layer_arn = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(var.searches) + length(var.examples) >= 1
    error_message = "Name at least one search: in examples or in searches."
  }
  validation {
    condition     = alltrue([for name in keys(var.searches) : can(regex("^[a-z][a-z0-9_]{0,29}$", name)) && !contains(["log_grep", "colour_mask"], name)])
    error_message = "The names of searches must begin with a lowercase letter, have up to 30 lowercase letters, digits and underscores, and not be those of the examples."
  }
  validation {
    condition     = alltrue([for search in var.searches : can(regex("^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*$", search.module))])
    error_message = "module must be the path by which Python imports it, such as \"our_search\" or \"ours.by_shape\"."
  }
  validation {
    condition     = alltrue([for search in var.searches : search.layer_arn == null || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", search.layer_arn))])
    error_message = "layer_arn must be the ARN of a layer's version: arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION."
  }
  validation {
    condition     = length(distinct([for search in var.searches : search.layer_arn if search.layer_arn != null])) <= 3
    error_message = "searches can have at most 3 different layers: Lambda accepts 5, and two are this module's."
  }
}

variable "strategy" {
  description = "How workers are called, unless a job says otherwise: `tree` (dispatchers that call each other) or `map` (a Distributed Map of Step Functions). The README compares their times and costs."
  type        = string
  default     = "tree"
  nullable    = false

  validation {
    condition     = contains(["tree", "map"], var.strategy)
    error_message = "strategy must be tree or map."
  }
}

variable "worker" {
  description = "The function that searches: `memory_size` (MiB), `timeout_seconds` for one batch, `threads` that read at the same time, and `concurrency`: calls at once, reserved for it from the account's pool, and the upper limit of what a job can cost in a second. -1 reserves nothing and uses the whole pool."
  type = object({
    memory_size     = optional(number, 1769)
    timeout_seconds = optional(number, 60)
    threads         = optional(number, 16)
    concurrency     = optional(number, 500)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.worker.memory_size >= 256 && var.worker.memory_size <= 10240 && floor(var.worker.memory_size) == var.worker.memory_size
    error_message = "worker.memory_size must be a whole number from 256 to 10240."
  }
  validation {
    condition     = var.worker.timeout_seconds >= 5 && var.worker.timeout_seconds <= 900 && floor(var.worker.timeout_seconds) == var.worker.timeout_seconds
    error_message = "worker.timeout_seconds must be a whole number from 5 to 900."
  }
  validation {
    condition     = var.worker.threads >= 1 && var.worker.threads <= 64 && floor(var.worker.threads) == var.worker.threads
    error_message = "worker.threads must be a whole number from 1 to 64."
  }
  validation {
    condition     = var.worker.concurrency == -1 || (var.worker.concurrency >= 1 && var.worker.concurrency <= 10000 && floor(var.worker.concurrency) == var.worker.concurrency)
    error_message = "worker.concurrency must be a whole number from 1 to 10000, or -1. AWS refuses a number that leaves less than 100 for the account's other functions."
  }
}

variable "batch" {
  description = "What one call of the worker searches: at most so many `objects` and, of more than one object, at most so many `bytes`."
  type = object({
    objects = optional(number, 100)
    bytes   = optional(number, 268435456)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.batch.objects >= 1 && var.batch.objects <= 5000 && floor(var.batch.objects) == var.batch.objects
    error_message = "batch.objects must be a whole number from 1 to 5000."
  }
  validation {
    condition     = var.batch.bytes >= 1 && floor(var.batch.bytes) == var.batch.bytes
    error_message = "batch.bytes must be a whole number of 1 or more."
  }
}

variable "fan_out" {
  description = "Dispatchers that one dispatcher calls. A tree that would be deeper than 8 calls is made wider."
  type        = number
  default     = 16
  nullable    = false

  validation {
    condition     = var.fan_out >= 2 && var.fan_out <= 64 && floor(var.fan_out) == var.fan_out
    error_message = "fan_out must be a whole number from 2 to 64."
  }
}

variable "limits" {
  description = "What a job may take. It is refused if it has more `objects`, or needs more `calls` of functions. It ends with a partial result before its lost batches would take more `calls`, and when its workers have run for `worker_seconds`, measured at each check. An object of more than `object_bytes` becomes a failed row. A result keeps the best `matches`."
  type = object({
    objects        = optional(number, 500000)
    calls          = optional(number, 20000)
    worker_seconds = optional(number, 100000)
    object_bytes   = optional(number, 33554432)
    matches        = optional(number, 100000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.limits) : value >= 1 && floor(value) == value])
    error_message = "Each of limits must be a whole number of 1 or more."
  }
  validation {
    condition     = var.limits.objects <= 1000000 && var.limits.calls <= 100000 && var.limits.matches <= 500000
    error_message = "limits.objects can be at most 1000000, limits.calls 100000 and limits.matches 500000: more do not fit into the memory of the functions that list and sort them."
  }
}

variable "timeout_seconds" {
  description = "Seconds after which a job ends with what it has found. A job can ask for less, not for more."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 10 && var.timeout_seconds <= 21600 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 10 to 21600 (6 hours)."
  }
}

variable "check_seconds" {
  description = "Seconds after which the monitor looks for lost batches, as long as a job is not complete. It may end a job so much later than `timeout_seconds`."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.check_seconds >= var.worker.timeout_seconds && floor(var.check_seconds) == var.check_seconds
    error_message = "check_seconds must be a whole number, and at least worker.timeout_seconds: a batch that still runs is not lost."
  }
  validation {
    condition     = var.timeout_seconds / var.check_seconds <= 1000
    error_message = "check_seconds must be longer: more than 1000 checks would not fit into the history of an execution."
  }
}

variable "page_size" {
  description = "Number of matches in one object of the result."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.page_size >= 1 && var.page_size <= 10000 && floor(var.page_size) == var.page_size
    error_message = "page_size must be a whole number from 1 to 10000."
  }
}

variable "retention_days" {
  description = "Days after which a job's items, files and result are deleted."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 365 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 1 to 365."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with the results in it."
  type        = bool
  default     = false
  nullable    = false
}
