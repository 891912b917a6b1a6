mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:app/key-AbCdEf" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-secret-replication" }
  }
}

variables {
  source_kms_key_arns = ["arn:aws:kms:eu-central-1:111122223333:key/aaaa2222-3333-4444-5555-666677778888"]
  targets = {
    dr = {
      region               = "eu-west-1"
      secret_name_prefixes = ["prod/"]
      secret_names         = { "root-db" = "dr-root-db" }
      rename_prefix        = { from = "prod/", to = "dr/" }
      kms_key_arn          = "arn:aws:kms:eu-west-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888"
    }
    vault = {
      region               = "us-east-1"
      secret_name_prefixes = ["prod/"]
      secret_tags          = { Vault = "yes" }
      kms_key_arn          = "arn:aws:kms:us-east-1:444455556666:key/cccc2222-3333-4444-5555-666677778888"
      role_arn             = "arn:aws:iam::444455556666:role/replica-writer"
      external_id          = "switchyard"
    }
  }
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "what_the_functions_may_do" {
  command = plan

  module {
    source = "./modules/protection/secret_replication"
  }

  assert {
    condition = jsondecode(module.functions[0].resources.grants["replicate"].policy).Statement == [
      { Sid = "ReadQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-secret-replication"] },
      {
        Sid = "DescribeSources", Effect = "Allow", Action = ["secretsmanager:DescribeSecret"],
        Resource = [
          "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/*",
          "arn:aws:secretsmanager:eu-central-1:111122223333:secret:root-db-??????",
        ]
      },
      {
        Sid = "ReadSources0", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"],
        Resource = [
          "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/*",
          "arn:aws:secretsmanager:eu-central-1:111122223333:secret:root-db-??????",
        ]
      },
      {
        Sid       = "ReadSources1", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/*"],
        Condition = { StringEquals = { "aws:ResourceTag/Vault" = ["yes"] } }
      },
      {
        Sid       = "DecryptSources", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/aaaa2222-3333-4444-5555-666677778888"],
        Condition = { StringLike = { "kms:ViaService" = ["secretsmanager.eu-central-1.*"] } }
      },
      {
        Sid = "WriteReplicas0", Effect = "Allow",
        Action = [
          "secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource",
          "secretsmanager:UntagResource", "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage",
        ],
        Resource = [
          "arn:aws:secretsmanager:eu-west-1:111122223333:secret:dr/*",
          "arn:aws:secretsmanager:eu-west-1:111122223333:secret:dr-root-db",
          "arn:aws:secretsmanager:eu-west-1:111122223333:secret:dr-root-db-??????",
        ]
      },
      {
        Sid       = "EncryptReplicas0", Effect = "Allow", Action = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-west-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888"],
        Condition = { StringLike = { "kms:ViaService" = ["secretsmanager.eu-west-1.*"] } }
      },
      { Sid = "AssumeTargetRoles", Effect = "Allow", Action = ["sts:AssumeRole"], Resource = ["arn:aws:iam::444455556666:role/replica-writer"] },
    ]
    error_message = "The function may read the selected secrets, write the renamed replicas and assume the role, and nothing else."
  }

  assert {
    condition = jsondecode(module.functions[0].resources.grants["reconcile"].policy).Statement == [
      {
        Sid       = "ListSecrets", Effect = "Allow", Action = ["secretsmanager:ListSecrets"], Resource = ["*"],
        Condition = { StringEquals = { "aws:RequestedRegion" = ["eu-central-1", "eu-west-1"] } }
      },
      { Sid = "QueueRepairs", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-secret-replication"] },
      { Sid = "AssumeTargetRoles", Effect = "Allow", Action = ["sts:AssumeRole"], Resource = ["arn:aws:iam::444455556666:role/replica-writer"] },
    ]
    error_message = "The comparison may not read values or write anything."
  }

  assert {
    condition     = [for s in jsondecode(module.functions[0].resources.runtime_policies["replicate"].policy).Statement : s.Condition.StringLike["kms:ViaService"] if s.Sid == "UseKeyThroughServices"] == [["sqs.eu-central-1.*"]]
    error_message = "The stack's key is used only for the queue."
  }

  assert {
    condition     = keys(output.target_policies) == ["vault"] && length(aws_secretsmanager_secret.managed) == 0
    error_message = "The output has policies only for the other account's role."
  }

  assert {
    condition = jsondecode(output.target_policies["vault"].trust_policy).Statement == [{
      Sid = "AssumedByReplication", Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = ["arn:aws:iam::111122223333:root"] },
      Condition = {
        ArnEquals = { "aws:PrincipalArn" = [
          "arn:aws:iam::111122223333:role/test-secret-replication-function-eu-central-1",
          "arn:aws:iam::111122223333:role/test-secret-replication-reconcile-function-eu-central-1",
        ] }
        StringEquals = { "sts:ExternalId" = "switchyard" }
      }
    }]
    error_message = "The role there trusts the two functions' roles, by external id."
  }

  assert {
    condition = [for s in jsondecode(output.target_policies["vault"].policy).Statement : [s.Sid, s.Resource]] == [
      ["WriteReplicas", ["arn:aws:secretsmanager:us-east-1:444455556666:secret:prod/*"]],
      ["EncryptReplicas", ["arn:aws:kms:us-east-1:444455556666:key/cccc2222-3333-4444-5555-666677778888"]],
      ["ListReplicas", ["*"]],
    ]
    error_message = "It may write the replicas there, by their names and under their key."
  }
}

run "which_events" {
  command = plan

  module {
    source = "./modules/protection/secret_replication"
  }

  # Defect of the source: its pattern matched every secret of the account, and edits without rotation not at all.
  assert {
    condition = jsondecode(module.rule[0].resources.rule.event_pattern) == {
      source = ["aws.secretsmanager"]
      "$or" = [
        { "detail-type" = ["Secret Label Updated"], detail = { name = [{ prefix = "prod/" }, "root-db"] } },
        {
          "detail-type" = ["AWS Service Event via CloudTrail"]
          detail = {
            eventSource = ["secretsmanager.amazonaws.com"]
            eventName   = ["RotationSucceeded"]
            additionalEventData = { SecretId = [
              { prefix = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/" },
              { prefix = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:root-db-" },
            ] }
          }
        },
        {
          "detail-type" = ["AWS API Call via CloudTrail"]
          detail = {
            eventSource = ["secretsmanager.amazonaws.com"]
            eventName   = ["PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "TagResource", "UntagResource", "RestoreSecret"]
            errorCode   = [{ exists = false }]
            requestParameters = { secretId = [
              { prefix = "prod/" }, "root-db",
              { prefix = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/" },
              { prefix = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:root-db-" },
              "arn:aws:secretsmanager:eu-central-1:111122223333:secret:root-db",
            ] }
          }
        },
        {
          "detail-type" = ["AWS API Call via CloudTrail"]
          detail = {
            eventSource       = ["secretsmanager.amazonaws.com"]
            eventName         = ["CreateSecret"]
            errorCode         = [{ exists = false }]
            requestParameters = { name = [{ prefix = "prod/" }, "root-db"] }
          }
        },
      ]
    }
    error_message = "The rule matches successful changes of selected secrets, in every form of the event."
  }

  # Defect of the source: failed events were lost.
  assert {
    condition = (
      jsondecode(module.queue[0].resources.queue.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-central-1:111122223333:test-secret-replication-dlq", maxReceiveCount = 10 }
      && module.queue[0].resources.queue.visibility_timeout_seconds == 6 * module.functions[0].resources.functions["replicate"].timeout
      && aws_lambda_event_source_mapping.this[0].function_response_types == toset(["ReportBatchItemFailures"])
    )
    error_message = "Failed events are tried ten times and then kept."
  }

  assert {
    condition = [for s in jsondecode(module.queue[0].resources.queue.policy).Statement : [s.Action, s.Principal, s.Condition] if s.Effect == "Allow"] == [[
      "sqs:SendMessage", { Service = "events.amazonaws.com" },
      { ArnLike = { "aws:SourceArn" = ["arn:aws:events:eu-central-1:111122223333:rule/test-secret-replication"] } },
    ]]
    error_message = "Only the rule may send, in addition to roles of the account."
  }

  assert {
    condition = jsondecode(module.functions[0].resources.functions["replicate"].environment[0].variables.TARGETS)[0] == {
      name        = "dr", region = "eu-west-1", secret_name_prefixes = ["prod/"], secret_tags = {}, secret_names = { "root-db" = "dr-root-db" }
      rename_from = "prod/", rename_to = "dr/", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888"
      role_arn    = null, external_id = null, force_overwrite = false, paused = false
    }
    error_message = "The function gets the targets."
  }

  assert {
    condition     = module.functions[0].resources.functions["reconcile"].environment[0].variables.GRACE_SECONDS == "1800" && module.schedule[0].resources.schedule.schedule_expression == "rate(1 hour)"
    error_message = "All secrets are compared every hour; changes of the last half hour are still in progress."
  }

  assert {
    condition = { for k, a in module.functions[0].resources.alarms : a.alarm_name => [a.metric_name, a.dimensions.service, a.treat_missing_data] if a.namespace == "Switchyard" } == {
      test-secret-replication-drift   = ["SecretsDrifted", "secret-replication-reconcile", "ignore"]
      test-secret-replication-refused = ["ReplicationsRefused", "secret-replication", "notBreaching"]
    }
    error_message = "Drift and refusals raise alarms."
  }
}

run "tags_alone_select" {
  command = plan

  module {
    source = "./modules/protection/secret_replication"
  }

  variables {
    targets = { dr = { region = "eu-west-1", secret_name_prefixes = [""], secret_tags = { Dr = "yes" } } }
  }

  assert {
    condition     = jsondecode(module.rule[0].resources.rule.event_pattern)["$or"][0].detail == { name = [{ exists = true }] }
    error_message = "All names match, and the function reads the tags."
  }
  assert {
    condition     = [for s in jsondecode(module.functions[0].resources.grants["replicate"].policy).Statement : s.Condition.StringEquals if s.Sid == "ReadSources0"] == [{ "aws:ResourceTag/Dr" = ["yes"] }]
    error_message = "It may read values only of secrets with the tag."
  }
}

run "native_only" {
  command = plan

  module {
    source = "./modules/protection/secret_replication"
  }

  variables {
    targets = {}
    managed_secrets = {
      "app/key" = {
        description = "Signs sessions"
        tags        = { team = "web" }
        replicas    = { eu-west-1 = { kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888" } }
      }
    }
  }

  assert {
    condition = (
      aws_secretsmanager_secret.managed["app/key"].name == "app/key" && aws_secretsmanager_secret.managed["app/key"].kms_key_id == var.context.kms_key_arn
      && [for r in aws_secretsmanager_secret.managed["app/key"].replica : [r.region, r.kms_key_id]] == [["eu-west-1", "arn:aws:kms:eu-west-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888"]]
      && aws_secretsmanager_secret.managed["app/key"].recovery_window_in_days == 30 && aws_secretsmanager_secret.managed["app/key"].tags == tomap({ stack = "test", team = "web" })
    )
    error_message = "Secrets Manager replicates it itself, each under a key of its Region."
  }
  assert {
    condition     = output.function_name == null && output.queue_url == null && length(output.alarm_names) == 0 && length(output.writer_role_arns) == 0
    error_message = "Without targets there is no function."
  }
}

run "a_managed_secret_may_be_copied_too" {
  command = plan

  module {
    source = "./modules/protection/secret_replication"
  }

  variables {
    managed_secrets = {
      "prod/key" = {
        description = "Signs sessions"
        replicas    = { eu-west-1 = { kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888" } }
      }
    }
  }

  assert {
    condition     = [for s in jsondecode(module.functions[0].resources.runtime_policies["replicate"].policy).Statement : s.Condition.StringLike["kms:ViaService"] if s.Sid == "UseKeyThroughServices"] == [["secretsmanager.eu-central-1.*", "sqs.eu-central-1.*"]]
    error_message = "The stack's key then serves Secrets Manager too."
  }
}

run "role_in_the_other_account" {
  command = plan

  module {
    source = "./modules/protection/secret_replication/target_access"
  }

  variables {
    role_name            = "replica-writer"
    account_id           = "444455556666"
    region               = "us-east-1"
    secret_name_prefixes = ["prod/"]
    writer_role_arns     = ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"]
  }

  assert {
    condition     = aws_iam_role.this[0].name == "replica-writer" && aws_iam_role.this[0].assume_role_policy == output.trust_policy && aws_iam_role_policy.this[0].policy == output.policy
    error_message = "The role has the policies."
  }
  assert {
    condition     = jsondecode(output.trust_policy).Statement[0].Condition == { ArnEquals = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"] } } && [for s in jsondecode(output.policy).Statement : s.Sid] == ["WriteReplicas", "ListReplicas"]
    error_message = "Without an external id and a key there is no condition and no statement for them."
  }
}

run "refuses_more_than_a_rule_can_hold" {
  command = plan

  module {
    source = "./modules/protection/secret_replication"
  }

  variables {
    targets = { dr = { region = "eu-west-1", secret_name_prefixes = [for n in range(6) : "department-${n}/team-${n}/"] } }
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}

run "targets_side_by_side" {
  command = plan

  module {
    source = "./modules/protection/secret_replication"
  }

  variables {
    targets = {
      a       = { region = "eu-west-1", secret_name_prefixes = ["prod/"], secret_tags = { Tier = "a" } }
      b       = { region = "eu-west-1", secret_name_prefixes = ["prod/"], secret_tags = { Tier = "b" }, paused = true }
      renamed = { region = "eu-west-1", secret_name_prefixes = ["prod/"], rename_prefix = { from = "prod/", to = "dr/" } }
      other   = { region = "eu-north-1", secret_name_prefixes = ["prod/"] }
      names   = { region = "eu-north-1", secret_names = { "prod/db" = "db", "prod" = "prod" } }
      account = { region = "eu-west-1", secret_name_prefixes = ["prod/"], role_arn = "arn:aws:iam::444455556666:role/w" }
      service = { region = "eusc-de-east-1", secret_name_prefixes = ["rds!"], rename_prefix = { from = "rds!", to = "rds-" } }
    }
  }

  assert {
    condition = { for t in jsondecode(module.functions[0].resources.functions["replicate"].environment[0].variables.TARGETS) : t.name => t.paused } == {
      a = false, account = false, b = true, names = false, other = false, renamed = false, service = false
    }
    error_message = "Targets with exclusive tags, other names, Regions or accounts write different replicas, and each can be paused."
  }
}
