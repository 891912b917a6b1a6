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
    source = "./modules/data/document_pipeline"
  }

  assert {
    condition     = jsonencode(sort(keys(module.functions.functions))) == jsonencode(["failsafe", "intake", "listing", "render"]) && jsonencode(sort(keys(module.queues))) == jsonencode(["ingest", "pages"])
    error_message = "Without an endpoint there is no function that asks one, and no queue of its images."
  }
  assert {
    condition     = module.functions.resources.functions["intake"].environment[0].variables["SMALL_BYTES"] == "10485760" && module.functions.resources.functions["intake"].environment[0].variables["SMALL_PAGES"] == "10"
    error_message = "The thresholds are those of the source: 10 MB and 10 pages."
  }
  assert {
    condition     = !contains(keys(module.functions.resources.functions["render"].environment[0].variables), "ENDPOINT")
    error_message = "The function that draws knows of no endpoint."
  }
  assert {
    condition     = module.functions.resources.functions["render"].timeout == 310 && module.queues["pages"].resources.queue.visibility_timeout_seconds == 1860
    error_message = "A call may take ten pages at their worst, and a message stays hidden for six times as long."
  }
  assert {
    condition = alltrue([
      for name, queue in module.queues : queue.resources.dead_letter_queue.visibility_timeout_seconds == 5400 && jsondecode(queue.resources.queue.redrive_policy).maxReceiveCount == 5
    ])
    error_message = "The failsafe has its time for each message of a dead-letter queue."
  }
  assert {
    condition     = jsondecode(module.arrivals.resources.rule.event_pattern).detail.object.key == [{ prefix = "incoming/" }]
    error_message = "Only what is uploaded below incoming/ starts by itself: an image must not."
  }
  assert {
    condition = alltrue([
      for name in ["intake", "render", "failsafe"] : jsonencode([for s in jsondecode(module.functions.resources.grants[name].policy).Statement : s.Resource if s.Sid == "ReadDocuments"]) == jsonencode([["arn:aws:s3:::test-doc-pipeline-111122223333-eu-central-1/incoming/*"]])
    ])
    error_message = "The functions read documents below incoming/ and nothing else."
  }
  assert {
    condition     = jsonencode([for s in jsondecode(module.functions.resources.grants["render"].policy).Statement : s.Sid]) == jsonencode(["ReceivePages", "WriteAudit", "WriteRows", "WriteImages", "ReadDocuments"])
    error_message = "The function that draws needs no more than this."
  }
  assert {
    condition     = alltrue([for name, mapping in aws_lambda_event_source_mapping.queues : mapping.batch_size == 1 && contains(mapping.function_response_types, "ReportBatchItemFailures")])
    error_message = "A message is one document or one range: nothing waits for a slow one."
  }
  assert {
    condition     = module.table.resources.table.deletion_protection_enabled && !module.bucket.resources.bucket.force_destroy
    error_message = "terraform destroy keeps the audit trail, the images and the rows."
  }
  assert {
    condition     = module.athena.resources.tables["pages"].parameters["projection.dt.range"] == "2026-01-01,NOW+1DAY"
    error_message = "Rows that do not expire are all found."
  }
}

run "sagemaker" {
  command = plan

  module {
    source = "./modules/data/document_pipeline"
  }

  variables {
    endpoint        = { sagemaker_endpoint = "Our-Model", payload = "location", concurrency = 7 }
    thresholds      = { pages = 4, bytes = 1000 }
    limits          = { page_seconds = 10, pages = 12000 }
    memory_size     = 4096
    expiration_days = 90
    force_destroy   = true
    concurrency     = { large = 3 }
    sources         = { scans = { bucket = "our-scans", prefix = "in/", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/theirs" } }
  }

  assert {
    condition     = jsonencode([for s in jsondecode(module.functions.resources.grants["infer"].policy).Statement : [s.Sid, s.Resource] if s.Sid == "AskModel"]) == jsonencode([["AskModel", ["arn:aws:sagemaker:eu-central-1:111122223333:endpoint/our-model"]]])
    error_message = "IAM names an endpoint in small letters."
  }
  assert {
    condition     = !contains([for s in jsondecode(module.functions.resources.grants["infer"].policy).Statement : s.Sid], "ReadImages")
    error_message = "Who sends where an image is need not read it."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["infer"].environment[0].variables["ENDPOINT"]).target == "Our-Model"
    error_message = "The endpoint is called by its name."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.queues["images"].scaling_config[0].maximum_concurrency == 7
    error_message = "The mapping bounds the calls of the endpoint."
  }
  assert {
    condition     = jsonencode([for s in jsondecode(module.functions.resources.grants["intake"].policy).Statement : s.Resource if contains(["ReadDocuments", "DecryptDocuments"], s.Sid)]) == jsonencode([["arn:aws:s3:::test-doc-pipeline-111122223333-eu-central-1/incoming/*", "arn:aws:s3:::our-scans/in/*"], ["arn:aws:kms:eu-central-1:111122223333:key/theirs"]])
    error_message = "Sources are read below their prefixes, with their keys."
  }
  assert {
    condition     = module.functions.resources.functions["render"].timeout == 120 && module.functions.resources.functions["failsafe"].memory_size == 8192 && module.functions.resources.functions["render"].environment[0].variables["MEMORY_MIB"] == "3584"
    error_message = "Times and memory follow from the settings."
  }
  assert {
    condition     = module.athena.resources.tables["documents"].parameters["projection.dt.range"] == "NOW-91DAYS,NOW+1DAY" && module.bucket.resources.lifecycle.rule[1].expiration[0].days == 90
    error_message = "Rows are found for as long as they exist."
  }
}

run "http" {
  command = plan

  module {
    source = "./modules/data/document_pipeline"
  }

  variables {
    endpoint = { url = "https://api.example.com/score", secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:model-AbCdEf" }
  }

  assert {
    condition     = jsonencode([for s in jsondecode(module.functions.resources.grants["infer"].policy).Statement : s.Sid]) == jsonencode(["ReceiveImages", "WriteAudit", "WriteRows", "ReadImages", "ReadSecret"])
    error_message = "The function reads images and its secret."
  }
  assert {
    condition = jsondecode(module.functions.resources.functions["infer"].environment[0].variables["ENDPOINT"]) == {
      kind = "http", target = "https://api.example.com/score", payload = "image", features = "features", timeout_seconds = 30, secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:model-AbCdEf"
    }
    error_message = "The function knows its endpoint."
  }
  assert {
    condition     = module.functions.resources.functions["infer"].timeout == 510
    error_message = "Each page may take its time, and the last one all attempts."
  }
}
