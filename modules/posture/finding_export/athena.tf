locals {
  database = replace("${var.context.name_prefix}_finding_export", "-", "_")

  # The top level of ASFF, spelled as in the findings. Attributes that differ by product have no column.
  # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html
  tables = {
    findings = {
      description = "One row for each finding and export, partitioned by the day that the run began (UTC)"
      folder      = ""
      compression = "gzip"
      columns = [
        { name = "ExportRunId", type = "string", comment = "Run that exported the finding; `continuous` for the continuous export" },
        { name = "ExportedAt", type = "string", comment = "When the run began, RFC 3339" },
        { name = "Id", type = "string", comment = "Identifier of the finding" },
        { name = "ProductArn", type = "string", comment = "ARN of the product that reported it" },
        { name = "ProductName", type = "string", comment = "Name of the product" },
        { name = "CompanyName", type = "string", comment = "Company that makes the product" },
        { name = "Region", type = "string", comment = "Region of the finding" },
        { name = "AwsAccountId", type = "string", comment = "Account of the finding" },
        { name = "AwsAccountName", type = "string", comment = "Name of the account" },
        { name = "GeneratorId", type = "string", comment = "Rule or control that generated it" },
        { name = "Types", type = "array<string>", comment = "Types of the finding" },
        { name = "FirstObservedAt", type = "string", comment = "RFC 3339" },
        { name = "LastObservedAt", type = "string", comment = "RFC 3339" },
        { name = "CreatedAt", type = "string", comment = "RFC 3339" },
        { name = "UpdatedAt", type = "string", comment = "RFC 3339; BatchUpdateFindings does not change it" },
        { name = "Title", type = "string", comment = "Title" },
        { name = "Description", type = "string", comment = "Description" },
        { name = "Severity", type = "struct<Label:string,Normalized:int,Original:string>", comment = "Severity" },
        { name = "Confidence", type = "int", comment = "0-100" },
        { name = "Criticality", type = "int", comment = "0-100" },
        { name = "Remediation", type = "struct<Recommendation:struct<Text:string,Url:string>>", comment = "Recommended remediation" },
        { name = "ProductFields", type = "map<string,string>", comment = "Fields that the product defines" },
        { name = "UserDefinedFields", type = "map<string,string>", comment = "Fields that users define" },
        { name = "Resources", type = "array<struct<Type:string,Id:string,Partition:string,Region:string,Tags:map<string,string>>>", comment = "Resources that the finding is about" },
        { name = "Compliance", type = "struct<Status:string,SecurityControlId:string,AssociatedStandards:array<struct<StandardsId:string>>>", comment = "Result of a control's check" },
        { name = "Workflow", type = "struct<Status:string>", comment = "Status of the investigation" },
        { name = "RecordState", type = "string", comment = "ACTIVE or ARCHIVED" },
        { name = "Note", type = "struct<Text:string,UpdatedBy:string,UpdatedAt:string>", comment = "Note that a user added" },
      ]
    }
    runs = {
      description = "One row for each complete run, partitioned by the day that it began (UTC)"
      folder      = "runs/"
      compression = "none"
      columns = [
        { name = "RunId", type = "string", comment = "Run: the name of the execution that began it" },
        { name = "ExecutionArn", type = "string", comment = "Execution that completed the run" },
        { name = "StartedAt", type = "string", comment = "When the run began, RFC 3339" },
        { name = "Findings", type = "bigint", comment = "Number of findings exported" },
        { name = "Objects", type = "bigint", comment = "Number of objects with findings" },
        { name = "Filters", type = "string", comment = "Filters of the run as JSON, with absolute dates" },
      ]
    }
  }

  # A run that failed, or still works, has no manifest.
  latest_run = "(SELECT max_by(runid, startedat) FROM runs)"

  queries = {
    findings_by_severity = {
      description = "Findings of the latest complete run by severity"
      sql         = <<-SQL
        SELECT severity.label AS severity, count(*) AS findings
        FROM findings
        WHERE exportrunid = ${local.latest_run}
        GROUP BY 1
        ORDER BY 2 DESC
      SQL
    }
    failed_controls = {
      description = "Controls by the number of failed findings in the latest complete run"
      sql         = <<-SQL
        SELECT generatorid, title, count(*) AS failed
        FROM findings
        WHERE exportrunid = ${local.latest_run} AND compliance.status = 'FAILED'
        GROUP BY 1, 2
        ORDER BY 3 DESC
      SQL
    }
    oldest_unresolved = {
      description = "The hundred oldest critical and high findings of the latest complete run that are neither resolved nor suppressed"
      sql         = <<-SQL
        SELECT createdat, severity.label AS severity, awsaccountid, region, title, id
        FROM findings
        WHERE exportrunid = ${local.latest_run}
          AND severity.label IN ('CRITICAL', 'HIGH')
          AND workflow.status IN ('NEW', 'NOTIFIED')
        ORDER BY try(from_iso8601_timestamp(createdat)) NULLS LAST
        LIMIT 100
      SQL
    }
    latest_version_of_each = {
      description = "Each finding once, in its latest version, over all runs and the continuous export"
      sql         = <<-SQL
        SELECT id, title, severity.label AS severity, workflow.status AS workflow, recordstate, updatedat
        FROM (
          SELECT *, row_number() OVER (
            PARTITION BY productarn, id
            ORDER BY try(from_iso8601_timestamp(updatedat)) DESC NULLS LAST, exportedat DESC
          ) AS version
          FROM findings
        )
        WHERE version = 1
      SQL
    }
  }
}

# Not blocks/athena: the bucket and its key may be others than the stack's, and columns stand for keys in capitals.
resource "aws_glue_catalog_database" "this" {
  count = local.own_bucket ? 1 : 0

  name        = local.database
  description = "Exported Security Hub findings"
  tags        = var.context.tags
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.own_bucket ? local.tables : {}

  database_name = aws_glue_catalog_database.this[0].name
  name          = each.key
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                      = "TRUE"
    classification                = "json"
    compressionType               = each.value.compression
    "projection.enabled"          = "true"
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = "2020-01-01,NOW+1DAY"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    "storage.location.template"   = "s3://${local.bucket_name}/${var.prefix}${each.value.folder}dt=$${dt}/"
  }

  partition_keys {
    name    = "dt"
    type    = "string"
    comment = "Day that the run began, YYYY-MM-DD (UTC)"
  }

  storage_descriptor {
    location      = "s3://${local.bucket_name}/${var.prefix}${each.value.folder}"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    compressed    = each.value.compression != "none"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"

      # Column or field in Glue, which has small letters only -> key in the JSON. With case.insensitive, the SerDe would put
      # every key in small letters, and refuse a row (and with it the query) that has two tags "Name" and "name":
      # https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
      # Mappings apply to the fields of nested structs too, and leave the keys of maps as they are:
      # https://aws.amazon.com/blogs/big-data/create-tables-in-amazon-athena-from-nested-json-and-mappings-using-jsonserde/
      parameters = merge({
        for key in distinct(flatten([for column in each.value.columns : regexall("[A-Z]\\w*", "${column.name} ${column.type}")])) :
        "mapping.${lower(key)}" => key
        }, {
        "case.insensitive"      = "false"
        "ignore.malformed.json" = "false"
      })
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = lower(columns.value.name)
        type    = lower(columns.value.type)
        comment = columns.value.comment
      }
    }
  }
}

resource "aws_athena_workgroup" "this" {
  count = local.own_bucket ? 1 : 0

  name          = "${var.context.name_prefix}-${local.name}"
  description   = "Queries of exported Security Hub findings"
  force_destroy = true # This module's code defines all of its queries.
  tags          = var.context.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true

    result_configuration {
      output_location       = "s3://${local.bucket_name}/athena-results/"
      expected_bucket_owner = var.context.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = local.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = local.own_bucket ? local.queries : {}

  name        = each.key
  description = each.value.description
  workgroup   = aws_athena_workgroup.this[0].name
  database    = aws_glue_catalog_database.this[0].name
  query       = each.value.sql
}
