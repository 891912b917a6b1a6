# Parameters of controls: the provider has no resource for them, so a function sets them with each apply.

locals {
  # Type of a value -> its name in Security Hub's API.
  value_types = { int = "Integer", double = "Double", bool = "Boolean", string = "String", enum = "Enum", int_list = "IntegerList", string_list = "StringList", enum_list = "EnumList" }
}

# Each apply that changes a parameter waits until Security Hub has it. A destroy sets the defaults.
resource "aws_lambda_invocation" "parameters" {
  count = length(var.control_parameters) == 0 ? 0 : 1

  function_name   = module.functions.functions["parameters"].name
  lifecycle_scope = "CRUD"
  input = jsonencode({
    controls = {
      for id, control in var.control_parameters : id => {
        reason = control.reason
        parameters = {
          for name, given in control.parameters : name => { for type, value in given : local.value_types[type] => value if value != null }
        }
      }
    }
  })

  depends_on = [module.functions, aws_securityhub_standards_subscription.this]
}
