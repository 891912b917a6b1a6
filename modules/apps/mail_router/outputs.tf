output "mx_record" {
  description = "Value of the MX record of each domain in `recipients`."
  value       = "10 inbound-smtp.${var.context.region}.amazonaws.com"
}

output "archive_bucket" {
  description = "Bucket of the originals: routed mails under `inbox/`, those of `mailboxes` under their folder."
  value       = module.archive.id
}

output "destination_table_name" {
  description = "Table of the destinations, which you can edit at any time."
  value       = module.destinations.name
}

output "mail_table_name" {
  description = "Table of the mails that went out, with SES's reports of them."
  value       = module.mails.name
}

output "rule_set_name" {
  description = "Receipt rule set that has the rules."
  value       = local.rule_set
}

output "configuration_set_name" {
  description = "SES configuration set with which mails are forwarded."
  value       = aws_sesv2_configuration_set.this.configuration_set_name
}

output "queue_url" {
  description = "URL of the queue of arrived mails and reports."
  value       = module.queue.url
}

output "dead_letter_queue_url" {
  description = "URL of the queue of mails that could not be forwarded after all retries."
  value       = module.queue.dead_letter_queue_url
}

output "function_names" {
  description = "Names of the functions: `route` and `activate`."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.queue.alarm_names, flatten(values(module.rules)[*].alarm_names), module.watch.alarm_names))
}
