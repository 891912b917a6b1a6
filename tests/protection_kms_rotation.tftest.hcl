# Keys that rotate by policy, evidence, and guarded rotation on demand.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_kms_key" {
    defaults = {
      arn    = "arn:aws:kms:eu-central-1:111122223333:key/22222222-3333-4444-5555-666677778888"
      key_id = "22222222-3333-4444-5555-666677778888"
    }
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
    source = "./modules/protection/kms_rotation"
  }

  assert {
    condition     = length(aws_kms_key.this) == 0 && keys(module.functions.functions) == ["report"] && output.function_names == { report = "test-kms-rotation-report" }
    error_message = "Without keys and on_demand there is only the report."
  }
  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.reports) == 0
    error_message = "Reports can be deleted unless a lock is asked for."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["report"].policy).Statement == [
      { Sid = "ListKeys", Effect = "Allow", Action = ["kms:ListAliases", "kms:ListKeys"], Resource = ["*"] },
      { Sid = "ReadRotation", Effect = "Allow", Action = ["kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListKeyRotations"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/*"] },
      { Sid = "WriteReports", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-kms-rotation-111122223333-eu-central-1/reports/dt=*"] },
      {
        Sid       = "EncryptReports", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.context.kms_key_arn],
        Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } }
      },
      { Sid = "TellOperators", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-kms-rotation"] },
    ]
    error_message = "The report may read rotations and write reports, but change no key."
  }
  assert {
    condition = module.functions.resources.functions["report"].environment[0].variables == tomap({
      BUCKET                       = "test-kms-rotation-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      KMS_KEY_ARN                  = var.context.kms_key_arn
      ON_DEMAND_QUOTA              = "25"
      POLICY                       = jsonencode({ exempt = [], max_period_days = 365, min_period_days = null, mode = "require" })
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "kms-rotation-report"
      PREFIX                       = "reports/"
      PRICE                        = "1"
      TOPIC_ARN                    = "arn:aws:sns:eu-central-1:111122223333:test-kms-rotation"
    })
    error_message = "The report's settings have the policy and the price."
  }
  assert {
    condition     = module.schedule.resources.schedule.schedule_expression == "cron(0 4 1 * ? *)" && module.schedule.resources.schedule.target[0].input == "{\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}"
    error_message = "It runs monthly. The scheduled time names the report, so that a retry writes the same one. The placeholder is not escaped."
  }
  assert {
    condition     = module.functions.resources.functions["report"].timeout == 900 && contains(keys(module.functions.resources.event_invoke_configs), "report")
    error_message = "A report has the longest timeout, and a failed call is kept."
  }
}

run "keys" {
  command = plan

  module {
    source = "./modules/protection/kms_rotation"
  }

  variables {
    keys = {
      orders = {
        description          = "Orders"
        rotation_period_days = 120
        aliases              = ["orders", "shop/orders"]
        administrators       = ["arn:aws:iam::111122223333:role/keys"]
        users                = ["arn:aws:iam::111122223333:role/shop", "arn:aws:iam::111122223333:role/billing"]
        grants = {
          auditor = {
            grantee_principal         = "arn:aws:iam::111122223333:role/auditor"
            operations                = ["Decrypt"]
            encryption_context_subset = { purpose = "audit" }
          }
        }
      }
      plain = { description = "Plain", multi_region = true }
    }
    on_demand = { key_arns = ["arn:aws:kms:eu-central-1:111122223333:key/33333333-3333-4444-5555-666677778888"] }
    price     = 2
  }

  assert {
    condition     = aws_kms_key.this["orders"].enable_key_rotation && aws_kms_key.this["orders"].rotation_period_in_days == 120 && aws_kms_key.this["plain"].enable_key_rotation && aws_kms_key.this["plain"].rotation_period_in_days == 365 && aws_kms_key.this["plain"].multi_region && !aws_kms_key.this["orders"].multi_region
    error_message = "A key rotates as it is set, otherwise as the policy requires."
  }
  assert {
    condition     = aws_kms_key.this["orders"].deletion_window_in_days == 30 && aws_kms_key.this["orders"].tags == tomap({ stack = "test", Name = "test-orders" })
    error_message = "Keys have a long deletion window and tags."
  }
  assert {
    condition     = toset([for a in aws_kms_alias.this : a.name]) == toset(["alias/orders", "alias/shop/orders"])
    error_message = "A key has all its aliases."
  }
  assert {
    condition = jsondecode(aws_kms_key.this["orders"].policy).Statement == [
      { Sid = "AccountThroughIam", Effect = "Allow", Principal = { AWS = "arn:aws:iam::111122223333:root" }, Action = "kms:*", Resource = "*" },
      {
        Sid = "Administer", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::111122223333:role/keys"] }, Resource = "*",
        Action = [
          "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey", "kms:DisableKeyRotation",
          "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
          "kms:ListKeyRotations", "kms:ListResourceTags", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
          "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
        ]
      },
      {
        Sid       = "Use", Effect = "Allow", Resource = "*",
        Principal = { AWS = ["arn:aws:iam::111122223333:role/billing", "arn:aws:iam::111122223333:role/shop"] },
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      },
      {
        Sid       = "GrantToServices", Effect = "Allow", Resource = "*",
        Principal = { AWS = ["arn:aws:iam::111122223333:role/billing", "arn:aws:iam::111122223333:role/shop"] },
        Action    = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
    ] && [for s in jsondecode(aws_kms_key.this["plain"].policy).Statement : s.Sid] == ["AccountThroughIam"]
    error_message = "Administrators cannot use a key or change its policy, users cannot administer it."
  }
  assert {
    condition     = aws_kms_grant.this["orders-auditor"].grantee_principal == "arn:aws:iam::111122223333:role/auditor" && aws_kms_grant.this["orders-auditor"].operations == toset(["Decrypt"]) && one(aws_kms_grant.this["orders-auditor"].constraints).encryption_context_subset == tomap({ purpose = "audit" })
    error_message = "A grant is limited to its encryption context."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["rotate"].policy).Statement == [
      {
        Sid    = "RotateKeys", Effect = "Allow",
        Action = ["kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListKeyRotations", "kms:RotateKeyOnDemand"],
        Resource = [
          "arn:aws:kms:eu-central-1:111122223333:key/22222222-3333-4444-5555-666677778888",
          "arn:aws:kms:eu-central-1:111122223333:key/22222222-3333-4444-5555-666677778888",
          "arn:aws:kms:eu-central-1:111122223333:key/33333333-3333-4444-5555-666677778888",
        ]
      },
      { Sid = "TellOperators", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-kms-rotation"] },
    ]
    error_message = "Only named keys can be rotated on demand."
  }
  assert {
    condition     = module.functions.resources.functions["rotate"].reserved_concurrent_executions == 1 && !contains(keys(module.functions.resources.event_invoke_configs), "rotate") && module.functions.resources.functions["rotate"].environment[0].variables.ON_DEMAND_RESERVE == "2" && module.functions.resources.functions["rotate"].environment[0].variables.PRICE == "2" && module.functions.resources.functions["rotate"].environment[0].variables.MODE == "require"
    error_message = "Rotations run one at a time, called synchronously."
  }
  assert {
    condition     = output.keys.orders.rotation_period_days == 120 && output.keys.orders.aliases == ["alias/orders", "alias/shop/orders"] && output.function_names == { report = "test-kms-rotation-report", rotate = "test-kms-rotation-rotate" }
    error_message = "The outputs name what was created."
  }
}

run "limited" {
  command = plan

  module {
    source = "./modules/protection/kms_rotation"
  }

  variables {
    policy = { mode = "limit", min_period_days = 1000, exempt = ["alias/audited"] }
    keys = {
      quiet   = { description = "Never rotates" }
      slow    = { description = "Rotates rarely", rotation_period_days = 1000 }
      audited = { description = "Must rotate", rotation_period_days = 90, aliases = ["audited"] }
    }
  }

  assert {
    condition     = !aws_kms_key.this["quiet"].enable_key_rotation && aws_kms_key.this["slow"].rotation_period_in_days == 1000 && aws_kms_key.this["audited"].rotation_period_in_days == 90 && output.keys.quiet.rotation_period_days == null
    error_message = "With mode limit, a key rotates only if it is set to, rarely, or as an exception."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["report"].environment[0].variables.POLICY) == { exempt = ["alias/audited"], max_period_days = 365, min_period_days = 1000, mode = "limit" }
    error_message = "The report judges by the same policy."
  }
}

run "required_with_an_exception" {
  command = plan

  module {
    source = "./modules/protection/kms_rotation"
  }

  variables {
    expiration_days = 2557
    object_lock     = { days = 2557, mode = "COMPLIANCE" }
    policy          = { max_period_days = 180, exempt = ["alias/legacy"] }
    keys = {
      new    = { description = "New" }
      legacy = { description = "Legacy", rotation = false, aliases = ["legacy"] }
    }
  }

  assert {
    condition     = aws_kms_key.this["new"].rotation_period_in_days == 180 && !aws_kms_key.this["legacy"].enable_key_rotation
    error_message = "The required period is the default, and an exempt key may stay unchanged."
  }
  assert {
    condition     = aws_s3_bucket_object_lock_configuration.reports[0].bucket == "test-kms-rotation-111122223333-eu-central-1" && [for r in aws_s3_bucket_object_lock_configuration.reports[0].rule[0].default_retention : "${r.mode} ${r.days}"] == ["COMPLIANCE 2557"]
    error_message = "Each report is locked from its writing on."
  }
}
