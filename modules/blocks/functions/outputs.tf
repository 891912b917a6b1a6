output "functions" {
  description = "Attributes of each function, under its key: `arn`, `name`, `invoke_arn` (for API Gateway), `role_arn`, `role_name`, `role_id` (its unique id, another one when the role is created again), `log_group_name`, `source_code_hash` (another one after each change of the package), and `dead_letter_queue_arn` and `dead_letter_queue_url` of its dead-letter queue (null without one)."
  # ARNs and names are computed from the inputs, so that policies that contain them are known at plan time.
  value = {
    for key, f in local.functions : key => {
      arn                   = f.arn
      name                  = f.name
      invoke_arn            = "arn:${var.context.partition}:apigateway:${var.context.region}:lambda:path/2015-03-31/functions/${f.arn}/invocations"
      role_arn              = "arn:${var.context.partition}:iam::${var.context.account_id}:role/${f.role_name}"
      role_name             = f.role_name
      role_id               = aws_iam_role.this[key].unique_id
      log_group_name        = f.log_group_name
      source_code_hash      = local.package_hash
      dead_letter_queue_arn = f.dead_letter_queue ? f.dead_letter_queue_arn : null
      dead_letter_queue_url = f.dead_letter_queue ? aws_sqs_queue.dead_letter[key].url : null
    }
  }
  # A consumer of a function waits until the function can be called.
  depends_on = [aws_lambda_function.this]
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = values(aws_cloudwatch_metric_alarm.this)[*].alarm_name
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it: functions by their key, permissions by `<key>/<invoker>`, alarms by `<key>/errors`, `<key>/throttles`, `<key>/dlq-depth` and the names of `metric_alarms`."
  value = {
    functions            = aws_lambda_function.this
    package              = one(aws_s3_object.package[*])
    log_groups           = aws_cloudwatch_log_group.this
    runtime_policies     = aws_iam_role_policy.runtime
    grants               = aws_iam_role_policy.grants
    event_invoke_configs = aws_lambda_function_event_invoke_config.this
    permissions          = aws_lambda_permission.invoker
    alarms               = aws_cloudwatch_metric_alarm.this
  }
}
