locals {
  name            = "finding-export"
  count_parameter = coalesce(var.count_parameter_name, "/${var.context.name_prefix}/${local.name}/count")
  own_bucket      = var.destination == null
  bucket_name     = local.own_bucket ? module.bucket[0].id : var.destination.bucket_name
  bucket_arn      = "arn:${var.context.partition}:s3:::${local.bucket_name}"
  kms_key_arn     = local.own_bucket ? coalesce(var.kms_key_arn, var.context.kms_key_arn) : var.destination.kms_key_arn

  # The bucket and its key share a Region, which may differ from this one. The service name's end depends on the partition.
  key_via_s3 = local.kms_key_arn == null ? null : ["s3.${split(":", local.kms_key_arn)[3]}.*"]

  # Objects that the functions write. The run's name and a number follow the date.
  object_arns = "${local.bucket_arn}/${var.prefix}dt=*"

  environment = {
    BUCKET       = local.bucket_name
    BUCKET_OWNER = local.own_bucket ? var.context.account_id : var.destination.account_id
    PREFIX       = var.prefix
    KMS_KEY_ARN  = local.kms_key_arn == null ? "" : local.kms_key_arn
  }

  write_statements = concat(
    [{
      sid       = "WriteFindings"
      actions   = ["s3:PutObject"]
      resources = [local.object_arns]
    }],
    local.kms_key_arn == null ? [] : [{
      sid       = "EncryptFindings"
      actions   = ["kms:GenerateDataKey"]
      resources = [local.kms_key_arn]
      conditions = {
        StringLike = { "kms:ViaService" = local.key_via_s3 }
      }
    }],
  )
}

module "bucket" {
  source = "../../blocks/bucket"
  count  = local.own_bucket ? 1 : 0

  context         = var.context
  name            = local.name
  kms_key_arn     = local.kms_key_arn
  expiration_days = var.expiration_days
  force_destroy   = var.force_destroy
}

# One run at a time: only the run that the table's one item names may export.
module "lock" {
  source = "../../blocks/table"

  context             = var.context
  name                = "${local.name}-lock"
  hash_key            = "LockId"
  ttl_attribute       = "ExpiresAt"
  deletion_protection = false # Each run writes the table's one item again.
}

resource "aws_ssm_parameter" "count" {
  # checkov:skip=CKV2_AWS_34: the number of findings is not secret, and operators read it without a KMS key
  name        = local.count_parameter
  description = "Findings that the latest run of ${var.context.name_prefix}-${local.name} has exported so far"
  type        = "String"
  value       = "0"
  tags        = var.context.tags

  lifecycle {
    ignore_changes = [value] # The function writes the count.
  }
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/finding_export"

  functions = merge(
    {
      export = {
        name              = local.name
        description       = "Exports one chunk of the Security Hub findings to S3"
        handler           = "posture.finding_export.export.handler"
        memory_size       = 512
        timeout           = 900
        dead_letter_queue = false # Only the state machine calls it, and it waits for the answer.
        key_services      = ["dynamodb"]
        environment = merge(local.environment, {
          COUNT_PARAMETER     = local.count_parameter
          LOCK_TABLE          = module.lock.name
          MAX_ITERATIONS      = tostring(var.chunks_per_execution)
          MAX_RUNTIME_SECONDS = tostring(var.chunk_seconds)
          OBJECT_BYTES        = tostring(floor(var.object_mib * 1024 * 1024))
          RATE_LIMIT          = tostring(var.requests_per_second)
        })
        policy_statements = concat(local.write_statements, [
          {
            sid       = "ReadFindings"
            actions   = ["securityhub:GetFindings"]
            resources = ["arn:${var.context.partition}:securityhub:${var.context.region}:${var.context.account_id}:hub/default"]
          },
          {
            sid       = "ListOwnObjects"
            actions   = ["s3:ListBucket"]
            resources = [local.bucket_arn]
            conditions = {
              StringLike = { "s3:prefix" = ["${var.prefix}dt=*"] }
            }
          },
          {
            sid       = "WriteManifests"
            actions   = ["s3:PutObject"]
            resources = ["${local.bucket_arn}/${var.prefix}runs/dt=*"]
          },
          {
            # A retried chunk may end with fewer objects than the interrupted attempt wrote.
            sid       = "RemoveSurplusObjects"
            actions   = ["s3:DeleteObject"]
            resources = [local.object_arns]
          },
          {
            sid       = "Count"
            actions   = ["ssm:PutParameter"]
            resources = ["arn:${var.context.partition}:ssm:${var.context.region}:${var.context.account_id}:parameter${local.count_parameter}"]
          },
          {
            sid       = "Lock"
            actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
            resources = [module.lock.arn]
          },
          {
            sid       = "SeeWhetherTheHolderRuns"
            actions   = ["states:DescribeExecution"]
            resources = ["arn:${var.context.partition}:states:${var.context.region}:${var.context.account_id}:execution:${local.state_machine_name}:*"]
          },
        ])
      }
    },
    var.continuous ? {
      continuous = {
        name              = "${local.name}-continuous"
        description       = "Writes a batch of new Security Hub findings to S3"
        handler           = "posture.finding_export.continuous.handler"
        memory_size       = 512
        timeout           = 60
        dead_letter_queue = false # Its source queue has one.
        key_services      = ["sqs"]
        environment       = local.environment
        policy_statements = concat(local.write_statements, [
          {
            sid       = "ReadQueue"
            actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            resources = [module.continuous_queue[0].arn]
          },
        ])
      }
    } : {},
  )
}
