# What tests leave in the sandbox when their build was stopped: a schedule -> a function -> the sweep role.

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "operations/module_pipeline"

  functions = var.sandbox == null ? {} : {
    sweep = {
      name         = "module-sweep"
      description  = "Removes what tests of Terraform modules left in the sandbox account"
      handler      = "operations.module_pipeline.sweep.handler"
      timeout      = 300
      key_services = ["s3"]
      environment = {
        NAME_PREFIX    = var.context.name_prefix
        SWEEP_ROLE_ARN = var.sandbox.sweep_role_arn
        EXTERNAL_ID    = var.sandbox.external_id
        SANDBOX_REGION = coalesce(var.sandbox.region, var.context.region)
        BUCKET         = module.builds.id
        BUCKET_OWNER   = var.context.account_id
      }
      policy_statements = [
        {
          sid       = "UseSweepRole"
          actions   = ["sts:AssumeRole"]
          resources = [var.sandbox.sweep_role_arn]
        },
        {
          sid       = "WriteReport"
          actions   = ["s3:PutObject"]
          resources = ["${module.builds.arn}/reports/sweep.json"]
        },
      ]
    }
  }
}

module "sweep_schedule" {
  source = "../../blocks/schedule"
  count  = var.sandbox == null ? 0 : 1

  context             = var.context
  name                = "module-sweep"
  description         = "Starts the removal of what tests of Terraform modules left"
  schedule_expression = var.sandbox.sweep_schedule_expression
  target_arn          = module.functions.functions.sweep.arn
  action              = "lambda:InvokeFunction"
}
