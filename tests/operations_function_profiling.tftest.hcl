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
    source = "./modules/operations/function_profiling"
  }

  assert {
    condition     = jsondecode(module.rule.resources.rule.event_pattern) == { source = ["switchyard.function-profiling"] }
    error_message = "The rule takes the events of one source."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["keep"].policy).Statement == [
      { Sid = "WriteRecords", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-function-profiling-111122223333-eu-central-1/records/dt=*"] },
      { Sid = "EncryptRecords", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.context.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } } },
    ]
    error_message = "The function may write records and encrypt them, and nothing else."
  }
  assert {
    condition = module.functions.resources.functions["keep"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "function-profiling-keep"
      BUCKET                       = "test-function-profiling-111122223333-eu-central-1"
      BUCKET_OWNER                 = "111122223333"
      KMS_KEY_ARN                  = var.context.kms_key_arn
      PREFIX                       = "records/"
    })
    error_message = "The function's settings name its bucket, its key and its prefix."
  }
  assert {
    condition     = module.functions.resources.functions["keep"].handler == "operations.function_profiling.keep.handler" && module.functions.resources.package.source == ".switchyard/fixtures/operations/function_profiling.zip"
    error_message = "The function runs this capability's handler."
  }
  assert {
    condition     = module.bucket.resources.lifecycle.rule[1].expiration[0].expired_object_delete_marker && !module.bucket.resources.bucket.force_destroy
    error_message = "Records are kept, and terraform destroy keeps them."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/operations/function_profiling"
  }

  variables {
    event_source    = "com.example.orders"
    expiration_days = 30
    force_destroy   = true
  }

  assert {
    condition     = jsondecode(module.rule.resources.rule.event_pattern).source == ["com.example.orders"] && output.event_source == "com.example.orders"
    error_message = "The rule takes the chosen source."
  }
  assert {
    condition     = module.bucket.resources.bucket.force_destroy && module.bucket.resources.lifecycle.rule[1].expiration[0].days == 30
    error_message = "Records are deleted after that many days, and with the stack."
  }
}
