# The API: imported whole in one call, so that what the file no longer has is gone and settings never lapse.

locals {
  authorizers = { for scheme, a in var.authorizers : scheme => a.function if a.function != null }
}

module "api" {
  source = "../../blocks/rest_api"

  context     = var.context
  name        = local.name
  description = local.description
  body        = local.body
  functions   = { api = { name = local.function_name, invoke_arn = local.integration_uri } }
  routes      = {}
  throttle    = var.throttle

  stage_variables = { document = aws_s3_object.document.key }
}

resource "aws_lambda_permission" "authorizer" {
  for_each = local.authorizers

  statement_id  = "${local.name}-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = each.value.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${module.api.execution_arn}/authorizers/*"
}

resource "aws_wafv2_web_acl_association" "api" {
  count = var.web_acl_arn == null ? 0 : 1

  resource_arn = module.api.stage_arn
  web_acl_arn  = var.web_acl_arn
}
