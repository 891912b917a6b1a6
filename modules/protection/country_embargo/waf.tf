# Terraform creates the rule group and the embargo's IP sets and ignores their content, which the function manages.

locals {
  # 4 rules: 2 IP sets, each with 4 more units because it matches any position of a header, 5 statements of 50
  # countries, 2 regular expressions of 3 units, and the exempt sets in 3 of the rules. They need at most 27 units, or
  # 47 if WAF counts the text transformation NONE; the capacity of a rule group cannot change.
  # https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statements-match.html
  capacity = 50
}

resource "aws_wafv2_ip_set" "embargoed" {
  for_each = toset(["IPV4", "IPV6"])

  name               = "${local.full_name}-${lower(each.key)}"
  description        = "Embargoed ranges, managed by the function ${local.full_name}"
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
  description = "Country embargo, managed by the function ${local.full_name}"
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

  # The rules refer to the sets, which Terraform cannot see: the sets must be deleted after the rule group.
  depends_on = [aws_wafv2_ip_set.embargoed, aws_wafv2_ip_set.exempt]
}

resource "aws_wafv2_web_acl" "this" {
  # checkov:skip=CKV_AWS_192:This web ACL is for the embargo only; rules against exploits belong into the application owner's web ACL
  # checkov:skip=CKV2_AWS_31:Logs contain the address and headers of every visitor; add a logging configuration for web_acl_arn if you need them. Matches are counted and sampled
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
