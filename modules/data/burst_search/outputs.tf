output "state_machine_arn" {
  description = "ARN of the state machine: each execution is one job."
  value       = module.state_machine.arn
}

output "bucket_name" {
  description = "Bucket of the results: `results/<name of the execution>/summary.json`, `page-00001.json`, …"
  value       = module.bucket.id
}

output "bucket_arn" {
  description = "ARN of the bucket, for policies of those who read results."
  value       = module.bucket.arn
}

output "table_name" {
  description = "Table with what each batch found, until it expires."
  value       = module.table.name
}

output "searches" {
  description = "Names of the searches that a job can ask for."
  value       = sort(keys(local.searches))
}

output "function_names" {
  description = "Names of the functions: `plan`, `monitor`, `dispatch`, `worker`, `combine`."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "role_names" {
  description = "Names of the functions' roles, by the same keys."
  value       = { for key, function in module.functions.functions : key => function.role_name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.state_machine.alarm_names))
}
