# ARNs and names follow from the inputs, so that policies made of them are known at plan time;
# depends_on makes whoever uses them wait for what they name.

output "arn" {
  description = "ARN of the function."
  value       = local.arn
  depends_on  = [aws_lambda_function.this]
}

output "name" {
  description = "Name of the function."
  value       = local.name
  depends_on  = [aws_lambda_function.this]
}

output "invoke_arn" {
  description = "ARN by which API Gateway calls the function."
  value       = "arn:${var.context.partition}:apigateway:${var.context.region}:lambda:path/2015-03-31/functions/${local.arn}/invocations"
  depends_on  = [aws_lambda_function.this]
}

output "role_arn" {
  description = "ARN of the execution role."
  value       = "arn:${var.context.partition}:iam::${var.context.account_id}:role/${local.role_name}"
  depends_on  = [aws_iam_role_policy.runtime, aws_iam_role_policy.grants]
}

output "role_name" {
  description = "Name of the execution role."
  value       = local.role_name
  depends_on  = [aws_iam_role.this]
}

output "log_group_name" {
  description = "Name of the log group."
  value       = local.log_group_name
  depends_on  = [aws_cloudwatch_log_group.this]
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue of failed asynchronous calls; null without one."
  value       = one(module.dead_letter_queue[*].arn)
}

output "dead_letter_queue_url" {
  description = "URL of the queue of failed asynchronous calls; null without one."
  value       = one(module.dead_letter_queue[*].url)
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name, module.dead_letter_queue[*].alarm_name)
}

output "resources" {
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    function            = aws_lambda_function.this
    package             = aws_s3_object.package
    log_group           = aws_cloudwatch_log_group.this
    runtime_policy      = aws_iam_role_policy.runtime
    grants              = one(aws_iam_role_policy.grants[*])
    event_invoke_config = one(aws_lambda_function_event_invoke_config.this[*])
    permissions         = aws_lambda_permission.invoker
    alarms              = aws_cloudwatch_metric_alarm.this
  }
}
