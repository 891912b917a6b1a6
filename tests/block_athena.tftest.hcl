mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name        = "web-orders"
  description = "Orders of the shop"
  bucket_name = "test-orders"

  query_limit_mib = 10

  tables = {
    orders = {
      description = "A row for each order"
      prefix      = "rows/"
      columns     = [{ name = "id", type = "string", comment = "ID" }, { name = "amount", type = "double" }]
      partitions  = [{ name = "dt", comment = "Day", projection = { type = "date", range = "NOW-30DAYS,NOW+1DAY" } }]
    }
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/blocks/athena"
  }

  assert {
    condition     = output.database_name == "test_web_orders" && output.workgroup_name == "test-web-orders" && output.workgroup_arn == "arn:aws:athena:eu-central-1:111122223333:workgroup/test-web-orders" && output.table_names == { orders = "orders" } && output.query_ids == {}
    error_message = "Names and ARN are derived from prefix and name."
  }
  assert {
    condition     = aws_glue_catalog_database.this.name == output.database_name && aws_athena_workgroup.this.name == output.workgroup_name && aws_glue_catalog_table.this["orders"].database_name == output.database_name
    error_message = "The resources have the names of the outputs."
  }
  assert {
    condition = aws_glue_catalog_table.this["orders"].parameters == tomap({
      EXTERNAL                      = "TRUE"
      classification                = "json"
      "projection.enabled"          = "true"
      "projection.dt.type"          = "date"
      "projection.dt.format"        = "yyyy-MM-dd"
      "projection.dt.range"         = "NOW-30DAYS,NOW+1DAY"
      "projection.dt.interval"      = "1"
      "projection.dt.interval.unit" = "DAYS"
      "storage.location.template"   = "s3://test-orders/rows/dt=$${dt}/"
    })
    error_message = "The days are projected: nothing adds a partition."
  }
  assert {
    condition     = aws_glue_catalog_table.this["orders"].storage_descriptor[0].location == "s3://test-orders/rows/" && [for c in aws_glue_catalog_table.this["orders"].storage_descriptor[0].columns : "${c.name} ${c.type}"] == ["id string", "amount double"] && one(aws_glue_catalog_table.this["orders"].partition_keys).name == "dt"
    error_message = "The table has the columns as given, and the partition."
  }
  assert {
    condition     = aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration && aws_athena_workgroup.this.configuration[0].publish_cloudwatch_metrics_enabled && aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10485760
    error_message = "Queries cannot choose other settings, have metrics (FSBP Athena.4), and a limit in bytes."
  }
  assert {
    condition     = aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://test-orders/athena-results/" && aws_athena_workgroup.this.configuration[0].result_configuration[0].expected_bucket_owner == "111122223333" && aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS" && aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.context.kms_key_arn
    error_message = "Results are in this account's bucket, encrypted with the stack's key."
  }
  assert {
    condition     = aws_athena_workgroup.this.tags == tomap(var.context.tags) && aws_glue_catalog_database.this.tags == tomap(var.context.tags)
    error_message = "All has the stack's tags."
  }
  assert {
    condition = jsondecode(output.query_policy).Statement == [
      { Sid = "RunQueries", Effect = "Allow", Action = ["athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup"], Resource = ["arn:aws:athena:eu-central-1:111122223333:workgroup/test-web-orders"] },
      { Sid = "ReadCatalog", Effect = "Allow", Action = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"], Resource = ["arn:aws:glue:eu-central-1:111122223333:catalog", "arn:aws:glue:eu-central-1:111122223333:database/test_web_orders", "arn:aws:glue:eu-central-1:111122223333:table/test_web_orders/*"] },
      { Sid = "ReadData", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-orders/rows/*", "arn:aws:s3:::test-orders/athena-results/*"] },
      { Sid = "WriteResults", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-orders/athena-results/*"] },
      { Sid = "FindData", Effect = "Allow", Action = ["s3:ListBucket", "s3:GetBucketLocation"], Resource = ["arn:aws:s3:::test-orders"] },
      { Sid = "UseKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.context.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } } },
    ]
    error_message = "A principal that queries reads these tables and this bucket only, and the key through S3 only."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/blocks/athena"
  }

  variables {
    tables = {
      orders = {
        description      = "A row for each order"
        prefix           = "rows/"
        columns          = [{ name = "id", type = "string" }]
        compression      = "gzip"
        serde_parameters = { "ignore.malformed.json" = "true" }
        partitions = [
          { name = "shop", comment = "Shop", projection = { type = "enum", values = "a,b" } },
          { name = "hour", comment = "Hour", projection = { type = "integer", range = "0,23", digits = "2" } },
        ]
      }
      plain = {
        description = "Not compressed"
        prefix      = "plain/"
        columns     = [{ name = "id", type = "string" }]
        compression = "none"
        partitions  = [{ name = "dt", comment = "Day", projection = { type = "date", range = "2026-01-01,NOW", interval = "7" } }]
      }
    }
    views = {
      large = {
        description = "Orders of more than a hundred"
        columns     = [["id", "varchar"], ["at", "timestamp(3)"], ["n", "integer"], ["amount", "double"]]
        sql         = "SELECT 1"
      }
    }
    queries = { count = { description = "Number of orders", sql = "SELECT count(*) FROM orders" } }
  }

  assert {
    condition     = aws_glue_catalog_table.this["orders"].parameters["storage.location.template"] == "s3://test-orders/rows/shop=$${shop}/hour=$${hour}/" && aws_glue_catalog_table.this["orders"].parameters["projection.shop.values"] == "a,b" && aws_glue_catalog_table.this["orders"].parameters["projection.hour.digits"] == "2" && !contains(keys(aws_glue_catalog_table.this["orders"].parameters), "projection.hour.format")
    error_message = "Partitions are folders in the order given; what a day needs is for days only."
  }
  assert {
    condition     = aws_glue_catalog_table.this["plain"].parameters["projection.dt.interval"] == "7" && aws_glue_catalog_table.this["plain"].parameters["projection.dt.format"] == "yyyy-MM-dd"
    error_message = "A projection of days can be changed."
  }
  assert {
    condition     = aws_glue_catalog_table.this["orders"].storage_descriptor[0].compressed && aws_glue_catalog_table.this["orders"].parameters.compressionType == "gzip" && !aws_glue_catalog_table.this["plain"].storage_descriptor[0].compressed && aws_glue_catalog_table.this["orders"].storage_descriptor[0].ser_de_info[0].parameters["ignore.malformed.json"] == "true"
    error_message = "Compression and the SerDe's settings reach the table."
  }
  assert {
    condition     = jsondecode(base64decode(trimsuffix(trimprefix(aws_glue_catalog_table.view["large"].view_original_text, "/* Presto View: "), " */"))) == { originalSql = "SELECT 1", catalog = "awsdatacatalog", schema = "test_web_orders", columns = [{ name = "id", type = "varchar" }, { name = "at", type = "timestamp(3)" }, { name = "n", type = "integer" }, { name = "amount", type = "double" }] }
    error_message = "A view is what Athena keeps for CREATE VIEW."
  }
  assert {
    condition     = [for c in aws_glue_catalog_table.view["large"].storage_descriptor[0].columns : c.type] == ["string", "timestamp", "int", "double"] && aws_glue_catalog_table.view["large"].table_type == "VIRTUAL_VIEW" && output.table_names == { large = "large", orders = "orders", plain = "plain" }
    error_message = "The catalog has Hive's types."
  }
  assert {
    condition     = aws_athena_named_query.this["count"].database == "test_web_orders" && aws_athena_named_query.this["count"].workgroup == "test-web-orders" && keys(output.query_ids) == ["count"]
    error_message = "Saved queries are in the workgroup."
  }
}
