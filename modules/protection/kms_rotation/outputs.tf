output "keys" {
  description = "Keys that this module creates, by name: ID, ARN, aliases and rotation period in days (null if rotation is off)."
  value = {
    for name, key in aws_kms_key.this : name => {
      aliases              = [for alias in sort(var.keys[name].aliases) : aws_kms_alias.this[alias].name]
      arn                  = key.arn
      id                   = key.key_id
      rotation_period_days = local.period[name]
    }
  }
}

output "bucket_name" {
  description = "Name of the bucket that contains the reports."
  value       = module.bucket.id
}

output "prefix" {
  description = "Object key prefix of the reports."
  value       = local.prefix
}

output "topic_arn" {
  description = "ARN of the topic that is notified of keys out of policy and of each on-demand rotation."
  value       = module.topic.arn
}

output "function_names" {
  description = "Names of the functions: `report` and, with `on_demand`, `rotate`."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms on the functions."
  value       = module.functions.alarm_names
}
