locals {
  database = replace("${var.context.name_prefix}_${local.name}", "-", "_")

  # A change of columns belongs into records.py too.
  record_columns = {
    account          = { type = "string", comment = "Account of the pipeline" }
    region           = { type = "string", comment = "Region of the pipeline" }
    pipeline         = { type = "string", comment = "Name of the pipeline" }
    execution        = { type = "string", comment = "ID of the execution; empty for an alarm" }
    level            = { type = "string", comment = "pipeline, stage, action, revision or alarm" }
    stage            = { type = "string", comment = "Name of the stage" }
    action           = { type = "string", comment = "Name of the action, or of the alarm" }
    attempt          = { type = "bigint", comment = "Attempt of the execution; null in records of the history" }
    state            = { type = "string", comment = "State as CodePipeline names it" }
    time             = { type = "string", comment = "When the state was reached, UTC, ISO 8601" }
    started          = { type = "string", comment = "When the execution or action began, UTC, ISO 8601" }
    source           = { type = "string", comment = "event or history" }
    event_id         = { type = "string", comment = "ID of the event" }
    action_execution = { type = "string", comment = "ID of the run of an action" }
    category         = { type = "string", comment = "Category of an action, such as Approval" }
    provider         = { type = "string", comment = "Provider of an action, such as CodeDeploy" }
    error_code       = { type = "string", comment = "Error of a failed action" }
    trigger_type     = { type = "string", comment = "What started the execution" }
    execution_type   = { type = "string", comment = "STANDARD or ROLLBACK; in records of the history" }
    revision         = { type = "string", comment = "Commit that a source action took; in records of the history" }
    committed        = { type = "string", comment = "When that commit was made, UTC, ISO 8601" }
  }

  production_case = join(" ", concat(
    ["CASE"],
    [for pipeline, stage in var.pipeline_production_stages : "WHEN pipeline = '${pipeline}' THEN CASE WHEN lower(stage) = '${lower(stage)}' THEN 0 END"],
    [for index, stage in var.production_stages : "WHEN lower(stage) = '${lower(stage)}' THEN ${index}"],
    ["END"],
  ))

  view_settings = {
    time_zone             = var.time_zone
    production_rank       = local.production_case
    count_stage_failures  = contains(var.failure_signals, "stage") ? "TRUE" : "FALSE"
    count_rollbacks       = contains(var.failure_signals, "rollback") ? "TRUE" : "FALSE"
    incident_milliseconds = tostring(var.incident_hours * 3600000)
  }
  views      = yamldecode(file("${path.module}/views/views.yaml"))
  hive_types = { varchar = "string", integer = "int", "timestamp(3)" = "timestamp" }
}

resource "aws_glue_catalog_database" "this" {
  name        = local.database
  description = "Executions of CodePipeline"
  tags        = var.context.tags
}

resource "aws_glue_catalog_table" "records" {
  database_name = aws_glue_catalog_database.this.name
  name          = "records"
  description   = "Changes of state as they came; the view events has each once"
  table_type    = "EXTERNAL_TABLE"

  # The days come from this projection: there is no crawler, and no partition is ever added.
  parameters = {
    EXTERNAL                      = "TRUE"
    classification                = "json"
    compressionType               = "gzip"
    "projection.enabled"          = "true"
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = "NOW-${var.retention_days}DAYS,NOW+1DAY"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    "storage.location.template"   = "s3://${module.bucket.id}/${local.records}dt=$${dt}/"
  }

  partition_keys {
    name    = "dt"
    type    = "string"
    comment = "Day of the time, YYYY-MM-DD (UTC)"
  }

  storage_descriptor {
    location      = "s3://${module.bucket.id}/${local.records}"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    compressed    = true

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      # The views leave out the rows without values that a line becomes which is no JSON: it must not end each query.
      parameters = { "ignore.malformed.json" = "true" }
    }

    dynamic "columns" {
      for_each = local.record_columns
      content {
        name    = columns.key
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}

# A view as Athena keeps it: Presto's definition, in base64. Athena checks its columns against those of the query.
resource "aws_glue_catalog_table" "view" {
  for_each = local.views

  database_name      = aws_glue_catalog_database.this.name
  name               = each.key
  description        = each.value.description
  table_type         = "VIRTUAL_VIEW"
  parameters         = { presto_view = "true", comment = each.value.description }
  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = templatefile("${path.module}/views/${each.key}.sql", local.view_settings)
    catalog     = "awsdatacatalog"
    schema      = local.database
    columns     = [for column in each.value.columns : { name = column[0], type = column[1] }]
  }))} */"

  storage_descriptor {
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name = columns.value[0]
        type = lookup(local.hive_types, columns.value[1], columns.value[1])
      }
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name          = "${var.context.name_prefix}-${local.name}"
  description   = "Queries of the executions of CodePipeline"
  force_destroy = true # This module's code defines all of its queries.
  tags          = var.context.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.query_limit_mib * 1024 * 1024

    result_configuration {
      output_location       = "s3://${module.bucket.id}/athena-results/"
      expected_bucket_owner = var.context.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.context.kms_key_arn
      }
    }
  }
}

# What a principal needs that queries the views. Athena reads the catalog and S3 in its name.
locals {
  catalog_arn = "arn:${var.context.partition}:glue:${var.context.region}:${var.context.account_id}"

  query_statements = [
    {
      sid       = "RunQueries"
      actions   = ["athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup"]
      resources = [aws_athena_workgroup.this.arn]
    },
    {
      sid       = "ReadCatalog"
      actions   = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
      resources = ["${local.catalog_arn}:catalog", "${local.catalog_arn}:database/${local.database}", "${local.catalog_arn}:table/${local.database}/*"]
    },
    {
      sid       = "ReadData"
      actions   = ["s3:GetObject"]
      resources = ["${module.bucket.arn}/${local.records}*", "${module.bucket.arn}/athena-results/*"]
    },
    {
      sid       = "WriteResults"
      actions   = ["s3:PutObject"]
      resources = ["${module.bucket.arn}/athena-results/*"]
    },
    {
      sid       = "FindData"
      actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
      resources = [module.bucket.arn]
    },
    {
      sid        = "UseKey"
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [var.context.kms_key_arn]
      conditions = local.via_s3
    },
  ]
}

locals {
  query_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in local.query_statements : merge(
        { Sid = s.sid, Effect = "Allow", Action = s.actions, Resource = s.resources },
        try({ Condition = s.conditions }, {}),
      )
    ]
  })
}
