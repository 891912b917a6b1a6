# Rows of feedback as a table, queries that are ready to run, and optionally a dataset in QuickSight.
locals {
  # A change of columns belongs into analyse.py too.
  columns = [
    { name = "id", type = "string", comment = "ID of the feedback" },
    { name = "time", type = "string", comment = "When the feedback began, UTC, ISO 8601" },
    { name = "learner", type = "string", comment = "Pseudonym of the learner" },
    { name = "session", type = "string", comment = "Pseudonym of the session" },
    { name = "topic", type = "string", comment = "Topic of the training" },
    { name = "level", type = "string", comment = "Level of the material; empty if none was served in the session" },
    { name = "difficulty", type = "string", comment = "too easy, just right or too hard" },
    { name = "locale", type = "string", comment = "Language of the conversation" },
    { name = "language", type = "string", comment = "Language of the text" },
    { name = "characters", type = "bigint", comment = "Characters of the text" },
    { name = "text", type = "string", comment = "Text, redacted; null if it was withheld" },
    { name = "redaction", type = "string", comment = "done, or why the text was withheld" },
    { name = "redacted", type = "bigint", comment = "Places that were redacted; null if the text was withheld" },
    { name = "sentiment", type = "string", comment = "POSITIVE, NEGATIVE, NEUTRAL, MIXED or UNKNOWN" },
    { name = "positive", type = "double", comment = "Score of the sentiment; null if it is UNKNOWN" },
    { name = "negative", type = "double", comment = "Score of the sentiment; null if it is UNKNOWN" },
    { name = "neutral", type = "double", comment = "Score of the sentiment; null if it is UNKNOWN" },
    { name = "mixed", type = "double", comment = "Score of the sentiment; null if it is UNKNOWN" },
    { name = "cut", type = "boolean", comment = "Whether the sentiment is of the first 5,000 bytes only" },
    { name = "phrases", type = "array<string>", comment = "Key phrases, in lower case" },
  ]

  queries = {
    sentiment_by_topic_and_day = {
      description = "Feedback by topic, day and sentiment"
      sql         = <<-SQL
        SELECT topic, dt AS day, count(*) AS feedback,
               count_if(sentiment = 'POSITIVE') AS positive, count_if(sentiment = 'NEGATIVE') AS negative,
               count_if(sentiment = 'MIXED') AS mixed, count_if(sentiment = 'NEUTRAL') AS neutral,
               count_if(sentiment = 'UNKNOWN') AS without_sentiment
        FROM feedback GROUP BY topic, dt ORDER BY day DESC, topic
      SQL
    }
    difficulty_by_topic_and_level = {
      description = "How hard learners find each level of each topic"
      sql         = <<-SQL
        SELECT topic, level, count(*) AS feedback, count_if(difficulty = 'too easy') AS too_easy,
               count_if(difficulty = 'just right') AS just_right, count_if(difficulty = 'too hard') AS too_hard
        FROM feedback GROUP BY topic, level ORDER BY topic, level
      SQL
    }
    phrases_of_complaints = {
      description = "Key phrases of feedback that is negative or mixed, the most frequent first"
      sql         = <<-SQL
        SELECT topic, phrase, count(*) AS feedback
        FROM feedback CROSS JOIN UNNEST(phrases) AS said (phrase)
        WHERE sentiment IN ('NEGATIVE', 'MIXED') GROUP BY topic, phrase ORDER BY feedback DESC, phrase LIMIT 100
      SQL
    }
  }
}

module "athena" {
  source = "../../blocks/athena"

  context         = var.context
  name            = local.name
  description     = "Feedback on training"
  bucket_name     = module.bucket.id
  query_limit_mib = var.query_limit_mib
  queries         = local.queries

  tables = {
    feedback = {
      description = "One row for each feedback"
      prefix      = local.rows
      columns     = local.columns
      partitions = [{
        name       = "dt"
        comment    = "Day on which the feedback began, YYYY-MM-DD (UTC)"
        projection = { type = "date", range = "NOW-${var.retention_days}DAYS,NOW+1DAY" }
      }]
    }
  }
}

# --- QuickSight --------------------------------------------------------------------------------------------------------

# QuickSight queries with a role of the account. Without these permissions, the data source is created and shows nothing.
resource "aws_iam_role_policy" "quicksight" {
  for_each = toset(compact([for q in var.quicksight[*] : q.service_role_name]))

  name = "${var.context.name_prefix}-${local.name}-${var.context.region}"
  role = each.key
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(jsondecode(module.athena.query_policy).Statement, [
      {
        Sid      = "StreamResults"
        Effect   = "Allow"
        Action   = ["athena:GetQueryResultsStream"]
        Resource = [module.athena.workgroup_arn]
      },
      {
        Sid      = "BrowseCatalog"
        Effect   = "Allow"
        Action   = ["athena:GetDataCatalog", "athena:GetDatabase", "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata"]
        Resource = ["arn:${var.context.partition}:athena:${var.context.region}:${var.context.account_id}:datacatalog/AwsDataCatalog"]
      },
    ])
  })
}

resource "aws_quicksight_data_source" "this" {
  count = var.quicksight == null ? 0 : 1

  data_source_id = "${var.context.name_prefix}-${local.name}"
  name           = "${var.context.name_prefix} ${local.name}"
  type           = "ATHENA"
  tags           = var.context.tags

  parameters {
    athena {
      work_group = module.athena.workgroup_name
    }
  }

  dynamic "permission" {
    for_each = var.quicksight.owner_arns
    content {
      principal = permission.value
      actions   = [for action in ["DeleteDataSource", "DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource", "UpdateDataSource", "UpdateDataSourcePermissions"] : "quicksight:${action}"]
    }
  }

  depends_on = [aws_iam_role_policy.quicksight] # QuickSight tries the connection when it is created.
}

resource "aws_quicksight_data_set" "this" {
  count = var.quicksight == null ? 0 : 1

  data_set_id = "${var.context.name_prefix}-${local.name}"
  name        = "${var.context.name_prefix} ${local.name}"
  import_mode = var.quicksight.direct_query ? "DIRECT_QUERY" : "SPICE"
  tags        = var.context.tags

  physical_table_map {
    physical_table_map_id = "feedback"

    relational_table {
      data_source_arn = aws_quicksight_data_source.this[0].arn
      catalog         = "AwsDataCatalog"
      schema          = module.athena.database_name
      name            = module.athena.table_names.feedback

      # Without the lists and booleans, which are no types of a dataset's columns.
      dynamic "input_columns" {
        for_each = concat([for column in local.columns : column if contains(["string", "bigint", "double"], column.type)], [{ name = "dt", type = "string" }])
        content {
          name = input_columns.value.name
          type = lookup({ bigint = "INTEGER", double = "DECIMAL" }, input_columns.value.type, "STRING")
        }
      }
    }
  }

  # Without one, QuickSight makes one, which each plan would remove.
  logical_table_map {
    logical_table_map_id = "feedback"
    alias                = "feedback"

    source {
      physical_table_id = "feedback"
    }
  }

  dynamic "permissions" {
    for_each = var.quicksight.owner_arns
    content {
      principal = permissions.value
      actions   = [for action in ["CancelIngestion", "CreateIngestion", "DeleteDataSet", "DescribeDataSet", "DescribeDataSetPermissions", "DescribeIngestion", "ListIngestions", "PassDataSet", "UpdateDataSet", "UpdateDataSetPermissions"] : "quicksight:${action}"]
    }
  }
}

# QuickSight refuses a refresh of datasets that are not in SPICE.
resource "aws_quicksight_refresh_schedule" "this" {
  count = try(var.quicksight.direct_query, true) ? 0 : 1

  data_set_id = aws_quicksight_data_set.this[0].data_set_id
  schedule_id = "daily"

  schedule {
    refresh_type = "FULL_REFRESH"

    schedule_frequency {
      interval        = "DAILY"
      time_of_the_day = var.quicksight.refresh_time
      timezone        = var.quicksight.refresh_time_zone
    }
  }
}
