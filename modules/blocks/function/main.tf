locals {
  name           = "${var.context.name_prefix}-${var.name}"
  regional       = "${var.context.region}:${var.context.account_id}"
  arn            = "arn:${var.context.partition}:lambda:${local.regional}:function:${local.name}"
  log_group_name = "/aws/lambda/${local.name}"
  package        = "${var.context.build_dir}/${var.package}.zip"
  package_hash   = try(filebase64sha256(local.package), null)

  dead_letter_queue_arn = "arn:${var.context.partition}:sqs:${local.regional}:${local.name}-dlq"

  # IAM is global: the Region keeps the roles of two Regions apart, the hash keeps a cut name unique.
  role_name_full = "${local.name}-function-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  key_services = setunion(var.key_services, var.dead_letter_queue ? ["sqs"] : [])
}

module "dead_letter_queue" {
  source = "../dead_letter_queue"
  count  = var.dead_letter_queue ? 1 : 0

  context = var.context
  name    = "${var.name}-dlq"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group_name
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_iam_role" "this" {
  name                 = local.role_name
  description          = "Execution role of the function ${local.name}"
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
  name = "runtime"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteOwnLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${var.context.partition}:logs:${local.regional}:log-group:${local.log_group_name}:*"
        },
        {
          # Trace segments belong to no resource: X-Ray allows only "*".
          Sid      = "WriteTraces"
          Effect   = "Allow"
          Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
          Resource = "*"
        },
      ],
      [
        for on in [var.dead_letter_queue] : {
          Sid    = "KeepFailedCalls"
          Effect = "Allow"
          Action = "sqs:SendMessage"
          # Not the module's output: the function need not wait for the queue.
          Resource = local.dead_letter_queue_arn
        } if on
      ],
      [
        for services in [local.key_services] : {
          Sid       = "UseKeyThroughServices"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = var.context.kms_key_arn
          Condition = { StringLike = { "kms:ViaService" = [for service in services : "${service}.${var.context.region}.*"] } }
        } if length(services) > 0
      ],
      flatten([
        for vpc in [var.vpc] : [
          {
            # CreateFunction checks these on every resource, and refuses a role that names subnets or interfaces.
            Sid    = "AttachToVpc"
            Effect = "Allow"
            Action = [
              "ec2:AssignPrivateIpAddresses",
              "ec2:CreateNetworkInterface",
              "ec2:DeleteNetworkInterface",
              "ec2:DescribeNetworkInterfaces",
              "ec2:DescribeSubnets",
              "ec2:UnassignPrivateIpAddresses",
            ]
            Resource = "*"
          },
          {
            # The rights above are for Lambda itself; the function's code gets none of them.
            Sid    = "KeepCodeFromNetworkInterfaces"
            Effect = "Deny"
            Action = [
              "ec2:AssignPrivateIpAddresses",
              "ec2:CreateNetworkInterface",
              "ec2:DeleteNetworkInterface",
              "ec2:DescribeNetworkInterfaces",
              "ec2:DescribeSubnets",
              "ec2:UnassignPrivateIpAddresses",
            ]
            Resource  = "*"
            Condition = { ArnEquals = { "lambda:SourceFunctionArn" = local.arn } }
          },
        ] if vpc != null
      ]),
    )
  })
}

resource "aws_iam_role_policy" "grants" {
  count = length(var.policy_statements) > 0 ? 1 : 0

  name = "grants"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in var.policy_statements : merge(
        { Sid = s.sid, Effect = s.effect, Action = s.actions, Resource = s.resources },
        { for c in [s.conditions] : "Condition" => c if length(c) > 0 },
      )
    ]
  })
}

# From S3, since the provider makes functions of local files one after the other, five seconds each. Functions that
# share a package have a copy each, so that one can be made and removed without the other.
resource "aws_s3_object" "package" {
  bucket                 = var.context.package_bucket
  key                    = "${var.name}.zip"
  source                 = local.package
  source_hash            = local.package_hash
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn

  # An object takes 10 tags where everything else takes 50; the bucket is tagged.
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
  # checkov:skip=CKV_AWS_116:The on-failure destination below keeps the failed event and its error; a dead-letter config would send it twice
  # checkov:skip=CKV_AWS_117:In a VPC when it must reach something there (vpc); AWS API endpoints need none
  # checkov:skip=CKV_AWS_272:Deployment is by Terraform, which compares the package's hash; a signing profile would add a second pipeline
  function_name                  = local.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  runtime                        = "python3.13"
  architectures                  = [var.architecture]
  handler                        = var.handler
  s3_bucket                      = aws_s3_object.package.bucket
  s3_key                         = aws_s3_object.package.key
  s3_object_version              = aws_s3_object.package.version_id
  source_code_hash               = local.package_hash
  layers                         = concat(var.context.layer_arns, var.layer_arns)
  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.context.kms_key_arn
  tags                           = var.context.tags

  environment {
    variables = merge(
      {
        POWERTOOLS_LOG_LEVEL         = "INFO"
        POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
        POWERTOOLS_SERVICE_NAME      = var.name
      },
      var.environment,
    )
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # A function that can be called before its role is complete fails on its first events.
  depends_on = [aws_iam_role_policy.runtime, aws_iam_role_policy.grants]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.dead_letter_queue ? 1 : 0

  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = var.maximum_retry_attempts
  maximum_event_age_in_seconds = var.maximum_event_age_in_seconds

  destination_config {
    on_failure {
      destination = module.dead_letter_queue[0].arn
    }
  }
}

resource "aws_lambda_permission" "invoker" {
  for_each = var.invokers

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = each.value.principal
  source_arn    = each.value.source_arn
  # A bucket's ARN names no account, and a deleted bucket's name can be taken by anybody. AWS Config is told apart by
  # the account alone: a rule has its ARN only after the permission that it needs.
  source_account = contains(["config.amazonaws.com", "s3.amazonaws.com"], each.value.principal) ? var.context.account_id : null
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = {
    Errors    = { threshold = var.alarms.errors, meaning = "calls failed" }
    Throttles = { threshold = var.alarms.throttles, meaning = "calls were throttled" }
  }

  alarm_name          = "${local.name}-${lower(each.key)}"
  alarm_description   = "${each.value.threshold} or more ${each.value.meaning} within 5 minutes. Logs: ${local.log_group_name}"
  namespace           = "AWS/Lambda"
  metric_name         = each.key
  dimensions          = { FunctionName = local.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.context.alarm_topic_arn]
  ok_actions          = [var.context.alarm_topic_arn]
  tags                = var.context.tags
}
