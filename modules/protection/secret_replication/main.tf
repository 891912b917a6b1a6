locals {
  name    = "secret-replication"
  enabled = length(var.targets) > 0

  secret_arn_root = "arn:${var.context.partition}:secretsmanager:${var.context.region}:${var.context.account_id}:secret"
  rule_arn        = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}-${local.name}"

  targets = {
    for key, t in var.targets : key => merge(t, {
      account_id  = t.role_arn == null ? var.context.account_id : split(":", t.role_arn)[4]
      rename_from = t.rename_prefix == null ? "" : t.rename_prefix.from
      rename_to   = t.rename_prefix == null ? "" : t.rename_prefix.to
      replica_prefixes = [
        for prefix in t.secret_name_prefixes :
        t.rename_prefix == null ? prefix : "${t.rename_prefix.to}${trimprefix(prefix, t.rename_prefix.from)}"
      ]
    })
  }

  # Prefixes of names and full names of single secrets at the source, each once for all targets.
  prefixes = sort(distinct(flatten([for t in var.targets : tolist(t.secret_name_prefixes)])))
  names    = sort(distinct(flatten([for t in var.targets : keys(t.secret_names)])))

  environment_targets = jsonencode([
    for key, t in local.targets : {
      name                 = key
      region               = t.region
      secret_name_prefixes = sort(t.secret_name_prefixes)
      secret_tags          = t.secret_tags
      secret_names         = t.secret_names
      rename_from          = t.rename_from
      rename_to            = t.rename_to
      kms_key_arn          = t.kms_key_arn
      role_arn             = t.role_arn
      external_id          = t.external_id
      force_overwrite      = t.force_overwrite
      paused               = t.paused
    }
  ])

  source_arns = {
    for key, t in var.targets : key => concat(
      [for prefix in sort(t.secret_name_prefixes) : "${local.secret_arn_root}:${prefix}*"],
      [for name in sort(keys(t.secret_names)) : "${local.secret_arn_root}:${name}-??????"],
    )
  }

  target_role_arns = sort(distinct([for t in var.targets : t.role_arn if t.role_arn != null]))
  assume_statements = length(local.target_role_arns) > 0 ? [{
    sid        = "AssumeTargetRoles"
    actions    = ["sts:AssumeRole"]
    resources  = local.target_role_arns
    conditions = {}
  }] : []

  # The target's number distinguishes statements with the same purpose for several targets.
  write_statements = flatten([
    for index, key in sort(keys(module.local_access)) : [
      for s in module.local_access[key].write_statements : merge(s, { sid = "${s.sid}${index}" })
    ]
  ])
  list_regions = sort(distinct(concat([var.context.region], [for t in var.targets : t.region if t.role_arn == null])))
}

# Without a role, this module creates no resources: it provides the statements for writing to targets of this account.
module "local_access" {
  source   = "./target_access"
  for_each = { for key, t in local.targets : key => t if t.role_arn == null }

  account_id           = each.value.account_id
  region               = each.value.region
  partition            = var.context.partition
  kms_key_arn          = each.value.kms_key_arn
  secret_names         = values(each.value.secret_names)
  secret_name_prefixes = each.value.replica_prefixes
}

# This module creates no resources either: it provides the policies of the role in a target's account, for the outputs.
module "remote_access" {
  source   = "./target_access"
  for_each = { for key, t in local.targets : key => t if t.role_arn != null }

  account_id           = each.value.account_id
  region               = each.value.region
  partition            = var.context.partition
  writer_role_arns     = [module.functions[0].functions.replicate.role_arn, module.functions[0].functions.reconcile.role_arn]
  external_id          = each.value.external_id
  kms_key_arn          = each.value.kms_key_arn
  secret_names         = values(each.value.secret_names)
  secret_name_prefixes = each.value.replica_prefixes
}

# --- changes: rule -> queue -> function ------------------------------------------------------------------------

module "queue" {
  source = "../../blocks/queue"
  count  = local.enabled ? 1 : 0

  context                    = var.context
  name                       = local.name
  visibility_timeout_seconds = 360
  message_retention_seconds  = 1209600
  max_receive_count          = 10 # about an hour of attempts
  alarms                     = { age_seconds = var.lag_alarm_seconds }
  senders = {
    ChangeRule = {
      service     = "events.amazonaws.com"
      source_arns = [local.rule_arn]
    }
  }
}

module "rule" {
  source = "../../blocks/event_rule"
  count  = local.enabled ? 1 : 0

  context       = var.context
  name          = local.name
  description   = "Matches changes of replicated secrets"
  event_pattern = local.event_pattern

  targets = {
    queue = {
      arn  = module.queue[0].arn
      kind = "sqs"
    }
  }
}

module "functions" {
  source = "../../blocks/functions"
  count  = local.enabled ? 1 : 0

  context = var.context
  package = "protection/secret_replication"

  functions = {
    replicate = {
      name              = local.name
      description       = "Copies changed secrets to other Regions, accounts and names"
      handler           = "protection.secret_replication.replicate.handler"
      timeout           = 60
      dead_letter_queue = false # the queue that calls the function has one
      key_services      = local.key_services
      environment       = { TARGETS = local.environment_targets }
      policy_statements = concat(
        [
          {
            sid        = "ReadQueue"
            actions    = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            resources  = [module.queue[0].arn]
            conditions = {}
          },
          {
            sid        = "DescribeSources"
            actions    = ["secretsmanager:DescribeSecret"]
            resources  = sort(distinct(flatten(values(local.source_arns))))
            conditions = {}
          },
        ],
        [
          for index, key in sort(keys(var.targets)) : {
            sid        = "ReadSources${index}"
            actions    = ["secretsmanager:GetSecretValue"]
            resources  = local.source_arns[key]
            conditions = length(var.targets[key].secret_tags) > 0 ? { StringEquals = { for k, v in var.targets[key].secret_tags : "aws:ResourceTag/${k}" => [v] } } : {}
          }
        ],
        length(var.source_kms_key_arns) > 0 ? [{
          sid        = "DecryptSources"
          actions    = ["kms:Decrypt"]
          resources  = sort(var.source_kms_key_arns)
          conditions = { StringLike = { "kms:ViaService" = ["secretsmanager.${var.context.region}.*"] } }
        }] : [],
        local.write_statements,
        local.assume_statements,
      )
    }
    reconcile = {
      name         = "${local.name}-reconcile"
      description  = "Compares secrets with their replicas, reports drift and requests repairs"
      handler      = "protection.secret_replication.reconcile.handler"
      memory_size  = 512
      timeout      = 300
      key_services = ["sqs"]
      environment = {
        TARGETS       = local.environment_targets
        QUEUE_URL     = module.queue[0].url
        GRACE_SECONDS = tostring(var.grace_minutes * 60)
      }
      policy_statements = concat(
        [
          {
            # ListSecrets has no resource type: IAM accepts only "*". It returns no values.
            sid        = "ListSecrets"
            actions    = ["secretsmanager:ListSecrets"]
            resources  = ["*"]
            conditions = { StringEquals = { "aws:RequestedRegion" = local.list_regions } }
          },
          {
            sid        = "QueueRepairs"
            actions    = ["sqs:SendMessage"]
            resources  = [module.queue[0].arn]
            conditions = {}
          },
        ],
        local.assume_statements,
      )
    }
  }

  metric_alarms = {
    "${local.name}-drift" = {
      description = "1 or more replicas differ from their source or cannot be created. To list them with reasons, invoke ${var.context.name_prefix}-${local.name}-reconcile with {\"repair\": false}"
      metric      = "SecretsDrifted"
      dimensions  = { service = "${local.name}-reconcile" }
      statistic   = "Maximum"
      # The alarm ends when a later comparison finds no drift.
      treat_missing_data = "ignore"
    }
    "${local.name}-refused" = {
      description = "1 or more secrets could not be copied, and a retry does not help. To list them with reasons, invoke ${var.context.name_prefix}-${local.name}-reconcile with {\"repair\": false}"
      metric      = "ReplicationsRefused"
      dimensions  = { service = local.name }
      statistic   = "Maximum"
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  count = local.enabled ? 1 : 0

  event_source_arn = module.queue[0].arn
  function_name    = module.functions[0].functions.replicate.arn
  batch_size       = 10
  # One change causes up to three events. Events that arrive together need only one comparison.
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  scaling_config {
    maximum_concurrency = 5
  }

  lifecycle {
    precondition {
      condition     = length(local.event_pattern) <= 2048
      error_message = "The targets have too many prefixes and names for one event rule (${length(local.event_pattern)} of 2048 characters): use fewer, shorter prefixes, or select by secret_tags."
    }
    precondition {
      condition     = length(local.environment_targets) <= 3500
      error_message = "The targets are too long for a function's environment (${length(local.environment_targets)} of 3500 characters): distribute them over two instances of this module."
    }
  }
}

# --- missed events: schedule -> function -> queue --------------------------------------------------------------

module "schedule" {
  source = "../../blocks/schedule"
  count  = local.enabled ? 1 : 0

  context             = var.context
  name                = "${local.name}-reconcile"
  description         = "Compares secrets with their replicas"
  schedule_expression = var.reconcile_schedule_expression
  target_arn          = module.functions[0].functions.reconcile.arn
  action              = "lambda:InvokeFunction"
  # The next run does the same work.
  maximum_retry_attempts = 3
}
