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
  description = "What an authorizer needs to check the pool's tokens: for API Gateway's COGNITO_USER_POOLS `user_pool_arns`, for a JWT authorizer `issuer` and `audience`, for a function `jwks_url` as well."
  value = {
    issuer         = local.issuer
    jwks_url       = "${local.issuer}/.well-known/jwks.json"
    user_pool_arns = [aws_cognito_user_pool.this.arn]
    audience       = [for name in sort(keys(var.clients)) : aws_cognito_user_pool_client.this[name].id]
  }
}

output "domain_url" {
  description = "Where managed login is; null without domain."
  value = var.domain == null ? null : (
    var.domain.name != null ? "https://${var.domain.name}" : "https://${aws_cognito_user_pool_domain.this[0].domain}.auth.${var.context.region}.amazoncognito.com"
  )
}

output "domain_cloudfront" {
  description = "Target of the DNS alias of a domain of your own: name and hosted zone; null without one."
  value = try(var.domain.name, null) == null ? null : {
    name    = aws_cognito_user_pool_domain.this[0].cloudfront_distribution
    zone_id = aws_cognito_user_pool_domain.this[0].cloudfront_distribution_zone_id
  }
}

output "function_names" {
  description = "Names of the functions, by the trigger they are; `provider` sets identity providers."
  value       = { for key, function in merge(module.triggers.functions, module.provider[*].functions...) : key => function.name }
}

output "codes_table_name" {
  description = "Table that counts codes and answers; null without custom_auth."
  value       = one(module.codes[*].name)
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.triggers.alarm_names, flatten(module.provider[*].alarm_names))
}

locals {
  issuer = "https://${aws_cognito_user_pool.this.endpoint}"
}
