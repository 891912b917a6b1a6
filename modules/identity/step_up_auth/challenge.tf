# The second factor, with Cognito: request it, check it, and detect its changes.

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

# The calls with which the bearer of a token can change factors. VerifySoftwareToken and VerifyUserAttribute are not
# included: every step-up calls one of them, and neither changes a factor unless one of these calls precedes it.
module "factor_changes" {
  source = "../../blocks/event_rule"
  count  = local.cognito ? 1 : 0

  context     = var.context
  name        = "${local.name}-factor-changes"
  description = "Changes of users' second factors, as recorded by CloudTrail"
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
