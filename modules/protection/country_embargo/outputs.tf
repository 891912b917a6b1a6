output "bucket_name" {
  description = "Name of the bucket for the embargo document and its history."
  value       = module.bucket.id
}

output "document_key" {
  description = "Key under which to upload the document. Upload drafts for the preview under `drafts/`."
  value       = var.document_key
}

output "rule_group_arn" {
  description = "ARN of the rule group that enforces the embargo, for a web ACL of your own."
  value       = aws_wafv2_rule_group.this.arn
}

output "web_acl_arn" {
  description = "ARN of the web ACL; null with `create_web_acl = false`. A CloudFront distribution takes it as its `web_acl_id`."
  value       = one(aws_wafv2_web_acl.this[*].arn)
}

output "ip_set_arns" {
  description = "ARNs of the embargo's IP sets, by IP version."
  value       = { for version, set in local.ip_sets : version => set.arn }
}

output "topic_arn" {
  description = "ARN of the topic that sends a notification for each change and each refused document."
  value       = module.topic.arn
}

output "function_names" {
  description = "Names of the functions: `apply`, and `preview`, which you call with a document."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue, which keeps the events whose document could not be applied."
  value       = module.functions.functions.apply.dead_letter_queue_url
}

output "schema_file" {
  description = "Path of the document's JSON Schema, for editors and checks before an upload."
  value       = "${path.module}/embargo.schema.json"
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.functions.alarm_names, module.rule.alarm_names, module.schedule.alarm_names)
}
