output "url" {
  description = "Base URL of the API, to which you append paths. It does not end in a slash."
  value       = module.api.url
}

output "web_client_url" {
  description = "URL of the web client, which you register as the app client's callback URL. Null without a web client."
  value       = var.web_client == null ? null : "${module.api.url}/"
}

output "authorizer" {
  description = "The authorizer, for REST APIs of your own: use it as `authorizer` of the block `rest_api`. Its results must not be cached."
  value       = { name = module.functions.functions.authorizer.name, invoke_arn = module.functions.functions.authorizer.invoke_arn, ttl_seconds = 0 }
}

output "stage_arn" {
  description = "ARN of the API's stage, to associate a web ACL with."
  value       = module.api.stage_arn
}

output "setting_table_name" {
  description = "Name of the table with the operations' settings: `id` (`/transfer`, `POST /transfer`, or `* /transfer` for an operator's own, which Terraform never writes), `stepUpState`, `group`. A change applies from the next request on."
  value       = module.settings.name
}

output "session_table_name" {
  description = "Name of the table with the tokens' step-up sessions."
  value       = module.sessions.name
}

output "factor_table_name" {
  description = "Name of the table of factor changes, attempts and used codes. Null without Cognito."
  value       = one(module.factors[*].name)
}

output "function_names" {
  description = "Names of the functions by their role: authorizer, initiate-auth, respond-to-challenge, factor-change, sample, web."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.functions.alarm_names, module.api.alarm_names)
}
