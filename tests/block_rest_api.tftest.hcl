mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_api_gateway_authorizer" {
    defaults = { id = "au7h0r" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apigateway/test-orders" }
  }
}

variables {
  name        = "orders"
  description = "Orders"
  functions = {
    read  = { name = "test-read", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:test-read/invocations" }
    write = { name = "test-write", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:test-write/invocations" }
  }
  routes = {
    "GET /"                                           = { function = "read", authorize = false, api_key = true }
    "GET /orders/{order-id}"                          = { function = "read", required_parameters = ["querystring.day", "header.X-Scope"] }
    "PUT /orders/{order-id}"                          = { function = "write", body = "{\"type\":\"object\"}", throttle = { rate_limit = 5, burst_limit = 10 } }
    "ANY /orders/{order-id}/lines/{line-id}/a/{all+}" = { function = "write" }
  }
  authorizer = {
    name             = "test-authorizer"
    invoke_arn       = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:test-authorizer/invocations"
    identity_sources = ["method.request.header.Authorization", "method.request.header.X-Scope"]
    ttl_seconds      = 60
  }
}

run "api" {
  command = plan

  module {
    source = "./modules/blocks/rest_api"
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.name == "test-orders" && aws_api_gateway_rest_api.this.endpoint_configuration[0].types == tolist(["REGIONAL"])
    error_message = "The API is regional and has the prefix."
  }
  assert {
    condition = jsonencode([
      keys(aws_api_gateway_resource.level_1), keys(aws_api_gateway_resource.level_2), keys(aws_api_gateway_resource.level_3),
      keys(aws_api_gateway_resource.level_4), keys(aws_api_gateway_resource.level_5), keys(aws_api_gateway_resource.level_6),
      ]) == jsonencode([
      ["/orders"], ["/orders/{order-id}"], ["/orders/{order-id}/lines"],
      ["/orders/{order-id}/lines/{line-id}"], ["/orders/{order-id}/lines/{line-id}/a"], ["/orders/{order-id}/lines/{line-id}/a/{all+}"],
    ])
    error_message = "Each path and its parents exist once."
  }
  assert {
    condition     = aws_api_gateway_resource.level_2["/orders/{order-id}"].path_part == "{order-id}" && aws_api_gateway_resource.level_6["/orders/{order-id}/lines/{line-id}/a/{all+}"].path_part == "{all+}"
    error_message = "A resource is the last segment of its path."
  }
  assert {
    condition = { for key, method in aws_api_gateway_method.this : key => "${method.http_method} ${method.authorization} ${coalesce(method.authorizer_id, "-")}" } == {
      "GET /"                                           = "GET NONE -"
      "GET /orders/{order-id}"                          = "GET CUSTOM au7h0r"
      "PUT /orders/{order-id}"                          = "PUT CUSTOM au7h0r"
      "ANY /orders/{order-id}/lines/{line-id}/a/{all+}" = "ANY CUSTOM au7h0r"
    }
    error_message = "Every route uses the authorizer, except the one that sets another authorization."
  }
  assert {
    condition     = { for key, method in aws_api_gateway_method.this : key => method.api_key_required if method.api_key_required } == { "GET /" = true } && output.stage_name == "v1"
    error_message = "A route needs an API key only if it says so; a usage plan can name the stage."
  }
  assert {
    condition     = aws_api_gateway_method.this["GET /orders/{order-id}"].request_parameters == tomap({ "method.request.path.order-id" = true, "method.request.querystring.day" = true, "method.request.header.X-Scope" = true })
    error_message = "Required parameters are validated."
  }
  assert {
    condition     = aws_api_gateway_request_validator.this.validate_request_body && aws_api_gateway_request_validator.this.validate_request_parameters && length(aws_api_gateway_model.this) == 1 && aws_api_gateway_method.this["PUT /orders/{order-id}"].request_models["application/json"] == aws_api_gateway_model.this["PUT /orders/{order-id}"].name
    error_message = "Bodies are validated."
  }
  assert {
    condition     = alltrue([for key, i in aws_api_gateway_integration.this : i.type == "AWS_PROXY" && i.integration_http_method == "POST" && i.uri == var.functions[var.routes[key].function].invoke_arn])
    error_message = "Each route calls its function."
  }
  assert {
    condition     = { for name, p in aws_lambda_permission.route : p.function_name => p.source_arn } == { test-read = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/v1/*", test-write = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/v1/*" }
    error_message = "Only this stage may call the functions."
  }
  assert {
    condition     = aws_lambda_permission.authorizer[0].function_name == "test-authorizer" && aws_lambda_permission.authorizer[0].source_arn == "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/authorizers/au7h0r"
    error_message = "Only this authorizer may call its function."
  }
  assert {
    condition     = aws_api_gateway_authorizer.this[0].type == "REQUEST" && aws_api_gateway_authorizer.this[0].identity_source == "method.request.header.Authorization,method.request.header.X-Scope" && aws_api_gateway_authorizer.this[0].authorizer_result_ttl_in_seconds == 60
    error_message = "The cache key is as given."
  }
  assert {
    condition     = aws_api_gateway_method_settings.all.settings[0].throttling_rate_limit == 100 && aws_api_gateway_method_settings.all.settings[0].throttling_burst_limit == 200 && keys(aws_api_gateway_method_settings.route) == ["PUT /orders/{order-id}"] && aws_api_gateway_method_settings.route["PUT /orders/{order-id}"].method_path == "orders/{order-id}/PUT" && aws_api_gateway_method_settings.route["PUT /orders/{order-id}"].settings[0].throttling_rate_limit == 5
    error_message = "Every route is throttled; a route with its own limits has those."
  }
  assert {
    condition     = aws_api_gateway_gateway_response.this["DEFAULT_4XX"].response_parameters["gatewayresponse.header.Cache-Control"] == "'no-store'"
    error_message = "API Gateway's own answers have the headers."
  }
  assert {
    condition     = alltrue([for word in ["header", "Authorization", "body", "querystring"] : !strcontains(aws_api_gateway_stage.this.access_log_settings[0].format, word)]) && !aws_api_gateway_method_settings.all.settings[0].data_trace_enabled
    error_message = "No log contains headers, tokens or bodies."
  }
  assert {
    condition     = aws_cloudwatch_log_group.execution.name == "API-Gateway-Execution-Logs_a1b2c3d4e5/v1" && alltrue([for g in [aws_cloudwatch_log_group.execution, aws_cloudwatch_log_group.access] : g.kms_key_id == var.context.kms_key_arn && g.retention_in_days == 365])
    error_message = "Both logs are encrypted and kept as long as the others."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.server_errors.threshold == 1 && aws_cloudwatch_metric_alarm.server_errors.alarm_actions == toset([var.context.alarm_topic_arn]) && aws_cloudwatch_metric_alarm.server_errors.dimensions == tomap({ ApiName = "test-orders", Stage = "v1" })
    error_message = "Failed answers raise an alarm."
  }
}

run "fsbp" {
  command = plan

  module {
    source = "./modules/blocks/rest_api"
  }

  assert {
    condition     = contains(["ERROR", "INFO"], aws_api_gateway_method_settings.all.settings[0].logging_level) && alltrue([for s in aws_api_gateway_method_settings.route : contains(["ERROR", "INFO"], s.settings[0].logging_level)])
    error_message = "APIGateway.1: execution logging should be on."
  }
  assert {
    condition     = aws_api_gateway_stage.this.xray_tracing_enabled
    error_message = "APIGateway.3: X-Ray tracing should be on."
  }
  assert {
    condition     = !aws_api_gateway_method_settings.all.settings[0].caching_enabled
    error_message = "APIGateway.5: cache data should be encrypted (there is none)."
  }
}

run "without_authorizer" {
  command = plan

  module {
    source = "./modules/blocks/rest_api"
  }

  variables {
    routes     = { "POST /hook" = { function = "write", authorize = false } }
    authorizer = null
  }

  assert {
    condition     = length(aws_api_gateway_authorizer.this) == 0 && length(aws_lambda_permission.authorizer) == 0
    error_message = "There is no authorizer, and no route refers to one."
  }
}

run "routes_for_tokens_of_a_user_pool" {
  command = plan

  module {
    source = "./modules/blocks/rest_api"
  }
  variables {
    authorizer     = null
    user_pool_arns = ["arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_abc"]
    routes         = { "POST /confirm" = { function = "write", user_pool_scopes = ["aws.cognito.signin.user.admin"] } }
  }

  assert {
    condition = (
      aws_api_gateway_authorizer.user_pool[0].type == "COGNITO_USER_POOLS"
      && aws_api_gateway_method.this["POST /confirm"].authorization == "COGNITO_USER_POOLS"
      && aws_api_gateway_method.this["POST /confirm"].authorization_scopes == toset(["aws.cognito.signin.user.admin"])
      && length(aws_api_gateway_authorizer.this) == 0
    )
    error_message = "API Gateway checks the pool and the scope itself."
  }
}

run "cors" {
  command = plan

  module {
    source = "./modules/blocks/rest_api"
  }

  variables {
    routes = {
      "GET /"                  = { function = "read", authorize = false }
      "GET /orders/{order-id}" = { function = "read" }
      "PUT /orders/{order-id}" = { function = "write" }
    }
    cors = { origin = "*", headers = ["Authorization", "X-Scope"] }
  }

  assert {
    condition = { for path, r in aws_api_gateway_integration_response.preflight : path => r.response_parameters } == {
      for path, methods in { "" = "GET,OPTIONS", "/orders/{order-id}" = "GET,OPTIONS,PUT" } : path => tomap({
        "method.response.header.Access-Control-Allow-Headers" = "'Authorization,X-Scope'"
        "method.response.header.Access-Control-Allow-Methods" = "'${methods}'"
        "method.response.header.Access-Control-Allow-Origin"  = "'*'"
        "method.response.header.Access-Control-Max-Age"       = "'7200'"
      })
    }
    error_message = "The answer to a preflight request names the methods of its path."
  }
  assert {
    condition     = alltrue([for path, r in aws_api_gateway_method_response.preflight : keys(r.response_parameters) == keys(aws_api_gateway_integration_response.preflight[path].response_parameters) && r.status_code == "204"])
    error_message = "API Gateway passes on only the headers that the method response declares."
  }
  assert {
    condition     = alltrue([for m in aws_api_gateway_method.preflight : m.http_method == "OPTIONS" && m.authorization == "NONE"]) && alltrue([for i in aws_api_gateway_integration.preflight : i.type == "MOCK" && i.request_templates["application/json"] == "{\"statusCode\":204}"])
    error_message = "Browsers send preflight requests without a token, and no function answers them."
  }
  assert {
    condition     = alltrue([for r in aws_api_gateway_gateway_response.this : r.response_parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'" && length(r.response_parameters) == 4])
    error_message = "The page can read why it was refused."
  }
}
