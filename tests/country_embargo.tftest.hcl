mock_provider "aws" {
  override_during = plan

  mock_resource "aws_wafv2_rule_group" {
    defaults = {
      arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/rulegroup/test-country-embargo/g"
      id  = "g"
    }
  }
  mock_resource "aws_wafv2_ip_set" {
    defaults = {
      arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/set/s"
      id  = "s"
    }
  }
  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/test-country-embargo/w" }
  }
}

override_resource {
  target          = aws_wafv2_ip_set.embargoed["IPV4"]
  override_during = plan
  values = {
    arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv4/4"
    id  = "4"
  }
}
override_resource {
  target          = aws_wafv2_ip_set.embargoed["IPV6"]
  override_during = plan
  values = {
    arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv6/6"
    id  = "6"
  }
}
override_resource {
  target          = aws_wafv2_ip_set.exempt["IPV4"]
  override_during = plan
  values          = { arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-exempt-ipv4/x4" }
}
override_resource {
  target          = aws_wafv2_ip_set.exempt["IPV6"]
  override_during = plan
  values          = { arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-exempt-ipv6/x6" }
}

variables {
  context = {
    name_prefix        = "test"
    partition          = "aws"
    account_id         = "111122223333"
    region             = "eu-central-1"
    kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    alarm_topic_arn    = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    access_log_bucket  = "test-access-logs-111122223333-eu-central-1"
    log_retention_days = 365
    layer_arns         = ["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"]
    build_dir          = "tests/fixtures/build"
    tags               = { stack = "test" }
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  assert {
    condition     = aws_wafv2_rule_group.this.scope == "REGIONAL" && aws_wafv2_rule_group.this.capacity == 50 && length(aws_wafv2_rule_group.this.rule) == 0
    error_message = "The rule group is made empty, with room for what the function puts in."
  }
  assert {
    condition     = alltrue([for version, set in aws_wafv2_ip_set.embargoed : set.ip_address_version == version && set.scope == "REGIONAL"]) && alltrue([for set in aws_wafv2_ip_set.exempt : length(set.addresses) == 0])
    error_message = "There is a set for each IP version, and nothing is exempt."
  }
  assert {
    condition     = one(aws_wafv2_web_acl.this).default_action[0].allow != null && one(one(aws_wafv2_web_acl.this).rule).priority == 100 && one(one(aws_wafv2_web_acl.this).rule).statement[0].rule_group_reference_statement[0].arn == output.rule_group_arn && output.web_acl_arn == one(aws_wafv2_web_acl.this).arn
    error_message = "A web ACL allows what the rule group does not catch."
  }
  assert {
    condition     = length(aws_s3_object.document) == 0 && length(aws_wafv2_web_acl_association.this) == 0
    error_message = "No document is baked in, and nothing is associated."
  }
  assert {
    condition     = output.document_key == "embargoed-countries.json" && output.bucket_name == "test-country-embargo-111122223333-eu-central-1" && output.topic_arn == "arn:aws:sns:eu-central-1:111122223333:test-country-embargo"
    error_message = "Bucket, key and topic are told."
  }
  assert {
    condition     = output.function_names == { apply = "test-country-embargo", preview = "test-country-embargo-preview" } && contains(output.alarm_names, "test-country-embargo-errors") && contains(output.alarm_names, "test-country-embargo-dlq-depth") && contains(output.alarm_names, "test-country-embargo-rule-dlq-depth")
    error_message = "A refused document, a lost event and an undelivered one each raise an alarm."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.apply.input).configuration.action == "BLOCK"
    error_message = "A change of the configuration reaches the rules."
  }
}

run "apply_function" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  assert {
    condition = module.function.policy_statements == [
      { sid = "SeeRuleGroup", effect = "Allow", conditions = {}, actions = ["wafv2:GetRuleGroup"], resources = ["arn:aws:wafv2:eu-central-1:111122223333:regional/rulegroup/test-country-embargo/g"] },
    ]
    error_message = "x"
  }
}
