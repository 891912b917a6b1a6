locals {
  database = replace("${var.context.name_prefix}_finding_export", "-", "_")
  table    = "findings"

  # The top level of ASFF. Nested objects that differ by product stay JSON text for json_extract.
  # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html
  columns = [
    { name = "exportrunid", type = "string", comment = "Run that exported the finding; `continuous` for the continuous export" },
    { name = "exportedat", type = "string", comment = "When the run began, RFC 3339" },
    { name = "id", type = "string", comment = "Identifier of the finding" },
    { name = "productarn", type = "string", comment = "ARN of the product that reported it" },
    { name = "productname", type = "string", comment = "Name of the product" },
    { name = "companyname", type = "string", comment = "Company that makes the product" },
    { name = "region", type = "string", comment = "Region of the finding" },
    { name = "awsaccountid", type = "string", comment = "Account of the finding" },
    { name = "awsaccountname", type = "string", comment = "Name of the account" },
    { name = "generatorid", type = "string", comment = "Rule or control that generated it" },
    { name = "types", type = "array<string>", comment = "Types of the finding" },
    { name = "firstobservedat", type = "string", comment = "RFC 3339" },
    { name = "lastobservedat", type = "string", comment = "RFC 3339" },
    { name = "createdat", type = "string", comment = "RFC 3339" },
    { name = "updatedat", type = "string", comment = "RFC 3339" },
    { name = "title", type = "string", comment = "Title" },
    { name = "description", type = "string", comment = "Description" },
    { name = "severity", type = "struct<label:string,normalized:int,original:string>", comment = "Severity" },
    { name = "confidence", type = "int", comment = "0-100" },
    { name = "criticality", type = "int", comment = "0-100" },
    { name = "remediation", type = "struct<recommendation:struct<text:string,url:string>>", comment = "Recommended remediation" },
    { name = "productfields", type = "map<string,string>", comment = "Fields that the product defines" },
    { name = "userdefinedfields", type = "map<string,string>", comment = "Fields that users define" },
    { name = "resources", type = "array<struct<type:string,id:string,partition:string,region:string,tags:map<string,string>>>", comment = "Resources that the finding is about" },
    { name = "compliance", type = "struct<status:string,securitycontrolid:string,associatedstandards:array<struct<standardsid:string>>>", comment = "Result of a control's check" },
    { name = "workflow", type = "struct<status:string>", comment = "Status of the investigation" },
    { name = "recordstate", type = "string", comment = "ACTIVE or ARCHIVED" },
    { name = "note", type = "struct<text:string,updatedby:string,updatedat:string>", comment = "Note that a user added" },
  ]

  latest_run = "(SELECT max_by(exportrunid, exportedat) FROM ${local.table} WHERE exportrunid <> 'continuous')"

  queries = {
    findings_by_severity = {
      description = "Findings of the latest run by severity"
      sql         = <<-SQL
        SELECT severity.label AS severity, count(*) AS findings
        FROM ${local.table}
        WHERE exportrunid = ${local.latest_run}
        GROUP BY 1
        ORDER BY 2 DESC
      SQL
    }
    failed_controls = {
      description = "Controls by the number of failed findings in the latest run"
      sql         = <<-SQL
        SELECT generatorid, title, count(*) AS failed
        FROM ${local.table}
        WHERE exportrunid = ${local.latest_run} AND compliance.status = 'FAILED'
        GROUP BY 1, 2
        ORDER BY 3 DESC
      SQL
    }
    oldest_unresolved = {
      description = "The hundred oldest critical and high findings of the latest run that are neither resolved nor suppressed"
      sql         = <<-SQL
        SELECT createdat, severity.label AS severity, awsaccountid, region, title, id
        FROM ${local.table}
        WHERE exportrunid = ${local.latest_run}
          AND severity.label IN ('CRITICAL', 'HIGH')
          AND workflow.status IN ('NEW', 'NOTIFIED')
        ORDER BY createdat
        LIMIT 100
      SQL
    }
    latest_version_of_each = {
      description = "Each finding once, in its latest version, over all runs and the continuous export"
      sql         = <<-SQL
        SELECT id, title, severity.label AS severity, workflow.status AS workflow, recordstate, updatedat
        FROM (
          SELECT *, row_number() OVER (PARTITION BY productarn, id ORDER BY updatedat DESC, exportedat DESC) AS version
          FROM ${local.table}
        )
        WHERE version = 1
      SQL
    }
  }
}

resource "aws_glue_catalog_database" "this" {
  count = local.own_bucket ? 1 : 0

  name        = local.database
  description = "Exported Security Hub findings"
  tags        = var.context.tags
}

resource "aws_glue_catalog_table" "findings" {
  count = local.own_bucket ? 1 : 0

  database_name = aws_glue_catalog_database.this[0].name
  name          = local.table
  description   = "One row for each finding and export, partitioned by the day that the run began (UTC)"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                      = "TRUE"
    classification                = "json"
    compressionType               = "gzip"
    "projection.enabled"          = "true"
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = "2020-01-01,NOW+1DAY"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    "storage.location.template"   = "s3://${local.bucket_name}/${var.prefix}dt=$${dt}/"
  }

  partition_keys {
    name    = "dt"
    type    = "string"
    comment = "Day that the run began, YYYY-MM-DD (UTC)"
  }

  storage_descriptor {
    location      = "s3://${local.bucket_name}/${var.prefix}"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    compressed    = true

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters = {
        "case.insensitive"      = "true"
        "ignore.malformed.json" = "false"
      }
    }

    dynamic "columns" {
      for_each = local.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
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
