locals {
  name = "finding-remediation"

  chosen = { for key in sort(var.remediations) : key => module.remediations.remediations[key] }
  names  = { for key in sort(var.remediations) : key => "remediate-${replace(key, "_", "-")}" }

  rule_arn_root = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name_prefix}"
  hub_arn       = "arn:${var.context.partition}:securityhub:${var.context.region}:${var.context.account_id}:hub/default"

  # One role for each remediation, so that no remediation has the permissions of another in a member account.
  member_role_arns = {
    for key in sort(var.remediations) : key => "arn:${var.context.partition}:iam::{account}:role/${var.member_role_prefix}-${replace(key, "_", "-")}"
  }

  has_members = length(var.member_account_ids) > 0 || var.member_organization_id != null
  # A role's ARN for each account would exceed the size of a policy with about 120 accounts.
  member_condition = merge(
    { for ids in [sort(var.member_account_ids)] : "aws:ResourceAccount" => ids if length(ids) > 0 },
    { for id in var.member_organization_id[*] : "aws:ResourceOrgID" => [id] },
  )

  max_receives = 5
}

module "remediations" {
  source = "./remediations"

  partition           = var.context.partition
  account_id          = var.context.account_id
  bucket_patterns     = var.bucket_patterns
  public_buckets      = var.public_buckets
  object_kms_key_arns = local.object_kms_key_arns
  source_kms_key_arns = var.source_kms_key_arns
  copy_single_max_mib = var.copy_single_max_mib
  copy_part_mib       = var.copy_part_mib
  noncurrent_days     = var.noncurrent_days
  exempt_tag          = var.exempt_tag
  exempt_bucket_tag   = var.exempt_bucket_tag
  delete_old_version  = var.delete_old_version
}

# --- custom actions that an analyst chooses, and automatic remediation: rules -> queue -> function ---------------

resource "aws_securityhub_action_target" "this" {
  for_each = local.chosen

  identifier  = each.value.action.id
  name        = each.value.action.name
  description = each.value.action.description

  # Security Hub refuses an action in an account that has not enabled it: on create, and on destroy.
  depends_on = [var.hub_arn]
}

module "action_rule" {
  source   = "../../blocks/event_rule"
  for_each = local.chosen

  context     = var.context
  name        = local.names[each.key]
  description = "Findings for which an analyst chose the Security Hub custom action ${each.value.action.name}"
  event_pattern = jsonencode({
    source        = ["aws.securityhub"]
    "detail-type" = ["Security Hub Findings - Custom Action"]
    resources     = [aws_securityhub_action_target.this[each.key].arn]
  })

  targets = {
    queue = {
      arn  = module.queue[each.key].arn
      kind = "sqs"
    }
  }
}

module "automatic_rule" {
  source   = "../../blocks/event_rule"
  for_each = { for key, remediation in local.chosen : key => remediation if contains(var.automatic, key) }

  context     = var.context
  name        = "${local.names[each.key]}-auto"
  description = "New findings that ${each.key} remediates automatically"
  event_pattern = jsonencode({
    source        = ["aws.securityhub"]
    "detail-type" = ["Security Hub Findings - Imported"]
    # NEW only: the function's own update of a finding is such an event too, and must not start the function again.
    detail = { findings = merge(each.value.automatic, { RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] } }) }
  })

  targets = {
    queue = {
      arn  = module.queue[each.key].arn
      kind = "sqs"
    }
  }
}

module "queue" {
  source   = "../../blocks/queue"
  for_each = local.chosen

  context                    = var.context
  name                       = local.names[each.key]
  visibility_timeout_seconds = 6 * each.value.timeout
  message_retention_seconds  = 1209600
  max_receive_count          = local.max_receives
  senders = {
    Rules = {
      service     = "events.amazonaws.com"
      source_arns = ["${local.rule_arn_root}-${local.names[each.key]}", "${local.rule_arn_root}-${local.names[each.key]}-auto"]
    }
  }
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "posture/finding_remediation"

  functions = {
    for key, remediation in local.chosen : key => {
      name              = local.names[key]
      description       = remediation.action.description
      handler           = "posture.finding_remediation.remediate.handler"
      timeout           = remediation.timeout
      dead_letter_queue = false # Its source queue has one.
      key_services      = ["sqs"]
      environment = merge(remediation.environment, {
        ACCOUNT_ID         = var.context.account_id
        DRY_RUN            = tostring(var.dry_run)
        EXTERNAL_ID        = var.member_external_id == null ? "" : var.member_external_id
        MAX_RECEIVES       = tostring(local.max_receives)
        MEMBER_ACCOUNT_IDS = jsonencode(var.member_organization_id == null ? sort(var.member_account_ids) : ["*"])
        MEMBER_ROLE        = local.has_members ? local.member_role_arns[key] : ""
        REMEDIATION        = key
      })
      policy_statements = concat(
        [
          {
            sid        = "ReadQueue"
            actions    = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            resources  = [module.queue[key].arn]
            conditions = {}
          },
          {
            sid        = "AnswerFindings"
            actions    = ["securityhub:BatchUpdateFindings"]
            resources  = [local.hub_arn]
            conditions = {}
          },
        ],
        local.has_members ? [{
          sid        = "AssumeMemberRoles"
          actions    = ["sts:AssumeRole"]
          resources  = [replace(local.member_role_arns[key], "{account}", "*")]
          conditions = { StringEquals = local.member_condition }
        }] : [],
        remediation.statements,
      )
    }
  }

  metric_alarms = {
    for key, name in local.names : "${name}-not-resolved" => {
      description = "1 or more findings were refused or could not be remediated: the note of each finding states the reason"
      metric      = "FindingsNotResolved"
      dimensions  = { service = name }
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.chosen

  event_source_arn = module.queue[each.key].arn
  function_name    = module.functions.functions[each.key].arn
  batch_size       = each.value.batch_size
  # One call answers all findings of a batch that have the same result.
  maximum_batching_window_in_seconds = each.value.batch_size == 1 ? 0 : 1
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  scaling_config {
    # BatchUpdateFindings: 10 calls a second in an account and Region.
    maximum_concurrency = 5
  }
}
