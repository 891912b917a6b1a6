output "keys" {
  description = "Keys made: id, ARN, aliases and rotation period in days (null: off), by name."
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
  description = "Bucket of the reports."
  value       = module.bucket.id
}

output "prefix" {
  description = "Key prefix of the reports."
  value       = local.prefix
}

output "topic_arn" {
  description = "Topic that is told of keys out of policy and of each on-demand rotation."
  value       = module.topic.arn
}

output "function_names" {
  description = "Names of the functions: `report`, and `rotate` with `on_demand`."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Alarms on the functions."
  value       = module.functions.alarm_names
}
