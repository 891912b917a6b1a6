output "user_pool_id" {
  description = "Id of the user pool."
  value       = aws_cognito_user_pool.this.id
}

output "user_pool_arn" {
  description = "ARN of the user pool."
  value       = aws_cognito_user_pool.this.arn
}

output "client_ids" {
  description = "Ids of the app clients, by name."
  value       = { for name, client in aws_cognito_user_pool_client.this : name => client.id }
}

output "authorizer" {
  description = "Values that an authorizer needs to check the pool's tokens: `user_pool_arns` for API Gateway's COGNITO_USER_POOLS, `issuer` and `audience` for a JWT authorizer, and also `jwks_url` for a function."
  value = {
    issuer         = local.issuer
    jwks_url       = "${local.issuer}/.well-known/jwks.json"
    user_pool_arns = [aws_cognito_user_pool.this.arn]
    audience       = [for name in sort(keys(var.clients)) : aws_cognito_user_pool_client.this[name].id]
  }
}

output "domain_url" {
  description = "URL of managed login. Null without domain."
  value = var.domain == null ? null : (
    var.domain.name != null ? "https://${var.domain.name}" : "https://${aws_cognito_user_pool_domain.this[0].domain}.auth.${var.context.region}.amazoncognito.com"
  )
}

output "domain_cloudfront" {
  description = "Target of the DNS alias for your own domain: name and hosted zone. Null without such a domain."
  value = try(var.domain.name, null) == null ? null : {
    name    = aws_cognito_user_pool_domain.this[0].cloudfront_distribution
    zone_id = aws_cognito_user_pool_domain.this[0].cloudfront_distribution_zone_id
  }
}

output "function_names" {
  description = "Names of the functions, by their trigger; `provider` configures identity providers."
  value       = { for key, function in merge(module.triggers.functions, module.provider[*].functions...) : key => function.name }
}

output "codes_table_name" {
  description = "Name of the table that counts codes and answers. Null without custom_auth."
  value       = one(module.codes[*].name)
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.triggers.alarm_names, flatten(module.provider[*].alarm_names))
}

locals {
  issuer = "https://${aws_cognito_user_pool.this.endpoint}"
}
