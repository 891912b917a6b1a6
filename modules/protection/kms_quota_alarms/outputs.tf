output "alarm_names" {
  description = "Names of the alarms, as `<quota>-<warning or critical>`, and `throttled` with `trail_log_group`."
  value = merge(
    { for id, alarm in aws_cloudwatch_metric_alarm.this : id => alarm.alarm_name },
    { for alarm in aws_cloudwatch_metric_alarm.throttled : "throttled" => alarm.alarm_name },
  )
}

output "applied_quotas" {
  description = "Code, name and applied value (requests per second) of each quota, as last read by Terraform. The alarms use the current value."
  value = {
    for name, quota in data.aws_servicequotas_service_quota.this : name => {
      code  = quota.quota_code
      name  = quota.quota_name
      value = quota.value
    }
  }
}

output "dashboard_name" {
  description = "Name of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "function_name" {
  description = "Name of the function that requests larger quotas; null without one."
  value       = one(module.functions[*].functions.increase.name)
}

output "topic_arn" {
  description = "ARN of the topic that is notified of alarms and quota requests."
  value       = var.context.alarm_topic_arn
}
