output "url" {
  description = "URL of the API's stage `v1`, without a slash at the end."
  value       = aws_api_gateway_stage.this[local.main].invoke_url
  # A consumer waits until the API may call its function and the limits are in place.
  depends_on = [aws_api_gateway_method_settings.all, aws_lambda_permission.authorizer, aws_lambda_permission.stage]
}

output "api_id" {
  description = "ID of the API."
  value       = aws_api_gateway_rest_api.this.id
}

output "stage_arn" {
  description = "ARN of the stage `v1`, for a usage plan or a web ACL."
  value       = aws_api_gateway_stage.this[local.main].arn
}

output "stages" {
  description = "Each stage by name: its `url`, its `arn`, and the `release` that it and its `canary` serve."
  value = { for name, stage in aws_api_gateway_stage.this : name => {
    url     = stage.invoke_url
    arn     = stage.arn
    release = local.releases[local.served[name]]
    canary  = try(local.releases[local.canaries[name].version], null)
  } }
}

output "release" {
  description = "The newest release, by which `stages` can keep it when the file changes: the version of the file, and a hash of what was made of it."
  value       = local.newest
}

output "execution_arn" {
  description = "ARN that policies of callers name: `<execution_arn>/<stage>/<method>/<path>` for `execute-api:Invoke`."
  value       = local.execution_arn
}

output "version" {
  description = "Version of the file, and of the newest release."
  value       = try(local.decision.version, null)
}

output "left_out" {
  description = "What of the file API Gateway does not check, each with its path. The function must; the sample service does."
  value       = try(local.decision.left_out, [])
}

output "documentation_url" {
  description = "URL of the documentation."
  value       = "https://${coalesce(var.documentation.domain_name, aws_cloudfront_distribution.site.domain_name)}/"
}

output "distribution_id" {
  description = "ID of the distribution that serves the documentation."
  value       = aws_cloudfront_distribution.site.id
}

output "client_repository" {
  description = "Where the clients are in CodeArtifact: `domain`, `domain_owner`, `repository`."
  value = {
    domain       = aws_codeartifact_domain.this.domain
    domain_owner = var.context.account_id
    repository   = aws_codeartifact_repository.this.repository
  }
}

output "documents_bucket" {
  description = "Bucket of the served file (`current/openapi`) and of the report about what was published (`reports/publication.json`)."
  value       = module.documents.id
}

output "site_bucket" {
  description = "Bucket of the documentation."
  value       = module.site.id
}

output "project_name" {
  description = "CodeBuild project that publishes."
  value       = aws_codebuild_project.publication.name
}

output "table_name" {
  description = "Table of the sample service; null with a function of your own."
  value       = one(module.widgets[*].name)
}

output "function_names" {
  description = "Names of the functions: `prepare`, and `service` unless you named a function of your own."
  value       = { for key, f in module.functions.functions : key => f.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    module.functions.alarm_names,
    [for alarm in aws_cloudwatch_metric_alarm.server_errors : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.canary : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.failed.alarm_name],
  ))
}
