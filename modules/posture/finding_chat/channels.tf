# The channels. The owner of a workspace or team authorizes the chat service once, in the console.

locals {
  role_name_full = "${var.context.name_prefix}-${local.name}-channel-${var.context.region}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 57)}-${substr(sha256(local.role_name_full), 0, 6)}"

  # Configurations belong to the account, not to a Region: the Region in the name separates those of two Regions.
  configuration_prefix = "${var.context.name_prefix}-${local.name}-${var.context.region}"
  guardrail_arns       = sort(coalesce(var.guardrail_policy_arns, toset(["arn:${var.context.partition}:iam::aws:policy/AWSSecurityHubReadOnlyAccess"])))
}

# The role of the commands of channel members if user_authorization_required is false. It has no permissions, unless
# role_policy_arns is set. Posting findings needs none.
resource "aws_iam_role" "channel" {
  name                 = local.role_name
  description          = "Permissions of chat channel members in this account, within the channels' guardrails"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByChannels"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "chatbot.amazonaws.com" }
      # No condition: AWS documents none that the chat service presents, and other accounts cannot pass this role.
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
  guardrail_policy_arns       = local.guardrail_arns # The service's default is AdministratorAccess.
  sns_topic_arns              = concat([module.topic.arn], [for id, topic in module.route_topic : topic.arn if id == local.route_of["slack-${each.key}"]])
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
  sns_topic_arns              = concat([module.topic.arn], [for id, topic in module.route_topic : topic.arn if id == local.route_of["teams-${each.key}"]])
  logging_level               = var.logging_level
  user_authorization_required = var.user_authorization_required
  tags                        = var.context.tags
}
