output "url" {
  description = "URL of the API, without a slash at the end. Searches go to `<url>/search`; the page, if there is one, is at `<url>/`."
  value       = module.api.url
}

output "stage_arn" {
  description = "ARN of the API's stage."
  value       = module.api.stage_arn
}

output "domain_arn" {
  description = "ARN of the domain."
  value       = aws_opensearch_domain.this.arn
}

output "endpoint" {
  description = "Host name of the domain's endpoint."
  value       = aws_opensearch_domain.this.endpoint
}

output "index" {
  description = "Name of the index."
  value       = var.index
}

output "model_id" {
  description = "ID of the embedding model in the domain."
  value       = jsondecode(aws_lambda_invocation.bootstrap.result).model_id
}

output "bucket_name" {
  description = "Bucket that takes documents below `documents/` and has reports below `reports/`."
  value       = module.bucket.id
}

output "function_names" {
  description = "Names of the functions: `bootstrap`, `load`, `query`, and with `public` `page`."
  value       = { for key, function in merge(module.bootstrap.functions, module.functions.functions) : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.bootstrap.alarm_names, module.functions.alarm_names, module.rule.alarm_names, module.api.alarm_names))
}
