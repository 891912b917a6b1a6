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
  description = "Name of the table; the environment's prefix goes in front."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name must hold lower-case letters, digits and hyphens only, begin with a letter and not end in a hyphen."
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

variable "attributes" {
  description = "Type of key attributes that are not strings, of the table and of its indexes: `N` or `B`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for t in values(var.attributes) : contains(["S", "N", "B"], t)])
    error_message = "Each attribute must be S (string), N (number) or B (binary)."
  }
  validation {
    condition = length(setsubtract(keys(var.attributes), compact(concat(
      [var.hash_key, var.range_key], values(var.global_secondary_indexes)[*].hash_key, values(var.global_secondary_indexes)[*].range_key
    )))) == 0
    error_message = "attributes may name only keys: hash_key, range_key and those of the indexes. DynamoDB takes no declaration of other attributes."
  }
}

variable "global_secondary_indexes" {
  description = "Indexes by name: their keys, and which attributes they hold (`ALL`, `KEYS_ONLY`, or `INCLUDE` with `non_key_attributes`)."
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
    error_message = "projection_type must be ALL, KEYS_ONLY or INCLUDE, and non_key_attributes goes with INCLUDE only."
  }
}

variable "ttl_attribute" {
  description = "Number attribute that holds the epoch second at which an item expires; null for none."
  type        = string
  default     = null
}

variable "stream_view_type" {
  description = "What the change stream holds: `KEYS_ONLY`, `NEW_IMAGE`, `OLD_IMAGE` or `NEW_AND_OLD_IMAGES`; null for no stream."
  type        = string
  default     = null

  validation {
    condition     = var.stream_view_type == null || try(contains(["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"], var.stream_view_type), false)
    error_message = "stream_view_type must be KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES, or null."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the table, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
