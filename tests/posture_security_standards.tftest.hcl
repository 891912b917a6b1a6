mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_lambda_invocation" {
    override_during = plan
    defaults        = { result = "{\"ready\": [\"fsbp\"], \"not_ready\": []}" }
  }
}

variables {
  context = {
    name_prefix        = "test"
    partition          = "aws-us-gov"
    account_id         = "111122223333"
    region             = "us-gov-west-1"
    kms_key_arn        = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    alarm_topic_arn    = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:test-alarms"
    access_log_bucket  = "test-access-logs-111122223333-us-gov-west-1"
    package_bucket     = "test-packages-111122223333-us-gov-west-1"
    log_retention_days = 365
    layer_arns         = ["arn:aws-us-gov:lambda:us-gov-west-1:111122223333:layer:test-common:1"]
    build_dir          = ".switchyard/fixtures"
    tags               = { stack = "test" }
  }
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
    source = "./modules/posture/security_standards"
  }

  assert {
    condition     = length(aws_securityhub_account.this) == 1 && !aws_securityhub_account.this[0].enable_default_standards && aws_securityhub_account.this[0].auto_enable_controls && aws_securityhub_account.this[0].control_finding_generator == "SECURITY_CONTROL"
    error_message = "The hub is enabled, with consolidated findings and without standards that are not named."
  }
  assert {
    condition     = { for name, s in aws_securityhub_standards_subscription.this : name => s.standards_arn } == { fsbp = "arn:aws-us-gov:securityhub:us-gov-west-1::standards/aws-foundational-security-best-practices/v/1.0.0" }
    error_message = "Only FSBP is enabled, by an ARN of this Region and partition."
  }
  assert {
    condition     = length(aws_securityhub_standards_control_association.disabled) + length(aws_securityhub_automation_rule.suppression) + length(aws_securityhub_automation_rule.passed) + length(aws_securityhub_finding_aggregator.this) + length(aws_securityhub_organization_configuration.this) == 0
    error_message = "Nothing else is created."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["check"].policy).Statement == [
      { Sid = "ReadStandards", Effect = "Allow", Action = ["securityhub:GetEnabledStandards"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:hub/default"] },
      { Sid = "ListControls", Effect = "Allow", Action = ["securityhub:ListSecurityControlDefinitions", "securityhub:BatchGetStandardsControlAssociations"], Resource = ["*"] },
      { Sid = "DescribeControls", Effect = "Allow", Action = ["securityhub:DescribeStandardsControls"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:hub/default"] },
      { Sid = "CountFindings", Effect = "Allow", Action = ["securityhub:GetFindings"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:hub/default"] },
    ]
    error_message = "The check may read, and change nothing."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["suppress"].policy).Statement == [
      { Sid = "ListRules", Effect = "Allow", Action = ["securityhub:ListAutomationRules"], Resource = ["*"] },
      { Sid = "ReadRules", Effect = "Allow", Action = ["securityhub:BatchGetAutomationRules"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:automation-rule/*"] },
      { Sid = "ReadFindings", Effect = "Allow", Action = ["securityhub:GetFindings"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:hub/default"] },
      { Sid = "UpdateFindings", Effect = "Allow", Action = ["securityhub:BatchUpdateFindings"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:hub/default"] },
    ]
    error_message = "The suppression may read rules and findings, and update findings."
  }
  assert {
    condition     = module.functions.resources.functions["suppress"].environment[0].variables["OWNER"] == "test" && jsondecode(module.functions.resources.functions["check"].environment[0].variables["STANDARDS"]) == { fsbp = "arn:aws-us-gov:securityhub:us-gov-west-1::standards/aws-foundational-security-best-practices/v/1.0.0" }
    error_message = "The functions' settings name the stack and its standards."
  }
  assert {
    condition     = module.functions.resources.alarms["security-standards-not-ready"].metric_name == "StandardsNotReady" && module.functions.resources.alarms["security-standards-not-ready"].dimensions == tomap({ service = "security-standards-check" }) && module.functions.resources.alarms["security-standards-not-ready"].alarm_actions == toset([var.context.alarm_topic_arn])
    error_message = "A standard that is not READY raises an alarm."
  }
  assert {
    condition     = aws_lambda_invocation.suppress.lifecycle_scope == "CRUD" && jsondecode(aws_lambda_invocation.suppress.input) == { suppressions = [] }
    error_message = "An apply without suppressions sets the findings of earlier ones to NEW; so does a destroy."
  }
  assert {
    condition     = output.status.ready == ["fsbp"]
    error_message = "The apply shows what it found."
  }
}

run "everything" {
  command = plan

  module {
    source = "./modules/posture/security_standards"
  }

  variables {
    create_hub         = false
    standards          = ["cis-1.2.0", "cis-1.4.0", "cis-3.0.0", "cis-5.0.0", "nist-800-53", "nist-800-171", "pci-3.2.1", "pci-4.0.1", "resource-tagging"]
    existing_standards = ["fsbp", "cis-1.4.0"]
    recorder_name      = "default"
    disabled_controls = {
      "ACM.1" = { reason = "Renewed elsewhere.", standards = ["fsbp", "pci-4.0.1"] }
      "IAM.6" = { reason = "Off until June.", enabled = true, standards = ["fsbp"] }
    }
    suppressions = {
      websites = {
        reason               = "Public by design."
        control_ids          = ["S3.2", "S3.8"]
        resource_ids         = ["arn:aws:s3:::blog"]
        resource_id_prefixes = ["arn:aws:s3:::website-"]
        account_ids          = ["444455556666"]
        until                = "2999-12-31"
      }
      lab = { reason = "Emptied every night.", resource_tag = { key = "Stage", value = "lab" } }
    }
    rule_order          = 50
    finding_aggregation = { linking_mode = "SPECIFIED_REGIONS", regions = ["us-gov-east-1"] }
    organization        = { auto_enable = false, configuration_type = "CENTRAL" }
    schedule_expression = "rate(6 hours)"
  }

  assert {
    condition     = length(aws_securityhub_account.this) == 0 && keys(aws_securityhub_standards_subscription.this) == ["cis-1.2.0", "cis-3.0.0", "cis-5.0.0", "nist-800-171", "nist-800-53", "pci-3.2.1", "pci-4.0.1", "resource-tagging"]
    error_message = "What exists already stays unchanged."
  }
  assert {
    condition     = aws_securityhub_standards_subscription.this["cis-1.2.0"].standards_arn == "arn:aws-us-gov:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0" && alltrue([for name, s in aws_securityhub_standards_subscription.this : startswith(s.standards_arn, "arn:aws-us-gov:securityhub:us-gov-west-1::standards/") if name != "cis-1.2.0"])
    error_message = "Every ARN is this Region's; the oldest standard has none."
  }
  assert {
    condition     = jsonencode({ for key, c in aws_securityhub_standards_control_association.disabled : key => [c.security_control_id, c.association_status, c.updated_reason] }) == jsonencode({ "ACM.1/fsbp" = ["ACM.1", "DISABLED", "Renewed elsewhere."], "ACM.1/pci-4.0.1" = ["ACM.1", "DISABLED", "Renewed elsewhere."], "IAM.6/fsbp" = ["IAM.6", "ENABLED", null] }) && keys(output.disabled_controls) == ["ACM.1/fsbp", "ACM.1/pci-4.0.1"]
    error_message = "The control is off in the named standards, with its reason; one that is to be checked again is on."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["check"].environment[0].variables["STANDARDS"])["fsbp"] == "arn:aws-us-gov:securityhub:us-gov-west-1::standards/aws-foundational-security-best-practices/v/1.0.0"
    error_message = "Existing standards are checked too."
  }
  assert {
    condition = alltrue([
      for name, r in aws_securityhub_automation_rule.suppression :
      r.rule_name == "test-suppression-${name}" && r.rule_order == 50 && r.rule_status == "ENABLED"
      && toset(r.criteria[0].compliance_status[*].value) == toset(["FAILED", "WARNING", "NOT_AVAILABLE"])
      && toset(r.criteria[0].workflow_status[*].value) == toset(["NEW", "NOTIFIED"])
      && toset(r.criteria[0].record_state[*].value) == toset(["ACTIVE"])
      && tolist(r.actions)[0].finding_fields_update[0].workflow[0].status == "SUPPRESSED"
      && tolist(r.actions)[0].finding_fields_update[0].user_defined_fields == tomap({ SwitchyardSuppressedBy = "test", SwitchyardSuppression = name })
    ])
    error_message = "Rules suppress failed, active findings whose workflow status is NEW or NOTIFIED, and mark them."
  }
  assert {
    condition     = toset([for c in aws_securityhub_automation_rule.suppression["websites"].criteria[0].resource_id : "${c.comparison} ${c.value}"]) == toset(["EQUALS arn:aws:s3:::blog", "PREFIX arn:aws:s3:::website-"]) && toset(aws_securityhub_automation_rule.suppression["websites"].criteria[0].compliance_security_control_id[*].value) == toset(["S3.2", "S3.8"]) && toset(aws_securityhub_automation_rule.suppression["websites"].criteria[0].aws_account_id[*].value) == toset(["444455556666"])
    error_message = "The rule has the given criteria."
  }
  assert {
    condition     = [for d in aws_securityhub_automation_rule.suppression["websites"].criteria[0].updated_at : d.end] == ["2999-12-31T23:59:59.999Z"] && length(aws_securityhub_automation_rule.suppression["lab"].criteria[0].updated_at) == 0
    error_message = "The rule ends at its date."
  }
  assert {
    condition     = tolist(aws_securityhub_automation_rule.suppression["websites"].actions)[0].finding_fields_update[0].note[0].text == "Public by design. (suppression websites, until 2999-12-31)"
    error_message = "The finding's note gives the reason."
  }
  assert {
    condition     = [for t in aws_securityhub_automation_rule.suppression["lab"].criteria[0].resource_tags : [t.key, t.value, t.comparison]] == [["Stage", "lab", "EQUALS"]] && length(aws_securityhub_automation_rule.suppression["lab"].criteria[0].resource_id) == 0
    error_message = "The rule matches by tag."
  }
  assert {
    condition     = aws_securityhub_automation_rule.passed[0].rule_order == 49 && toset(aws_securityhub_automation_rule.passed[0].criteria[0].compliance_status[*].value) == toset(["PASSED"]) && [for f in aws_securityhub_automation_rule.passed[0].criteria[0].user_defined_fields : "${f.key}=${f.value}"] == ["SwitchyardSuppressedBy=test"] && tolist(aws_securityhub_automation_rule.passed[0].actions)[0].finding_fields_update[0].workflow[0].status == "NEW"
    error_message = "A suppressed finding that has passed becomes NEW, if this stack suppressed it."
  }
  assert {
    condition     = aws_securityhub_finding_aggregator.this[0].linking_mode == "SPECIFIED_REGIONS" && aws_securityhub_organization_configuration.this[0].organization_configuration[0].configuration_type == "CENTRAL" && !aws_securityhub_organization_configuration.this[0].auto_enable && aws_securityhub_organization_configuration.this[0].auto_enable_standards == "NONE"
    error_message = "Aggregation and organization are as given."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.suppress.input) == { suppressions = ["lab", "websites"] }
    error_message = "The apply names the wanted suppressions."
  }
}

run "policies_and_parameters" {
  command = plan

  module {
    source = "./modules/posture/security_standards"
  }

  variables {
    create_hub = false
    control_parameters = {
      "ACM.1"  = { reason = "Renewed by hand", parameters = { daysToExpiration = { int = 60 } } }
      "EC2.18" = { parameters = { authorizedTcpPorts = { int_list = [443] } } }
    }
    finding_aggregation = { linking_mode = "ALL_REGIONS" }
    organization        = { auto_enable = false, configuration_type = "CENTRAL" }
    configuration_policies = {
      production = {
        targets           = ["ou-abcd-12345678", "444455556666"]
        standards         = ["fsbp", "cis-3.0.0"]
        disabled_controls = ["ACM.1"]
        parameters        = { "EC2.18" = { authorizedTcpPorts = { int_list = [443] } }, "IAM.7" = { RequireSymbols = { bool = false } } }
      }
      off = { targets = ["r-abcd"], enabled = false, description = "Nothing yet." }
    }
  }

  assert {
    condition = jsondecode(aws_lambda_invocation.parameters[0].input) == {
      controls = {
        "ACM.1"  = { reason = "Renewed by hand", parameters = { daysToExpiration = { Integer = 60 } } }
        "EC2.18" = { reason = null, parameters = { authorizedTcpPorts = { IntegerList = [443] } } }
      }
    } && aws_lambda_invocation.parameters[0].lifecycle_scope == "CRUD"
    error_message = "The function gets the values in the API's words, and resets them when they are removed."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["parameters"].policy).Statement == [
      { Sid = "SetParameters", Effect = "Allow", Action = ["securityhub:UpdateSecurityControl"], Resource = ["*"] },
      { Sid = "UpdateControls", Effect = "Allow", Action = ["securityhub:UpdateStandardsControl"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:hub/default"] },
      { Sid = "ReadParameters", Effect = "Allow", Action = ["securityhub:BatchGetSecurityControls"], Resource = ["*"] },
      { Sid = "DescribeControls", Effect = "Allow", Action = ["securityhub:DescribeStandardsControls"], Resource = ["arn:aws-us-gov:securityhub:us-gov-west-1:111122223333:hub/default"] },
    ]
    error_message = "The function may update controls, and read them back."
  }
  assert {
    condition = { for name, p in aws_securityhub_configuration_policy.this : p.name => [p.configuration_policy[0].service_enabled, length(p.configuration_policy[0].security_controls_configuration)] } == {
      "test-off" = [false, 0], "test-production" = [true, 1]
    } && toset(aws_securityhub_configuration_policy.this["production"].configuration_policy[0].enabled_standard_arns) == toset([local.standard_arns["fsbp"], local.standard_arns["cis-3.0.0"]]) && length(coalesce(aws_securityhub_configuration_policy.this["off"].configuration_policy[0].enabled_standard_arns, [])) == 0
    error_message = "A policy has its standards, or switches Security Hub off."
  }
  assert {
    condition     = toset(aws_securityhub_configuration_policy.this["production"].configuration_policy[0].security_controls_configuration[0].disabled_control_identifiers) == toset(["ACM.1"]) && { for c in aws_securityhub_configuration_policy.this["production"].configuration_policy[0].security_controls_configuration[0].security_control_custom_parameter : c.security_control_id => [for p in c.parameter : [p.name, p.value_type, length(p.int_list), length(p.bool), length(p.int)]] } == { "EC2.18" = [["authorizedTcpPorts", "CUSTOM", 1, 0, 0]], "IAM.7" = [["RequireSymbols", "CUSTOM", 0, 1, 0]] }
    error_message = "A policy has its disabled controls, and parameters of the given types."
  }
  assert {
    condition     = { for target, a in aws_securityhub_configuration_policy_association.this : target => a.timeouts.create } == { "444455556666" = "30m", "ou-abcd-12345678" = "30m", "r-abcd" = "30m" }
    error_message = "Each target has its policy, and time to get it."
  }
  assert {
    condition     = aws_securityhub_standards_subscription.this["fsbp"].timeouts.create == "30m" && aws_securityhub_standards_subscription.this["fsbp"].timeouts.delete == "30m" && aws_securityhub_organization_configuration.this[0].timeouts.create == "30m"
    error_message = "Security Hub takes longer than the provider's 3 minutes for a standard."
  }
}

run "notifies_when_not_ready_or_ended" {
  command = plan

  module {
    source = "./modules/posture/security_standards"
  }

  override_resource {
    target          = aws_lambda_invocation.check
    override_during = plan
    values          = { result = "{\"ready\": [], \"not_ready\": [{\"standard\": \"fsbp\", \"status\": \"INCOMPLETE\", \"reason\": \"AWS Config does not record.\"}]}" }
  }

  variables {
    suppressions = { old = { reason = "Until the end of January.", control_ids = ["S3.2"], until = "2026-01-31" } }
  }

  expect_failures = [check.standards_ready, check.suppressions_current]
}

run "control_of_no_standard" {
  command = plan

  module {
    source = "./modules/posture/security_standards"
  }

  variables {
    disabled_controls = { "ACM.1" = { reason = "Renewed elsewhere.", standards = ["pci-4.0.1"] } }
    organization      = { configuration_type = "CENTRAL", auto_enable = false }
  }

  expect_failures = [aws_securityhub_standards_control_association.disabled, aws_securityhub_organization_configuration.this]
}
