# Statements by purpose; a function has those that its code needs, and the failsafe those of the three whose work it does.
locals {
  endpoint_settings = var.endpoint == null ? null : jsonencode({
    kind            = var.endpoint.url == null ? "sagemaker" : "http"
    target          = coalesce(var.endpoint.url, var.endpoint.sagemaker_endpoint)
    payload         = var.endpoint.payload
    features        = var.endpoint.features
    timeout_seconds = var.endpoint.timeout_seconds
    secret_arn      = var.endpoint.secret_arn
  })

  statements = {
    audit = {
      sid       = "WriteAudit"
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"]
      resources = [module.table.arn]
    }
    receive = {
      sid       = "KeepDocuments"
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [module.table.arn]
    }
    rows = {
      sid       = "WriteRows"
      actions   = ["s3:PutObject"]
      resources = ["${module.bucket.arn}/rows/*"]
    }
    document_rows = {
      sid       = "WriteRows"
      actions   = ["s3:PutObject"]
      resources = ["${module.bucket.arn}/rows/documents/*"]
    }
    images = {
      sid       = "WriteImages"
      actions   = ["s3:PutObject"]
      resources = ["${module.bucket.arn}/images/*"]
    }
    read_images = {
      sid       = "ReadImages"
      actions   = ["s3:GetObject"]
      resources = ["${module.bucket.arn}/images/*"]
    }
    start_large = {
      sid       = "StartLarge"
      actions   = ["states:StartExecution"]
      resources = ["${local.states_arn}-large"]
    }
  }
  read_documents = concat(
    [{
      sid       = "ReadDocuments"
      actions   = ["s3:GetObject"]
      resources = [for source in local.sources : "arn:${var.context.partition}:s3:::${source.bucket}/${source.prefix}*"]
    }],
    length(local.source_keys) > 0 ? [{
      sid        = "DecryptDocuments"
      actions    = ["kms:Decrypt"]
      resources  = local.source_keys
      conditions = local.via_s3
    }] : [],
  )
  ask_endpoint = var.endpoint == null ? [] : concat(
    var.endpoint.payload == "image" ? [local.statements.read_images] : [],
    var.endpoint.url == null ? [{
      sid       = "AskModel"
      actions   = ["sagemaker:InvokeEndpoint"]
      resources = ["arn:${var.context.partition}:sagemaker:${var.context.region}:${var.context.account_id}:endpoint/${lower(var.endpoint.sagemaker_endpoint)}"]
    }] : [],
    var.endpoint.secret_arn != null ? [{
      sid       = "ReadSecret"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [var.endpoint.secret_arn]
    }] : [],
  )
  send    = { for name in keys(local.queues) : name => { sid = "Send${title(name)}", actions = ["sqs:SendMessage"], resources = [module.queues[name].arn] } }
  receive = { for name in keys(local.queues) : name => { sid = "Receive${title(name)}", actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], resources = [module.queues[name].arn] } }

  functions = {
    listing = {
      name              = "${local.name}-listing"
      description       = "Finds the documents of a batch"
      handler           = "data.document_pipeline.listing.handler"
      timeout           = 900
      memory_size       = 512
      dead_letter_queue = false # the state machine waits for its answer
      key_services      = ["sqs"]
      layer_arns        = []
      environment = merge(local.environment, {
        INGEST_QUEUE_URL = module.queues["ingest"].url
        SOURCES          = jsonencode({ for name, source in local.sources : name => { bucket = source.bucket, prefix = source.prefix } })
      })
      policy_statements = concat(
        [local.send.ingest],
        [for name, source in local.sources : {
          sid        = "List${replace(title(replace(name, "_", " ")), " ", "")}"
          actions    = ["s3:ListBucket"]
          resources  = ["arn:${var.context.partition}:s3:::${source.bucket}"]
          conditions = { StringLike = { "s3:prefix" = ["${source.prefix}*"] } }
        }],
      )
    }
    intake = {
      name              = "${local.name}-intake"
      description       = "Gives a document its ID, counts its pages and chooses its route"
      handler           = "data.document_pipeline.intake.handler"
      timeout           = local.intake_timeout
      memory_size       = var.memory_size
      dead_letter_queue = false # the queue has one
      key_services      = ["dynamodb", "s3", "sqs", "states"]
      layer_arns        = [aws_lambda_layer_version.documents.arn]
      environment       = merge(local.environment, local.classifying, local.memory)
      policy_statements = concat(
        [local.receive.ingest, local.statements.receive, local.statements.document_rows, local.send.pages, local.statements.start_large],
        local.read_documents,
      )
    }
    render = {
      name              = "${local.name}-render"
      description       = "Draws the pages of a range"
      handler           = "data.document_pipeline.render.handler"
      timeout           = local.render_timeout
      memory_size       = var.memory_size
      dead_letter_queue = false # the queue has one, which the state machine uses too
      key_services      = ["dynamodb", "s3", "sqs"]
      layer_arns        = [aws_lambda_layer_version.documents.arn]
      environment       = merge(local.environment, local.drawing, local.memory, local.endpoint)
      policy_statements = concat(
        [local.receive.pages, local.statements.audit, local.statements.rows, local.statements.images],
        var.endpoint == null ? [] : [local.send.images],
        local.read_documents,
      )
    }
    infer = {
      name              = "${local.name}-infer"
      description       = "Sends page images to the endpoint and stores its answers"
      handler           = "data.document_pipeline.infer.handler"
      timeout           = local.infer_timeout
      memory_size       = 512
      dead_letter_queue = false # the queue has one
      key_services      = ["dynamodb", "s3", "secretsmanager", "sqs"]
      layer_arns        = []
      environment       = merge(local.environment, local.endpoint)
      policy_statements = concat(
        var.endpoint == null ? [] : [local.receive.images],
        [local.statements.audit, local.statements.rows],
        local.ask_endpoint,
      )
    }
    failsafe = {
      name              = "${local.name}-failsafe"
      description       = "Completes what is in the dead-letter queues"
      handler           = "data.document_pipeline.failsafe.handler"
      timeout           = local.failsafe.timeout
      memory_size       = local.failsafe.memory_size
      dead_letter_queue = false # it reads them
      key_services      = ["dynamodb", "s3", "secretsmanager", "sqs", "states"]
      layer_arns        = [aws_lambda_layer_version.documents.arn]
      environment = merge(local.environment, local.classifying, local.drawing, local.endpoint, {
        ATTEMPTS   = tostring(var.attempts)
        MEMORY_MIB = tostring(local.failsafe.memory_size - 512)
      })
      policy_statements = concat(
        [{
          sid       = "ReceiveDeadLetters"
          actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          resources = [for name in keys(local.queues) : module.queues[name].dead_letter_queue_arn]
        }],
        [local.statements.audit, local.statements.rows, local.statements.images, local.statements.start_large, local.send.pages],
        var.endpoint == null ? [] : [local.send.images],
        local.ask_endpoint,
        local.read_documents,
      )
    }
  }
}

module "functions" {
  source = "../../blocks/functions"

  context   = var.context
  package   = "data/document_pipeline"
  functions = { for name, function in local.functions : name => function if name != "infer" || var.endpoint != null }

  metric_alarms = {
    "${local.name}-to-failsafe" = {
      description = "One or more messages failed ${var.attempts} times and went to the failsafe, which completes them. If it happens often, lower thresholds.pages or raise memory_size. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-failsafe"
      metric      = "MessagesToFailsafe"
      dimensions  = { service = "${local.name}-failsafe" }
    }
    "${local.name}-dropped" = {
      description = "One or more messages named no document of this pipeline. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-failsafe"
      metric      = "MessagesDropped"
      dimensions  = { service = "${local.name}-failsafe" }
    }
  }
}

# pypdf, PDFium and Pillow. `make package` builds it. It goes through S3: Lambda accepts 50 MB in a request.
locals {
  documents_package = "${var.context.build_dir}/layers/documents.zip"
}

resource "aws_s3_object" "documents" {
  bucket                 = var.context.package_bucket
  key                    = "${local.name}-layer-${try(filesha256(local.documents_package), "missing")}.zip"
  source                 = local.documents_package
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn

  # An S3 object can have 10 tags, other resources can have 50. The bucket carries the tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.documents_package)
      error_message = "Package ${local.documents_package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}

resource "aws_lambda_layer_version" "documents" {
  layer_name               = "${var.context.name_prefix}-${local.name}-documents"
  description              = "pypdf and PDFium, to count and draw pages"
  s3_bucket                = aws_s3_object.documents.bucket
  s3_key                   = aws_s3_object.documents.key
  source_code_hash         = try(filebase64sha256(local.documents_package), null)
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["arm64"]
}
