output "bucket_name" {
  description = "Bucket that takes the embargo document and keeps its history."
  value       = module.bucket.id
}

output "document_key" {
  description = "Key to upload the document to; drafts for the preview go below `drafts/`."
  value       = var.document_key
}

output "rule_group_arn" {
  description = "Rule group that enforces the embargo, for a web ACL of your own."
  value       = aws_wafv2_rule_group.this.arn
}

output "web_acl_arn" {
  description = "Web ACL that was made; null with `create_web_acl = false`. A CloudFront distribution takes it as its `web_acl_id`."
  value       = one(aws_wafv2_web_acl.this[*].arn)
}

output "ip_set_arns" {
  description = "IP sets of the embargo, by version."
  value       = { for version, set in local.ip_sets : version => set.arn }
}

output "topic_arn" {
  description = "Topic that tells of each change and each refused document."
  value       = module.topic.arn
}

output "function_names" {
  description = "Names of the functions: `apply`, and `preview` to call with a document."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "dead_letter_queue_url" {
  description = "Queue of the events whose document could not be applied."
  value       = module.functions.functions.apply.dead_letter_queue_url
}

output "schema_file" {
  description = "JSON Schema of the document, for editors and checks before an upload."
  value       = "${path.module}/embargo.schema.json"
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.functions.alarm_names, module.rule.alarm_names)
}
