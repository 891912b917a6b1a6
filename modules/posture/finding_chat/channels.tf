# The channels. Letting the chat service into a workspace or team is a click in the console, once, by its owner.

locals {
  role_name_full = "${var.context.name_prefix}-${local.name}-channel-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  # Configurations are of the account, not of a Region: the Region keeps those of two Regions apart.
  configuration_prefix = "${var.context.name_prefix}-${local.name}-${var.context.region}"
  guardrail_arns       = sort(coalesce(var.guardrail_policy_arns, toset(["arn:${var.context.partition}:iam::aws:policy/AWSSecurityHubReadOnlyAccess"])))
}

# What the channel's members may do by commands when user_authorization_required is false: nothing, unless
# role_policy_arns says otherwise. Posting findings takes none of it.
resource "aws_iam_role" "channel" {
  name                 = local.role_name
  description          = "What members of chat channels may do in this account, within the channels' guardrails"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByChannels"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "chatbot.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "channel" {
  for_each = var.role_policy_arns

  role       = aws_iam_role.channel.name
  policy_arn = each.value
}

resource "aws_chatbot_slack_channel_configuration" "this" {
  for_each = var.slack_channels

  configuration_name          = "${local.configuration_prefix}-${each.key}"
  slack_team_id               = each.value.workspace_id
  slack_channel_id            = each.value.channel_id
  iam_role_arn                = aws_iam_role.channel.arn
  guardrail_policy_arns       = local.guardrail_arns # none named would mean AdministratorAccess
  sns_topic_arns              = [module.topic.arn]
  logging_level               = var.logging_level
  user_authorization_required = var.user_authorization_required
  tags                        = var.context.tags
}

resource "aws_chatbot_teams_channel_configuration" "this" {
  for_each = var.teams_channels

  configuration_name          = "${local.configuration_prefix}-${each.key}"
  tenant_id                   = each.value.tenant_id
  team_id                     = each.value.team_id
  channel_id                  = each.value.channel_id
  iam_role_arn                = aws_iam_role.channel.arn
  guardrail_policy_arns       = local.guardrail_arns
  sns_topic_arns              = [module.topic.arn]
  logging_level               = var.logging_level
  user_authorization_required = var.user_authorization_required
  tags                        = var.context.tags
}
