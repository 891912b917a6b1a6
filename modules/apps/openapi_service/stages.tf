# Each stage serves a release under its own URL, and sends a part of its requests to a canary's release.

locals {
  main = "v1" # the stage whose URL documentation and clients have

  # Known while Terraform plans: the version of the release that each stage, and its canary, serves.
  served = { for name, stage in var.stages : name => stage.release == null ? local.version : split("-", stage.release)[0] }
  canaries = { for name, stage in var.stages : name => merge(stage.canary, {
    version = stage.canary.release == null ? local.version : split("-", stage.canary.release)[0]
  }) if stage.canary != null }

  stage_names = { for name in keys(var.stages) : name => name == local.main ? local.full : "${local.full}-${name}" }

  # The execution logs have the names that API Gateway gives them. It writes a canary's requests to both of its logs.
  logs = merge([for name, full in local.stage_names : {
    (name) = {
      access    = "/aws/apigateway/${full}"
      execution = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/${name}"
    }
    "${name}/Canary" = {
      access    = "/aws/apigateway/${full}/Canary"
      execution = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/${name}/Canary"
    }
  }]...)
}

resource "aws_lambda_permission" "stage" {
  for_each = var.stages

  statement_id  = each.key == local.main ? "${local.name}-api" : "${local.name}-api-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = local.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.execution_arn}/${each.key}/*"
}

# API Gateway would create these itself, unencrypted and without a retention period. Those of a canary stay when it ends.
resource "aws_cloudwatch_log_group" "access" {
  for_each = local.logs

  name              = each.value.access
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_cloudwatch_log_group" "execution" {
  for_each = local.logs

  name              = each.value.execution
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_api_gateway_stage" "this" {
  # checkov:skip=CKV_AWS_120:Responses depend on the caller; a cache would need a key for each caller
  # checkov:skip=CKV2_AWS_29:Each account chooses its own web ACL: web_acl_arn
  # checkov:skip=CKV2_AWS_77:The rules of that web ACL are the account's; no Java runs behind the stages
  # checkov:skip=CKV2_AWS_51:API Gateway calls Lambda with IAM permissions, not over TLS with a client certificate
  for_each = var.stages

  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.release[local.served[each.key]].id
  stage_name           = each.key
  variables            = merge(each.value.variables, { document = aws_s3_object.document[local.served[each.key]].key })
  xray_tracing_enabled = true
  tags                 = var.context.tags

  dynamic "canary_settings" {
    for_each = [for name, canary in local.canaries : canary if name == each.key]
    iterator = canary

    content {
      deployment_id            = aws_api_gateway_deployment.release[canary.value.version].id
      percent_traffic          = canary.value.percent_traffic
      stage_variable_overrides = { document = aws_s3_object.document[canary.value.version].key }
      use_stage_cache          = false
    }
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access[each.key].arn
    format = jsonencode({
      authorizerError    = "$context.authorizer.error"
      authorizerLatency  = "$context.authorizer.latency"
      canary             = "$context.isCanaryRequest"
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

  depends_on = [aws_cloudwatch_log_group.access, aws_cloudwatch_log_group.execution]
}

resource "aws_api_gateway_method_settings" "all" {
  # checkov:skip=CKV_AWS_225:Responses depend on the caller; a cache would need a key for each caller
  # checkov:skip=CKV_AWS_308:No cache, nothing in it to encrypt
  for_each = var.stages

  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this[each.key].stage_name
  method_path = "*/*"

  settings {
    caching_enabled        = false
    data_trace_enabled     = false # data traces would log tokens
    logging_level          = "ERROR"
    metrics_enabled        = true
    throttling_burst_limit = coalesce(each.value.throttle, var.throttle).burst_limit
    throttling_rate_limit  = coalesce(each.value.throttle, var.throttle).rate_limit
  }
}

resource "aws_wafv2_web_acl_association" "api" {
  for_each = var.web_acl_arn == null ? {} : aws_api_gateway_stage.this

  resource_arn = each.value.arn
  web_acl_arn  = var.web_acl_arn
}

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  for_each = local.stage_names

  alarm_name          = "${each.value}-server-errors"
  alarm_description   = "A response with a 5xx status within 5 minutes, also to the requests of a canary. Access log: ${local.logs[each.key].access}"
  namespace           = "AWS/ApiGateway"
  metric_name         = "5XXError"
  dimensions          = { ApiName = local.full, Stage = each.key }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}

# AWS documents an access log of the canary, but no dimension of the metric for its requests.
resource "aws_cloudwatch_log_metric_filter" "canary" {
  for_each = local.canaries

  name           = "${local.stage_names[each.key]}-server-errors-canary"
  log_group_name = aws_cloudwatch_log_group.access["${each.key}/Canary"].name
  pattern        = "{ $.status = \"5*\" }"

  metric_transformation {
    namespace = "Switchyard"
    name      = "${local.stage_names[each.key]}-server-errors-canary"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "canary" {
  for_each = local.canaries

  alarm_name          = "${local.stage_names[each.key]}-server-errors-canary"
  alarm_description   = "The canary of the stage ${each.key} answered a request with a 5xx status. Take stages.${each.key}.canary away, or set its percent_traffic to 0. Access log: ${local.logs["${each.key}/Canary"].access}"
  namespace           = "Switchyard"
  metric_name         = aws_cloudwatch_log_metric_filter.canary[each.key].name
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching" # the filter publishes nothing without such a response
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
