# Automatic posting, once for each finding: a rule matches only NEW, and the function sets posted findings NOTIFIED.
# A channel with filters of its own has a route of its own: a rule and a topic. The others share the route "severity".

locals {
  channels = merge(
    { for name, c in var.slack_channels : "slack-${name}" => { severities = c.severities, only = c.only, exclude = c.exclude } },
    { for name, c in var.teams_channels : "teams-${name}" => { severities = c.severities, only = c.only, exclude = c.exclude } },
  )
  route_of = {
    for key, c in local.channels : key => c.severities == null && length(flatten([
      for f in [c.only, c.exclude] : concat(tolist(f.products), tolist(f.accounts), tolist(f.controls), keys(f.resource_tags))
    ])) == 0 ? "severity" : key
  }
  routes = {
    for key, c in local.channels : local.route_of[key] => {
      severities = c.severities == null ? var.severities : c.severities
      only       = c.only
      exclude    = c.exclude
    }... if length(c.severities == null ? var.severities : c.severities) > 0
  }

  # Names of rules have 64 characters.
  route_names = { for id in keys(local.routes) : id => length(id) <= 30 ? id : "${substr(id, 0, 23)}-${substr(sha256(id), 0, 6)}" }

  # An event pattern cannot compare times. But a time is later if, where it first differs, its digit is higher: one prefix
  # for each higher digit at each position. Position of each digit from the decade to the minute -> its highest value.
  digits        = { 2 = 9, 3 = 9, 5 = 1, 6 = 9, 8 = 3, 9 = 9, 11 = 2, 12 = 9, 14 = 5, 15 = 9 }
  created_after = replace(substr(coalesce(var.created_after, one(terraform_data.began[*].input), "2000-01-01T00:00:00Z"), 0, 16), "/(((-01)?-01)?T00)?:00$/", "")
  created = [
    for prefix in concat([local.created_after], flatten([
      for position, highest in local.digits : [
        for digit in range(tonumber(substr(local.created_after, position, 1)) + 1, highest + 1) :
        "${substr(local.created_after, 0, position)}${digit}"
      ] if tonumber(position) < length(local.created_after)
    ])) : { prefix = prefix } if !can(regex("^.{4}-1[3-9]$|^.{7}-3[2-9]$|T2[4-9]$", prefix)) # No such month, day or hour.
  ]

  patterns = {
    for id, route in { for id, routes in local.routes : id => routes[0] } : id => jsonencode({
      source        = ["aws.securityhub"]
      "detail-type" = ["Security Hub Findings - Imported"]
      detail = {
        findings = merge(
          {
            CreatedAt   = local.created
            Severity    = { Label = sort(route.severities) }
            Workflow    = { Status = ["NEW"] }
            RecordState = ["ACTIVE"]
            Compliance = merge(
              # Findings of products without compliance, such as GuardDuty, do not have the field.
              { Status = [{ "anything-but" = ["PASSED"] }, { exists = false }] },
              length(route.only.controls) == 0 ? {} : { SecurityControlId = [for control in sort(route.only.controls) : { wildcard = control }] },
              length(route.exclude.controls) == 0 ? {} : { SecurityControlId = [{ "anything-but" = { wildcard = sort(route.exclude.controls) } }, { exists = false }] },
            )
          },
          # By ARN: AWS renames products ("Security Hub CSPM"), but not these.
          length(route.only.products) == 0 ? {} : { ProductArn = [for product in sort(route.only.products) : { suffix = ":product/${product}" }] },
          length(route.exclude.products) == 0 ? {} : { ProductArn = [{ "anything-but" = { suffix = [for product in sort(route.exclude.products) : ":product/${product}"] } }] },
          length(route.only.accounts) == 0 ? {} : { AwsAccountId = sort(route.only.accounts) },
          length(route.exclude.accounts) == 0 ? {} : { AwsAccountId = [{ "anything-but" = sort(route.exclude.accounts) }] },
          length(route.only.resource_tags) + length(route.exclude.resource_tags) == 0 ? {} : {
            Resources = {
              Tags = merge(
                { for key, values in route.only.resource_tags : key => sort(values) },
                { for key, values in route.exclude.resource_tags : key => [{ "anything-but" = sort(values) }, { exists = false }] },
              )
            }
          },
        )
      }
    })
  }
}

# When automatic posting was first applied: the backlog of an account is not posted on the first day.
resource "terraform_data" "began" {
  count = local.by_label ? 1 : 0

  input = plantimestamp()

  lifecycle {
    ignore_changes = [input]
  }
}

module "route_topic" {
  source   = "../../blocks/topic"
  for_each = local.route_names

  context      = var.context
  name         = "${local.name}-${each.value}"
  display_name = "Security Hub findings for chat"
  publishers = {
    RouteRule = { service = "events.amazonaws.com" }
  }
}

module "route_rule" {
  source   = "../../blocks/event_rule"
  for_each = local.route_names

  context       = var.context
  name          = "${local.name}-${each.value}"
  description   = "New findings for ${each.key == "severity" ? "the channels without filters of their own" : each.key}"
  event_pattern = local.patterns[each.key]

  # Two targets, each with retries for a day and a dead-letter queue, which do not wait for each other. So a finding is
  # set NOTIFIED without having been posted only if its event is in the dead-letter queue, which raises an alarm.
  targets = {
    topic = {
      arn  = module.route_topic[each.key].arn
      kind = "sns"
    }
    queue = {
      arn  = module.queue[0].arn
      kind = "sqs"
    }
  }
}

module "queue" {
  source = "../../blocks/queue"
  count  = local.by_label ? 1 : 0

  context                    = var.context
  name                       = local.name
  visibility_timeout_seconds = 360
  message_retention_seconds  = 1209600
  max_receive_count          = 10 # An hour of attempts.
  senders = {
    RouteRules = {
      service     = "events.amazonaws.com"
      source_arns = [for name in values(local.route_names) : "${local.rule_arn_root}-${name}"]
    }
  }
}

module "functions" {
  source = "../../blocks/functions"
  count  = local.by_label ? 1 : 0

  context = var.context
  package = "posture/finding_chat"

  functions = {
    notified = {
      name              = "${local.name}-notified"
      description       = "Sets posted findings to NOTIFIED, so that their next update is not posted"
      handler           = "posture.finding_chat.notified.handler"
      timeout           = 60
      dead_letter_queue = false # Its source queue has one.
      key_services      = ["sqs"]
      policy_statements = [
        {
          sid       = "ReadQueue"
          actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          resources = [module.queue[0].arn]
        },
        {
          sid       = "ReadFindings"
          actions   = ["securityhub:GetFindings"]
          resources = [local.hub_arn]
        },
        {
          sid       = "SetNotified"
          actions   = ["securityhub:BatchUpdateFindings"]
          resources = [local.hub_arn]
        },
      ]
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  count = local.by_label ? 1 : 0

  event_source_arn = module.queue[0].arn
  function_name    = module.functions[0].functions.notified.arn
  # BatchUpdateFindings accepts a hundred findings. An update in the second in which they gather is posted again.
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.context.tags

  lifecycle {
    precondition {
      condition     = alltrue([for pattern in values(local.patterns) : length(pattern) <= 2048])
      error_message = "A channel's `only` and `exclude` need more than the 2,048 characters of an event pattern: name fewer values, or split them over two channels. A round created_after, such as the first day of a month, needs fewer too."
    }
  }

  # The whole account is allowed three GetFindings calls a second.
  scaling_config {
    maximum_concurrency = 2
  }
}
