output "trigger_function_arns" {
  description = "ARNs of the functions to attach to each pool, by their argument in the pool's `lambda_config`. The pools already have permission to invoke them."
  value = {
    post_authentication = module.record.functions.record.arn
    post_confirmation   = module.record.functions.record.arn
  }
}

output "sign_in_trigger" {
  description = "The trigger for sign-ins alone, in the form of user_directory's `triggers`: for a pool that has a post-confirmation function of its own. The preload finds users who sign up and never sign in."
  value       = { post_authentication = module.record.functions.record.arn }
}

output "record_queue" {
  description = "ARN and URL of the queue of records, for pools that have triggers of their own: these send one message for each sign-in."
  value = {
    arn = module.queue.arn
    url = module.queue.url
  }
}

output "table_name" {
  description = "Name of the table with one item for each user."
  value       = module.table.name
}

output "audit_table_name" {
  description = "Name of the audit table, which records each action and its user."
  value       = module.audit.name
}

output "report_topic_arn" {
  description = "ARN of the topic of the report to administrators. Null without report."
  value       = one(module.report_topic[*].arn)
}

output "preload_state_machine_arn" {
  description = "ARN of the state machine to start once, after the triggers are attached. Its input is {}."
  value       = module.preload.arn
}

output "failed_queue" {
  description = "ARN and URL of the queue whose messages name the stream records that failed after all retries."
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
