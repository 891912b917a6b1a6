# Learners sign in to a user pool; the identity pool gives them credentials for the alias, and for speech.
locals {
  user_pool_id = var.user_pool == null ? one(aws_cognito_user_pool.this[*].id) : var.user_pool.id
  client_id    = var.user_pool == null ? one(aws_cognito_user_pool_client.this[*].id) : var.user_pool.client_id
  voices       = var.speech == null ? {} : { for locale, text in local.texts : locale => lookup(var.speech.voices, locale, text.voice) }
}

resource "aws_cognito_user_pool" "this" {
  count = var.user_pool == null ? 1 : 0

  name                = "${var.context.name_prefix}-${local.name}"
  deletion_protection = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  tags                = var.context.tags

  admin_create_user_config {
    allow_admin_create_user_only = true # a conversation costs money
  }

  username_configuration {
    case_sensitive = false
  }

  password_policy {
    minimum_length                   = 12
    require_lowercase                = true
    require_uppercase                = true
    require_numbers                  = true
    require_symbols                  = true
    temporary_password_validity_days = 7
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "admin_only"
      priority = 1
    }
  }
}

resource "aws_cognito_user_pool_client" "this" {
  count = var.user_pool == null ? 1 : 0

  name                          = "page"
  user_pool_id                  = aws_cognito_user_pool.this[0].id
  explicit_auth_flows           = ["ALLOW_USER_PASSWORD_AUTH"]
  prevent_user_existence_errors = "ENABLED"
  id_token_validity             = 8 # hours: the page asks for credentials again with it
  access_token_validity         = 1

  token_validity_units {
    id_token     = "hours"
    access_token = "hours"
  }
}

resource "aws_cognito_identity_pool" "this" {
  identity_pool_name               = "${var.context.name_prefix}-${local.name}"
  allow_unauthenticated_identities = false
  allow_classic_flow               = false
  tags                             = var.context.tags

  cognito_identity_providers {
    provider_name           = "cognito-idp.${var.context.region}.amazonaws.com/${local.user_pool_id}"
    client_id               = local.client_id
    server_side_token_check = true # a user who was disabled or signed out gets no new credentials
  }
}

resource "aws_iam_role" "learner" {
  name                 = "${var.context.name_prefix}-${local.name}-learner-${var.context.region}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SignedInLearners"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "cognito-identity.amazonaws.com" }
      Condition = {
        StringEquals             = { "cognito-identity.amazonaws.com:aud" = aws_cognito_identity_pool.this.id }
        "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "learner" {
  name = "learner"
  role = aws_iam_role.learner.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "TalkToTheBot"
        Effect   = "Allow"
        Action   = ["lex:RecognizeText"]
        Resource = [aws_cloudformation_stack.bot.outputs.AliasArn]
      }],
      var.speech == null ? [] : [{
        # The only resource of the action is a lexicon, which the page does not use; without one IAM asks for "*".
        Sid      = "Speak"
        Effect   = "Allow"
        Action   = ["polly:SynthesizeSpeech"]
        Resource = ["*"]
      }],
    )
  })
}

resource "aws_cognito_identity_pool_roles_attachment" "this" {
  identity_pool_id = aws_cognito_identity_pool.this.id
  roles            = { authenticated = aws_iam_role.learner.arn }
}

# --- the page ----------------------------------------------------------------------------------------------------------

module "page" {
  source = "../../blocks/rest_api"
  count  = var.page ? 1 : 0

  context     = var.context
  name        = local.name
  description = "The learners' page"
  functions   = { page = { name = module.functions.functions.page.name, invoke_arn = module.functions.functions.page.invoke_arn } }
  routes      = { for path in ["/", "/app.css", "/app.js", "/aws4fetch.js", "/settings.json"] : "GET ${path}" => { function = "page", authorize = false } }
}
