output "url" {
  description = "URL of the API, without a slash at the end. Messages go to `<url>/tickets`; the page is at `<url>/`."
  value       = module.api.url
}

output "stage_arn" {
  description = "ARN of the API's stage."
  value       = module.api.stage_arn
}

output "state_machine_arn" {
  description = "ARN of the workflow, for callers within AWS (`states:StartSyncExecution`)."
  value       = module.workflow.arn
}

output "ticket_table_name" {
  description = "Table of the tickets."
  value       = module.tickets.name
}

output "request_table_name" {
  description = "Table that remembers which request made which ticket."
  value       = module.requests.name
}

output "failed_queue_arn" {
  description = "ARN of the queue of mails that were not sent after all retries."
  value       = local.failed_arn
  depends_on  = [aws_sqs_queue.failed]
}

output "function_names" {
  description = "Names of the functions: `submit`, `ticket`, `alert`, and with a page `page`."
  value       = { for key, function in merge(module.functions.functions, module.api_functions.functions) : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.api_functions.alarm_names, module.workflow.alarm_names, module.api.alarm_names))
}
