output "state_machine_arn" {
  description = "ARN of the state machine whose executions are batches."
  value       = module.batches.arn
}

output "bucket_name" {
  description = "Bucket: documents below `incoming/`, images in `images/<document>/<page>.png`."
  value       = module.bucket.id
}

output "bucket_arn" {
  description = "ARN of the bucket, for policies of those who upload documents or read images."
  value       = module.bucket.arn
}

output "table_name" {
  description = "Table of the audit trail, while documents are in work and until `ledger_days` later."
  value       = module.table.name
}

output "athena" {
  description = "Workgroup and database of Athena: the tables `documents` and `pages`, the views `batches` and `batch_features`."
  value       = { workgroup = module.athena.workgroup_name, database = module.athena.database_name }
}

output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues that the failsafe reads: `ingest`, `pages`, and `images` with an endpoint."
  value       = { for name, queue in module.queues : name => queue.dead_letter_queue_url }
}

output "queue_urls" {
  description = "URLs of the queues, by the same keys."
  value       = { for name, queue in module.queues : name => queue.url }
}

output "large_state_machine_arn" {
  description = "ARN of the state machine whose executions are large documents, named after their IDs."
  value       = module.large.arn
}

output "function_names" {
  description = "Names of the functions: `listing`, `intake`, `render`, `failsafe`, and `infer` with an endpoint."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "role_names" {
  description = "Names of the functions' roles, by the same keys: a source in another account or with a key of its own must allow `listing`, `intake`, `render` and `failsafe`."
  value       = { for key, function in module.functions.functions : key => function.role_name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    module.functions.alarm_names,
    flatten(values(module.queues)[*].alarm_names),
    module.arrivals.alarm_names,
    module.batches.alarm_names,
    module.large.alarm_names,
  ))
}
