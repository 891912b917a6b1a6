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
  description = "Name of the workgroup, to which the environment's prefix is prepended. The database has it too, with underscores."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}") <= 128
    error_message = "name must be shorter: ${var.context.name_prefix}-${var.name} is longer than the 128 characters AWS allows."
  }
}

variable "description" {
  description = "What the tables contain."
  type        = string
  nullable    = false
}

variable "bucket_name" {
  description = "Bucket of the data, and of the results below `athena-results/`, encrypted with the stack's key."
  type        = string
  nullable    = false
}

variable "query_limit_mib" {
  description = "Mebibytes that a query may scan before Athena stops it."
  type        = number
  nullable    = false
}

variable "tables" {
  description = "Tables of lines of JSON by name. `prefix` is where the bucket has them and ends with a slash; below it each partition is a folder `<name>=<value>/`. `projection` says which values a partition has (a `date` is written as YYYY-MM-DD), `compression` is gzip or none, and `serde_parameters` tell the OpenX JSON SerDe how to read a line."
  type = map(object({
    description = string
    prefix      = string
    columns     = list(object({ name = string, type = string, comment = optional(string) }))
    partitions = list(object({
      name       = string
      comment    = string
      projection = map(string)
    }))
    compression      = optional(string)
    serde_parameters = optional(map(string))
  }))
  nullable = false

  validation {
    condition     = alltrue([for table in var.tables : endswith(table.prefix, "/")])
    error_message = "The prefix of each table must end with a slash."
  }
  validation {
    condition     = alltrue([for table in var.tables : length(table.partitions) > 0 && alltrue([for partition in table.partitions : contains(["date", "enum", "integer", "injected"], lookup(partition.projection, "type", ""))])])
    error_message = "Each table needs partitions, and each of these a projection whose type is date, enum, integer or injected."
  }
}

variable "views" {
  description = "Views by name: the query, and its columns as [name, type of Athena]."
  type = map(object({
    description = string
    columns     = list(list(string))
    sql         = string
  }))
  default  = {}
  nullable = false
}

variable "queries" {
  description = "Saved queries by name."
  type = map(object({
    description = string
    sql         = string
  }))
  default  = {}
  nullable = false
}
