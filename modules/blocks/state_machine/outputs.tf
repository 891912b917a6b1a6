# ARNs and names follow from the inputs, so that policies made of them are known at plan time;
# depends_on makes whoever uses them wait for what they name.

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
  description = "The resources themselves, for the plan tests of what is built with this block."
  value = {
    state_machine  = aws_sfn_state_machine.this
    log_group      = aws_cloudwatch_log_group.this
    runtime_policy = aws_iam_role_policy.runtime
    grants         = one(aws_iam_role_policy.grants[*])
    alarms         = aws_cloudwatch_metric_alarm.this
  }
}
