output "url" {
  description = "URL of the API, without a slash at the end: `POST` and `DELETE <url>/things/<thing>/commands`, `GET <url>/things/<thing>/messages`, and with a webhook `POST <url>/things/<thing>/webhook`."
  value       = module.api.url
}

output "stage_arn" {
  description = "ARN of the API's stage, to associate a web ACL with."
  value       = module.api.stage_arn
}

output "endpoint" {
  description = "Host that devices connect to, on port 8883."
  value       = data.aws_iot_endpoint.data.endpoint_address
}

output "thing_names" {
  description = "Names of the things, which are the client IDs too, by the names in `things`."
  value       = local.names
}

output "certificates" {
  description = "Certificates (`pem`, `arn`, `id`) by `<name>/<label>` as in `things`. They are public: the keys are on the devices."
  value = {
    for key, certificate in aws_iot_certificate.this : key => {
      pem = nonsensitive(certificate.certificate_pem)
      arn = certificate.arn
      id  = certificate.id
    }
  }
  # A device that gets its certificate can connect with it.
  depends_on = [aws_iot_policy_attachment.this, aws_iot_thing_principal_attachment.this]
}

output "device_settings" {
  description = "Settings of each device by its name in `things`, as JSON for the Python client `device/client.py`: endpoint, topics, limits and certificates, without a secret."
  value       = { for key, settings in local.device_settings : key => jsonencode(settings) }
}

output "device_headers" {
  description = "`settings.h` of the ESP32 sketch in `device/esp32`, by the name in `things`: the same settings, without a secret."
  value       = { for key, settings in local.device_settings : key => templatefile("${path.module}/device/settings.h.tftpl", settings) }
}

output "message_table_name" {
  description = "Table of the messages."
  value       = module.messages.name
}

output "request_table_name" {
  description = "Table that remembers which request published which command."
  value       = module.requests.name
}

output "refused_queue_url" {
  description = "URL of the queue of messages that were not stored, each in the format of AWS IoT's error actions."
  value       = aws_sqs_queue.refused.url
}

output "rule_name" {
  description = "Name of the rule."
  value       = aws_iot_topic_rule.this.name
}

output "function_names" {
  description = "Names of the functions: `store`, `send`, `history`, and with a webhook `webhook`."
  value       = { for key, function in merge(module.functions.functions, module.api_functions.functions) : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, module.api_functions.alarm_names, module.api.alarm_names))
}
