# Results and audit trail in SQL. There is no crawler: the days are projected, and each row is written once.
locals {
  database = replace("${var.context.name_prefix}_${local.name}", "-", "_")

  # A change of columns belongs into rows.py too.
  tables = {
    documents = {
      description = "A row for each document"
      columns = [
        ["document_id", "string", "ID of the document, in each row and key that belongs to it"],
        ["batch", "string", "Name of the batch, or arrivals-YYYY-MM-DD"],
        ["bucket", "string", "Bucket of the document"],
        ["document_key", "string", "Key of the document"],
        ["etag", "string", "ETag of its version"],
        ["size", "bigint", "Bytes"],
        ["status", "string", "PROCESSING, PROCESSED, PARTIAL, FAILED or REFUSED"],
        ["reason", "string", "Why it is not PROCESSED"],
        ["detail", "string", "More about the reason"],
        ["pages", "bigint", "Pages that were counted: images + failed_pages, once it has ended"],
        ["images", "bigint", "Pages that were processed"],
        ["failed_pages", "bigint", "Pages that failed; their rows say why"],
        ["truncated", "boolean", "The end of the file is missing"],
        ["route", "string", "single, small or large"],
        ["features", "array<string>", "What the endpoint found on its pages"],
        ["received_at", "string", "When it was received, UTC, ISO 8601"],
        ["classified_at", "string", "When its pages were counted, UTC, ISO 8601"],
        ["finished_at", "string", "When it ended, UTC, ISO 8601"],
      ]
    }
    pages = {
      description = "A row for each page"
      columns = [
        ["document_id", "string", "ID of the document"],
        ["batch", "string", "Name of the batch"],
        ["document_key", "string", "Key of the document"],
        ["page", "bigint", "Number of the page, from 1"],
        ["status", "string", "DONE or FAILED"],
        ["reason", "string", "Why it failed"],
        ["detail", "string", "More about the reason"],
        ["image", "string", "Key of the image in this module's bucket"],
        ["result", "string", "The endpoint's answer, as JSON"],
        ["features", "array<string>", "What the endpoint found on the page"],
        ["latency_ms", "bigint", "Milliseconds of the endpoint's answer, with all its attempts"],
        ["at", "string", "When the row was written, UTC, ISO 8601"],
      ]
    }
  }

  # Views by name: the query, and its columns with the types of Athena.
  views = {
    batches = {
      description = "Documents and pages of each batch by how they ended"
      columns     = [["batch", "varchar"], ["documents", "bigint"], ["processed", "bigint"], ["partial", "bigint"], ["failed", "bigint"], ["refused", "bigint"], ["open", "bigint"], ["pages", "bigint"], ["images", "bigint"], ["failed_pages", "bigint"]]
      sql         = <<-SQL
        SELECT batch, count(*) AS documents, count_if(status = 'PROCESSED') AS processed,
          count_if(status = 'PARTIAL') AS partial, count_if(status = 'FAILED') AS failed,
          count_if(status = 'REFUSED') AS refused, count_if(status = 'PROCESSING') AS open,
          CAST(coalesce(sum(pages), 0) AS bigint) AS pages, CAST(coalesce(sum(images), 0) AS bigint) AS images,
          CAST(coalesce(sum(failed_pages), 0) AS bigint) AS failed_pages
        FROM documents GROUP BY batch
      SQL
    }
    batch_features = {
      description = "Documents of each batch with and without each feature that was found in it"
      columns     = [["batch", "varchar"], ["feature", "varchar"], ["documents_with", "bigint"], ["documents_without", "bigint"]]
      sql         = <<-SQL
        WITH searched AS (SELECT batch, document_id, features FROM documents WHERE status IN ('PROCESSED', 'PARTIAL')),
        totals AS (SELECT batch, count(*) AS documents FROM searched GROUP BY batch),
        found AS (SELECT batch, document_id, feature FROM searched CROSS JOIN UNNEST(features) AS each_of(feature))
        SELECT found.batch AS batch, found.feature AS feature, count(DISTINCT found.document_id) AS documents_with,
          max(totals.documents) - count(DISTINCT found.document_id) AS documents_without
        FROM found JOIN totals ON found.batch = totals.batch GROUP BY found.batch, found.feature
      SQL
    }
  }
}

resource "aws_glue_catalog_database" "this" {
  name        = local.database
  description = "Documents, their pages and what was found on them"
  tags        = var.context.tags
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.tables

  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                      = "TRUE"
    classification                = "json"
    "projection.enabled"          = "true"
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = var.expiration_days == null ? "2026-01-01,NOW+1DAY" : "NOW-${var.expiration_days + 1}DAYS,NOW+1DAY"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    "storage.location.template"   = "s3://${module.bucket.id}/rows/${each.key}/dt=$${dt}/"
  }

  partition_keys {
    name    = "dt"
    type    = "string"
    comment = "Day on which the document was received, YYYY-MM-DD (UTC)"
  }

  storage_descriptor {
    location      = "s3://${module.bucket.id}/rows/${each.key}/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value[0]
        type    = columns.value[1]
        comment = columns.value[2]
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
        type = columns.value[1] == "varchar" ? "string" : columns.value[1]
      }
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name          = "${var.context.name_prefix}-${local.name}"
  description   = "Queries of documents and their pages"
  force_destroy = true # This module's code defines its views; a history of queries is no data of its own.
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
