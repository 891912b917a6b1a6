locals {
  name    = "security-standards"
  hub_arn = "arn:${var.context.partition}:securityhub:${var.context.region}:${var.context.account_id}:hub/default"

  # Region and partition are the provider's, so an ARN cannot name another Region. The oldest standard's has neither.
  standards_root = "arn:${var.context.partition}:securityhub:${var.context.region}::standards"
  standard_arns = {
    "fsbp"             = "${local.standards_root}/aws-foundational-security-best-practices/v/1.0.0"
    "cis-1.2.0"        = "arn:${var.context.partition}:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0"
    "cis-1.4.0"        = "${local.standards_root}/cis-aws-foundations-benchmark/v/1.4.0"
    "cis-3.0.0"        = "${local.standards_root}/cis-aws-foundations-benchmark/v/3.0.0"
    "cis-5.0.0"        = "${local.standards_root}/cis-aws-foundations-benchmark/v/5.0.0"
    "nist-800-53"      = "${local.standards_root}/nist-800-53/v/5.0.0"
    "nist-800-171"     = "${local.standards_root}/nist-800-171/v/2.0.0"
    "pci-3.2.1"        = "${local.standards_root}/pci-dss/v/3.2.1"
    "pci-4.0.1"        = "${local.standards_root}/pci-dss/v/4.0.1"
    "resource-tagging" = "${local.standards_root}/aws-resource-tagging-standard/v/1.0.0"
  }
  all_standards = sort(setunion(var.standards, var.existing_standards))

  disabled_controls = merge([
    for id, c in var.disabled_controls : {
      for standard in coalesce(c.standards, local.all_standards) : "${id}/${standard}" => { id = id, standard = standard, enabled = c.enabled, reason = c.reason }
    }
  ]...)
}

resource "aws_securityhub_account" "this" {
  count = var.create_hub ? 1 : 0

  enable_default_standards  = false # `standards` are enabled instead.
  auto_enable_controls      = var.auto_enable_controls
  control_finding_generator = var.control_finding_generator
}

resource "aws_securityhub_standards_subscription" "this" {
  for_each = setsubtract(var.standards, var.existing_standards)

  standards_arn = local.standard_arns[each.key]

  # The provider waits 3 minutes for READY. Standards with many controls take longer, and a subscription that it gives up
  # is tainted: the next apply disables the standard and starts again.
  # https://github.com/hashicorp/terraform-provider-aws/issues/42688
  timeouts {
    create = "30m"
    delete = "30m"
  }

  depends_on = [aws_securityhub_account.this, var.recorder_name]
}

# When the provider destroys an association, it only removes it from the state, and enables nothing. Hence `enabled`.
resource "aws_securityhub_standards_control_association" "disabled" {
  for_each = local.disabled_controls

  standards_arn       = local.standard_arns[each.value.standard]
  security_control_id = each.value.id
  association_status  = each.value.enabled ? "ENABLED" : "DISABLED"
  updated_reason      = each.value.enabled ? null : each.value.reason

  lifecycle {
    precondition {
      condition     = contains(local.all_standards, each.value.standard)
      error_message = "disabled_controls[\"${each.value.id}\"] names the standard ${each.value.standard}, which is neither in standards nor in existing_standards."
    }
  }

  depends_on = [aws_securityhub_standards_subscription.this]
}

resource "aws_securityhub_finding_aggregator" "this" {
  count = var.finding_aggregation == null ? 0 : 1

  linking_mode      = var.finding_aggregation.linking_mode
  specified_regions = var.finding_aggregation.regions

  depends_on = [aws_securityhub_account.this]
}

resource "aws_securityhub_organization_configuration" "this" {
  count = var.organization == null ? 0 : 1

  auto_enable           = var.organization.auto_enable
  auto_enable_standards = var.organization.auto_enable_standards

  organization_configuration {
    configuration_type = var.organization.configuration_type
  }

  # The provider waits 3 minutes. With CENTRAL, Security Hub prepares every account of the organization.
  timeouts {
    create = "30m"
    update = "30m"
    delete = "30m"
  }

  lifecycle {
    precondition {
      condition     = var.organization.configuration_type == "LOCAL" || var.finding_aggregation != null
      error_message = "configuration_type CENTRAL needs finding_aggregation: this Region becomes the home Region."
    }
  }

  depends_on = [aws_securityhub_finding_aggregator.this]
}
