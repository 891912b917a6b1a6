locals {
  name = "${var.context.name_prefix}-${var.name}"
  arn  = "arn:${var.context.partition}:dynamodb:${var.context.region}:${var.context.account_id}:table/${local.name}"

  keys = distinct(compact(concat([var.hash_key, var.range_key], flatten([for i in var.global_secondary_indexes : [i.hash_key, i.range_key]]))))
}

resource "aws_dynamodb_table" "this" {
  name                        = local.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = var.hash_key
  range_key                   = var.range_key
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = var.stream_view_type != null
  stream_view_type            = var.stream_view_type
  tags                        = var.context.tags

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.context.kms_key_arn
  }

  dynamic "attribute" {
    for_each = toset(local.keys)

    content {
      name = attribute.key
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = var.global_secondary_indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = global_secondary_index.value.projection_type
      non_key_attributes = global_secondary_index.value.non_key_attributes
    }
  }

  dynamic "ttl" {
    for_each = var.ttl_attribute[*]

    content {
      enabled        = true
      attribute_name = ttl.value
    }
  }
}
