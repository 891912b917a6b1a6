locals {
  regional     = "${var.context.region}:${var.context.account_id}"
  package      = "${var.context.build_dir}/${var.package}.zip"
  package_hash = try(filebase64sha256(local.package), null)

  names = { for key, f in var.functions : key => "${var.context.name_prefix}-${f.name}" }

  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  full_role_names = { for key, name in local.names : key => "${name}-function-${var.context.region}" }

  functions = {
    for key, f in var.functions : key => merge(f, {
      name                  = local.names[key]
      service               = f.name
      arn                   = "arn:${var.context.partition}:lambda:${local.regional}:function:${local.names[key]}"
      log_group_name        = "/aws/lambda/${local.names[key]}"
      role_name             = length(local.full_role_names[key]) <= 64 ? local.full_role_names[key] : "${substr(local.full_role_names[key], 0, 57)}-${substr(sha256(local.full_role_names[key]), 0, 6)}"
      dead_letter_queue_arn = "arn:${var.context.partition}:sqs:${local.regional}:${local.names[key]}-dlq"
      key_services          = setunion(f.key_services, f.dead_letter_queue ? ["sqs"] : [])
    })
  }
}

resource "aws_sqs_queue" "dead_letter" {
  for_each = { for key, f in local.functions : key => f if f.dead_letter_queue }

  name                      = "${each.value.name}-dlq"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.context.kms_key_arn
  tags                      = var.context.tags

  # The policy is set here, not in an aws_sqs_queue_policy: the provider waits 25 seconds for each of those.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value.dead_letter_queue_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.functions

  name              = each.value.log_group_name
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_iam_role" "this" {
  for_each = local.functions

  name                 = each.value.role_name
  description          = "Execution role of the function ${each.value.name}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByLambda"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "runtime" {
  for_each = local.functions

  name = "runtime"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteOwnLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${var.context.partition}:logs:${local.regional}:log-group:${each.value.log_group_name}:*"
        },
        {
          # Trace segments do not belong to a resource: X-Ray accepts only "*".
          Sid      = "WriteTraces"
          Effect   = "Allow"
          Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
          Resource = "*"
        },
      ],
      each.value.dead_letter_queue ? [{
        Sid    = "KeepFailedCalls"
        Effect = "Allow"
        Action = "sqs:SendMessage"
        # This ARN is computed from names, so the function does not wait for the queue.
        Resource = each.value.dead_letter_queue_arn
      }] : [],
      length(each.value.key_services) > 0 ? [{
        Sid       = "UseKeyThroughServices"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.context.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = [for service in each.value.key_services : "${service}.${var.context.region}.*"] } }
      }] : [],
    )
  })
}

resource "aws_iam_role_policy" "grants" {
  for_each = { for key, f in local.functions : key => f if length(f.policy_statements) > 0 }

  name = "grants"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in each.value.policy_statements : merge(
        { Sid = s.sid, Effect = s.effect, Action = s.actions, Resource = s.resources },
        length(s.conditions) > 0 ? { Condition = s.conditions } : {},
      )
    ]
  })
}

# The package goes through S3, because the provider creates functions from local files one after the other, five
# seconds each. All functions of one module call share the object. Its key is the name of one of these functions, so
# no other module call uses the same key, and the hash of its content. A version of one key would do too, but for 15
# minutes after a bucket's versioning is enabled, S3 may not find objects by their version (S3 user guide, "Enabling
# versioning on buckets"), and a first apply is over before that.
resource "aws_s3_object" "package" {
  count = length(var.functions) > 0 ? 1 : 0

  bucket                 = var.context.package_bucket
  key                    = "${sort([for f in var.functions : f.name])[0]}-${try(filesha256(local.package), "missing")}.zip"
  source                 = local.package
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
      condition     = fileexists(local.package)
      error_message = "Package ${local.package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_116:The on-failure destination below keeps the failed event and its error; a dead-letter configuration would keep it twice
  # checkov:skip=CKV_AWS_117:These functions call only AWS API endpoints, which need no VPC
  # checkov:skip=CKV_AWS_272:Terraform deploys the package and compares its hash; a signing profile would add a second pipeline
  for_each = local.functions

  function_name                  = each.value.name
  description                    = each.value.description
  role                           = aws_iam_role.this[each.key].arn
  runtime                        = "python3.13"
  architectures                  = ["arm64"]
  handler                        = each.value.handler
  s3_bucket                      = aws_s3_object.package[0].bucket
  s3_key                         = aws_s3_object.package[0].key
  source_code_hash               = local.package_hash
  layers                         = concat(var.context.layer_arns, each.value.layer_arns)
  memory_size                    = each.value.memory_size
  timeout                        = each.value.timeout
  reserved_concurrent_executions = each.value.reserved_concurrency
  kms_key_arn                    = var.context.kms_key_arn
  tags                           = var.context.tags

  environment {
    variables = merge(
      {
        POWERTOOLS_LOG_LEVEL         = "INFO"
        POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
        POWERTOOLS_SERVICE_NAME      = each.value.service
      },
      each.value.environment,
    )
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this[each.key].name
  }

  tracing_config {
    mode = "Active"
  }

  # Without its permissions, the function would fail on its first events.
  depends_on = [aws_iam_role_policy.runtime, aws_iam_role_policy.grants]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = aws_sqs_queue.dead_letter

  function_name                = aws_lambda_function.this[each.key].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = local.functions[each.key].dead_letter_queue_arn
    }
  }
}

resource "aws_lambda_permission" "invoker" {
  for_each = merge([
    for key, f in local.functions : { for id, invoker in f.invokers : "${key}/${id}" => merge(invoker, { function = key, statement_id = id }) }
  ]...)

  statement_id  = each.value.statement_id
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.value.function].function_name
  principal     = each.value.principal
  source_arn    = each.value.source_arn
  # A bucket's ARN does not contain the account, and any account can reuse the name of a deleted bucket. AWS Config
  # is restricted by account only: a Config rule needs this permission before it exists and has an ARN. AWS IoT's guide
  # asks for both.
  source_account = contains(["config.amazonaws.com", "iot.amazonaws.com", "s3.amazonaws.com"], each.value.principal) ? var.context.account_id : null
}
