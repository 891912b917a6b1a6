# events -> queue -> collect ----\
#                                 records in S3 -> Athena's table and views -> report, QuickSight
# history of CodePipeline -------/
locals {
  name        = "pipeline-metrics"
  records     = "records/"
  bus_arn     = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:event-bus/default"
  via_s3      = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
  environment = { BUCKET = module.bucket.id, BUCKET_OWNER = var.context.account_id, KMS_KEY_ARN = var.context.kms_key_arn }

  # Accounts and Regions whose history is read.
  places = concat(
    [for region in setunion([var.context.region], var.regions) : { account = var.context.account_id, region = region }],
    flatten([
      for account, member in var.members : [
        for region in setunion(length(member.regions) == 0 ? [var.context.region] : [], member.regions) : merge(
          { account = account, region = region, role_arn = member.role_arn },
          member.external_id == null ? {} : { external_id = member.external_id },
        )
      ]
    ]),
  )

  write_statements = [
    {
      sid       = "WriteRecords"
      actions   = ["s3:PutObject"]
      resources = ["${module.bucket.arn}/${local.records}dt=*"]
    },
    {
      sid        = "EncryptRecords"
      actions    = ["kms:GenerateDataKey"]
      resources  = [var.context.kms_key_arn]
      conditions = local.via_s3
    },
  ]
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "pipe-metrics"
  expiration_days = var.retention_days
  noncurrent_days = 7 # Compaction replaces objects; what it deletes is in the object that it wrote.
  force_destroy   = var.force_destroy
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "operations/pipeline_metrics"

  functions = merge({
    collect = {
      name              = "${local.name}-collect"
      description       = "Writes batches of events as records to S3"
      handler           = "operations.pipeline_metrics.collect.handler"
      memory_size       = 512
      timeout           = 60
      dead_letter_queue = false # The queue has one.
      key_services      = ["sqs"]
      environment       = merge(local.environment, { INCIDENT_ALARMS = jsonencode(var.incident_alarms) })
      policy_statements = concat(local.write_statements, [
        {
          sid       = "ReceiveEvents"
          actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          resources = [module.queue.arn]
        },
      ])
    }
    history = {
      name              = "${local.name}-history"
      description       = "Reads CodePipeline's execution history into records"
      handler           = "operations.pipeline_metrics.history.handler"
      memory_size       = 512
      timeout           = 600
      dead_letter_queue = false # Only the state machine calls it, and it waits for the answer.
      environment = merge(local.environment, {
        PIPELINES           = jsonencode(var.pipelines)
        PLACES              = jsonencode(local.places)
        RECENT_DAYS         = tostring(var.recent_days)
        REQUESTS_PER_SECOND = tostring(var.requests_per_second)
      })
      policy_statements = concat(local.write_statements, [
        {
          sid       = "MarkWhatWasRead"
          actions   = ["s3:PutObject"]
          resources = ["${module.bucket.arn}/history/*"]
        },
        {
          sid        = "ListMarks"
          actions    = ["s3:ListBucket"]
          resources  = [module.bucket.arn]
          conditions = { StringEquals = { "s3:prefix" = ["history/"] } }
        },
        {
          # The action has no resource type.
          sid       = "ListPipelines"
          actions   = ["codepipeline:ListPipelines"]
          resources = ["*"]
        },
        {
          sid       = "ReadHistory"
          actions   = ["codepipeline:ListPipelineExecutions", "codepipeline:ListActionExecutions"]
          resources = local.pipeline_arns
        },
        ], length(var.members) == 0 ? [] : [{
          sid       = "ReadMembers"
          actions   = ["sts:AssumeRole"]
          resources = values(var.members)[*].role_arn
      }])
    }
    compact = {
      name         = "${local.name}-compact"
      description  = "Makes one object of the objects of a day"
      handler      = "operations.pipeline_metrics.compact.handler"
      memory_size  = 1024
      timeout      = 900
      key_services = []
      environment  = local.environment
      policy_statements = concat(local.write_statements, [
        {
          sid       = "ReadRecords"
          actions   = ["s3:GetObject"]
          resources = ["${module.bucket.arn}/${local.records}dt=*"]
        },
        {
          sid        = "DecryptRecords"
          actions    = ["kms:Decrypt"]
          resources  = [var.context.kms_key_arn]
          conditions = local.via_s3
        },
        {
          sid        = "ListRecords"
          actions    = ["s3:ListBucket"]
          resources  = [module.bucket.arn]
          conditions = { StringEquals = { "s3:prefix" = [local.records] } }
        },
        {
          sid       = "RemoveCompactedObjects"
          actions   = ["s3:DeleteObject"]
          resources = ["${module.bucket.arn}/${local.records}dt=*"]
        },
      ])
    }
    }, var.report_schedule_expression == null ? {} : {
    report = {
      name        = "${local.name}-report"
      description = "Writes the page of plots"
      handler     = "operations.pipeline_metrics.report.handler"
      memory_size = 512
      timeout     = 300
      environment = merge(local.environment, {
        WORKGROUP = module.athena.workgroup_name
        DATABASE  = module.athena.database_name
        DAYS      = tostring(var.report_days)
        TIME_ZONE = var.time_zone
      })
      policy_statements = concat(module.athena.query_statements, [
        {
          sid       = "WriteReport"
          actions   = ["s3:PutObject"]
          resources = ["${module.bucket.arn}/report/*"]
        },
      ])
    }
  })

  metric_alarms = {
    "${local.name}-not-compacted" = {
      description = "1 or more days were not compacted: there was no time left, or a day is too large. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-compact"
      metric      = "DaysNotCompacted"
      dimensions  = { service = "${local.name}-compact" }
    }
  }
}

# One block for all: it is in the plan's graph once, however many there are.
module "schedules" {
  source = "../../blocks/schedule"
  for_each = { for key, schedule in {
    compact = {
      description = "Compacts the records of past days"
      expression  = var.compact_schedule_expression
      target_arn  = module.functions.functions.compact.arn
      action      = "lambda:InvokeFunction"
    }
    history = {
      description = "Reads what the events missed, and the whole history of pipelines that are new"
      expression  = var.history_schedule_expression
      target_arn  = module.history.arn
      action      = "states:StartExecution"
    }
    report = {
      description = "Writes the page of plots"
      expression  = var.report_schedule_expression
      target_arn  = try(module.functions.functions.report.arn, null)
      action      = "lambda:InvokeFunction"
    }
  } : key => schedule if key != "report" || var.report_schedule_expression != null }

  context             = var.context
  name                = "${local.name}-${each.key}"
  description         = each.value.description
  schedule_expression = each.value.expression
  target_arn          = each.value.target_arn
  action              = each.value.action
}
