# S3 or a batch -> ingest queue -> intake -> pages queue or Distributed Map (workflow.tf) -> render -> images queue -> infer.
locals {
  name       = "document-pipeline"
  lambda_arn = "arn:${var.context.partition}:lambda:${var.context.region}:${var.context.account_id}:function:${var.context.name_prefix}-${local.name}"
  states_arn = "arn:${var.context.partition}:states:${var.context.region}:${var.context.account_id}:stateMachine:${var.context.name_prefix}-${local.name}"
  incoming   = "incoming/"
  via_s3     = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }

  sources     = merge({ incoming = { bucket = module.bucket.id, prefix = local.incoming, kms_key_arn = null } }, var.sources)
  source_keys = sort(distinct([for source in var.sources : source.kms_key_arn if source.kms_key_arn != null]))

  # Seconds that a call may take: its pages one after the other, each at its worst.
  intake_timeout = 300
  render_timeout = var.thresholds.pages * (var.limits.page_seconds + 5) + 60
  infer_timeout  = var.endpoint == null ? 60 : min(900, (var.thresholds.pages + 5) * var.endpoint.timeout_seconds + 60)
  failsafe       = { timeout = 900, memory_size = min(10240, 2 * var.memory_size) }

  environment = {
    BUCKET       = module.bucket.id
    BUCKET_OWNER = var.context.account_id
    KMS_KEY_ARN  = module.bucket.kms_key_arn
    TABLE        = module.table.name
    LEDGER_DAYS  = tostring(var.ledger_days)
  }
  classifying = {
    PAGES_QUEUE_URL   = module.queues["pages"].url
    STATE_MACHINE_ARN = "${local.states_arn}-large"
    SMALL_BYTES       = tostring(var.thresholds.bytes)
    SMALL_PAGES       = tostring(var.thresholds.pages)
    MAXIMUM_BYTES     = tostring(var.limits.bytes)
    MAXIMUM_PAGES     = tostring(var.limits.pages)
  }
  drawing = {
    IMAGES_QUEUE_URL = var.endpoint == null ? "" : module.queues["images"].url
    DPI              = tostring(var.image.dpi)
    MINIMUM_DPI      = tostring(var.image.minimum_dpi)
    MAXIMUM_PIXELS   = tostring(var.image.pixels)
    MAXIMUM_SIDE     = tostring(var.image.side)
    PAGE_SECONDS     = tostring(var.limits.page_seconds)
  }
  # The child process has this much; the rest is the parent's, which holds one image and a few blocks of the document.
  memory   = { MEMORY_MIB = tostring(var.memory_size - 512) }
  endpoint = var.endpoint == null ? {} : { ENDPOINT = local.endpoint_settings }

  queues = merge(
    {
      ingest = { timeout = local.intake_timeout, concurrency = var.concurrency.intake }
      pages  = { timeout = local.render_timeout, concurrency = var.concurrency.render }
    },
    var.endpoint == null ? {} : { images = { timeout = local.infer_timeout, concurrency = var.endpoint.concurrency } },
  )
  readers = { ingest = "intake", pages = "render", images = "infer" }
}

# Documents that arrive (incoming/), page images (images/), rows for SQL (rows/) and results of queries.
module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "doc-pipeline"
  expiration_days = var.expiration_days
  noncurrent_days = 1 # an image that is drawn again replaces itself
  force_destroy   = var.force_destroy
}

# The audit trail while documents are in work: documents, their complete ranges, and a row for each page.
module "table" {
  source = "../../blocks/table"

  context             = var.context
  name                = local.name
  hash_key            = "document"
  range_key           = "part"
  ttl_attribute       = "expires_at"
  deletion_protection = !var.force_destroy
}

module "queues" {
  source   = "../../blocks/queue"
  for_each = local.queues

  context                                = var.context
  name                                   = "${local.name}-${each.key}"
  visibility_timeout_seconds             = 6 * each.value.timeout
  dead_letter_visibility_timeout_seconds = 6 * local.failsafe.timeout
  message_retention_seconds              = 1209600
  max_receive_count                      = var.attempts
  alarms                                 = { age_seconds = var.backlog_alarm_seconds }
  senders = each.key != "ingest" ? {} : {
    Arrivals = {
      service     = "events.amazonaws.com"
      source_arns = ["arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}-arrivals"]
    }
  }
}

module "arrivals" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = "${local.name}-arrivals"
  description = "New documents below ${local.incoming}"
  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail        = { bucket = { name = [module.bucket.id] }, object = { key = [{ prefix = local.incoming }] } }
  })
  targets = { queue = { arn = module.queues["ingest"].arn, kind = "sqs" } }
}

# A message is one document or one range of pages, so that nothing waits for a slow one.
resource "aws_lambda_event_source_mapping" "queues" {
  for_each = local.queues

  event_source_arn        = module.queues[each.key].arn
  function_name           = module.functions.functions[local.readers[each.key]].arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.context.tags

  scaling_config {
    maximum_concurrency = each.value.concurrency
  }
}

resource "aws_lambda_event_source_mapping" "failsafe" {
  for_each = local.queues

  event_source_arn        = module.queues[each.key].dead_letter_queue_arn
  function_name           = module.functions.functions.failsafe.arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.context.tags

  scaling_config {
    maximum_concurrency = 5
  }
}
