output "id" {
  description = "ID of the API."
  value       = aws_api_gateway_rest_api.this.id
}

output "execution_arn" {
  description = "ARN that policies of callers begin with: `<execution_arn>/<stage>/<method>/<path>`."
  value       = local.execution_arn
}

output "url" {
  description = "URL that paths are appended to, without a slash at the end."
  value       = aws_api_gateway_stage.this.invoke_url
  # A consumer waits until the API may call its functions and the limits are in place.
  depends_on = [
    aws_api_gateway_method_settings.all,
    aws_api_gateway_method_settings.route,
    aws_lambda_permission.authorizer,
    aws_lambda_permission.route,
  ]
}

output "stage_name" {
  description = "Name of the stage, for a usage plan."
  value       = aws_api_gateway_stage.this.stage_name
}

output "stage_arn" {
  description = "ARN of the stage, to associate a web ACL with."
  value       = aws_api_gateway_stage.this.arn
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [aws_cloudwatch_metric_alarm.server_errors.alarm_name]
}

output "resources" {
  description = "The resources of the block, for plan tests of the modules that use it."
  value = {
    deployment      = aws_api_gateway_deployment.this
    authorizer      = one(aws_api_gateway_authorizer.this[*])
    integrations    = aws_api_gateway_integration.this
    method_settings = aws_api_gateway_method_settings.all
    route_settings  = aws_api_gateway_method_settings.route
    methods         = aws_api_gateway_method.this
    gateway         = aws_api_gateway_gateway_response.this
    models          = aws_api_gateway_model.this
    preflights      = aws_api_gateway_integration_response.preflight
    rest_api        = aws_api_gateway_rest_api.this
    stage           = aws_api_gateway_stage.this
  }
}
