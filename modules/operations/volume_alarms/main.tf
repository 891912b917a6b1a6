locals {
  name          = "volume-alarms"
  report_prefix = "reports/"
  # Reserved for the alarms that the function writes: no other name has a dot there.
  alarm_prefix = "${var.context.name_prefix}-${local.name}."
  topic_arn    = "arn:${var.context.partition}:sns:${var.context.region}:${var.context.account_id}:${var.context.name_prefix}-${local.name}"

  own = var.own_account ? {
    own = {
      account_id       = var.context.account_id
      region           = var.context.region
      role_arn         = null
      external_id      = null
      warning_actions  = sort(coalescelist(tolist(var.warning_actions), [local.topic_arn]))
      critical_actions = sort(coalescelist(tolist(var.critical_actions), [local.topic_arn]))
      enabled          = true
    }
  } : {}
  others = {
    for name, t in var.targets : name => {
      account_id       = coalesce(t.account_id, var.context.account_id)
      region           = t.region
      role_arn         = t.role_arn
      external_id      = t.external_id
      warning_actions  = sort(t.warning_actions)
      critical_actions = sort(t.critical_actions)
      enabled          = t.enabled
    }
  }
  targets = [for name, t in merge(local.own, local.others) : merge(t, { name = name })]

  # Regions of this account, where the function writes with its own permissions.
  own_regions = distinct([for t in local.targets : t.region if t.role_arn == null])
  role_arns   = distinct(compact(local.targets[*].role_arn))

  environment = {
    ALARM_PREFIX       = local.alarm_prefix
    ALARM_TAGS         = jsonencode(merge(var.context.tags, { SwitchyardVolumeAlarms = var.context.name_prefix }))
    EVALUATION_PERIODS = tostring(var.evaluation_periods)
    GONE_AFTER_HOURS   = tostring(var.gone_after_hours)
    IGNORED = jsonencode({
      file_systems = sort(var.ignored_file_systems)
      drives       = sort(var.ignored_drives)
      included     = sort(var.included_drives)
    })
    INSTANCE_NAMES     = jsonencode(sort(var.instance_names))
    INSTANCE_TAGS      = jsonencode(var.instance_tags)
    METRIC_NAMES       = jsonencode({ for kind, names in var.metric_names : kind => sort(names) })
    NAMESPACES         = jsonencode(sort(var.namespaces))
    PERIOD             = tostring(var.period_seconds)
    TARGETS            = jsonencode(local.targets)
    TIERS              = jsonencode(var.tiers)
    TREAT_MISSING_DATA = var.treat_missing_data
  }
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = local.name
  expiration_days = var.expiration_days
  force_destroy   = var.force_destroy
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.name
  display_name        = "Volume alarms"
  email_subscriptions = var.notification_emails
  publishers = {
    VolumeAlarms = {
      service     = "cloudwatch.amazonaws.com"
      source_arns = ["arn:${var.context.partition}:cloudwatch:${var.context.region}:${var.context.account_id}:alarm:${local.alarm_prefix}*"]
    }
  }
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "operations/volume_alarms"

  functions = {
    reconcile = {
      name         = "${local.name}-reconcile"
      description  = "Writes and removes the alarms on free space of every volume"
      handler      = "operations.volume_alarms.reconcile.handler"
      memory_size  = 512
      timeout      = 900
      key_services = ["sqs"]
      environment = merge(local.environment, {
        BUCKET        = module.bucket.id
        BUCKET_OWNER  = var.context.account_id
        KMS_KEY_ARN   = module.bucket.kms_key_arn
        REPORT_PREFIX = local.report_prefix
      })
      policy_statements = concat(
        [
          {
            # These three actions have no resource type: IAM accepts only "*".
            sid       = "ReadInstancesAndMetrics"
            actions   = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstances"]
            resources = ["*"]
          },
          {
            sid       = "WriteReports"
            actions   = ["s3:PutObject"]
            resources = ["${module.bucket.arn}/${local.report_prefix}dt=*"]
          },
          {
            sid        = "EncryptReports"
            actions    = ["kms:GenerateDataKey"]
            resources  = [module.bucket.kms_key_arn]
            conditions = { StringLike = { "kms:ViaService" = ["s3.${var.context.region}.*"] } }
          },
          {
            sid       = "ReceiveStarts"
            actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
            resources = [module.starts.arn]
          },
        ],
        length(local.own_regions) > 0 ? [
          {
            # A list by prefix is authorized against all alarms of the Region.
            sid       = "ListAlarms"
            actions   = ["cloudwatch:DescribeAlarms"]
            resources = [for region in local.own_regions : "arn:${var.context.partition}:cloudwatch:${region}:${var.context.account_id}:alarm:*"]
          },
          {
            sid       = "WriteAlarms"
            actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"]
            resources = [for region in local.own_regions : "arn:${var.context.partition}:cloudwatch:${region}:${var.context.account_id}:alarm:${local.alarm_prefix}*"]
          },
        ] : [],
        length(local.role_arns) > 0 ? [{
          sid       = "AssumeRolesOfTargets"
          actions   = ["sts:AssumeRole"]
          resources = local.role_arns
        }] : [],
      )
    }
  }

  metric_alarms = {
    "${local.name}-without-metrics" = {
      description        = "Running instances publish no free-space metrics: no alarm watches their volumes. The newest report in ${module.bucket.id} names them"
      metric             = "InstancesWithoutMetrics"
      dimensions         = { service = "${local.name}-reconcile" }
      statistic          = "Maximum"
      threshold          = var.without_metrics_threshold
      treat_missing_data = "ignore"
    }
  }
}

# At a destroy, the alarms are removed after the rule, the schedule and the queue's mapping, which would write them again.
resource "aws_lambda_invocation" "alarms" {
  function_name   = module.functions.functions.reconcile.name
  lifecycle_scope = "CRUD"
  input = jsonencode({
    configuration = sha256(jsonencode(local.environment))
    # Alarms of a target that is no longer here are removed.
    targets = [for t in local.targets : { for key in ["account_id", "external_id", "name", "region", "role_arn"] : key => t[key] }]
  })

  depends_on = [module.functions, module.topic]
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = local.name
  description         = "Starts the reconciliation of the alarms on free space"
  schedule_expression = var.schedule_expression
  target_arn          = module.functions.functions.reconcile.arn
  action              = "lambda:InvokeFunction"
  # The next run does the same.
  maximum_retry_attempts = 3
  # Not jsonencode, which escapes < and >: EventBridge Scheduler would not recognize its placeholder.
  input = "{\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}"

  depends_on = [aws_lambda_invocation.alarms]
}
