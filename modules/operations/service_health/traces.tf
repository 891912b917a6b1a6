resource "aws_xray_group" "this" {
  for_each = var.trace_groups

  group_name        = "${var.context.name_prefix}-${each.key}"
  filter_expression = each.value.filter_expression
  tags              = var.context.tags

  insights_configuration {
    insights_enabled      = each.value.insights
    notifications_enabled = false
  }
}

resource "aws_xray_sampling_rule" "this" {
  for_each = var.sampling_rules

  rule_name      = "${var.context.name_prefix}-${each.key}"
  priority       = each.value.priority
  version        = 1
  fixed_rate     = each.value.fixed_rate
  reservoir_size = each.value.reservoir_size
  service_name   = each.value.service_name
  service_type   = each.value.service_type
  host           = each.value.host
  http_method    = each.value.http_method
  url_path       = each.value.url_path
  resource_arn   = each.value.resource_arn
  attributes     = each.value.attributes
  tags           = var.context.tags
}
