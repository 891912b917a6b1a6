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
  description = "Where batches can take documents from, by a name of your choice: the `bucket` in this Region, the `prefix` below which they are, and the KMS key that encrypts them if it is not S3's own or the stack's (`kms_key_arn`; its key policy must let this account's roles use it). The source `incoming` is always there: what is uploaded below `incoming/` in this module's bucket, which also starts by itself."
  type = map(object({
    bucket      = string
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(var.sources) <= 20 && !contains(keys(var.sources), "incoming")
    error_message = "sources can have at most 20 entries, and none of them can be named incoming: that is this module's own bucket."
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
    error_message = "prefix must be the beginning of keys, such as \"scans/\", without a leading slash and without *, ? and $, which IAM would not take as they are."
  }
  validation {
    condition     = alltrue([for source in var.sources : source.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", source.kms_key_arn))])
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "endpoint" {
  description = "The model that sees each page image; null stores the images only. Either `sagemaker_endpoint` (its name) or `url` (HTTPS, such as an API of API Gateway in front of it), with `secret_arn` of a secret in Secrets Manager whose text is sent as the Authorization header. `payload`: `image` sends the PNG, `location` a JSON object with `document_id`, `page`, `bucket` and `key`. `features` is the field of the JSON answer that names what was found. `timeout_seconds` is for one attempt of five, `concurrency` the number of calls at once."
  type = object({
    sagemaker_endpoint = optional(string)
    url                = optional(string)
    secret_arn         = optional(string)
    payload            = optional(string, "image")
    features           = optional(string, "features")
    timeout_seconds    = optional(number, 30)
    concurrency        = optional(number, 10)
  })
  default = null

  validation {
    condition     = var.endpoint == null || try((var.endpoint.sagemaker_endpoint == null) != (var.endpoint.url == null), false)
    error_message = "endpoint must have either sagemaker_endpoint or url."
  }
  validation {
    condition     = var.endpoint == null || try(var.endpoint.sagemaker_endpoint == null || can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$", var.endpoint.sagemaker_endpoint)), false)
    error_message = "endpoint.sagemaker_endpoint must be the endpoint's name, not its ARN."
  }
  validation {
    condition     = var.endpoint == null || try(var.endpoint.url == null || can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?/)", var.endpoint.url)), false)
    error_message = "endpoint.url must begin with https://: images and the secret travel to it. Only 127.0.0.1 and localhost can have http://, for tests."
  }
  validation {
    condition     = var.endpoint == null || try(var.endpoint.secret_arn == null || (var.endpoint.url != null && can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.", var.endpoint.secret_arn))), false)
    error_message = "endpoint.secret_arn must be the ARN of a secret, and goes with url: SageMaker's own calls are signed."
  }
  validation {
    condition     = var.endpoint == null || try(contains(["image", "location"], var.endpoint.payload), false)
    error_message = "endpoint.payload must be image or location."
  }
  validation {
    condition     = var.endpoint == null || try(length(var.endpoint.features) > 0, false)
    error_message = "endpoint.features must be the name of a field of the answer, such as \"features\"."
  }
  validation {
    condition     = var.endpoint == null || try(var.endpoint.timeout_seconds >= 1 && var.endpoint.timeout_seconds <= 30 && floor(var.endpoint.timeout_seconds) == var.endpoint.timeout_seconds, false)
    error_message = "endpoint.timeout_seconds must be a whole number from 1 to 30: an API of API Gateway answers within 29 seconds."
  }
  validation {
    condition     = var.endpoint == null || try(var.endpoint.concurrency >= 2 && var.endpoint.concurrency <= 1000 && floor(var.endpoint.concurrency) == var.endpoint.concurrency, false)
    error_message = "endpoint.concurrency must be a whole number from 2 to 1000, which Lambda accepts for a queue."
  }
}

variable "thresholds" {
  description = "The largest document that is `small`: more `bytes` or more `pages` make it `large`. `pages` is also the number of pages that one call draws: lower it if calls reach their time limit."
  type = object({
    bytes = optional(number, 10485760)
    pages = optional(number, 10)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.thresholds.bytes >= 1 && floor(var.thresholds.bytes) == var.thresholds.bytes
    error_message = "thresholds.bytes must be a whole number of 1 or more."
  }
  validation {
    condition     = var.thresholds.pages >= 1 && floor(var.thresholds.pages) == var.thresholds.pages && var.thresholds.pages * (var.limits.page_seconds + 5) + 60 <= 900
    error_message = "thresholds.pages must be a whole number of 1 or more, and thresholds.pages * (limits.page_seconds + 5) at most 840: one call draws so many pages, and Lambda ends it after 15 minutes."
  }
  validation {
    condition     = var.limits.pages <= 3000 * var.thresholds.pages
    error_message = "thresholds.pages must be at least limits.pages / 3000: the ranges of a document are the items of one state, which holds 256 KiB."
  }
}

variable "limits" {
  description = "What a document may have: `bytes` and `pages`; more is REFUSED. `page_seconds`: seconds of computing to draw one page; a page that takes more fails, and the others go on."
  type = object({
    bytes        = optional(number, 5368709120)
    pages        = optional(number, 10000)
    page_seconds = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.limits) : value >= 1 && floor(value) == value])
    error_message = "Each of limits must be a whole number of 1 or more."
  }
}

variable "image" {
  description = "Page images: `dpi` (dots per inch), and what one may have: `pixels` in all and on each `side`. A page that would have more gets fewer dots per inch, down to `minimum_dpi`; then it fails."
  type = object({
    dpi         = optional(number, 150)
    minimum_dpi = optional(number, 36)
    pixels      = optional(number, 40000000)
    side        = optional(number, 20000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.image) : value >= 1 && floor(value) == value]) && var.image.minimum_dpi <= var.image.dpi && var.image.dpi <= 1200
    error_message = "Each of image must be a whole number of 1 or more; minimum_dpi can be at most dpi, and dpi at most 1200."
  }
  validation {
    condition     = var.image.pixels * 12 <= (var.memory_size - 512) * 1048576
    error_message = "image.pixels can be at most (memory_size - 512) * 87381: drawing a page takes about 12 bytes for each pixel."
  }
}

variable "memory_size" {
  description = "Memory of the functions that read documents, in MiB; 512 of them are not for the process that draws. The failsafe has twice as much."
  type        = number
  default     = 2048
  nullable    = false

  validation {
    condition     = var.memory_size >= 1024 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number from 1024 to 10240."
  }
}

variable "concurrency" {
  description = "Calls at once: of the function that takes documents (`intake`), of the one that draws small documents (`render`), and of its calls for each large document (`large`)."
  type = object({
    intake = optional(number, 50)
    render = optional(number, 100)
    large  = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.concurrency) : value >= 2 && value <= 1000 && floor(value) == value])
    error_message = "Each of concurrency must be a whole number from 2 to 1000, which Lambda accepts for a queue."
  }
}

variable "attempts" {
  description = "Attempts at a message before the failsafe completes it."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.attempts >= 1 && var.attempts <= 100 && floor(var.attempts) == var.attempts
    error_message = "attempts must be a whole number from 1 to 100. Use 5 or more: with less, throttled calls send messages to the failsafe."
  }
}

variable "backlog_alarm_seconds" {
  description = "Age of the oldest message in a queue that raises an alarm. A batch of millions waits for long: raise it, or the concurrency."
  type        = number
  default     = 21600
  nullable    = false

  validation {
    condition     = var.backlog_alarm_seconds >= 60 && floor(var.backlog_alarm_seconds) == var.backlog_alarm_seconds
    error_message = "backlog_alarm_seconds must be a whole number of 60 or more."
  }
}

variable "ledger_days" {
  description = "Days after which the items of a document are deleted from the table. Its rows in SQL stay. A document must end within this time."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.ledger_days >= 15 && var.ledger_days <= 3650 && floor(var.ledger_days) == var.ledger_days
    error_message = "ledger_days must be a whole number from 15 to 3650: a message can be in a queue for 14 days."
  }
}

variable "expiration_days" {
  description = "Days after which everything in the bucket is deleted: uploaded documents, images and rows. null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 15 && floor(var.expiration_days) == var.expiration_days, false)
    error_message = "expiration_days must be a whole number of 15 or more, or null: a document can be in a queue for 14 days."
  }
}

variable "query_limit_mib" {
  description = "MiB that one query of Athena may read: a limit of its cost."
  type        = number
  default     = 102400
  nullable    = false

  validation {
    condition     = var.query_limit_mib >= 10 && floor(var.query_limit_mib) == var.query_limit_mib
    error_message = "query_limit_mib must be a whole number of 10 or more."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket and the table with what is in them."
  type        = bool
  default     = false
  nullable    = false
}
