mock_provider "aws" {
  source          = "./tests/mocks"
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

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  assert {
    condition     = aws_wafv2_rule_group.this.scope == "REGIONAL" && aws_wafv2_rule_group.this.capacity == 50 && length(aws_wafv2_rule_group.this.rule) == 0
    error_message = "The rule group is created empty, with capacity for the function's rules."
  }
  assert {
    condition     = alltrue([for version, set in aws_wafv2_ip_set.embargoed : set.ip_address_version == version && set.scope == "REGIONAL"]) && alltrue([for set in aws_wafv2_ip_set.exempt : length(set.addresses) == 0])
    error_message = "There is a set for each IP version, and no address is exempt."
  }
  assert {
    condition     = one(aws_wafv2_web_acl.this).default_action[0].allow != null && one(one(aws_wafv2_web_acl.this).rule).priority == 100 && one(one(aws_wafv2_web_acl.this).rule).statement[0].rule_group_reference_statement[0].arn == output.rule_group_arn && output.web_acl_arn == one(aws_wafv2_web_acl.this).arn
    error_message = "A web ACL allows what the rule group does not match."
  }
  assert {
    # `count {}` here would turn every blocked request into a counted one.
    condition     = length(one(one(aws_wafv2_web_acl.this).rule).override_action) == 1 && length(one(one(aws_wafv2_web_acl.this).rule).override_action[0].none) == 1 && length(one(one(aws_wafv2_web_acl.this).rule).override_action[0].count) == 0 && length(one(one(aws_wafv2_web_acl.this).rule).action) == 0
    error_message = "The web ACL leaves the rule group's actions as they are, so that they block."
  }
  assert {
    condition     = length(aws_s3_object.document) == 0 && length(aws_wafv2_web_acl_association.this) == 0
    error_message = "There is no built-in document, and the web ACL is associated with nothing."
  }
  assert {
    condition     = output.document_key == "embargoed-countries.json" && output.bucket_name == "test-embargo-111122223333-eu-central-1" && output.topic_arn == "arn:aws:sns:eu-central-1:111122223333:test-country-embargo"
    error_message = "The outputs name bucket, key and topic."
  }
  assert {
    condition     = output.function_names == { apply = "test-country-embargo", preview = "test-country-embargo-preview" } && contains(output.alarm_names, "test-country-embargo-errors") && contains(output.alarm_names, "test-country-embargo-dlq-depth") && contains(output.alarm_names, "test-country-embargo-rule-dlq-depth")
    error_message = "A refused document, a lost event and an undelivered one each raise an alarm."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.apply.input).configuration.action == "BLOCK"
    error_message = "A change of the configuration updates the rules."
  }
  assert {
    condition     = module.schedule.resources.schedule.schedule_expression == "rate(1 hour)" && jsondecode(module.schedule.resources.schedule.target[0].input) == { schedule = true } && module.schedule.resources.schedule.target[0].arn == "arn:aws:lambda:eu-central-1:111122223333:function:test-country-embargo"
    error_message = "Changes by other principals are repaired every hour."
  }
  assert {
    condition = { for k, a in module.functions.resources.alarms : a.alarm_name => [a.metric_name, a.dimensions.service] if a.namespace == "Switchyard" } == {
      test-country-embargo-drift = ["EmbargoRepairs", "country-embargo"]
    }
    error_message = "A repair raises an alarm."
  }
}

run "functions" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  assert {
    condition = module.functions.resources.functions["apply"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "country-embargo"
      ACTION                       = "BLOCK"
      CHANGE_LIMITS                = jsonencode({ addresses_percent = 1, countries = 20 })
      BUCKET                       = "test-embargo-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      DOCUMENT_KEY                 = "embargoed-countries.json"
      EXEMPT_SETS                  = jsonencode(["arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-exempt-ipv4/x4", "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-exempt-ipv6/x6"])
      FORWARDED_IP                 = ""
      IP_SETS = jsonencode({
        IPV4 = { arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv4/4", id = "4", name = "test-country-embargo-ipv4" }
        IPV6 = { arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv6/6", id = "6", name = "test-country-embargo-ipv6" }
      })
      RULE_GROUP = jsonencode({ arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/rulegroup/test-country-embargo/g", id = "g", name = "test-country-embargo" })
      SCOPE      = "REGIONAL"
      TOPIC_ARN  = "arn:aws:sns:eu-central-1:111122223333:test-country-embargo"
    })
    error_message = "The function's settings name what it maintains."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["apply"].policy).Statement == [
      { Sid = "SeeRuleGroup", Effect = "Allow", Action = ["wafv2:GetRuleGroup"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/rulegroup/test-country-embargo/g"] },
      { Sid = "SeeIpSets", Effect = "Allow", Action = ["wafv2:GetIPSet"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv4/4", "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv6/6"] },
      { Sid = "TellMissingFromDenied", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-embargo-111122223333-eu-central-1"] },
      {
        Sid = "UpdateRules", Effect = "Allow", Action = ["wafv2:UpdateRuleGroup"], Resource = [
          "arn:aws:wafv2:eu-central-1:111122223333:regional/rulegroup/test-country-embargo/g",
          "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv4/4",
          "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv6/6",
          "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-exempt-ipv4/x4",
          "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-exempt-ipv6/x6",
        ]
      },
      { Sid = "UpdateIpSets", Effect = "Allow", Action = ["wafv2:UpdateIPSet"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv4/4", "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv6/6"] },
      { Sid = "ReadDocument", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-embargo-111122223333-eu-central-1/embargoed-countries.json", "arn:aws:s3:::test-embargo-111122223333-eu-central-1/applied.json", "arn:aws:s3:::test-embargo-111122223333-eu-central-1/refused/*"] },
      { Sid = "KeepHistory", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-embargo-111122223333-eu-central-1/applied.json", "arn:aws:s3:::test-embargo-111122223333-eu-central-1/history/*", "arn:aws:s3:::test-embargo-111122223333-eu-central-1/refused/*"] },
      { Sid = "Tell", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-country-embargo"] },
    ]
    error_message = "It may read one document and update one rule group and two sets, but not the exempt sets."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["preview"].policy).Statement == [
      { Sid = "SeeRuleGroup", Effect = "Allow", Action = ["wafv2:GetRuleGroup"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/rulegroup/test-country-embargo/g"] },
      { Sid = "SeeIpSets", Effect = "Allow", Action = ["wafv2:GetIPSet"], Resource = ["arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv4/4", "arn:aws:wafv2:eu-central-1:111122223333:regional/ipset/test-country-embargo-ipv6/6"] },
      { Sid = "TellMissingFromDenied", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-embargo-111122223333-eu-central-1"] },
      { Sid = "ReadDocuments", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-embargo-111122223333-eu-central-1/embargoed-countries.json", "arn:aws:s3:::test-embargo-111122223333-eu-central-1/applied.json", "arn:aws:s3:::test-embargo-111122223333-eu-central-1/drafts/*"] },
      { Sid = "MeasureRules", Effect = "Allow", Action = ["wafv2:CheckCapacity"], Resource = ["*"] },
    ]
    error_message = "The preview may not change anything."
  }
  assert {
    condition     = module.functions.resources.event_invoke_configs["apply"].maximum_retry_attempts == 2 && !contains(keys(module.functions.resources.event_invoke_configs), "preview")
    error_message = "A failed call is retried and kept; the preview's caller waits for its answer."
  }
  assert {
    condition = jsondecode(module.rule.resources.rule.event_pattern) == {
      source        = ["aws.s3"]
      "detail-type" = ["Object Created", "Object Deleted"]
      detail        = { bucket = { name = ["test-embargo-111122223333-eu-central-1"] }, object = { key = ["embargoed-countries.json"] } }
    }
    error_message = "Only the document's own events call the function, not those of the history that it writes."
  }
  assert {
    condition     = module.rule.resources.targets["apply"].arn == "arn:aws:lambda:eu-central-1:111122223333:function:test-country-embargo" && module.bucket.resources.notification.eventbridge && module.bucket.resources.versioning.versioning_configuration[0].status == "Enabled"
    error_message = "Events go from the bucket through EventBridge to the function, and the bucket keeps the document's versions."
  }
  assert {
    condition     = length(module.topic.resources.email_subscriptions) == 0 && module.topic.resources.topic.kms_master_key_id == var.context.kms_key_arn
    error_message = "Notices go to an encrypted topic."
  }
}

run "options" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  variables {
    action                     = "CHALLENGE"
    exempt_cidrs               = ["198.51.100.0/24", "2001:db8::/48"]
    forwarded_ip               = { trusted_proxies = 2 }
    change_limits              = null
    document_file              = "modules/protection/country_embargo/examples/embargo.json"
    document_key               = "lists/embargo 2026.json"
    web_acl_priority           = 7
    protected_resource_arns    = { shop = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/shop/0123456789abcdef" }
    notification_emails        = ["security@example.com"]
    repair_schedule_expression = "cron(0 3 * * ? *)"
    history_days               = 30
    force_destroy              = true
  }

  assert {
    condition     = module.functions.resources.functions["apply"].environment[0].variables["ACTION"] == "CHALLENGE" && jsondecode(module.functions.resources.functions["apply"].environment[0].variables["FORWARDED_IP"]) == { header_name = "X-Forwarded-For", fallback_behavior = "MATCH", trusted_proxies = 2 } && module.functions.resources.functions["apply"].environment[0].variables["CHANGE_LIMITS"] == ""
    error_message = "Action and header reach the function."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.apply.input).configuration.action == "CHALLENGE" && jsondecode(aws_lambda_invocation.apply.input).configuration.forwarded_ip.trusted_proxies == 2 && jsondecode(aws_lambda_invocation.apply.input).configuration.change_limits == null && module.schedule.resources.schedule.schedule_expression == "cron(0 3 * * ? *)" && jsondecode(aws_lambda_invocation.apply.input).configuration.document == filesha256("modules/protection/country_embargo/examples/embargo.json")
    error_message = "A change of action, header or file calls the function."
  }
  assert {
    condition     = aws_wafv2_ip_set.exempt["IPV4"].addresses == toset(["198.51.100.0/24"]) && aws_wafv2_ip_set.exempt["IPV6"].addresses == toset(["2001:db8::/48"])
    error_message = "Exempt ranges are in the set of their version."
  }
  assert {
    condition     = one(aws_s3_object.document).key == "lists/embargo 2026.json" && one(aws_s3_object.document).source_hash == filemd5("modules/protection/country_embargo/examples/embargo.json")
    error_message = "The file is uploaded when it changes."
  }
  assert {
    condition     = one(one(aws_wafv2_web_acl.this).rule).priority == 7 && aws_wafv2_web_acl_association.this["shop"].web_acl_arn == output.web_acl_arn && length(module.topic.resources.email_subscriptions) == 1 && module.bucket.resources.bucket.force_destroy && module.bucket.resources.lifecycle.rule[1].noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "The other options reach their resources."
  }
}

run "own_web_acl" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  variables {
    create_web_acl = false
  }

  assert {
    condition     = length(aws_wafv2_web_acl.this) == 0 && output.web_acl_arn == null && output.rule_group_arn == "arn:aws:wafv2:eu-central-1:111122223333:regional/rulegroup/test-country-embargo/g"
    error_message = "The rule group can be used in a web ACL of your own."
  }
}

run "cloudfront" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  variables {
    scope = "CLOUDFRONT"
    context = {
      name_prefix        = "test"
      partition          = "aws"
      account_id         = "111122223333"
      region             = "us-east-1"
      kms_key_arn        = "arn:aws:kms:us-east-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn    = "arn:aws:sns:us-east-1:111122223333:test-alarms"
      access_log_bucket  = "test-access-logs-111122223333-us-east-1"
      package_bucket     = "test-packages-111122223333-us-east-1"
      log_retention_days = 365
      layer_arns         = []
      build_dir          = ".switchyard/fixtures"
      tags               = {}
    }
  }

  assert {
    condition     = alltrue([for scope in concat(values(aws_wafv2_ip_set.embargoed)[*].scope, values(aws_wafv2_ip_set.exempt)[*].scope, [aws_wafv2_rule_group.this.scope, one(aws_wafv2_web_acl.this).scope]) : scope == "CLOUDFRONT"]) && module.functions.resources.functions["apply"].environment[0].variables["SCOPE"] == "CLOUDFRONT"
    error_message = "Everything has CloudFront's scope."
  }
}

run "longest_names" {
  command = plan

  module {
    source = "./modules/protection/country_embargo"
  }

  variables {
    context = {
      name_prefix        = "abcdefghij-abcdefghi"
      partition          = "aws"
      account_id         = "111122223333"
      region             = "ap-northeast-1"
      kms_key_arn        = "arn:aws:kms:ap-northeast-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn    = "arn:aws:sns:ap-northeast-1:111122223333:test-alarms"
      access_log_bucket  = "test-access-logs-111122223333-ap-northeast-1"
      package_bucket     = "test-packages-111122223333-ap-northeast-1"
      log_retention_days = 365
      layer_arns         = []
      build_dir          = ".switchyard/fixtures"
      tags               = {}
    }
  }

  assert {
    condition     = length(output.bucket_name) <= 63
    error_message = "The longest prefix fits into the names in the Region with the longest name."
  }
}
