output "state_machine_arn" {
  description = "ARN of the state machine that exports. Its input is {} or {\"filters\": …} in the shape of GetFindings."
  value       = module.state_machine.arn
}

output "bucket_name" {
  description = "Name of the bucket that receives the findings."
  value       = local.bucket_name
}

output "prefix" {
  description = "Key prefix of the exported objects."
  value       = var.prefix
}

output "count_parameter_name" {
  description = "Name of the SSM parameter with the number of findings that the latest run has exported so far."
  value       = aws_ssm_parameter.count.name
}

output "topic_arn" {
  description = "ARN of the topic that receives each status change of a run."
  value       = module.topic.arn
}

output "function_names" {
  description = "Names of the functions, by key."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "role_arns" {
  description = "ARNs of the functions' roles, for the policies of a destination in another account."
  value       = { for key, function in module.functions.functions : key => function.role_arn }
}

output "lock_table_name" {
  description = "Name of the table whose only item names the run that may export."
  value       = module.lock.name
}

output "athena" {
  description = "Names of the Athena database, the tables of findings (`table`) and of complete runs (`runs_table`), and the workgroup, and the ids of the named queries; null with `destination`."
  value = local.own_bucket ? {
    database   = aws_glue_catalog_database.this[0].name
    table      = aws_glue_catalog_table.this["findings"].name
    runs_table = aws_glue_catalog_table.this["runs"].name
    workgroup  = aws_athena_workgroup.this[0].name
    queries    = { for name, query in aws_athena_named_query.this : name => query.id }
  } : null
}

output "alarm_names" {
  description = "Names of the alarms."
  value = concat(
    module.functions.alarm_names,
    module.state_machine.alarm_names,
    module.status_rule.alarm_names,
    flatten(module.schedule[*].alarm_names),
    flatten(module.continuous_queue[*].alarm_names),
    flatten(module.continuous_rule[*].alarm_names),
  )
}

output "destination_bucket_policy" {
  description = "Statements, as JSON, that the owner of `destination` adds to the bucket policy; null without `destination`."
  value = local.own_bucket ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "SwitchyardFindingExportObjects"
        Effect    = "Allow"
        Principal = { AWS = local.role_arns }
        Action    = ["s3:PutObject", "s3:DeleteObject"]
        Resource  = local.object_arns
      },
      {
        Sid       = "SwitchyardFindingExportManifests"
        Effect    = "Allow"
        Principal = { AWS = module.functions.functions.export.role_arn }
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arn}/${var.prefix}runs/dt=*"
      },
      {
        Sid       = "SwitchyardFindingExportList"
        Effect    = "Allow"
        Principal = { AWS = local.role_arns }
        Action    = "s3:ListBucket"
        Resource  = local.bucket_arn
        Condition = { StringLike = { "s3:prefix" = "${var.prefix}dt=*" } }
      },
    ]
  })
}

output "destination_key_policy" {
  description = "Statement, as JSON, that the owner of `destination` adds to the policy of the bucket's KMS key; null without `destination.kms_key_arn`."
  value = try(var.destination.kms_key_arn, null) == null ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SwitchyardFindingExport"
      Effect    = "Allow"
      Principal = { AWS = local.role_arns }
      Action    = "kms:GenerateDataKey"
      Resource  = "*"
      Condition = { StringLike = { "kms:ViaService" = local.key_via_s3 } }
    }]
  })
}

locals {
  role_arns = values(module.functions.functions)[*].role_arn
}
