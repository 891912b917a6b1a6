# State machine (workflow.tf) -> plan -> monitor -> dispatch -> dispatch -> worker -> table -> combine -> bucket.
locals {
  name              = "burst-search"
  state_machine_arn = "arn:${var.context.partition}:states:${var.context.region}:${var.context.account_id}:stateMachine:${var.context.name_prefix}-${local.name}"
  lambda_arn        = "arn:${var.context.partition}:lambda:${var.context.region}:${var.context.account_id}:function"
  dispatch_arn      = "${local.lambda_arn}:${var.context.name_prefix}-${local.name}-dispatch"
  worker_arn        = "${local.lambda_arn}:${var.context.name_prefix}-${local.name}-worker"

  examples = {
    log_grep    = "data.burst_search.examples.log_grep"
    colour_mask = "data.burst_search.examples.colour_mask"
  }
  searches = merge({ for name in var.examples : name => local.examples[name] }, { for name, search in var.searches : name => search.module })
  layers = distinct(concat(
    aws_lambda_layer_version.imaging[*].arn,
    [for search in var.searches : search.layer_arn if search.layer_arn != null],
  ))

  # What a plug-in may read, for the functions that run one.
  read_objects = concat(
    [{
      sid       = "ReadObjects"
      actions   = ["s3:GetObject"]
      resources = [for source in var.sources : "arn:${var.context.partition}:s3:::${source.bucket}/${source.prefix}*"]
    }],
    length(local.source_keys) > 0 ? [{
      sid        = "DecryptObjects"
      actions    = ["kms:Decrypt"]
      resources  = local.source_keys
      conditions = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
    }] : [],
  )
  workers     = var.worker.concurrency == -1 ? 1000 : var.worker.concurrency # the pool that an account has by default
  source_keys = sort(distinct([for source in var.sources : source.kms_key_arn if source.kms_key_arn != null]))

  environment = {
    TABLE                = module.table.name
    BUCKET               = module.bucket.id
    BUCKET_OWNER         = var.context.account_id
    KMS_KEY_ARN          = module.bucket.kms_key_arn
    SOURCES              = jsonencode({ for name, source in var.sources : name => { bucket = source.bucket, prefix = source.prefix } })
    SEARCHES             = jsonencode(local.searches)
    MAXIMUM_OBJECT_BYTES = tostring(var.limits.object_bytes)
  }
}

# The job's files and its result.
module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = local.name
  expiration_days = var.retention_days
  noncurrent_days = 1
  force_destroy   = var.force_destroy
}

# What each batch found, once, and how far the job is.
module "table" {
  source = "../../blocks/table"

  context             = var.context
  name                = local.name
  hash_key            = "partition"
  range_key           = "part"
  ttl_attribute       = "expires_at"
  deletion_protection = false # its items are copied into the result, and expire
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "data/burst_search"

  functions = {
    plan = {
      name              = "${local.name}-plan"
      description       = "Lists the objects of a job and divides them into batches"
      handler           = "data.burst_search.plan.handler"
      timeout           = 900
      memory_size       = 2048
      dead_letter_queue = false # the state machine waits for its answer
      key_services      = ["dynamodb", "s3"]
      layer_arns        = local.layers
      environment = merge(local.environment, {
        MAXIMUM_OBJECTS = tostring(var.limits.objects)
        MAXIMUM_CALLS   = tostring(var.limits.calls)
        BATCH_OBJECTS   = tostring(var.batch.objects)
        BATCH_BYTES     = tostring(var.batch.bytes)
        FAN_OUT         = tostring(var.fan_out)
        TIMEOUT_SECONDS = tostring(var.timeout_seconds)
        RETENTION_DAYS  = tostring(var.retention_days)
        WORKERS         = tostring(local.workers)
        STRATEGY        = var.strategy
      })
      policy_statements = concat(
        [
          {
            sid       = "StoreJob"
            actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
            resources = [module.table.arn]
          },
          {
            sid       = "WriteManifests"
            actions   = ["s3:PutObject"]
            resources = ["${module.bucket.arn}/jobs/*"]
          },
        ],
        [for name, source in var.sources : {
          sid        = "List${replace(title(replace(name, "_", " ")), " ", "")}"
          actions    = ["s3:ListBucket"]
          resources  = ["arn:${var.context.partition}:s3:::${source.bucket}"]
          conditions = { StringLike = { "s3:prefix" = ["${source.prefix}*"] } }
        }],
        local.read_objects,
      )
    }
    monitor = {
      name              = "${local.name}-monitor"
      description       = "Starts the tree of a job and calls again what was lost"
      handler           = "data.burst_search.monitor.handler"
      timeout           = 120
      memory_size       = 512
      dead_letter_queue = false # the state machine sees its errors
      key_services      = ["dynamodb", "s3"]
      environment = merge(local.environment, {
        MAXIMUM_WORKER_SECONDS = tostring(var.limits.worker_seconds)
        BATCH_OBJECTS          = tostring(var.batch.objects)
        DISPATCH_FUNCTION      = local.dispatch_arn
      })
      policy_statements = [
        {
          sid       = "FollowJob"
          actions   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
          resources = [module.table.arn]
        },
        {
          sid       = "ReadManifests"
          actions   = ["s3:GetObject"]
          resources = ["${module.bucket.arn}/jobs/*"]
        },
        {
          sid       = "CallDispatchers"
          actions   = ["lambda:InvokeFunction"]
          resources = [local.dispatch_arn]
        },
        local.end_state,
      ]
    }
    dispatch = {
      name         = "${local.name}-dispatch"
      description  = "Calls dispatchers of the level below, or the workers of a group"
      handler      = "data.burst_search.dispatch.handler"
      timeout      = 60
      memory_size  = 512
      key_services = ["dynamodb"]
      alarms       = { throttles = 100 } # Lambda repeats throttled asynchronous calls for hours
      environment = merge(local.environment, {
        DISPATCH_FUNCTION = local.dispatch_arn
        WORKER_FUNCTION   = local.worker_arn
      })
      policy_statements = [
        {
          sid       = "ReadJob"
          actions   = ["dynamodb:GetItem"]
          resources = [module.table.arn]
        },
        {
          sid       = "CallDispatchersAndWorkers"
          actions   = ["lambda:InvokeFunction"]
          resources = [local.dispatch_arn, local.worker_arn]
        },
      ]
    }
    worker = {
      name                 = "${local.name}-worker"
      description          = "Searches the objects of one batch"
      handler              = "data.burst_search.worker.handler"
      timeout              = var.worker.timeout_seconds
      memory_size          = var.worker.memory_size
      reserved_concurrency = var.worker.concurrency
      key_services         = ["dynamodb", "s3"]
      layer_arns           = local.layers
      # A burst is throttled as soon as it is larger than the concurrency, and Lambda repeats its calls for hours.
      alarms      = { throttles = 1000000 }
      environment = merge(local.environment, { THREADS = tostring(var.worker.threads) })
      policy_statements = concat(
        [
          {
            sid       = "StoreFindings"
            actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
            resources = [module.table.arn]
          },
          {
            sid       = "ReadManifests"
            actions   = ["s3:GetObject"]
            resources = ["${module.bucket.arn}/jobs/*"]
          },
          local.end_state,
        ],
        local.read_objects,
      )
    }
    combine = {
      name              = "${local.name}-combine"
      description       = "Sorts what the workers found and stores it in pages"
      handler           = "data.burst_search.combine.handler"
      timeout           = 900
      memory_size       = 2048
      dead_letter_queue = false # the state machine waits for its answer
      key_services      = ["dynamodb", "s3"]
      layer_arns        = local.layers
      environment = merge(local.environment, {
        MAXIMUM_MATCHES = tostring(var.limits.matches)
        PAGE_SIZE       = tostring(var.page_size)
      })
      policy_statements = concat(
        [
          {
            sid       = "ReadFindings"
            actions   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
            resources = [module.table.arn]
          },
          {
            sid       = "ReadManifests"
            actions   = ["s3:GetObject"]
            resources = ["${module.bucket.arn}/jobs/*"]
          },
          {
            sid       = "WriteResults"
            actions   = ["s3:PutObject"]
            resources = ["${module.bucket.arn}/results/*"]
          },
        ],
        local.read_objects,
      )
    }
  }

  # Failures that no other alarm shows: the functions succeed, and count what they could not do.
  metric_alarms = {
    "${local.name}-dispatches-refused" = {
      description = "One or more dispatchers refused an event: too deep, outside the tree, or of an unknown job. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-dispatch"
      metric      = "DispatchesRefused"
      dimensions  = { service = "${local.name}-dispatch" }
    }
    "${local.name}-workers-refused" = {
      description = "One or more workers refused an event: an unknown job or batch. Logs: /aws/lambda/${var.context.name_prefix}-${local.name}-worker"
      metric      = "WorkersRefused"
      dimensions  = { service = "${local.name}-worker" }
    }
    "${local.name}-incomplete" = {
      description = "One or more jobs did not search each object. Their summary.json says why; failed-*.json lists the objects."
      metric      = "JobsIncomplete"
      dimensions  = { service = "${local.name}-combine" }
    }
  }
}

locals {
  # A token belongs to no resource: Step Functions accepts only "*". Only this module's functions know its tokens.
  end_state = {
    sid       = "EndWaitingState"
    actions   = ["states:SendTaskSuccess"]
    resources = ["*"]
  }
}

# Lambda stops a chain in which a function runs about 16 times; a job's chains have 8 calls at most. Stated here, so that
# it stays so whatever the account's default is: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
resource "aws_lambda_function_recursion_config" "this" {
  for_each = { dispatch = module.functions.functions.dispatch.name, worker = module.functions.functions.worker.name }

  function_name  = each.value
  recursive_loop = "Terminate"
}
