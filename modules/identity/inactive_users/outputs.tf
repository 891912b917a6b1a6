output "trigger_function_arns" {
  description = "What to attach to each pool, by the name of the argument in the pool's `lambda_config`. The pools may call them already."
  value = {
    post_authentication = module.record_function.arn
    post_confirmation   = module.record_function.arn
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
    arn = module.failed.arn
    url = module.failed.url
  }
}

output "function_names" {
  description = "Names of the functions."
  value = {
    record  = module.record_function.name
    replay  = module.replay_function.name
    disable = module.disable_function.name
    preload = module.preload_function.name
  }
}

output "alarm_names" {
  description = "Names of the alarms."
  value = concat(
    values(aws_cloudwatch_metric_alarm.this)[*].alarm_name,
    [aws_cloudwatch_metric_alarm.iterator_age.alarm_name],
    module.queue.alarm_names,
    [module.failed.alarm_name],
    module.preload.alarm_names,
    module.record_function.alarm_names,
    module.replay_function.alarm_names,
    module.disable_function.alarm_names,
    module.preload_function.alarm_names,
  )
}
