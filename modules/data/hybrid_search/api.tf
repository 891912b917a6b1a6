# The API and its page.

locals {
  # API Gateway refuses other bodies before the function runs, which checks everything again.
  body = jsonencode({
    type                 = "object"
    additionalProperties = false
    required             = ["query"]
    properties = {
      query         = { type = "string", minLength = 1, maxLength = 500 }
      mode          = { type = "string" }
      weight        = { type = "number" }
      normalization = { type = "string" }
      combination   = { type = "string" }
      filters       = { type = "object" }
      from          = { type = "integer" }
      size          = { type = "integer" }
    }
  })

  page_routes = { for path in ["/", "/app.css", "/app.js"] : "GET ${path}" => { function = "page", authorize = false } if var.public }
}

module "api" {
  source = "../../blocks/rest_api"

  context     = var.context
  name        = local.name
  description = "Searches of ${var.index}"
  functions   = { for key, function in module.functions.functions : key => { name = function.name, invoke_arn = function.invoke_arn } if key != "load" }
  routes = merge(local.page_routes, {
    "POST /search" = {
      function  = "query"
      authorize = !var.public
      iam       = !var.public
      body      = local.body
      throttle  = var.throttle
    }
  })
}

resource "aws_wafv2_web_acl_association" "api" {
  count = var.web_acl_arn == null ? 0 : 1

  resource_arn = module.api.stage_arn
  web_acl_arn  = var.web_acl_arn
}
