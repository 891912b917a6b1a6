# The API and its page.

locals {
  # API Gateway refuses other bodies before the function runs. The function checks everything again, since API Gateway
  # checks only what it takes for JSON.
  body = jsonencode({
    type                 = "object"
    additionalProperties = false
    required             = ["message"]
    properties = {
      message = { type = "string", minLength = 1, maxLength = var.maximum_characters }
      name    = { type = "string", maxLength = 100 }
      email   = { type = "string", maxLength = 254 }
      website = { type = "string", maxLength = 200 }
    }
  })

  page_routes = { for path in ["/", "/app.css", "/app.js"] : "GET ${path}" => { function = "page", authorize = false } if var.page }

  routes = merge(local.page_routes, {
    "POST /tickets" = {
      function         = "submit"
      authorize        = var.iam_authorization || var.user_pool != null
      iam              = var.iam_authorization
      user_pool_scopes = var.user_pool == null ? null : sort(var.user_pool.scopes)
      body             = local.body
      throttle         = var.throttle
    }
  })
}

module "api_functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/contact_form"

  functions = merge(
    {
      submit = {
        name              = "${local.name}-submit"
        description       = "Checks a submission, runs the workflow and answers with what came of it"
        handler           = "apps.contact_form.submit.handler"
        timeout           = 29  # API Gateway's limit
        memory_size       = 512 # more memory means more CPU, and visitors wait for the start
        dead_letter_queue = false
        key_services      = ["states"]
        environment = {
          STATE_MACHINE_ARN  = module.workflow.arn
          MAXIMUM_CHARACTERS = tostring(var.maximum_characters)
          CLIENT_IDS         = jsonencode(var.user_pool == null ? [] : sort(var.user_pool.client_ids))
        }
        policy_statements = [{
          sid       = "RunWorkflow"
          actions   = ["states:StartSyncExecution"]
          resources = [module.workflow.arn]
        }]
      }
    },
    var.page ? {
      page = {
        name              = "${local.name}-page"
        description       = "Serves the contact page"
        handler           = "apps.contact_form.page.handler"
        memory_size       = 128
        dead_letter_queue = false
      }
    } : {},
  )
}

module "api" {
  source = "../../blocks/rest_api"

  context        = var.context
  name           = local.name
  description    = "Messages of visitors"
  functions      = { for key, function in module.api_functions.functions : key => { name = function.name, invoke_arn = function.invoke_arn } }
  routes         = local.routes
  user_pool_arns = var.user_pool == null ? [] : [var.user_pool.arn]
}

resource "aws_wafv2_web_acl_association" "api" {
  count = var.web_acl_arn == null ? 0 : 1

  resource_arn = module.api.stage_arn
  web_acl_arn  = var.web_acl_arn
}
