locals {
  name  = "inactive-users"
  pools = [for arn in var.user_pool_arns : element(split("/", arn), 1)]

  warning_days = var.warning == null ? 0 : var.warning.days

  environment = {
    TABLE         = module.table.name
    INACTIVE_DAYS = tostring(var.inactive_days)
    WARNING_DAYS  = tostring(local.warning_days)
    DAYS_BY_POOL  = jsonencode(var.inactive_days_by_pool)
  }
}

# One item for each user. It expires when the user has been inactive for long enough.
module "table" {
  source = "../../blocks/table"

  context             = var.context
  name                = local.name
  hash_key            = "sub"
  range_key           = "userpool_id"
  ttl_attribute       = "ttl"
  stream_view_type    = "NEW_AND_OLD_IMAGES"
  deletion_protection = var.deletion_protection
}

module "audit" {
  source = "../../blocks/table"

  context       = var.context
  name          = "${local.name}-audit"
  hash_key      = "sub"
  range_key     = "event"
  ttl_attribute = "ttl"
  global_secondary_indexes = var.report == null ? {} : {
    by-day = { hash_key = "day", range_key = "event", projection_type = "ALL" }
  }
  deletion_protection = var.deletion_protection
}
