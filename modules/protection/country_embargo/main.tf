locals {
  name       = "country-embargo"
  full_name  = "${var.context.name_prefix}-${local.name}"
  bucket_arn = "arn:${var.context.partition}:s3:::${module.bucket.id}"

  ip_sets = {
    for version in ["IPV4", "IPV6"] : version => {
      name = aws_wafv2_ip_set.embargoed[version].name
      id   = aws_wafv2_ip_set.embargoed[version].id
      arn  = aws_wafv2_ip_set.embargoed[version].arn
    }
  }

  environment = {
    ACTION        = var.action
    BUCKET        = module.bucket.id
    BUCKET_OWNER  = var.context.account_id
    CHANGE_LIMITS = var.change_limits == null ? "" : jsonencode(var.change_limits)
    DOCUMENT_KEY  = var.document_key
    EXEMPT_SETS   = jsonencode([for version in ["IPV4", "IPV6"] : aws_wafv2_ip_set.exempt[version].arn])
    FORWARDED_IP  = var.forwarded_ip == null ? "" : jsonencode(var.forwarded_ip)
    IP_SETS       = jsonencode(local.ip_sets)
    RULE_GROUP = jsonencode({
      name = aws_wafv2_rule_group.this.name
      id   = aws_wafv2_rule_group.this.id
      arn  = aws_wafv2_rule_group.this.arn
    })
    SCOPE = var.scope
  }

  read_statements = [
    {
      sid       = "SeeRuleGroup"
      actions   = ["wafv2:GetRuleGroup"]
      resources = [aws_wafv2_rule_group.this.arn]
    },
    {
      sid       = "SeeIpSets"
      actions   = ["wafv2:GetIPSet"]
      resources = [for set in local.ip_sets : set.arn]
    },
    {
      # With this permission, S3 reports a missing document as "no such key" instead of "access denied".
      sid       = "TellMissingFromDenied"
      actions   = ["s3:ListBucket"]
      resources = [local.bucket_arn]
    },
  ]
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "embargo" # short: a bucket's name has at most 63 characters, with the prefix, account and Region
  noncurrent_days = var.history_days
  force_destroy   = var.force_destroy
}

module "topic" {
  source = "../../blocks/topic"

  context             = var.context
  name                = local.name
  display_name        = "Country embargo"
  email_subscriptions = var.notification_emails
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "protection/country_embargo"

  functions = {
    apply = {
      name         = local.name
      description  = "Makes AWS WAF enforce the embargo document"
      handler      = "protection.country_embargo.apply.handler"
      memory_size  = 512
      timeout      = 300
      key_services = ["s3", "sns"]
      environment  = merge(local.environment, { TOPIC_ARN = module.topic.arn })
      policy_statements = concat(local.read_statements, [
        {
          sid     = "UpdateRules"
          actions = ["wafv2:UpdateRuleGroup"]
          # Includes the sets: WAF requires the permission on the sets that the new rules refer to.
          resources = concat([aws_wafv2_rule_group.this.arn], [for set in local.ip_sets : set.arn], [for set in aws_wafv2_ip_set.exempt : set.arn])
        },
        {
          sid       = "UpdateIpSets"
          actions   = ["wafv2:UpdateIPSet"]
          resources = [for set in local.ip_sets : set.arn]
        },
        {
          sid       = "ReadDocument"
          actions   = ["s3:GetObject"]
          resources = ["${local.bucket_arn}/${var.document_key}", "${local.bucket_arn}/applied.json", "${local.bucket_arn}/refused/*"]
        },
        {
          sid       = "KeepHistory"
          actions   = ["s3:PutObject"]
          resources = ["${local.bucket_arn}/applied.json", "${local.bucket_arn}/history/*", "${local.bucket_arn}/refused/*"]
        },
        {
          sid       = "Tell"
          actions   = ["sns:Publish"]
          resources = [module.topic.arn]
        },
      ])
    }
    preview = {
      name              = "${local.name}-preview"
      description       = "Shows what an embargo document would change, and changes nothing"
      handler           = "protection.country_embargo.preview.handler"
      memory_size       = 512
      timeout           = 60
      dead_letter_queue = false # users call it and wait for the response
      key_services      = ["s3"]
      environment       = local.environment
      policy_statements = concat(local.read_statements, [
        {
          sid       = "ReadDocuments"
          actions   = ["s3:GetObject"]
          resources = ["${local.bucket_arn}/${var.document_key}", "${local.bucket_arn}/applied.json", "${local.bucket_arn}/drafts/*"]
        },
        {
          sid     = "MeasureRules"
          actions = ["wafv2:CheckCapacity"]
          # The action has no resource type: IAM accepts only "*".
          resources = ["*"]
        },
      ])
    }
  }

  metric_alarms = {
    "${local.name}-drift" = {
      description = "Another principal had changed the embargo in AWS WAF, and the function has repaired it. The topic's notification says what was changed"
      metric      = "EmbargoRepairs"
      dimensions  = { service = local.name }
    }
  }
}

module "rule" {
  source = "../../blocks/event_rule"

  context     = var.context
  name        = local.name
  description = "Matches uploads and deletions of the embargo document"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = [module.bucket.id] }
      object = { key = [var.document_key] }
    }
  })

  targets = {
    apply = {
      arn  = module.functions.functions.apply.arn
      kind = "lambda"
    }
  }
}

module "schedule" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-repair"
  description         = "Repairs what another principal has changed in the embargo"
  schedule_expression = var.repair_schedule_expression
  target_arn          = module.functions.functions.apply.arn
  action              = "lambda:InvokeFunction"
  input               = jsonencode({ schedule = true })
  # The next run does the same work.
  maximum_retry_attempts = 3
}

resource "aws_s3_object" "document" {
  # checkov:skip=CKV_AWS_186:The bucket's default encryption is the stack's key
  count = var.document_file == null ? 0 : 1

  bucket       = module.bucket.id
  key          = var.document_key
  source       = var.document_file
  source_hash  = filemd5(var.document_file)
  content_type = "application/json"
  tags         = var.context.tags

  depends_on = [module.rule] # the rule must exist before the upload, or the event is lost
}

# The function owns the rules, so a change of their other settings must reach the function too.
# With `document_file`, this also makes an apply wait for the embargo, and fail if the file is refused.
resource "aws_lambda_invocation" "apply" {
  function_name = module.functions.functions.apply.name
  input = jsonencode({
    configuration = {
      action        = var.action
      change_limits = var.change_limits
      document      = var.document_file == null ? "" : filesha256(var.document_file)
      forwarded_ip  = var.forwarded_ip
      rule_group    = aws_wafv2_rule_group.this.arn
    }
  })

  depends_on = [aws_s3_object.document, module.functions]
}
