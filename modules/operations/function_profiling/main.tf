locals {
  name = "function-profiling"

  # ARN and name are computed from the inputs, so that policies that contain them are known at plan time.
  groups = {
    for key, function in var.functions : key => {
      name     = "${var.context.name_prefix}-${key}"
      arn      = "arn:${var.context.partition}:codeguru-profiler:${var.context.region}:${var.context.account_id}:profilingGroup/${var.context.name_prefix}-${key}"
      function = function.function_name
    }
  }
}

resource "aws_codeguruprofiler_profiling_group" "this" {
  for_each = var.functions

  name             = local.groups[each.key].name
  compute_platform = "AWSLambda"
  tags             = var.context.tags

  agent_orchestration_config {
    profiling_enabled = each.value.enabled
  }
}

# --- review: schedule and events -> function -> report and topic ------------------------------------------------

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "profiling" # with the longest prefix and Region, a bucket's name has room for 14 characters
  noncurrent_days = var.history_days
  force_destroy   = var.force_destroy
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.name
  display_name        = "Code profiling"
  email_subscriptions = var.notification_emails
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "operations/function_profiling"

  functions = {
    review = {
      name         = local.name
      description  = "Reports which functions are profiled, and what CodeGuru Profiler recommends"
      handler      = "operations.function_profiling.review.handler"
      timeout      = 300
      key_services = ["s3", "sns"]
      environment = {
        GROUPS       = jsonencode({ for key, group in local.groups : key => { group = group.name, function = group.function } })
        BUCKET       = module.bucket.id
        BUCKET_OWNER = var.context.account_id
        TOPIC_ARN    = module.topic.arn
        SILENT_DAYS  = tostring(var.silent_days)
        WINDOW_DAYS  = tostring(var.window_days)
      }
      policy_statements = [
        {
          sid       = "SeeGroups"
          actions   = ["codeguru-profiler:DescribeProfilingGroup"]
          resources = [for group in local.groups : group.arn]
        },
        {
          sid       = "ReadRecommendations"
          actions   = ["codeguru-profiler:GetRecommendations"]
          resources = [for group in local.groups : group.arn]
        },
        {
          # With this permission, S3 reports that there is no report yet instead of "access denied".
          sid       = "TellMissingFromDenied"
          actions   = ["s3:ListBucket"]
          resources = [module.bucket.arn]
        },
        {
          sid       = "ReadReport"
          actions   = ["s3:GetObject"]
          resources = ["${module.bucket.arn}/report.json"]
        },
        {
          sid       = "WriteReport"
          actions   = ["s3:PutObject"]
          resources = ["${module.bucket.arn}/report.json"]
        },
        {
          sid       = "SendNotices"
          actions   = ["sns:Publish"]
          resources = [module.topic.arn]
        },
      ]
    }
  }

  metric_alarms = {
    "${local.name}-unread" = {
      description = "The review could not read 1 or more profiling groups. For the reasons, see report.json in ${module.bucket.id}"
      metric      = "GroupsUnread"
      dimensions  = { service = local.name }
      statistic   = "Maximum"
    }
  }
}

module "rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.name
  description = "Changes of CodeGuru Profiler's recommendations"

  event_pattern = jsonencode({
    source        = ["aws.codeguru-profiler"]
    "detail-type" = ["CodeGuru Profiler Recommendations State Change"]
  })
  targets = { review = { arn = module.functions.functions.review.arn, kind = "lambda" } }
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = local.name
  description         = "Starts a review of all profiling groups"
  schedule_expression = var.review_schedule_expression
  target_arn          = module.functions.functions.review.arn
  action              = "lambda:InvokeFunction"
}
