output "layer_arn" {
  description = "ARN of the layer's version, with the extension and its Python client."
  value       = aws_lambda_layer_version.this.arn
}

output "wiring" {
  description = "What each function needs, by its key: `layer_arns` and `environment` of the function, the permissions of its role as `policy_json` or as `policy_statements` for `modules/blocks/functions`, and `config_json` for a configuration file."
  value       = local.wiring
}

output "function_names" {
  description = "Names of the functions: `check`, if it is on."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.functions.alarm_names, flatten(module.schedule[*].alarm_names)))
}
