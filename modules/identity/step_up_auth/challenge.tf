# The second factor, by Cognito: asking for it, checking it, and hearing when it changes.

module "factors" {
  source = "../../blocks/table"
  count  = local.cognito ? 1 : 0

  context             = var.context
  name                = "${local.name}-factor"
  hash_key            = "sub"
  range_key           = "item"
  ttl_attribute       = "expiresAt"
  deletion_protection = var.deletion_protection
}

# What the bearer of a token can do to the factors with it. VerifySoftwareToken and VerifyUserAttribute are not among
# them: every step-up calls them, and neither changes a factor without one of these before.
module "factor_changes" {
  source = "../../blocks/event_rule"
  count  = local.cognito ? 1 : 0

  context     = var.context
  name        = "${local.name}-factor-changes"
  description = "Users who change their second factor, as CloudTrail records it"
  event_pattern = jsonencode({
    source      = ["aws.cognito-idp"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventSource = ["cognito-idp.amazonaws.com"]
      eventName   = ["AssociateSoftwareToken", "SetUserMFAPreference", "UpdateUserAttributes"]
    }
  })
  targets = { function = { arn = module.functions.functions["factor-change"].arn, kind = "lambda" } }
}
