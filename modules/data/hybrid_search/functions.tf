# Documents come as objects of a bucket: one JSON object on a line. Reports of what became of them go to the same bucket.

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = local.name
  expiration_days = var.expiration_days
  force_destroy   = var.force_destroy
}

module "rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.name
  description = "Documents that are to be loaded into ${var.index}"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [module.bucket.id] }
      object = { key = [{ prefix = local.documents_prefix }] }
    }
  })
  targets = { load = { arn = module.functions.functions.load.arn, kind = "lambda" } }
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "data/hybrid_search"

  functions = merge(
    {
      load = {
        name         = "${local.name}-load"
        description  = "Loads documents from S3 into the index"
        handler      = "data.hybrid_search.load.handler"
        timeout      = 900
        memory_size  = 512
        key_services = ["s3"]
        environment = {
          ENDPOINT         = aws_opensearch_domain.this.endpoint
          INDEX            = var.index
          TEXT_FIELD       = var.text_field
          BUCKET           = module.bucket.id
          BUCKET_OWNER     = var.context.account_id
          DOCUMENTS_PREFIX = local.documents_prefix
          REPORTS_PREFIX   = local.reports_prefix
        }
        policy_statements = [
          {
            sid       = "ReadDocuments"
            actions   = ["s3:GetObject"]
            resources = ["${module.bucket.arn}/${local.documents_prefix}*"]
          },
          {
            # Without it, S3 answers that a missing object is denied.
            sid       = "TellMissingFromDenied"
            actions   = ["s3:ListBucket"]
            resources = [module.bucket.arn]
          },
          {
            sid       = "WriteReports"
            actions   = ["s3:PutObject"]
            resources = ["${module.bucket.arn}/${local.reports_prefix}*"]
          },
          {
            sid       = "IndexDocuments"
            actions   = ["es:ESHttpPost"]
            resources = ["${local.domain_arn}/${var.index}/_bulk"]
          },
        ]
      }
      query = {
        name              = "${local.name}-query"
        description       = "Answers searches by words, by meaning, or by both"
        handler           = "data.hybrid_search.search.handler"
        timeout           = 29  # API Gateway's limit
        memory_size       = 512 # more memory means more CPU, and people wait for the start
        dead_letter_queue = false
        alarms            = { errors = 5 }
        environment = {
          ENDPOINT              = aws_opensearch_domain.this.endpoint
          MODEL_ID              = jsondecode(aws_lambda_invocation.bootstrap.result).model_id
          INDEX                 = var.index
          TEXT_FIELD            = var.text_field
          FILTER_FIELDS         = jsonencode(var.filter_fields)
          DEPTH                 = tostring(var.depth)
          WEIGHT                = tostring(var.vector_weight)
          MINIMUM_LEXICAL_SCORE = tostring(var.minimum_scores.lexical)
          MINIMUM_VECTOR_SCORE  = tostring(var.minimum_scores.vector)
        }
        policy_statements = [{
          sid       = "SearchIndex"
          actions   = ["es:ESHttpPost"]
          resources = ["${local.domain_arn}/${var.index}/_search"]
        }]
      }
    },
    var.public ? {
      page = {
        name              = "${local.name}-page"
        description       = "Serves the search page"
        handler           = "data.hybrid_search.page.handler"
        memory_size       = 128
        dead_letter_queue = false
      }
    } : {},
  )

  metric_alarms = {
    "${local.name}-documents-failed" = {
      description = "One or more documents are not in the index. The reports say which and why: s3://${module.bucket.id}/${local.reports_prefix}"
      metric      = "DocumentsFailed"
      dimensions  = { service = "${local.name}-load" }
    }
    "${local.name}-pipeline-missing" = {
      description = "The domain answered a hybrid search with raw scores, so that it was refused. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-query"
      metric      = "PipelineMissing"
      dimensions  = { service = "${local.name}-query" }
    }
    "${local.name}-red" = {
      description = "A primary shard of ${local.domain_name} is not allocated: searches miss documents, and writes fail."
      namespace   = "AWS/ES"
      metric      = "ClusterStatus.red"
      dimensions  = local.domain_dimensions
      statistic   = "Maximum"
    }
    "${local.name}-writes-blocked" = {
      description = "${local.domain_name} refuses writes: it is short of storage or memory."
      namespace   = "AWS/ES"
      metric      = "ClusterIndexWritesBlocked"
      dimensions  = local.domain_dimensions
      statistic   = "Maximum"
    }
    "${local.name}-memory" = {
      description = "The Java heap of a node of ${local.domain_name} is 95 % full or more."
      namespace   = "AWS/ES"
      metric      = "JVMMemoryPressure"
      dimensions  = local.domain_dimensions
      statistic   = "Maximum"
      threshold   = 95
    }
    "${local.name}-key" = {
      description = "${local.domain_name} cannot use the key that encrypts it. If the key is deleted, the documents are lost."
      namespace   = "AWS/ES"
      metric      = "KMSKeyInaccessible"
      dimensions  = local.domain_dimensions
      statistic   = "Maximum"
    }
  }
}

locals {
  domain_dimensions = { DomainName = local.domain_name, ClientId = var.context.account_id }
}
