output "trigger_function_arns" {
  description = "What to attach to each pool, by the name of the argument in the pool's `lambda_config`. The pools may call them already."
  value = {
    post_authentication = module.record.functions.record.arn
    post_confirmation   = module.record.functions.record.arn
  }
}

output "record_queue" {
  description = "ARN and URL of the queue of records, for pools that have triggers of their own: those send one message for each sign-in."
  value = {
    arn = module.queue.arn
    url = module.queue.url
  }
}

output "table_name" {
  description = "Table with one item for each user."
  value       = module.table.name
}

output "audit_table_name" {
  description = "Table of what was done about whom."
  value       = module.audit.name
}

output "preload_state_machine_arn" {
  description = "State machine to start once after the triggers are attached; its input is {}."
  value       = module.preload.arn
}

output "failed_queue" {
  description = "ARN and URL of the queue that names stream records which failed for good."
  value = {
    arn = local.failed_arn
    url = aws_sqs_queue.failed.url
  }
}

output "function_names" {
  description = "Names of the functions."
  value       = { for key, function in merge(module.record.functions, module.functions.functions) : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value = concat(
    module.queue.alarm_names,
    module.preload.alarm_names,
    module.record.alarm_names,
    module.functions.alarm_names,
  )
}
