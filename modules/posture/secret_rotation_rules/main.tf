locals {
  name = "secret-rotation"

  # Parameters of a rule are strings, even numbers. Null parameters are left out.
  parameters = {
    SECRETSMANAGER_ROTATION_ENABLED_CHECK = {
      maximumAllowedRotationFrequency        = var.maximum_rotation_hours == null && var.maximum_rotation_days > 0 ? var.maximum_rotation_days : null
      maximumAllowedRotationFrequencyInHours = var.maximum_rotation_hours
    }
    SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK = {}
    SECRETSMANAGER_SECRET_PERIODIC_ROTATION         = { maxDaysSinceRotation = var.maximum_days_since_rotation }
    SECRETSMANAGER_SECRET_UNUSED                    = { unusedForDays = var.maximum_days_unused }
    SECRETSMANAGER_USING_CMK = {
      kmsKeyArns = try(length(var.customer_managed_keys.key_arns), 0) == 0 ? null : join(",", sort(var.customer_managed_keys.key_arns))
    }
  }

  # Periodic rules evaluate every secret: a scope only decides which changes trigger a rule.
  periodic = toset(["SECRETSMANAGER_SECRET_PERIODIC_ROTATION", "SECRETSMANAGER_SECRET_UNUSED"])

  enabled = toset(concat(
    ["SECRETSMANAGER_ROTATION_ENABLED_CHECK", "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK"],
    var.maximum_days_since_rotation == null ? [] : ["SECRETSMANAGER_SECRET_PERIODIC_ROTATION"],
    var.maximum_days_unused == null ? [] : ["SECRETSMANAGER_SECRET_UNUSED"],
    var.customer_managed_keys == null ? [] : ["SECRETSMANAGER_USING_CMK"],
  ))

  rules = {
    for identifier in local.enabled : lower(replace(identifier, "_", "-")) => {
      identifier = identifier
      full_name  = "${var.context.name_prefix}-${lower(replace(identifier, "_", "-"))}"
      periodic   = contains(local.periodic, identifier)
      parameters = { for name, value in local.parameters[identifier] : name => tostring(value) if value != null }
      tag        = contains(local.periodic, identifier) ? null : var.scope_tag
    }
  }

  # AWS takes 64 characters: the hash keeps a truncated name unique.
  names = {
    for key, rule in local.rules : key => length(rule.full_name) <= 64 ? rule.full_name : "${substr(rule.full_name, 0, 57)}-${substr(sha256(rule.full_name), 0, 6)}"
  }

  descriptions = {
    SECRETSMANAGER_ROTATION_ENABLED_CHECK           = "Secrets rotate at least as often as required"
    SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK = "Rotations of secrets succeed within their schedule"
    SECRETSMANAGER_SECRET_PERIODIC_ROTATION         = "Secrets were rotated recently"
    SECRETSMANAGER_SECRET_UNUSED                    = "Secrets are in use"
    SECRETSMANAGER_USING_CMK                        = "Secrets are encrypted with customer managed keys"
  }

  # In each account, AWS Config names the copy of an organization's rule after that rule's ARN.
  rule_names = concat(
    [for rule in aws_config_config_rule.this : rule.name],
    [for rule in aws_config_organization_managed_rule.this : "OrgConfigRule-${element(split("/", rule.arn), 1)}"],
  )
}

resource "aws_config_config_rule" "this" {
  for_each = { for name, rule in local.rules : name => rule if !var.organization_rules }

  name                        = local.names[each.key]
  description                 = local.descriptions[each.value.identifier]
  input_parameters            = length(each.value.parameters) == 0 ? null : jsonencode(each.value.parameters)
  maximum_execution_frequency = each.value.periodic ? var.periodic_frequency : null
  tags                        = var.context.tags

  source {
    owner             = "AWS"
    source_identifier = each.value.identifier
  }

  dynamic "scope" {
    for_each = each.value.tag[*]

    content {
      tag_key   = scope.value.key
      tag_value = scope.value.value
    }
  }

  depends_on = [var.recorder_name, module.notices]
}

resource "aws_config_organization_managed_rule" "this" {
  for_each = { for name, rule in local.rules : name => rule if var.organization_rules }

  name                        = local.names[each.key]
  description                 = local.descriptions[each.value.identifier]
  rule_identifier             = each.value.identifier
  input_parameters            = length(each.value.parameters) == 0 ? null : jsonencode(each.value.parameters)
  maximum_execution_frequency = each.value.periodic ? var.periodic_frequency : null
  tag_key_scope               = each.value.tag == null ? null : each.value.tag.key
  tag_value_scope             = each.value.tag == null ? null : each.value.tag.value
  excluded_accounts           = var.excluded_accounts

  depends_on = [var.recorder_name, module.notices]
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.name
  display_name        = "Secret rotation"
  email_subscriptions = var.notification_emails

  publishers = var.notices ? { Notices = { service = "events.amazonaws.com" } } : {}
}
