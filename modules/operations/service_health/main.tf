locals {
  name = "service-health"
  # Reserved for the alarms that the function writes: no other name has a dot there.
  alarm_prefix   = "${var.context.name_prefix}-${local.name}."
  dashboard_name = "${var.context.name_prefix}-${local.name}"
  topic_arn_root = "arn:${var.context.partition}:sns:${var.context.region}:${var.context.account_id}:${var.context.name_prefix}-${local.name}"
  alarm_arn_root = "arn:${var.context.partition}:cloudwatch:${var.context.region}:${var.context.account_id}:alarm"
  actions = {
    critical = sort(coalescelist(tolist(var.critical_actions), ["${local.topic_arn_root}-critical"]))
    warning  = sort(coalescelist(tolist(var.warning_actions), ["${local.topic_arn_root}-warning"]))
  }

  # The capabilities that exist, from the modules next to this one: names of the stack's resources begin with them.
  capabilities = [
    for path in fileset("${path.module}/../..", "*/*/versions.tf") : replace(split("/", path)[1], "_", "-") if split("/", path)[0] != "blocks"
  ]

  # In S3, because Lambda limits the environment to 4 KB.
  settings = jsonencode({
    actions           = local.actions
    alarm_prefix      = local.alarm_prefix
    checks            = var.checks
    dashboard         = local.dashboard_name
    dead_letter_names = sort(var.dead_letter_names)
    ignored           = sort(var.ignored_resources)
    queries           = var.queries
    services          = var.services
    stack = var.stack_services ? {
      tag_key      = "SwitchyardStack"
      tag_value    = var.context.name_prefix
      prefix       = var.context.name_prefix
      capabilities = sort(local.capabilities)
    } : null
    tags              = merge(var.context.tags, { SwitchyardServiceHealth = var.context.name_prefix })
    windows           = { for name, w in var.maintenance_windows : name => { minutes = w.minutes, services = w.services } }
    writes_per_second = var.writes_per_second
  })
  settings_prefix = "${local.name}-settings-"
  settings_key    = "${local.settings_prefix}${sha256(local.settings)}.json"
}

module "topic" {
  source   = "../../blocks/topic"
  for_each = { critical = var.critical_emails, warning = var.warning_emails }

  context             = var.context
  name                = "${local.name}-${each.key}"
  display_name        = "Service health, ${each.key}"
  email_subscriptions = each.value
  publishers = {
    ServiceHealth = {
      service     = "cloudwatch.amazonaws.com"
      source_arns = ["${local.alarm_arn_root}:${local.alarm_prefix}*"]
    }
  }
}

resource "aws_s3_object" "settings" {
  bucket                 = var.context.package_bucket
  key                    = local.settings_key
  content                = local.settings
  content_type           = "application/json"
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn

  # An S3 object can have 10 tags, other resources can have 50. The bucket carries the tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    # The function reads the old settings until its environment names the new ones.
    create_before_destroy = true
  }
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "operations/service_health"

  functions = {
    reconcile = {
      name         = "${local.name}-reconcile"
      description  = "Writes and removes the alarms, the dashboard and the saved queries of services"
      handler      = "operations.service_health.reconcile.handler"
      memory_size  = 512
      timeout      = 900
      key_services = ["s3", "sqs"]
      environment = {
        SETTINGS_BUCKET = aws_s3_object.settings.bucket
        SETTINGS_KEY    = local.settings_key
        SETTINGS_OWNER  = var.context.account_id
      }
      policy_statements = concat(
        [
          {
            sid       = "ReadSettings"
            actions   = ["s3:GetObject"]
            resources = ["arn:${var.context.partition}:s3:::${var.context.package_bucket}/${local.settings_prefix}*"]
          },
          {
            # These actions have no resource type: IAM accepts only "*".
            sid       = "ListResources"
            actions   = ["lambda:ListEventSourceMappings", "tag:GetResources"]
            resources = ["*"]
          },
          {
            # The name of a REST API, and the protocol of the others, are known to the API alone.
            sid     = "ReadApis"
            actions = ["apigateway:GET"]
            resources = [
              for kind in ["apis", "restapis"] : "arn:${var.context.partition}:apigateway:${var.context.region}::/${kind}/*"
            ]
          },
          {
            # CloudWatch returns composite alarms only to a principal that may list all alarms.
            sid       = "ListAlarms"
            actions   = ["cloudwatch:DescribeAlarms"]
            resources = ["*"]
          },
          {
            sid       = "WriteAlarms"
            actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutCompositeAlarm", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"]
            resources = ["${local.alarm_arn_root}:${local.alarm_prefix}*"]
          },
          {
            # The models of anomaly detection bands have no resource type.
            sid       = "DeleteModels"
            actions   = ["cloudwatch:DeleteAnomalyDetector"]
            resources = ["*"]
          },
          {
            sid       = "WriteDashboard"
            actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
            resources = ["arn:${var.context.partition}:cloudwatch::${var.context.account_id}:dashboard/${local.dashboard_name}"]
          },
          {
            # Saved queries have no resource type.
            sid       = "WriteQueries"
            actions   = ["logs:DeleteQueryDefinition", "logs:DescribeQueryDefinitions", "logs:PutQueryDefinition"]
            resources = ["*"]
          },
          {
            sid       = "ReceiveChanges"
            actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
            resources = [module.changes.arn]
          },
        ],
        length(var.maintenance_windows) > 0 ? [{
          # Metrics have no resource type; the namespace limits the statement.
          sid        = "BeginMaintenance"
          actions    = ["cloudwatch:PutMetricData"]
          resources  = ["*"]
          conditions = { StringEquals = { "cloudwatch:namespace" = ["Switchyard"] } }
        }] : [],
      )
    }
  }

  metric_alarms = {
    "${local.name}-empty-services" = {
      description        = "Services have no resources: their tags or ARNs match none, and no alarm watches them. The dashboard ${local.dashboard_name} names them"
      metric             = "ServicesWithoutResources"
      dimensions         = { service = "${local.name}-reconcile" }
      statistic          = "Maximum"
      treat_missing_data = "ignore"
    }
    "${local.name}-not-readable" = {
      description        = "Resources could not be read, so their alarms may be out of date, or a heartbeat is of no function of its service. The dashboard ${local.dashboard_name} names them"
      metric             = "ResourcesNotReadable"
      dimensions         = { service = "${local.name}-reconcile" }
      statistic          = "Maximum"
      treat_missing_data = "ignore"
    }
  }
}

# At a destroy, everything that the function has written is removed after the rule, the schedules and the queue's
# mapping, which would write it again.
resource "aws_lambda_invocation" "alarms" {
  function_name   = module.functions.functions.reconcile.name
  lifecycle_scope = "CRUD"
  input           = jsonencode({ settings = sha256(local.settings) })

  depends_on = [module.functions, module.topic]
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = local.name
  description         = "Starts the reconciliation of the alarms of services"
  schedule_expression = var.schedule_expression
  target_arn          = module.functions.functions.reconcile.arn
  action              = "lambda:InvokeFunction"
  # The next run does the same.
  maximum_retry_attempts = 3

  depends_on = [aws_lambda_invocation.alarms]
}
