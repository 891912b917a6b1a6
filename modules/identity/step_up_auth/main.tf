locals {
  name = "step-up-auth"

  issuer_url = var.user_pool != null ? var.user_pool.issuer : var.issuer_url
  client_ids = var.user_pool != null ? toset(var.user_pool.audience) : var.client_ids

  # With a Cognito pool, this stack requests the second factor. Other issuers do so themselves and state it in `acr`.
  # Whether it is one is known at plan time, also where the pool is created in the same apply.
  pool_pattern  = "^https://cognito-idp\\.[a-z0-9-]+\\.amazonaws\\.com(?:\\.cn)?/([A-Za-z0-9_-]+)$"
  cognito       = var.user_pool != null || can(regex(local.pool_pattern, var.issuer_url))
  pool_id       = local.cognito ? regex(local.pool_pattern, local.issuer_url)[0] : null
  user_pool_arn = "arn:${var.context.partition}:cognito-idp:${var.context.region}:${var.context.account_id}:userpool/${coalesce(local.pool_id, "none")}"

  trust = {
    ISSUER_URL      = local.issuer_url
    JWKS_URL        = var.jwks_url != null ? var.jwks_url : local.cognito ? "${local.issuer_url}/.well-known/jwks.json" : ""
    CLIENT_IDS      = jsonencode(local.client_ids)
    AUDIENCES       = jsonencode(var.audiences)
    REQUIRED_CLAIMS = jsonencode(var.required_claims != null ? var.required_claims : local.cognito ? { token_use = "access" } : {})
    TOKEN_TYPES     = jsonencode(var.token_types != null ? var.token_types : toset(local.cognito ? [] : ["at+jwt", "application/at+jwt"]))
  }

  factors = sort([for factor in var.factors : "${factor}_STEP_UP"])

  sample_operations = var.sample ? {
    "/info"     = { state = "STEP_UP_NOT_REQUIRED", group = "default" }
    "/transfer" = { state = "STEP_UP_REQUIRED", group = "default" }
  } : {}
  operations = merge(local.sample_operations, var.operations)
}

module "settings" {
  source = "../../blocks/table"

  context             = var.context
  name                = "${local.name}-setting"
  hash_key            = "id"
  deletion_protection = var.deletion_protection
}

resource "aws_dynamodb_table_item" "operation" {
  for_each = local.operations

  table_name = module.settings.name
  hash_key   = "id"
  item = jsonencode({
    id          = { S = each.key }
    stepUpState = { S = each.value.state }
    group       = { S = each.value.group }
  })
}

# One item for each token and group of operations. Expired items are deleted late: the code checks expiresAt.
module "sessions" {
  source = "../../blocks/table"

  context                  = var.context
  name                     = "${local.name}-session"
  hash_key                 = "jti"
  range_key                = "group"
  ttl_attribute            = "expiresAt"
  global_secondary_indexes = { sub = { hash_key = "sub", projection_type = "KEYS_ONLY" } }
  deletion_protection      = var.deletion_protection
}
