# Sign-in by one-time code. Cognito waits 5 seconds for a trigger.

module "codes" {
  source = "../../blocks/table"
  count  = var.custom_auth == null ? 0 : 1

  context             = var.context
  name                = "${local.name}-codes"
  hash_key            = "Id"
  ttl_attribute       = "ExpiresAt"
  deletion_protection = false # it contains only counts of the last hours
}

locals {
  # ses:FromAddress is the bare address.
  code_sender = var.email == null ? "" : try(regex("<([^>]+)>", var.email.from_address)[0], var.email.from_address)
}
