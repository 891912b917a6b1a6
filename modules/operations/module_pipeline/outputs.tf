output "pipeline_names" {
  description = "Names of the pipelines, by module."
  value       = { for name, pipeline in aws_codepipeline.this : name => pipeline.name }
  # Before its rule exists, a change of the source does not start the pipeline.
  depends_on = [module.rules]
}

output "sources" {
  description = "Where modules with an S3 source are uploaded, by module: `bucket` and `key`."
  value       = { for name, source in local.s3_sources : name => { bucket = source.bucket, key = source.key } }
  depends_on  = [module.rules]
}

output "registry_bucket" {
  description = "Bucket with the releases: `registry/<module>/<version>.zip`."
  value       = module.registry.id
}

output "registry_url" {
  description = "Start of a release's address in `source` of a module block: append `<module>/<version>.zip`."
  value       = "s3::https://s3.${var.context.region}.${var.context.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"}/${module.registry.id}/registry/"
}

output "consumer_policy_json" {
  description = "Permissions of principals that use the releases: attach it to the role that runs Terraform."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadReleases"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${module.registry.arn}/registry/*"
      },
      {
        Sid       = "FindReleases"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = module.registry.arn
        Condition = { StringLike = { "s3:prefix" = ["registry/*"] } }
      },
      {
        Sid       = "DecryptReleases"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = local.registry_key_arn
        Condition = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
      },
    ]
  })
}

output "approver_policy_json" {
  description = "Permissions of the people who approve releases."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SeePipelines"
        Effect   = "Allow"
        Action   = ["codepipeline:GetPipeline", "codepipeline:GetPipelineExecution", "codepipeline:GetPipelineState", "codepipeline:ListPipelineExecutions"]
        Resource = sort(values(local.pipeline_arns))
      },
      {
        Sid      = "Approve"
        Effect   = "Allow"
        Action   = "codepipeline:PutApprovalResult"
        Resource = [for arn in sort(values(local.pipeline_arns)) : "${arn}/Approve/Approve"]
      },
      {
        Sid      = "ReadReports"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${module.builds.arn}/reports/*"
      },
      {
        Sid       = "DecryptReports"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
      },
    ]
  })
}

output "reports_bucket" {
  description = "Bucket with the reports of all stages: `reports/<module>/<execution>/`."
  value       = module.builds.id
}

output "topic_arn" {
  description = "ARN of the topic that asks for approvals and reports failed executions."
  value       = module.topic.arn
}

output "build_role_arns" {
  description = "ARNs of the roles of the builds, by stage: `check`, `test`, `integration`, `release`. `integration` is a principal of the sandbox roles."
  value       = { for key, role in aws_iam_role.build : key => role.arn }
}

output "sweep_role_arn" {
  description = "ARN of the role of the function `sweep`, a principal of the sandbox roles; null without a sandbox."
  value       = one([for function in module.functions.functions : function.role_arn])
}

output "function_names" {
  description = "Names of the functions: `sweep`, if there is a sandbox."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat([for alarm in aws_cloudwatch_metric_alarm.failed : alarm.alarm_name], module.functions.alarm_names, flatten(values(module.rules)[*].alarm_names), flatten(module.sweep_schedule[*].alarm_names)))
}
