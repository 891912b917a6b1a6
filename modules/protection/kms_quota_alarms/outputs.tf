output "alarm_names" {
  description = "Names of the alarms, as `<quota>-<warning or critical>`."
  value       = { for id, alarm in aws_cloudwatch_metric_alarm.this : id => alarm.alarm_name }
}

output "applied_quotas" {
  description = "Code, name and applied value (requests a second) of each quota when Terraform last looked; the alarms read the current one."
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
  description = "Name of the function that asks for larger quotas; null without one."
  value       = one(module.functions[*].functions.increase.name)
}

output "topic_arn" {
  description = "Topic that is told of alarms and of what was asked."
  value       = var.context.alarm_topic_arn
}
