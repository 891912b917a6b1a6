locals {
  name       = "${var.context.name_prefix}-${var.name}"
  stage_name = "v1" # the first segment of the URL's path

  routes = {
    for key, route in var.routes : key => merge(route, {
      method = split(" ", key)[0]
      path   = trimsuffix(split(" ", key)[1], "/")
      authorization = (
        !route.authorize ? "NONE" : route.iam ? "AWS_IAM" : route.user_pool_scopes == null ? "CUSTOM" : "COGNITO_USER_POOLS"
      )
    })
  }

  # Every path and its parents, grouped by depth: an instance of a resource cannot refer to other instances of it.
  paths = toset(flatten([
    for route in local.routes : [
      for depth in range(1, length(split("/", route.path))) : join("/", slice(split("/", route.path), 0, depth + 1))
    ]
  ]))
  level = { for depth in range(1, 7) : depth => toset([for path in local.paths : path if length(split("/", path)) == depth + 1]) }
  resource_ids = merge(
    { "" = aws_api_gateway_rest_api.this.root_resource_id },
    { for path, resource in aws_api_gateway_resource.level_1 : path => resource.id },
    { for path, resource in aws_api_gateway_resource.level_2 : path => resource.id },
    { for path, resource in aws_api_gateway_resource.level_3 : path => resource.id },
    { for path, resource in aws_api_gateway_resource.level_4 : path => resource.id },
    { for path, resource in aws_api_gateway_resource.level_5 : path => resource.id },
    { for path, resource in aws_api_gateway_resource.level_6 : path => resource.id },
  )

  execution_arn = "arn:${var.context.partition}:execute-api:${var.context.region}:${var.context.account_id}:${aws_api_gateway_rest_api.this.id}"
  # Preflight requests, by path. Their responses are the same for every caller, so no function is called.
  preflights = { for path in distinct([for route in local.routes : route.path]) : path => join(",", sort(concat(["OPTIONS"], [for route in local.routes : route.method if route.path == path]))) if var.cors != null }
  cors_headers = var.cors == null ? {} : merge(
    { Access-Control-Allow-Origin = var.cors.origin },
    var.cors.origin == "*" ? {} : { Vary = "Origin" },
  )
  error_headers = merge(var.error_headers, local.cors_headers)
  bodies        = { for key, route in local.routes : key => route.body if route.body != null }
}

resource "aws_api_gateway_rest_api" "this" {
  name        = local.name
  description = var.description
  tags        = var.context.tags

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "level_1" {
  for_each = local.level[1]

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = basename(each.value)
}

resource "aws_api_gateway_resource" "level_2" {
  for_each = local.level[2]

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.level_1[dirname(each.value)].id
  path_part   = basename(each.value)
}

resource "aws_api_gateway_resource" "level_3" {
  for_each = local.level[3]

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.level_2[dirname(each.value)].id
  path_part   = basename(each.value)
}

resource "aws_api_gateway_resource" "level_4" {
  for_each = local.level[4]

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.level_3[dirname(each.value)].id
  path_part   = basename(each.value)
}

resource "aws_api_gateway_resource" "level_5" {
  for_each = local.level[5]

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.level_4[dirname(each.value)].id
  path_part   = basename(each.value)
}

resource "aws_api_gateway_resource" "level_6" {
  for_each = local.level[6]

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.level_5[dirname(each.value)].id
  path_part   = basename(each.value)
}

resource "aws_api_gateway_request_validator" "this" {
  rest_api_id                 = aws_api_gateway_rest_api.this.id
  name                        = "all"
  validate_request_body       = true
  validate_request_parameters = true
}

resource "aws_api_gateway_model" "this" {
  for_each = local.bodies

  rest_api_id  = aws_api_gateway_rest_api.this.id
  name         = "Body${substr(sha256(each.key), 0, 12)}"
  description  = each.key
  content_type = "application/json"
  schema       = each.value
}

resource "aws_api_gateway_authorizer" "this" {
  count = var.authorizer == null ? 0 : 1

  rest_api_id                      = aws_api_gateway_rest_api.this.id
  name                             = "${local.name}-authorizer"
  type                             = "REQUEST"
  authorizer_uri                   = var.authorizer.invoke_arn
  identity_source                  = join(",", var.authorizer.identity_sources)
  authorizer_result_ttl_in_seconds = var.authorizer.ttl_seconds
}

resource "aws_api_gateway_authorizer" "user_pool" {
  count = length(var.user_pool_arns) > 0 ? 1 : 0

  rest_api_id   = aws_api_gateway_rest_api.this.id
  name          = "${local.name}-user-pool"
  type          = "COGNITO_USER_POOLS"
  provider_arns = var.user_pool_arns
}

resource "aws_api_gateway_method" "this" {
  for_each = local.routes

  rest_api_id          = aws_api_gateway_rest_api.this.id
  resource_id          = local.resource_ids[each.value.path]
  http_method          = each.value.method
  authorization        = each.value.authorization
  authorizer_id        = each.value.authorization == "CUSTOM" ? aws_api_gateway_authorizer.this[0].id : each.value.authorization == "COGNITO_USER_POOLS" ? aws_api_gateway_authorizer.user_pool[0].id : null
  authorization_scopes = each.value.authorize ? each.value.user_pool_scopes : null
  api_key_required     = each.value.api_key
  request_validator_id = aws_api_gateway_request_validator.this.id
  request_models       = each.value.body == null ? {} : { "application/json" = aws_api_gateway_model.this[each.key].name }
  request_parameters = merge(
    { for p in regexall("\\{([^}+]+)\\+?\\}", each.value.path) : "method.request.path.${p[0]}" => true },
    { for p in each.value.required_parameters : "method.request.${p}" => true },
  )
}

resource "aws_api_gateway_integration" "this" {
  for_each = local.routes

  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = local.resource_ids[each.value.path]
  http_method             = aws_api_gateway_method.this[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = var.functions[each.value.function].invoke_arn
}

resource "aws_api_gateway_method" "preflight" {
  # checkov:skip=CKV_AWS_59:Browsers send preflight requests without credentials; the response says only what pages may send
  # checkov:skip=CKV2_AWS_53:A preflight request has neither a body nor parameters
  for_each = local.preflights

  rest_api_id   = aws_api_gateway_rest_api.this.id
  resource_id   = local.resource_ids[each.key]
  http_method   = "OPTIONS"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "preflight" {
  for_each = local.preflights

  rest_api_id       = aws_api_gateway_rest_api.this.id
  resource_id       = local.resource_ids[each.key]
  http_method       = aws_api_gateway_method.preflight[each.key].http_method
  type              = "MOCK"
  request_templates = { "application/json" = jsonencode({ statusCode = 204 }) }
}

resource "aws_api_gateway_method_response" "preflight" {
  for_each = local.preflights

  rest_api_id         = aws_api_gateway_rest_api.this.id
  resource_id         = local.resource_ids[each.key]
  http_method         = aws_api_gateway_method.preflight[each.key].http_method
  status_code         = "204"
  response_parameters = { for name in concat(keys(local.cors_headers), ["Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Max-Age"]) : "method.response.header.${name}" => true }
}

resource "aws_api_gateway_integration_response" "preflight" {
  for_each = local.preflights

  rest_api_id = aws_api_gateway_rest_api.this.id
  resource_id = local.resource_ids[each.key]
  http_method = aws_api_gateway_integration.preflight[each.key].http_method
  status_code = aws_api_gateway_method_response.preflight[each.key].status_code
  response_parameters = { for name, value in merge(local.cors_headers, {
    Access-Control-Allow-Headers = join(",", var.cors.headers)
    Access-Control-Allow-Methods = each.value
    Access-Control-Max-Age       = "7200" # seconds; the longest time that Chromium keeps it
  }) : "method.response.header.${name}" => "'${value}'" }
}

resource "aws_lambda_permission" "route" {
  for_each = var.functions

  statement_id  = "${var.name}-api"
  action        = "lambda:InvokeFunction"
  function_name = each.value.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.execution_arn}/${local.stage_name}/*"
}

resource "aws_lambda_permission" "authorizer" {
  count = var.authorizer == null ? 0 : 1

  statement_id  = "${var.name}-api-authorizer"
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.execution_arn}/authorizers/${aws_api_gateway_authorizer.this[0].id}"
}

resource "aws_api_gateway_gateway_response" "this" {
  for_each = toset(["DEFAULT_4XX", "DEFAULT_5XX"])

  rest_api_id         = aws_api_gateway_rest_api.this.id
  response_type       = each.value
  response_parameters = { for name, value in local.error_headers : "gatewayresponse.header.${name}" => "'${value}'" }
  response_templates  = { "application/json" = "{\"message\":$context.error.messageString}" }
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  # A stage serves a snapshot of the API: everything that changes the API must be listed here to deploy it again.
  triggers = {
    configuration = sha256(jsonencode([
      var.authorizer,
      local.error_headers,
      local.preflights,
      var.cors,
      var.functions,
      var.routes,
      var.user_pool_arns,
      values(aws_api_gateway_integration.this)[*].id,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [
    aws_api_gateway_gateway_response.this,
    aws_api_gateway_integration.this,
    aws_api_gateway_integration_response.preflight,
    aws_api_gateway_method.this,
  ]
}

resource "aws_api_gateway_stage" "this" {
  # checkov:skip=CKV_AWS_120:Responses depend on the caller; a cache would need a key for each caller
  # checkov:skip=CKV2_AWS_29:Each account chooses its own web ACL; associate it with the output stage_arn
  # checkov:skip=CKV2_AWS_51:API Gateway calls Lambda with IAM permissions, not over TLS with a client certificate
  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = local.stage_name
  xray_tracing_enabled = true
  tags                 = var.context.tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      authorizerError    = "$context.authorizer.error"
      authorizerLatency  = "$context.authorizer.latency"
      errorType          = "$context.error.responseType"
      integrationLatency = "$context.integration.latency"
      integrationStatus  = "$context.integration.status"
      ip                 = "$context.identity.sourceIp"
      latency            = "$context.responseLatency"
      length             = "$context.responseLength"
      method             = "$context.httpMethod"
      path               = "$context.path"
      principal          = "$context.authorizer.principalId"
      requestId          = "$context.requestId"
      resourcePath       = "$context.resourcePath"
      status             = "$context.status"
      time               = "$context.requestTime"
      traceId            = "$context.xrayTraceId"
    })
  }

  # Otherwise, API Gateway would create the execution log group itself, unencrypted and without a retention period.
  depends_on = [aws_cloudwatch_log_group.execution]
}

resource "aws_api_gateway_method_settings" "all" {
  # checkov:skip=CKV_AWS_225:Responses depend on the caller; a cache would need a key for each caller
  # checkov:skip=CKV_AWS_308:No cache, nothing in it to encrypt
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    caching_enabled        = false
    data_trace_enabled     = false # data traces would log tokens
    logging_level          = "ERROR"
    metrics_enabled        = true
    throttling_burst_limit = var.throttle.burst_limit
    throttling_rate_limit  = var.throttle.rate_limit
  }
}

resource "aws_api_gateway_method_settings" "route" {
  # checkov:skip=CKV_AWS_225:Responses depend on the caller; a cache would need a key for each caller
  # checkov:skip=CKV_AWS_308:No cache, nothing in it to encrypt
  for_each = { for key, route in local.routes : key => route if route.throttle != null }

  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "${trimprefix(each.value.path, "/")}/${each.value.method}"

  settings {
    caching_enabled        = false
    data_trace_enabled     = false
    logging_level          = "ERROR"
    metrics_enabled        = true
    throttling_burst_limit = each.value.throttle.burst_limit
    throttling_rate_limit  = each.value.throttle.rate_limit
  }

  # The settings of all methods are applied first, because they would overwrite the settings of single routes.
  depends_on = [aws_api_gateway_method_settings.all]
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${local.name}"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_cloudwatch_log_group" "execution" {
  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/${local.stage_name}"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name          = "${local.name}-server-errors"
  alarm_description   = "${var.alarms.server_errors} or more responses with a 5xx status within 5 minutes. Access log: ${aws_cloudwatch_log_group.access.name}"
  namespace           = "AWS/ApiGateway"
  metric_name         = "5XXError"
  dimensions          = { ApiName = local.name, Stage = local.stage_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarms.server_errors
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
