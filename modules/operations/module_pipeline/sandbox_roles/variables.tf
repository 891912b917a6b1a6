variable "name_prefix" {
  description = "The `name_prefix` of the stack whose tests run here: the sweep removes what carries its mark."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name_prefix))
    error_message = "name_prefix must be that of the stack: up to 20 lowercase letters, digits and hyphens, beginning with a letter."
  }
}

variable "integration_role_arn" {
  description = "Role of the builds that run tests here: `integration` of the output `build_role_arns` of module_pipeline."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", var.integration_role_arn))
    error_message = "integration_role_arn must be the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "sweep_function_role_arn" {
  description = "Role of the function that removes the leftovers of stopped builds: the output `sweep_role_arn` of module_pipeline; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.sweep_function_role_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", var.sweep_function_role_arn))
    error_message = "sweep_function_role_arn must be the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "external_id" {
  description = "External id that the builds and the function must present: `sandbox.external_id` of module_pipeline."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@:/-]{2,128}$", var.external_id))
    error_message = "external_id must have 2 to 128 letters, digits and the characters + = , . @ : / -"
  }
}

variable "test_policy_arns" {
  description = "Policies that say what tests may do here."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.test_policy_arns) > 0 && alltrue([for arn in var.test_policy_arns : can(regex("^arn:[a-z-]+:iam::(aws|[0-9]{12}):policy/", arn))])
    error_message = "test_policy_arns must be ARNs of policies, such as arn:aws:iam::aws:policy/PowerUserAccess: a test without permissions creates nothing."
  }
}

variable "test_permissions_boundary_arn" {
  description = "Boundary of the tests' role; null for none."
  type        = string
  default     = null
}

variable "role_prefix" {
  description = "Prefix of the names of the two roles."
  type        = string
  default     = "module-pipeline"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,50}$", var.role_prefix))
    error_message = "role_prefix must consist of 1 to 50 letters, digits and _+=,.@- characters, without a path."
  }
}

variable "tags" {
  description = "Tags of the roles."
  type        = map(string)
  default     = {}
  nullable    = false
}
