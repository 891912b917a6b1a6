# QuickSight: the views as datasets, one definition as a template, and from it the analysis and the dashboard.
locals {
  quicksight = var.quicksight == null ? [] : [var.quicksight]

  # Views that become datasets. QuickSight has fewer types than Athena.
  data_sets = var.quicksight == null ? {} : {
    for name in ["executions", "daily_results", "action_results", "dora_monthly"] : name => [
      for column in local.views[name].columns : {
        name = column[0]
        type = lookup({ bigint = "INTEGER", integer = "INTEGER", double = "DECIMAL", date = "DATETIME", "timestamp(3)" = "DATETIME" }, column[1], "STRING")
      }
    ]
  }

  # Actions of owners and readers as QuickSight groups them; for datasets those without refresh settings, because the
  # provider takes 16 actions at most.
  quicksight_actions = {
    data_source = ["DeleteDataSource", "DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource", "UpdateDataSource", "UpdateDataSourcePermissions"]
    data_set    = ["CancelIngestion", "CreateIngestion", "DeleteDataSet", "DescribeDataSet", "DescribeDataSetPermissions", "DescribeIngestion", "ListIngestions", "PassDataSet", "UpdateDataSet", "UpdateDataSetPermissions"]
    analysis    = ["DeleteAnalysis", "DescribeAnalysis", "DescribeAnalysisPermissions", "QueryAnalysis", "RestoreAnalysis", "UpdateAnalysis", "UpdateAnalysisPermissions"]
    dashboard   = ["DeleteDashboard", "DescribeDashboard", "DescribeDashboardPermissions", "ListDashboardVersions", "QueryDashboard", "UpdateDashboard", "UpdateDashboardPermissions", "UpdateDashboardPublishedVersion"]
    reader      = ["DescribeDashboard", "ListDashboardVersions", "QueryDashboard"]
  }
}

# QuickSight queries with a role of the account. Without these permissions, the data source is created and shows nothing.
resource "aws_iam_role_policy" "quicksight" {
  for_each = toset(compact([for q in local.quicksight : q.service_role_name]))

  name = "${var.context.name_prefix}-${local.name}-${var.context.region}"
  role = each.key
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(jsondecode(module.athena.query_policy).Statement, [
      {
        Sid      = "StreamResults"
        Effect   = "Allow"
        Action   = "athena:GetQueryResultsStream"
        Resource = module.athena.workgroup_arn
      },
      {
        Sid      = "BrowseCatalog"
        Effect   = "Allow"
        Action   = ["athena:GetDataCatalog", "athena:GetDatabase", "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata"]
        Resource = "arn:${var.context.partition}:athena:${var.context.region}:${var.context.account_id}:datacatalog/AwsDataCatalog"
      },
    ])
  })
}

resource "aws_quicksight_data_source" "this" {
  count = length(local.quicksight)

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
    for_each = local.quicksight[0].owner_arns
    content {
      principal = permission.value
      actions   = [for action in local.quicksight_actions.data_source : "quicksight:${action}"]
    }
  }

  depends_on = [aws_iam_role_policy.quicksight] # QuickSight tries the connection when it is created.
}

resource "aws_quicksight_data_set" "this" {
  for_each = local.data_sets

  data_set_id = "${var.context.name_prefix}-${local.name}-${each.key}"
  name        = "${var.context.name_prefix} ${each.key}"
  import_mode = local.quicksight[0].direct_query ? "DIRECT_QUERY" : "SPICE"
  tags        = var.context.tags

  physical_table_map {
    physical_table_map_id = each.key

    relational_table {
      data_source_arn = aws_quicksight_data_source.this[0].arn
      catalog         = "AwsDataCatalog"
      schema          = module.athena.database_name
      name            = module.athena.table_names[each.key]

      dynamic "input_columns" {
        for_each = each.value
        content {
          name = input_columns.value.name
          type = input_columns.value.type
        }
      }
    }
  }

  # Without one, QuickSight makes one, which each plan would remove.
  logical_table_map {
    logical_table_map_id = each.key
    alias                = each.key

    source {
      physical_table_id = each.key
    }
  }

  dynamic "permissions" {
    for_each = local.quicksight[0].owner_arns
    content {
      principal = permissions.value
      actions   = [for action in local.quicksight_actions.data_set : "quicksight:${action}"]
    }
  }
}

# QuickSight refuses a refresh of datasets that are not in SPICE.
resource "aws_quicksight_refresh_schedule" "this" {
  for_each = { for name, columns in local.data_sets : name => columns if !try(var.quicksight.direct_query, false) }

  data_set_id = aws_quicksight_data_set.this[each.key].data_set_id
  schedule_id = "daily"

  schedule {
    refresh_type = "FULL_REFRESH"

    schedule_frequency {
      interval        = "DAILY"
      time_of_the_day = local.quicksight[0].refresh_time
      timezone        = local.quicksight[0].refresh_time_zone
    }
  }
}

resource "aws_quicksight_template" "this" {
  count = length(local.quicksight)

  template_id         = "${var.context.name_prefix}-${local.name}"
  name                = "${var.context.name_prefix} ${local.name}"
  version_description = "As in the code of the stack"
  tags                = var.context.tags

  definition {
    dynamic "data_set_configuration" {
      for_each = local.data_sets
      content {
        placeholder = data_set_configuration.key

        data_set_schema {
          dynamic "column_schema_list" {
            for_each = data_set_configuration.value
            content {
              name      = column_schema_list.value.name
              data_type = column_schema_list.value.type
            }
          }
        }
      }
    }

    # One choice of pipelines for all plots, whatever their dataset.
    filter_groups {
      filter_group_id = "pipelines"
      cross_dataset   = "ALL_DATASETS"
      status          = "ENABLED"

      filters {
        category_filter {
          filter_id = "pipeline"

          column {
            column_name         = "pipeline"
            data_set_identifier = "executions"
          }

          configuration {
            filter_list_configuration {
              match_operator     = "CONTAINS"
              select_all_options = "FILTER_ALL_VALUES"
            }
          }
        }
      }

      scope_configuration {
        selected_sheets {
          sheet_visual_scoping_configurations {
            sheet_id = "pipelines"
            scope    = "ALL_VISUALS"
          }
        }
      }
    }

    sheets {
      sheet_id = "pipelines"
      name     = "Pipelines"

      filter_controls {
        dropdown {
          filter_control_id = "pipeline"
          source_filter_id  = "pipeline"
          title             = "Pipeline"
          type              = "MULTI_SELECT"
        }
      }

      visuals {
        bar_chart_visual {
          visual_id = "results"

          title {
            format_text {
              plain_text = "Executions by result"
            }
          }

          chart_configuration {
            orientation = "HORIZONTAL"

            field_wells {
              bar_chart_aggregated_field_wells {
                category {
                  categorical_dimension_field {
                    field_id = "results-result"
                    column {
                      column_name         = "result"
                      data_set_identifier = "executions"
                    }
                  }
                }
                values {
                  categorical_measure_field {
                    field_id             = "results-executions"
                    aggregation_function = "COUNT"
                    column {
                      column_name         = "execution"
                      data_set_identifier = "executions"
                    }
                  }
                }
              }
            }
          }
        }
      }

      visuals {
        bar_chart_visual {
          visual_id = "actions"

          title {
            format_text {
              plain_text = "Results by action"
            }
          }

          chart_configuration {
            orientation      = "HORIZONTAL"
            bars_arrangement = "STACKED"

            field_wells {
              bar_chart_aggregated_field_wells {
                category {
                  categorical_dimension_field {
                    field_id = "actions-action"
                    column {
                      column_name         = "action"
                      data_set_identifier = "action_results"
                    }
                  }
                }

                dynamic "values" {
                  for_each = ["succeeded", "failed"]
                  content {
                    numerical_measure_field {
                      field_id = "actions-${values.value}"
                      column {
                        column_name         = values.value
                        data_set_identifier = "action_results"
                      }
                      aggregation_function {
                        simple_numerical_aggregation = "SUM"
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }

      visuals {
        line_chart_visual {
          visual_id = "days"

          title {
            format_text {
              plain_text = "Executions that succeeded and failed, day over day"
            }
          }

          chart_configuration {
            type = "LINE"

            field_wells {
              line_chart_aggregated_field_wells {
                category {
                  date_dimension_field {
                    field_id         = "days-day"
                    date_granularity = "DAY"
                    column {
                      column_name         = "day"
                      data_set_identifier = "daily_results"
                    }
                  }
                }

                dynamic "values" {
                  for_each = ["succeeded", "failed"]
                  content {
                    numerical_measure_field {
                      field_id = "days-${values.value}"
                      column {
                        column_name         = values.value
                        data_set_identifier = "daily_results"
                      }
                      aggregation_function {
                        simple_numerical_aggregation = "SUM"
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }

      visuals {
        table_visual {
          visual_id = "deployments"

          title {
            format_text {
              plain_text = "Deployments by month"
            }
          }

          chart_configuration {
            field_wells {
              table_unaggregated_field_wells {
                dynamic "values" {
                  for_each = local.data_sets.dora_monthly
                  content {
                    field_id = "deployments-${values.value.name}"
                    column {
                      column_name         = values.value.name
                      data_set_identifier = "dora_monthly"
                    }
                  }
                }
              }
            }
          }
        }
      }

      layouts {
        configuration {
          grid_layout {
            dynamic "elements" {
              for_each = {
                results     = { column = 0, row = 0, width = 12, height = 9 }
                days        = { column = 12, row = 0, width = 24, height = 9 }
                actions     = { column = 0, row = 9, width = 36, height = 12 }
                deployments = { column = 0, row = 21, width = 36, height = 9 }
              }
              content {
                element_id   = elements.key
                element_type = "VISUAL"
                column_index = elements.value.column
                column_span  = elements.value.width
                row_index    = elements.value.row
                row_span     = elements.value.height
              }
            }
          }
        }
      }
    }
  }
}

resource "aws_quicksight_analysis" "this" {
  count = length(local.quicksight)

  analysis_id             = "${var.context.name_prefix}-${local.name}"
  name                    = "${var.context.name_prefix} ${local.name}"
  recovery_window_in_days = 0 # The code makes it again.
  tags                    = var.context.tags

  source_entity {
    source_template {
      arn = aws_quicksight_template.this[0].arn

      dynamic "data_set_references" {
        for_each = aws_quicksight_data_set.this
        content {
          data_set_placeholder = data_set_references.key
          data_set_arn         = data_set_references.value.arn
        }
      }
    }
  }

  dynamic "permissions" {
    for_each = local.quicksight[0].owner_arns
    content {
      principal = permissions.value
      actions   = [for action in local.quicksight_actions.analysis : "quicksight:${action}"]
    }
  }
}

resource "aws_quicksight_dashboard" "this" {
  count = length(local.quicksight)

  dashboard_id        = "${var.context.name_prefix}-${local.name}"
  name                = "${var.context.name_prefix} ${local.name}"
  version_description = "As in the code of the stack"
  tags                = var.context.tags

  source_entity {
    source_template {
      arn = aws_quicksight_template.this[0].arn

      dynamic "data_set_references" {
        for_each = aws_quicksight_data_set.this
        content {
          data_set_placeholder = data_set_references.key
          data_set_arn         = data_set_references.value.arn
        }
      }
    }
  }

  dynamic "permissions" {
    for_each = merge(
      { for arn in setsubtract(local.quicksight[0].reader_arns, local.quicksight[0].owner_arns) : arn => local.quicksight_actions.reader },
      { for arn in local.quicksight[0].owner_arns : arn => local.quicksight_actions.dashboard },
    )
    content {
      principal = permissions.key
      actions   = [for action in permissions.value : "quicksight:${action}"]
    }
  }
}
