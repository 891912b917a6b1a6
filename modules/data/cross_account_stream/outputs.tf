output "reader" {
  description = "The function's role, for `consumers` of the module `stream` in the owner's account: `role_arn`, and `role_id`, which is another one when the role is created again."
  value       = { role_arn = module.functions.functions.consume.role_arn, role_id = module.functions.functions.consume.role_id }
}

output "mapping_ids" {
  description = "IDs of the event source mappings, by the name of the stream."
  value       = { for name, mapping in aws_lambda_event_source_mapping.this : name => mapping.uuid }
}

output "table_name" {
  description = "Table of the records."
  value       = module.records.name
}

output "parked_bucket_name" {
  description = "Bucket of the batches that Lambda gave up."
  value       = module.parked.id
}

output "function_names" {
  description = "Names of the functions: `consume`."
  value       = { consume = module.functions.functions.consume.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    module.functions.alarm_names,
    values(aws_cloudwatch_metric_alarm.mapping)[*].alarm_name,
    values(aws_cloudwatch_metric_alarm.silence)[*].alarm_name,
  ))
}
