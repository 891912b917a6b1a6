# What arrives: SES's receipt rules, who may write to the archive, and the one active rule set.

locals {
  own_rule_set  = var.rule_set.name == null
  rule_set      = local.own_rule_set ? local.full_name : var.rule_set.name
  rule_arn_root = "${local.ses_arn_root}:receipt-rule-set/${local.rule_set}:receipt-rule"

  # Each rule of SES may write to its own folder.
  archive_statements = [
    for folder, sid in merge({ inbox = "RoutedMails" }, { for folder in keys(var.mailboxes) : folder => "Mailbox${replace(title(replace(folder, "-", " ")), " ", "")}" }) : {
      sid        = sid
      principals = { Service = ["ses.amazonaws.com"] }
      actions    = ["s3:PutObject"]
      paths      = ["${folder}/*"]
      conditions = {
        StringEquals = { "aws:SourceAccount" = [var.context.account_id] }
        ArnEquals    = { "aws:SourceArn" = ["${local.rule_arn_root}/${folder == "inbox" ? local.full_name : "${local.full_name}-${folder}"}"] }
      }
    }
  ]
}

resource "aws_ses_receipt_rule_set" "this" {
  count = local.own_rule_set ? 1 : 0

  rule_set_name = local.rule_set
}

# SES tries to write when a rule is made: the archive's outputs come after its policy, and the key's policy is older.
resource "aws_ses_receipt_rule" "inbox" {
  name          = local.full_name
  rule_set_name = local.own_rule_set ? aws_ses_receipt_rule_set.this[0].rule_set_name : local.rule_set
  after         = var.rule_set.after
  recipients    = var.recipients
  enabled       = true
  scan_enabled  = true
  tls_policy    = var.require_tls ? "Require" : "Optional"

  s3_action {
    bucket_name       = module.archive.id
    object_key_prefix = local.inbox
    position          = 1
  }
}

resource "aws_ses_receipt_rule" "mailbox" {
  for_each = var.mailboxes

  name          = "${local.full_name}-${each.key}"
  rule_set_name = aws_ses_receipt_rule.inbox.rule_set_name
  after         = aws_ses_receipt_rule.inbox.name
  recipients    = [each.value]
  enabled       = true
  scan_enabled  = true
  tls_policy    = var.require_tls ? "Require" : "Optional"

  s3_action {
    bucket_name       = module.archive.id
    object_key_prefix = "${each.key}/"
    position          = 1
  }
}

# The provider's own resource would replace whatever rule set is active.
resource "aws_lambda_invocation" "activate" {
  function_name   = module.functions.functions.activate.name
  lifecycle_scope = "CRUD"
  input = jsonencode({
    rule_set       = local.rule_set
    activate       = local.own_rule_set
    replace_active = var.rule_set.replace_active
  })

  # No mail arrives before it can be stored and routed; and the rule set is deactivated before it is deleted.
  depends_on = [
    aws_ses_receipt_rule_set.this, aws_ses_receipt_rule.inbox, aws_ses_receipt_rule.mailbox, module.functions,
    module.rules, aws_lambda_event_source_mapping.queue,
    aws_sesv2_configuration_set_event_destination.this, aws_dynamodb_table_item.destination,
  ]
}

module "watch" {
  source = "../../blocks/schedule"

  context             = var.context
  name                = "${local.name}-watch"
  description         = "Checks whether the receipt rule set is active"
  schedule_expression = "rate(1 hour)"
  target_arn          = module.functions.functions.activate.arn
  action              = "lambda:InvokeFunction"
}
