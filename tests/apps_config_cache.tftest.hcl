mock_provider "aws" {
  source = "./tests/mocks"
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
    source = "./modules/apps/config_cache"
  }

  assert {
    condition = (
      aws_lambda_layer_version.this.layer_name == "test-config-cache"
      && aws_lambda_layer_version.this.filename == ".switchyard/fixtures/layers/config_cache.zip"
      && toset(aws_lambda_layer_version.this.compatible_architectures) == toset(["arm64", "x86_64"])
    )
    error_message = "One layer serves both architectures."
  }
  assert {
    condition     = length(output.wiring) == 0 && length(output.function_names) == 0 && length(output.alarm_names) == 0 && length(module.schedule) == 0 && length(aws_iam_role_policy.reader) == 0
    error_message = "Nothing else is created unless it is asked for."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/apps/config_cache"
  }

  variables {
    parameters = {
      limits = { parameter = "/orders/limits", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/a", ttl_seconds = 5 }
      theme  = {}
      shared = { parameter = "arn:aws:ssm:us-east-1:444455556666:parameter/shared" }
    }
    secrets = {
      db  = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/a" }
      api = { arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:api-AbCdEf", version_stage = "AWSPREVIOUS", ttl_seconds = 0 }
    }
    items = {
      settings = {
        table_arn     = "arn:aws:dynamodb:eu-central-1:111122223333:table/settings"
        partition_key = { name = "pk", value = "a" }
        sort_key      = { name = "sk", type = "N", value = "1" }
        fields        = ["rate"]
        consistent    = true
        kms_key_arn   = "arn:aws:kms:eu-central-1:111122223333:key/b"
      }
      other   = { table_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/settings", partition_key = { name = "pk", value = "b" } }
      foreign = { table_arn = "arn:aws:dynamodb:eu-central-1:444455556666:table/theirs", partition_key = { name = "id", value = "c" }, ttl_seconds = 9 }
    }
    functions = {
      orders   = { parameters = ["limits", "theme"], secrets = ["db"], items = ["settings", "other"], role_name = "orders" }
      invoices = { parameters = ["shared"], secrets = ["api"], items = ["foreign"], config_file = "/var/task/cache.json" }
      idle     = { role_name = "idle", python_for = "arm64" }
    }
    python_packages           = { arm64 = ".switchyard/fixtures/layers/common.zip" }
    ttl_seconds               = 90
    stale_seconds             = 0
    timeout_seconds           = 2
    port                      = 4010
    fetch_at_start            = false
    check_schedule_expression = "rate(1 day)"
  }

  assert {
    condition = jsondecode(output.wiring.orders.policy_json).Statement == [
      { Sid = "ReadParameters", Effect = "Allow", Action = ["ssm:GetParameters"], Resource = ["arn:aws:ssm:eu-central-1:111122223333:parameter/orders/limits", "arn:aws:ssm:eu-central-1:111122223333:parameter/theme"] },
      { Sid = "ReadSecrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf"] },
      { Sid = "ReadItems0", Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/settings"], Condition = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["b", "a"] } } },
      { Sid = "DecryptParameters", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/a"], Condition = { StringEquals = { "kms:EncryptionContext:PARAMETER_ARN" = ["arn:aws:ssm:eu-central-1:111122223333:parameter/orders/limits"] }, StringLike = { "kms:ViaService" = ["ssm.eu-central-1.*"] } } },
      { Sid = "DecryptSecrets", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/a"], Condition = { StringEquals = { "kms:EncryptionContext:SecretARN" = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf"] }, StringLike = { "kms:ViaService" = ["secretsmanager.eu-central-1.*"] } } },
      { Sid = "DecryptItems", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/b"], Condition = { StringEquals = { "kms:EncryptionContext:aws:dynamodb:tableName" = ["settings"] }, StringLike = { "kms:ViaService" = ["dynamodb.eu-central-1.*"] } } },
    ]
    error_message = "A function may read its own names, and use the keys for nothing else."
  }
  assert {
    condition = jsondecode(output.wiring.orders.environment.CACHE_EXTENSION_CONFIG) == {
      parameters = {
        limits = { name = "/orders/limits", region = "eu-central-1", ttl = 5 }
        theme  = { name = "theme", region = "eu-central-1" }
      }
      secrets = { db = { id = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf", region = "eu-central-1", stage = "AWSCURRENT" } }
      dynamodb = {
        settings = { table = "settings", region = "eu-central-1", key = { pk = { S = "a" }, sk = { N = "1" } }, fields = ["rate"], consistent = true }
        other    = { table = "settings", region = "eu-central-1", key = { pk = { S = "b" } }, consistent = false }
      }
    }
    error_message = "The extension gets the function's own names."
  }
  assert {
    condition = { for name, value in output.wiring.orders.environment : name => value if name != "CACHE_EXTENSION_CONFIG" } == {
      CACHE_EXTENSION_TTL          = "90s"
      CACHE_EXTENSION_STALE        = "0s"
      CACHE_EXTENSION_TIMEOUT      = "2s"
      CACHE_EXTENSION_PORT         = "4010"
      CACHE_EXTENSION_INIT_STARTUP = "false"
    }
    error_message = "The extension gets the settings."
  }
  assert {
    condition = (
      output.wiring.invoices.environment.CACHE_EXTENSION_CONFIG_FILE == "/var/task/cache.json"
      && !contains(keys(output.wiring.invoices.environment), "CACHE_EXTENSION_CONFIG")
      && jsondecode(output.wiring.invoices.config_json) == {
        parameters = { shared = { name = "arn:aws:ssm:us-east-1:444455556666:parameter/shared", region = "us-east-1" } }
        secrets    = { api = { id = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:api-AbCdEf", region = "eu-west-1", stage = "AWSPREVIOUS", ttl = 0 } }
        dynamodb   = { foreign = { table = "arn:aws:dynamodb:eu-central-1:444455556666:table/theirs", region = "eu-central-1", key = { id = { S = "c" } }, consistent = false, ttl = 9 } }
      }
    )
    error_message = "A configuration file replaces the variable; other Regions and accounts are named."
  }
  assert {
    condition     = keys(aws_iam_role_policy.reader) == ["orders"] && aws_iam_role_policy.reader["orders"].role == "orders" && aws_iam_role_policy.reader["orders"].policy == output.wiring.orders.policy_json
    error_message = "The named role gets the permissions; a function without names needs none."
  }
  assert {
    condition = (
      aws_lambda_layer_version.python["arm64"].layer_name == "test-config-cache-python-arm64"
      && toset(aws_lambda_layer_version.python["arm64"].compatible_architectures) == toset(["arm64"])
      && startswith(aws_s3_object.python["arm64"].key, "config-cache-python-arm64-")
      && aws_s3_object.python["arm64"].kms_key_id == var.context.kms_key_arn
      && length(output.wiring.idle.layer_arns) == 2 && length(output.wiring.orders.layer_arns) == 1
    )
    error_message = "A function without Python gets an interpreter, and only that one."
  }
  assert {
    condition     = jsonencode([for s in output.wiring.orders.policy_statements : s.sid]) == jsonencode(["ReadParameters", "ReadSecrets", "ReadItems0", "DecryptParameters", "DecryptSecrets", "DecryptItems"])
    error_message = "The statements are there for modules/blocks/functions, too."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["check"].policy).Statement : s.Sid] == ["ReadParameters", "ReadSecrets", "ReadItems0", "ReadItems1", "DecryptParameters", "DecryptSecrets", "DecryptItems"]
    error_message = "The check may read every name."
  }
  assert {
    condition = (
      keys(jsondecode(module.functions.resources.functions["check"].environment[0].variables.CACHE_EXTENSION_CONFIG).secrets) == ["api", "db"]
      && module.functions.resources.functions["check"].handler == "apps.config_cache.check.handler"
      && module.functions.resources.functions["check"].environment[0].variables.CACHE_EXTENSION_PORT == "4010"
    )
    error_message = "The check reads every name, as functions do."
  }
  assert {
    condition     = module.functions.resources.alarms["config-cache-unread"].metric_name == "NamesUnread" && module.functions.resources.alarms["config-cache-unread"].dimensions.service == "config-cache-check"
    error_message = "A name that cannot be read raises an alarm."
  }
  assert {
    condition     = output.function_names.check == "test-config-cache-check" && contains(output.alarm_names, "test-config-cache-unread")
    error_message = "The outputs name the function and the alarms."
  }
}
