# Central configuration: policies of the organization's Security Hub administrator, in the home Region.

resource "aws_securityhub_configuration_policy" "this" {
  for_each = var.configuration_policies

  name        = "${var.context.name_prefix}-${each.key}"
  description = each.value.description

  configuration_policy {
    service_enabled       = each.value.enabled
    enabled_standard_arns = each.value.enabled ? [for name in each.value.standards : local.standard_arns[name]] : []

    # Every control is enabled but those named. Security Hub takes none of this where it is off.
    dynamic "security_controls_configuration" {
      for_each = each.value.enabled ? [each.value] : []

      content {
        disabled_control_identifiers = security_controls_configuration.value.disabled_controls

        dynamic "security_control_custom_parameter" {
          for_each = security_controls_configuration.value.parameters

          content {
            security_control_id = security_control_custom_parameter.key

            dynamic "parameter" {
              for_each = security_control_custom_parameter.value

              content {
                name       = parameter.key
                value_type = "CUSTOM"

                dynamic "int" {
                  for_each = parameter.value.int[*]

                  content {
                    value = int.value
                  }
                }

                dynamic "double" {
                  for_each = parameter.value.double[*]

                  content {
                    value = double.value
                  }
                }

                dynamic "bool" {
                  for_each = parameter.value.bool[*]

                  content {
                    value = bool.value
                  }
                }

                dynamic "string" {
                  for_each = parameter.value.string[*]

                  content {
                    value = string.value
                  }
                }

                dynamic "enum" {
                  for_each = parameter.value.enum[*]

                  content {
                    value = enum.value
                  }
                }

                dynamic "int_list" {
                  for_each = parameter.value.int_list == null ? [] : [parameter.value.int_list]

                  content {
                    value = int_list.value
                  }
                }

                dynamic "string_list" {
                  for_each = parameter.value.string_list == null ? [] : [parameter.value.string_list]

                  content {
                    value = string_list.value
                  }
                }

                dynamic "enum_list" {
                  for_each = parameter.value.enum_list == null ? [] : [parameter.value.enum_list]

                  content {
                    value = enum_list.value
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  depends_on = [aws_securityhub_organization_configuration.this]
}

resource "aws_securityhub_configuration_policy_association" "this" {
  for_each = merge([for name, policy in var.configuration_policies : { for target in policy.targets : target => name }]...)

  target_id = each.key
  policy_id = aws_securityhub_configuration_policy.this[each.value].id

  # The provider waits 90 seconds; a policy of the root reaches every account of the organization.
  timeouts {
    create = "30m"
    update = "30m"
  }
}
