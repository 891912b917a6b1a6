# Sign-up rules, linking, and groups. The permissions on the pool are separate policies, because the pool names these
# functions and must be created after them.

resource "aws_iam_role_policy" "link" {
  count = local.linking ? 1 : 0

  name = "link"
  role = module.triggers.functions.pre_sign_up.role_name

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

resource "aws_iam_role_policy" "groups" {
  count = length(var.default_groups) > 0 ? 1 : 0

  name = "groups"
  role = module.triggers.functions.post_confirmation.role_name

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
