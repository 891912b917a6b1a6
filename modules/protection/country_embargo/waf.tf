# The function fills the rule group and the embargo's IP sets; Terraform makes them and leaves their content alone.

locals {
  # 2 rules: 4 IP sets and 4 units more for each in a header's every position, 5 statements of 50 countries each,
  # and the exempt sets again. At most 19; the rest is room, since a rule group's capacity never changes.
  capacity = 50
}

resource "aws_wafv2_ip_set" "embargoed" {
  for_each = toset(["IPV4", "IPV6"])

  name               = "${local.full_name}-${lower(each.key)}"
  description        = "Embargoed ranges, kept by the function ${local.full_name}"
  scope              = var.scope
  ip_address_version = each.key
  addresses          = []
  tags               = var.context.tags

  lifecycle {
    ignore_changes = [addresses]
  }
}

resource "aws_wafv2_ip_set" "exempt" {
  for_each = toset(["IPV4", "IPV6"])

  name               = "${local.full_name}-exempt-${lower(each.key)}"
  description        = "Ranges that the embargo never applies to"
  scope              = var.scope
  ip_address_version = each.key
  addresses          = [for cidr in var.exempt_cidrs : cidr if strcontains(cidr, ":") == (each.key == "IPV6")]
  tags               = var.context.tags
}

resource "aws_wafv2_rule_group" "this" {
  name        = local.full_name
  description = "Country embargo, kept by the function ${local.full_name}"
  scope       = var.scope
  capacity    = local.capacity
  tags        = var.context.tags

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.full_name
    sampled_requests_enabled   = true
  }

  lifecycle {
    ignore_changes = [rule]
  }

  # Its rules refer to them, which Terraform cannot see: they must outlive it.
  depends_on = [aws_wafv2_ip_set.embargoed, aws_wafv2_ip_set.exempt]
}

resource "aws_wafv2_web_acl" "this" {
  # checkov:skip=CKV_AWS_192:This web ACL is the embargo alone; rules against exploits belong to the owner of the application, in its own web ACL
  # checkov:skip=CKV2_AWS_31:Logs hold addresses and headers of every visitor; whoever needs them adds a logging configuration for web_acl_arn. Matches are counted and sampled
  count = var.create_web_acl ? 1 : 0

  name        = local.full_name
  description = "Country embargo"
  scope       = var.scope
  tags        = var.context.tags

  default_action {
    allow {}
  }

  rule {
    name     = local.full_name
    priority = var.web_acl_priority

    override_action {
      none {}
    }

    statement {
      rule_group_reference_statement {
        arn = aws_wafv2_rule_group.this.arn
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = local.full_name
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${local.full_name}-acl"
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  for_each = var.protected_resource_arns

  resource_arn = each.value
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}
