mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# What AWS decides is unknown until the apply, as in a first one.
mock_provider "aws" {
  alias  = "unknown"
  source = "./tests/mocks"
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

# A plan of the root takes ten times as long as one of a capability: each run covers several things. What the variables
# refuse is in tests/unit/tools/test_root.py.
run "base_variables_and_settings_of_capabilities" {
  command = plan

  variables {
    region                   = "eu-central-1"
    name_prefix              = "staging"
    alarm_emails             = ["security@example.com"]
    log_retention_days       = 30
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    access_log_force_destroy = true
    tags                     = { team = "security" }
    access_analyzer          = {}
    kms_rotation             = { expiration_days = null, policy = null, keys = { orders = { description = "Orders", grants = null } } }
    finding_export = {
      continuous           = true
      count_parameter_name = "/sechubexport/findingcount"
      destination          = { bucket_name = "central-findings", account_id = "444455556666" }
      filters              = { dates = { CreatedAt = [{ last_days = 7 }] } }
      prefix               = "hub/"
      schedule_expression  = "rate(1 day)"
    }
  }

  override_data {
    target = module.context.data.aws_partition.current
    values = { partition = "aws-cn" }
  }

  assert {
    condition = output.context == {
      name_prefix              = "staging"
      partition                = "aws-cn"
      account_id               = "111122223333"
      region                   = "eu-central-1"
      kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn          = "arn:aws-cn:sns:eu-central-1:111122223333:staging-alarms"
      access_log_bucket        = "staging-access-logs-111122223333-eu-central-1"
      package_bucket           = "staging-packages-111122223333-eu-central-1"
      log_retention_days       = 30
      layer_arns               = ["arn:aws:lambda:eu-central-1:111122223333:layer:switchyard-common:1"]
      permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
      build_dir                = ".switchyard/fixtures"
      tags                     = tomap({ team = "security", SwitchyardStack = "staging" })
    }
    error_message = "Each base variable reaches the capabilities."
  }
  assert {
    condition     = output.alarm_topic_arn == "arn:aws-cn:sns:eu-central-1:111122223333:staging-alarms" && output.access_log_bucket == "staging-access-logs-111122223333-eu-central-1" && output.kms_key_arn == "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    error_message = "The outputs name the shared parts."
  }
  assert {
    condition     = output.access_analyzer.analyzer_name == "staging-access-analyzer" && length(output.access_analyzer.archive_rule_names) == 0 && output.access_analyzer.evidence_bucket == null
    error_message = "access_analyzer = {} is the module with its defaults."
  }
  assert {
    condition     = output.kms_rotation.prefix == "reports/" && join(",", keys(output.kms_rotation.keys)) == "orders"
    error_message = "A setting that is null is the module's default."
  }
  assert {
    condition     = output.finding_export.prefix == "hub/" && output.finding_export.count_parameter_name == "/sechubexport/findingcount" && output.finding_export.bucket_name == "central-findings" && keys(output.finding_export.function_names) == ["continuous", "export"] && contains(output.finding_export.alarm_names, "staging-finding-export-schedule-dlq-depth")
    error_message = "What is set reaches the module."
  }
  assert {
    condition     = jsondecode(output.finding_export.destination_bucket_policy).Statement[2].Resource == "arn:aws-cn:s3:::central-findings"
    error_message = "The partition is nowhere literal."
  }
}

# A count or a key that depends on an unknown value would fail this plan.
run "without_base_variables_one_apply_is_enough_for_a_pool_and_what_uses_it" {
  command = plan

  providers = {
    aws = aws.unknown
  }

  variables {
    user_directory      = { groups = { members = {} }, default_groups = ["members"] }
    step_up_auth        = {}
    order_authorization = {}
    inactive_users      = {}
  }

  assert {
    condition     = alltrue([for made in [module.user_directory, module.step_up_auth, module.order_authorization, module.inactive_users] : length(made) == 1])
    error_message = "The three capabilities take the pool, and the pool takes the trigger of one of them, in one plan."
  }
  assert {
    condition     = output.context.name_prefix == "switchyard" && output.context.log_retention_days == 365
    error_message = "Without variables the stack has its default prefix and retention."
  }
  assert {
    condition     = output.finding_export == null && length(module.finding_export) == 0
    error_message = "A capability is off until its variable is set."
  }
}
