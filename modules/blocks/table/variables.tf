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
  description = "Name of the table, to which the environment's prefix is prepended."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must contain only lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
  validation {
    condition     = length("${var.context.name_prefix}-${var.name}") <= 255
    error_message = "name must be shorter: ${var.context.name_prefix}-${var.name} is longer than the 255 characters AWS allows."
  }
}

variable "hash_key" {
  description = "Attribute that is the partition key."
  type        = string
  nullable    = false
}

variable "range_key" {
  description = "Attribute that is the sort key; null for none."
  type        = string
  default     = null
}

variable "global_secondary_indexes" {
  description = "Global secondary indexes by name: their keys, and the attributes that they contain (`ALL`, `KEYS_ONLY`, or `INCLUDE` with `non_key_attributes`)."
  type = map(object({
    hash_key           = string
    range_key          = optional(string)
    projection_type    = optional(string, "ALL")
    non_key_attributes = optional(list(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for i in var.global_secondary_indexes : contains(["ALL", "KEYS_ONLY", "INCLUDE"], i.projection_type) && (i.projection_type == "INCLUDE") == (i.non_key_attributes != null)])
    error_message = "projection_type must be ALL, KEYS_ONLY or INCLUDE, and non_key_attributes can be used with INCLUDE only."
  }
}

variable "ttl_attribute" {
  description = "Number attribute with the time at which an item expires, in epoch seconds; null for none."
  type        = string
  default     = null
}

variable "stream_view_type" {
  description = "Content of the change stream: `KEYS_ONLY`, `NEW_IMAGE`, `OLD_IMAGE` or `NEW_AND_OLD_IMAGES`; null for no stream."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Protect the table from deletion, including by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
