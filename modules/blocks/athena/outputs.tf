# ARN and names are computed from the inputs, so that policies that contain them are known at plan time;
# depends_on makes consumers wait for what they name.

output "database_name" {
  description = "Name of the database: that of the workgroup, with underscores."
  value       = local.database
  depends_on  = [aws_glue_catalog_database.this]
}

output "table_names" {
  description = "Names of the tables and views, each under its own name."
  value       = { for name in concat(keys(var.tables), keys(var.views)) : name => name }
  depends_on  = [aws_glue_catalog_table.this, aws_glue_catalog_table.view]
}

output "workgroup_name" {
  description = "Name of the workgroup."
  value       = local.name
  depends_on  = [aws_athena_workgroup.this]
}

output "workgroup_arn" {
  description = "ARN of the workgroup."
  value       = local.workgroup_arn
  depends_on  = [aws_athena_workgroup.this]
}

output "query_ids" {
  description = "IDs of the saved queries by their names."
  value       = { for name, query in aws_athena_named_query.this : name => query.id }
}

output "query_statements" {
  description = "What a principal needs that queries the tables in the workgroup, as `policy_statements` of the functions block."
  value       = local.query_statements
}

output "query_policy" {
  description = "The same as a policy, as JSON."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in local.query_statements : merge(
        { Sid = s.sid, Effect = "Allow", Action = s.actions, Resource = s.resources },
        try({ Condition = s.conditions }, {}),
      )
    ]
  })
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    database  = aws_glue_catalog_database.this
    tables    = aws_glue_catalog_table.this
    views     = aws_glue_catalog_table.view
    workgroup = aws_athena_workgroup.this
    queries   = aws_athena_named_query.this
  }
}
