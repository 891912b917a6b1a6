# Results and audit trail in SQL. There is no crawler: the days are projected, and each row is written once.
locals {
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

module "athena" {
  source = "../../blocks/athena"

  context         = var.context
  name            = local.name
  description     = "Documents, their pages and what was found on them"
  bucket_name     = module.bucket.id
  query_limit_mib = var.query_limit_mib
  views           = local.views

  tables = {
    for name, table in local.tables : name => {
      description = table.description
      prefix      = "rows/${name}/"
      columns     = [for column in table.columns : { name = column[0], type = column[1], comment = column[2] }]
      partitions = [{
        name       = "dt"
        comment    = "Day on which the document was received, YYYY-MM-DD (UTC)"
        projection = { type = "date", range = var.expiration_days == null ? "2026-01-01,NOW+1DAY" : "NOW-${var.expiration_days + 1}DAYS,NOW+1DAY" }
      }]
    }
  }
}
