output "connectors" {
  description = "ARN and name of each connector, by its key."
  value       = { for name, c in aws_mskconnect_connector.this : name => { arn = c.arn, name = c.name } }
}

output "worker_configurations" {
  description = "ARN, name and latest revision of each worker configuration, by its key."
  value       = { for name, w in aws_mskconnect_worker_configuration.this : name => { arn = w.arn, name = w.name, latest_revision = w.latest_revision } }
}

output "plugins" {
  description = "ARN, name, latest revision and state of each custom plugin, by its key."
  value       = { for name, p in aws_mskconnect_custom_plugin.this : name => { arn = p.arn, name = p.name, latest_revision = p.latest_revision, state = p.state } }
}

output "log_group_name" {
  description = "Log group of the workers; null without connectors."
  value       = one(aws_cloudwatch_log_group.workers[*].name)
}

output "bucket_name" {
  description = "Bucket with `report.json`, what the last review found; earlier versions are the history."
  value       = module.bucket.id
}

output "topic_arn" {
  description = "ARN of the topic that sends a notification of what changed."
  value       = module.topic.arn
}

output "function_names" {
  description = "Names of the functions: `review`."
  value       = { review = module.functions.functions.review.name }
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue, which keeps the occasions of failed reviews."
  value       = module.functions.functions.review.dead_letter_queue_url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.schedule.alarm_names))
}
