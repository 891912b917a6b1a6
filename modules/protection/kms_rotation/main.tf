locals {
  name     = "kms-rotation"
  prefix   = "reports/"
  all_keys = "arn:${var.context.partition}:kms:${var.context.region}:${var.context.account_id}:key/*"
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = local.name
  expiration_days = var.expiration_days
  force_destroy   = var.force_destroy
}

# Also on a bucket that exists: S3 needs only its versioning (S3 user guide, "Configuring S3 Object Lock").
resource "aws_s3_bucket_object_lock_configuration" "reports" {
  count = var.object_lock == null ? 0 : 1

  bucket = module.bucket.id

  rule {
    default_retention {
      days = var.object_lock.days
      mode = var.object_lock.mode
    }
  }
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.name
  display_name        = "KMS key rotation"
  email_subscriptions = var.notification_emails
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "protection/kms_rotation"

  functions = merge(
    {
      report = {
        name         = "${local.name}-report"
        description  = "Writes evidence of the rotation of every customer key to S3"
        handler      = "protection.kms_rotation.report.handler"
        memory_size  = 512
        timeout      = 900
        key_services = ["sns"]
        environment = {
          BUCKET          = module.bucket.id
          BUCKET_OWNER    = var.context.account_id
          KMS_KEY_ARN     = module.bucket.kms_key_arn
          ON_DEMAND_QUOTA = tostring(try(var.on_demand.quota, 25))
          POLICY = jsonencode({
            mode            = var.policy.mode
            max_period_days = var.policy.max_period_days
            min_period_days = var.policy.min_period_days
            exempt          = sort(var.policy.exempt)
          })
          PREFIX    = local.prefix
          PRICE     = tostring(var.price)
          TOPIC_ARN = module.topic.arn
        }
        policy_statements = [
          {
            # The list actions apply to the account: KMS has no resource type for them.
            sid       = "ListKeys"
            actions   = ["kms:ListAliases", "kms:ListKeys"]
            resources = ["*"]
          },
          {
            sid       = "ReadRotation"
            actions   = ["kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListKeyRotations"]
            resources = [local.all_keys]
          },
          {
            sid       = "WriteReports"
            actions   = ["s3:PutObject"]
            resources = ["${module.bucket.arn}/${local.prefix}dt=*"]
          },
          {
            sid        = "EncryptReports"
            actions    = ["kms:GenerateDataKey"]
            resources  = [module.bucket.kms_key_arn]
            conditions = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } } # the end differs by partition
          },
          {
            sid       = "TellOperators"
            actions   = ["sns:Publish"]
            resources = [module.topic.arn]
          },
        ]
      }
    },
    # An operator calls this function manually (`aws lambda invoke`), with a role that may call only this function.
    local.on_demand ? {
      rotate = {
        name                 = "${local.name}-rotate"
        description          = "Rotates a KMS key on demand, or refuses with a reason"
        handler              = "protection.kms_rotation.rotate.handler"
        timeout              = 120
        reserved_concurrency = 1     # of two concurrent calls, both could find the key not yet rotated
        dead_letter_queue    = false # the function is called synchronously
        key_services         = ["sns"]
        environment = {
          MINIMUM_HOURS_BETWEEN = tostring(var.on_demand.minimum_hours_between)
          MODE                  = var.policy.mode
          ON_DEMAND_QUOTA       = tostring(var.on_demand.quota)
          ON_DEMAND_RESERVE     = tostring(var.on_demand.reserve)
          PRICE                 = tostring(var.price)
          TOPIC_ARN             = module.topic.arn
        }
        policy_statements = [
          {
            sid       = "RotateKeys"
            actions   = ["kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListKeyRotations", "kms:RotateKeyOnDemand"]
            resources = local.rotatable_arns
          },
          {
            sid       = "TellOperators"
            actions   = ["sns:Publish"]
            resources = [module.topic.arn]
          },
        ]
      }
    } : {},
  )
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-report"
  description         = "Starts the evidence report on KMS key rotation"
  schedule_expression = var.schedule_expression
  target_arn          = module.functions.functions.report.arn
  action              = "lambda:InvokeFunction"
  # Not jsonencode, which escapes < and >: EventBridge Scheduler would not recognize its placeholder.
  input = "{\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}"
}
