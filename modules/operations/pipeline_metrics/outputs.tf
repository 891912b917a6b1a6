output "bucket_name" {
  description = "Bucket of the records, of the results of queries and of the page."
  value       = module.bucket.id
}

output "report_key" {
  description = "Key of the page of plots in the bucket; null without one."
  value       = var.report_schedule_expression == null ? null : "report/index.html"
}

output "event_bus_arn" {
  description = "Event bus to which rules of other Regions and of the members send CodePipeline's events."
  value       = local.bus_arn
}

output "member_policy" {
  description = "Policy, as JSON, of the roles named in `members`."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # The action has no resource type.
        Sid      = "ListPipelines"
        Effect   = "Allow"
        Action   = "codepipeline:ListPipelines"
        Resource = "*"
      },
      {
        Sid      = "ReadHistory"
        Effect   = "Allow"
        Action   = ["codepipeline:ListPipelineExecutions", "codepipeline:ListActionExecutions"]
        Resource = [for pattern in var.pipelines : "arn:${var.context.partition}:codepipeline:*:*:${pattern}"]
      },
    ]
  })
}

output "athena" {
  description = "Names of the Athena database, the table of records, the views and the workgroup."
  value = {
    database  = module.athena.database_name
    table     = module.athena.table_names.records
    views     = [for name in keys(local.views) : module.athena.table_names[name]]
    workgroup = module.athena.workgroup_name
  }
}

output "query_policy" {
  description = "Policy, as JSON, that lets a principal query the views in the workgroup."
  value       = module.athena.query_policy
}

output "state_machine_arn" {
  description = "State machine that reads the history. Its input is {}, or {\"days\": 90} to read as many days of every pipeline again."
  value       = module.history.arn
}

output "function_names" {
  description = "Names of the functions: `collect`, `history`, `compact` and, with a page, `report`."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "role_arns" {
  description = "ARNs of the functions' roles: the members' roles must trust that of `history`."
  value       = { for key, function in module.functions.functions : key => function.role_arn }
}

output "queue_url" {
  description = "Queue of the events that are not yet written."
  value       = module.queue.url
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "quicksight" {
  description = "IDs of the data source, the datasets, the analysis and the dashboard in QuickSight; null without them."
  value = var.quicksight == null ? null : {
    data_source_id = aws_quicksight_data_source.this[0].data_source_id
    data_set_ids   = { for name, set in aws_quicksight_data_set.this : name => set.data_set_id }
    analysis_id    = aws_quicksight_analysis.this[0].analysis_id
    dashboard_id   = aws_quicksight_dashboard.this[0].dashboard_id
  }
}

output "alarm_names" {
  description = "Names of the alarms."
  value = concat(
    module.functions.alarm_names,
    module.queue.alarm_names,
    flatten(values(module.rules)[*].alarm_names),
    module.history.alarm_names,
    flatten(values(module.schedules)[*].alarm_names),
  )
}
