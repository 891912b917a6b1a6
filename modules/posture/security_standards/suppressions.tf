# Suppressions: Security Hub applies the rules to findings that are created or updated, before it sends their events.
# The function handles findings that existed before a rule, and findings whose rule is removed or has expired.

locals {
  owner     = var.context.name_prefix
  marked_by = "SwitchyardSuppressedBy"
}

resource "aws_securityhub_automation_rule" "suppression" {
  for_each = var.suppressions

  rule_name   = "${local.owner}-suppression-${each.key}"
  description = each.value.reason
  rule_order  = var.rule_order
  rule_status = "ENABLED"
  tags        = var.context.tags

  criteria {
    compliance_status {
      comparison = "EQUALS"
      value      = "FAILED"
    }
    compliance_status {
      comparison = "EQUALS"
      value      = "WARNING"
    }
    compliance_status {
      comparison = "EQUALS"
      value      = "NOT_AVAILABLE"
    }
    record_state {
      comparison = "EQUALS"
      value      = "ACTIVE"
    }
    workflow_status {
      comparison = "EQUALS"
      value      = "NEW"
    }
    workflow_status {
      comparison = "EQUALS"
      value      = "NOTIFIED"
    }

    dynamic "compliance_security_control_id" {
      for_each = each.value.control_ids

      content {
        comparison = "EQUALS"
        value      = compliance_security_control_id.value
      }
    }

    dynamic "resource_id" {
      for_each = concat(
        [for id in sort(each.value.resource_ids) : { comparison = "EQUALS", value = id }],
        [for id in sort(each.value.resource_id_prefixes) : { comparison = "PREFIX", value = id }],
      )

      content {
        comparison = resource_id.value.comparison
        value      = resource_id.value.value
      }
    }

    dynamic "resource_tags" {
      for_each = each.value.resource_tag[*]

      content {
        comparison = "EQUALS"
        key        = resource_tags.value.key
        value      = resource_tags.value.value
      }
    }

    dynamic "aws_account_id" {
      for_each = each.value.account_ids

      content {
        comparison = "EQUALS"
        value      = aws_account_id.value
      }
    }

    # A finding that is updated after the end is not suppressed, even without another apply.
    dynamic "updated_at" {
      for_each = each.value.until[*]

      content {
        start = "2000-01-01T00:00:00Z"
        end   = "${updated_at.value}T23:59:59.999Z"
      }
    }
  }

  actions {
    type = "FINDING_FIELDS_UPDATE"

    finding_fields_update {
      user_defined_fields = {
        (local.marked_by)       = local.owner
        "SwitchyardSuppression" = each.key
      }

      note {
        text       = "${each.value.reason} (suppression ${each.key}${each.value.until == null ? "" : ", until ${each.value.until}"})"
        updated_by = "${local.owner}-${local.name}"
      }

      workflow {
        status = "SUPPRESSED"
      }
    }
  }

  depends_on = [aws_securityhub_account.this]
}

# A resource that passes is no longer an accepted failure: its finding becomes NEW, and SUPPRESSED if it fails again.
resource "aws_securityhub_automation_rule" "passed" {
  count = length(var.suppressions) > 0 ? 1 : 0

  rule_name   = "${local.owner}-suppressed-passed"
  description = "Suppressed findings that passed"
  rule_order  = var.rule_order - 1
  rule_status = "ENABLED"
  tags        = var.context.tags

  criteria {
    compliance_status {
      comparison = "EQUALS"
      value      = "PASSED"
    }
    user_defined_fields {
      comparison = "EQUALS"
      key        = local.marked_by
      value      = local.owner
    }
    workflow_status {
      comparison = "EQUALS"
      value      = "SUPPRESSED"
    }
  }

  actions {
    type = "FINDING_FIELDS_UPDATE"

    finding_fields_update {
      user_defined_fields = { (local.marked_by) = "nobody" }

      note {
        text       = "Passed: no longer suppressed."
        updated_by = "${local.owner}-${local.name}"
      }

      workflow {
        status = "NEW"
      }
    }
  }

  depends_on = [aws_securityhub_account.this]
}

module "suppress_schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-suppress"
  description         = "Applies the suppressions to findings"
  schedule_expression = var.schedule_expression
  target_arn          = module.functions.functions.suppress.arn
  action              = "lambda:InvokeFunction"
  # No more retries are needed: the next run does the same.
  maximum_retry_attempts = 3
}

# Each apply that changes a suppression waits until its findings follow. A destroy sets suppressed findings to NEW.
# The names are passed because a removed rule still exists when this runs.
resource "aws_lambda_invocation" "suppress" {
  function_name   = module.functions.functions.suppress.name
  lifecycle_scope = "CRUD"
  input           = jsonencode({ suppressions = sort(keys(var.suppressions)) })
  triggers        = { suppressions = sha256(jsonencode(var.suppressions)) }

  depends_on = [module.functions, aws_securityhub_automation_rule.passed, aws_securityhub_automation_rule.suppression]
}
