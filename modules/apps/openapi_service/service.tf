# The sample service: widgets in a table. With var.function, another function answers and none of this exists.

locals {
  sample          = var.function == null
  function_name   = local.sample ? module.functions.functions.service.name : var.function.name
  integration_uri = local.sample ? module.functions.functions.service.invoke_arn : var.function.invoke_arn

  service = local.sample ? {
    service = {
      name              = "${local.name}-service"
      description       = "Keeps widgets"
      handler           = "apps.openapi_service.widgets.handler"
      timeout           = 29 # API Gateway's limit
      memory_size       = 1024
      layer_arns        = [aws_lambda_layer_version.openapi.arn]
      dead_letter_queue = false
      key_services      = ["dynamodb", "s3"]
      environment = {
        TABLE  = module.widgets[0].name
        BUCKET = module.documents.id
      }
      policy_statements = [
        {
          sid       = "KeepWidgets"
          actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"] # PutItem also within a transaction
          resources = [module.widgets[0].arn]
        },
        {
          sid       = "ReadFile"
          actions   = ["s3:GetObject"]
          resources = ["${module.documents.arn}/documents/*"]
        },
      ]
    }
  } : {}
}

module "widgets" {
  source = "../../blocks/table"
  count  = local.sample ? 1 : 0

  context             = var.context
  name                = "${local.name}-widgets"
  hash_key            = "partition"
  range_key           = "id"
  ttl_attribute       = "expiresAt"
  deletion_protection = var.deletion_protection
}
