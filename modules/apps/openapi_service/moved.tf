# Earlier stacks, which had one stage, keep their API and that stage.

moved {
  from = module.api.aws_api_gateway_rest_api.this
  to   = aws_api_gateway_rest_api.this
}

moved {
  from = module.api.aws_api_gateway_stage.this
  to   = aws_api_gateway_stage.this["v1"]
}

moved {
  from = module.api.aws_api_gateway_method_settings.all
  to   = aws_api_gateway_method_settings.all["v1"]
}

moved {
  from = module.api.aws_lambda_permission.route["api"]
  to   = aws_lambda_permission.stage["v1"]
}

moved {
  from = module.api.aws_cloudwatch_log_group.access
  to   = aws_cloudwatch_log_group.access["v1"]
}

moved {
  from = module.api.aws_cloudwatch_log_group.execution
  to   = aws_cloudwatch_log_group.execution["v1"]
}

moved {
  from = module.api.aws_cloudwatch_metric_alarm.server_errors
  to   = aws_cloudwatch_metric_alarm.server_errors["v1"]
}

moved {
  from = aws_wafv2_web_acl_association.api[0]
  to   = aws_wafv2_web_acl_association.api["v1"]
}
