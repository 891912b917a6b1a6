output "url" {
  description = "URL of the API that paths are appended to, without a slash at its end."
  value       = module.api.url
}

output "web_client_url" {
  description = "URL of the web client, to be registered as the app client's callback URL; null without one."
  value       = var.web_client == null ? null : "${module.api.url}/"
}

output "authorizer" {
  description = "The authorizer, for REST APIs of your own: the value of `authorizer` of the block `rest_api`. Its answers must not be cached."
  value       = { name = module.functions.functions.authorizer.name, invoke_arn = module.functions.functions.authorizer.invoke_arn, ttl_seconds = 0 }
}

output "stage_arn" {
  description = "ARN of the API's stage, to associate a web ACL with."
  value       = module.api.stage_arn
}

output "setting_table_name" {
  description = "Table of what operations require: `id` (resource path), `stepUpState`, `group`. A change holds for the next request."
  value       = module.settings.name
}

output "session_table_name" {
  description = "Table of what tokens have shown."
  value       = module.sessions.name
}

output "factor_table_name" {
  description = "Table of factor changes, attempts and used codes; null without Cognito."
  value       = one(module.factors[*].name)
}

output "function_names" {
  description = "Names of the functions by their part: authorizer, initiate-auth, respond-to-challenge, factor-change, sample, web."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.functions.alarm_names, module.api.alarm_names)
}
