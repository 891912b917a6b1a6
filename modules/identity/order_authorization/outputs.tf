output "api_url" {
  description = "Base URL of the API, to which you append paths such as `/store/1/orders`."
  value       = module.api.url
  depends_on  = [aws_verifiedpermissions_identity_source.this]
}

output "api_id" {
  description = "Id of the REST API."
  value       = module.api.id
}

output "stage_arn" {
  description = "ARN of the API's stage, to associate a web ACL with."
  value       = module.api.stage_arn
}

output "policy_store_id" {
  description = "Id of the policy store."
  value       = aws_verifiedpermissions_policy_store.this.policy_store_id
}

output "policy_store_arn" {
  description = "ARN of the policy store."
  value       = aws_verifiedpermissions_policy_store.this.arn
}

output "policy_template_ids" {
  description = "Ids of the policy templates to which grants are linked, by role: `pack_associate` and `store_manager` in the toy store."
  value       = { for name, template in aws_verifiedpermissions_policy_template.this : name => template.policy_template_id }
}

output "table_name" {
  description = "Name of the table of items: in the toy store, orders with `StoreId`, `OrderId`, `Department` (a group of the pool) and other attributes."
  value       = module.orders_table.name
}

output "table_arn" {
  description = "ARN of the table of items."
  value       = module.orders_table.arn
}

output "actions" {
  description = "Every Cedar action and its route."
  value       = local.actions
}

output "function_names" {
  description = "Names of the functions."
  value       = { for key, function in module.functions.functions : key => function.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.api.alarm_names, module.functions.alarm_names)
}
