locals {
  name          = "${var.context.name_prefix}-${var.name}"
  database      = replace(local.name, "-", "_")
  workgroup_arn = "arn:${var.context.partition}:athena:${var.context.region}:${var.context.account_id}:workgroup/${local.name}"
  catalog_arn   = "arn:${var.context.partition}:glue:${var.context.region}:${var.context.account_id}"
  bucket_arn    = "arn:${var.context.partition}:s3:::${var.bucket_name}"

  # A day is written as YYYY-MM-DD everywhere.
  days = { format = "yyyy-MM-dd", interval = "1", "interval.unit" = "DAYS" }

  # Athena reads the catalog and S3 in the name of the principal that queries.
  query_statements = [
    {
      sid       = "RunQueries"
      actions   = ["athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup"]
      resources = [local.workgroup_arn]
    },
    {
      sid       = "ReadCatalog"
      actions   = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
      resources = ["${local.catalog_arn}:catalog", "${local.catalog_arn}:database/${local.database}", "${local.catalog_arn}:table/${local.database}/*"]
    },
    {
      sid       = "ReadData"
      actions   = ["s3:GetObject"]
      resources = [for prefix in concat(values(var.tables)[*].prefix, ["athena-results/"]) : "${local.bucket_arn}/${prefix}*"]
    },
    {
      sid       = "WriteResults"
      actions   = ["s3:PutObject"]
      resources = ["${local.bucket_arn}/athena-results/*"]
    },
    {
      sid       = "FindData"
      actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
      resources = [local.bucket_arn]
    },
    {
      sid        = "UseKey"
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [var.context.kms_key_arn]
      conditions = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
    },
  ]
}

resource "aws_glue_catalog_database" "this" {
  name        = local.database
  description = var.description
  tags        = var.context.tags
}

resource "aws_glue_catalog_table" "this" {
  for_each = var.tables

  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"

  # The partitions come from this projection: there is no crawler, and no partition is ever added.
  parameters = merge({
    EXTERNAL                                                   = "TRUE"
    classification                                             = "json"
    "projection.enabled"                                       = "true"
    "storage.location.template"                                = "s3://${var.bucket_name}/${each.value.prefix}${join("", [for one in each.value.partitions : "${one.name}=$${${one.name}}/"])}"
    }, each.value.compression == null ? {} : { compressionType = each.value.compression }, [
    for one in each.value.partitions : {
      for key, value in merge(one.projection.type == "date" ? local.days : {}, one.projection) : "projection.${one.name}.${key}" => value
    }
  ]...)

  dynamic "partition_keys" {
    for_each = each.value.partitions

    content {
      name    = partition_keys.value.name
      type    = "string"
      comment = partition_keys.value.comment
    }
  }

  storage_descriptor {
    location      = "s3://${var.bucket_name}/${each.value.prefix}"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    compressed    = each.value.compression == null ? null : each.value.compression != "none"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters            = each.value.serde_parameters
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}

# A view as Athena keeps it: Presto's definition, in base64. Athena checks its columns against those of the query.
resource "aws_glue_catalog_table" "view" {
  for_each = var.views

  database_name      = aws_glue_catalog_database.this.name
  name               = each.key
  description        = each.value.description
  table_type         = "VIRTUAL_VIEW"
  parameters         = { presto_view = "true", comment = each.value.description }
  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = each.value.sql
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
        # Types of Athena's queries -> types of the catalog.
        type = lookup({ varchar = "string", integer = "int", "timestamp(3)" = "timestamp" }, columns.value[1], columns.value[1])
      }
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name          = local.name
  description   = var.description
  force_destroy = true # The module's code defines its queries; a history of queries is no data of its own.
  tags          = var.context.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.query_limit_mib * 1024 * 1024

    result_configuration {
      output_location       = "s3://${var.bucket_name}/athena-results/"
      expected_bucket_owner = var.context.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.context.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = var.queries

  name        = each.key
  description = each.value.description
  database    = aws_glue_catalog_database.this.name
  workgroup   = aws_athena_workgroup.this.name
  query       = each.value.sql
}
