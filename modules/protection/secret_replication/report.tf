# What an operator asks when the drift alarm goes off.
locals {
  query_name = "${var.context.name_prefix}/${local.name}/drift"
}

resource "aws_cloudwatch_query_definition" "drift" {
  count = local.enabled ? 1 : 0

  name            = local.query_name
  log_group_names = [module.replicate[0].log_group_name, module.reconcile[0].log_group_name]

  query_string = <<-QUERY
    fields @timestamp, message, target, coalesce(secret, secret_id) as name, replica, coalesce(reason, reasons.0) as why
    | filter message in ["replica differs from its source", "replica cannot be made", "replica without a source", "secret not replicated"]
    | sort @timestamp desc
    | limit 200
  QUERY
}
