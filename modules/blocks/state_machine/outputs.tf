# ARNs and names are computed from the inputs, so that policies that contain them are known at plan time;
# depends_on makes consumers wait for the resource and its policies.

output "arn" {
  description = "ARN of the state machine."
  value       = local.arn
  depends_on  = [aws_sfn_state_machine.this]
}

output "name" {
  description = "Name of the state machine."
  value       = local.name
  depends_on  = [aws_sfn_state_machine.this]
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = values(aws_cloudwatch_metric_alarm.this)[*].alarm_name
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    state_machine  = aws_sfn_state_machine.this
    log_group      = aws_cloudwatch_log_group.this
    runtime_policy = aws_iam_role_policy.runtime
    grants         = one(aws_iam_role_policy.grants[*])
    alarms         = aws_cloudwatch_metric_alarm.this
  }
}
