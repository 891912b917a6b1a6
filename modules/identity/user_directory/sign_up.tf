# Who may sign up, linking, and groups. The rights on the pool follow it: the pool names these functions.

module "sign_up" {
  source = "../../blocks/function"
  count  = contains(keys(local.functions), "pre_sign_up") ? 1 : 0

  context           = var.context
  name              = local.functions.pre_sign_up
  description       = "Decides who may sign up, and links users of identity providers"
  package           = "identity/user_directory"
  handler           = "identity.user_directory.sign_up.handler"
  memory_size       = 512
  timeout           = 5
  dead_letter_queue = false

  environment = {
    DOMAINS   = jsonencode(sort(var.allowed_email_domains))
    PROVIDERS = jsonencode({ for name, p in var.identity_providers : name => { link = p.link_users, trusted = p.trust_email } })
  }
}

resource "aws_iam_role_policy" "link" {
  count = local.linking ? 1 : 0

  name = "link"
  role = module.sign_up[0].role_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "LinkUsers"
      Effect   = "Allow"
      Action   = ["cognito-idp:AdminLinkProviderForUser", "cognito-idp:ListUsers"]
      Resource = aws_cognito_user_pool.this.arn
    }]
  })
}

module "post_confirmation" {
  source = "../../blocks/function"
  count  = length(var.default_groups) > 0 ? 1 : 0

  context     = var.context
  name        = local.functions.post_confirmation
  description = "Puts new users into their groups"
  package     = "identity/user_directory"
  handler     = "identity.user_directory.post_confirmation.handler"
  memory_size = 512
  timeout     = 5

  environment = {
    GROUPS = jsonencode(sort(var.default_groups))
  }

  policy_statements = [{
    sid       = "TryAgainLater"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${var.context.partition}:lambda:${var.context.region}:${var.context.account_id}:function:${var.context.name_prefix}-${local.functions.post_confirmation}"]
  }]
}

resource "aws_iam_role_policy" "groups" {
  count = length(var.default_groups) > 0 ? 1 : 0

  name = "groups"
  role = module.post_confirmation[0].role_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "AddToGroups"
      Effect   = "Allow"
      Action   = "cognito-idp:AdminAddUserToGroup"
      Resource = aws_cognito_user_pool.this.arn
    }]
  })
}
