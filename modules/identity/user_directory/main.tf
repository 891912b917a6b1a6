locals {
  enforced = try(var.threat_protection.mode, "OFF") == "ENFORCED"
  # An identity of another account gets its policy there.
  notices = local.enforced && try(split(":", var.email.identity_arn)[4] == var.context.account_id, false)

  triggers = merge(
    { for name, arn in var.triggers : name => arn if arn != null },
    { for name, function in module.triggers.functions : name => function.arn },
  )
}

resource "aws_cognito_user_pool" "this" {
  name                     = "${var.context.name_prefix}-${local.name}"
  user_pool_tier           = var.tier
  username_attributes      = var.sign_in
  auto_verified_attributes = var.sign_in
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  mfa_configuration        = var.mfa.mode
  tags                     = var.context.tags

  email_verification_subject = var.verification.subject
  email_verification_message = var.verification.message

  username_configuration {
    case_sensitive = false
  }

  admin_create_user_config {
    allow_admin_create_user_only = var.admin_create_user_only
  }

  password_policy {
    minimum_length                   = var.password_policy.minimum_length
    require_lowercase                = var.password_policy.require_lowercase
    require_uppercase                = var.password_policy.require_uppercase
    require_numbers                  = var.password_policy.require_numbers
    require_symbols                  = var.password_policy.require_symbols
    password_history_size            = var.password_policy.history
    temporary_password_validity_days = var.password_policy.temporary_days
  }

  account_recovery_setting {
    dynamic "recovery_mechanism" {
      for_each = local.recovery

      content {
        name     = recovery_mechanism.value
        priority = recovery_mechanism.key + 1
      }
    }
  }

  dynamic "sign_in_policy" {
    for_each = length(local.first_factors) > 1 ? [true] : []

    content {
      allowed_first_auth_factors = local.first_factors
    }
  }

  dynamic "web_authn_configuration" {
    for_each = var.first_factors.passkey[*]

    content {
      relying_party_id  = local.relying_party_id
      user_verification = web_authn_configuration.value.user_verification
    }
  }

  # An address keeps its old value until the new one is verified.
  user_attribute_update_settings {
    attributes_require_verification_before_update = var.sign_in
  }

  dynamic "software_token_mfa_configuration" {
    for_each = var.mfa.mode != "OFF" && var.mfa.totp ? [true] : []

    content {
      enabled = true
    }
  }

  dynamic "email_mfa_configuration" {
    for_each = var.mfa.mode != "OFF" && var.mfa.email ? [true] : []

    content {
      subject = "Your sign-in code"
      message = "Your sign-in code is {####}."
    }
  }

  dynamic "sms_configuration" {
    for_each = var.sms[*]

    content {
      external_id    = sms_configuration.value.external_id
      sns_caller_arn = aws_iam_role.sms[0].arn
      sns_region     = var.context.region
    }
  }

  dynamic "device_configuration" {
    for_each = var.devices.remember == "OFF" ? [] : [true]

    content {
      device_only_remembered_on_user_prompt = var.devices.remember == "OPT_IN"
      challenge_required_on_new_device      = var.devices.skip_mfa
    }
  }

  dynamic "email_configuration" {
    for_each = var.email[*]

    content {
      email_sending_account  = "DEVELOPER"
      source_arn             = email_configuration.value.identity_arn
      from_email_address     = email_configuration.value.from_address
      reply_to_email_address = email_configuration.value.reply_to_address
      configuration_set      = email_configuration.value.configuration_set
    }
  }

  dynamic "schema" {
    for_each = var.attributes

    content {
      name                     = schema.key
      attribute_data_type      = local.schema[schema.key].type
      mutable                  = schema.value.mutable
      required                 = schema.value.required
      developer_only_attribute = false

      dynamic "string_attribute_constraints" {
        for_each = local.schema[schema.key].type == "String" ? [true] : []

        content {
          min_length = coalesce(local.schema[schema.key].min, 0)
          max_length = coalesce(local.schema[schema.key].max, 2048)
        }
      }

      dynamic "number_attribute_constraints" {
        for_each = local.schema[schema.key].type == "Number" ? [true] : []

        content {
          min_value = local.schema[schema.key].min
          max_value = local.schema[schema.key].max
        }
      }
    }
  }

  dynamic "user_pool_add_ons" {
    for_each = var.threat_protection[*]

    content {
      advanced_security_mode = user_pool_add_ons.value.mode

      dynamic "advanced_security_additional_flows" {
        for_each = user_pool_add_ons.value.custom_auth_mode[*]

        content {
          custom_auth_mode = advanced_security_additional_flows.value
        }
      }
    }
  }

  dynamic "lambda_config" {
    for_each = length(local.triggers) > 0 ? [local.triggers] : []

    content {
      create_auth_challenge          = lookup(lambda_config.value, "create_auth_challenge", null)
      custom_message                 = lookup(lambda_config.value, "custom_message", null)
      define_auth_challenge          = lookup(lambda_config.value, "define_auth_challenge", null)
      post_authentication            = lookup(lambda_config.value, "post_authentication", null)
      post_confirmation              = lookup(lambda_config.value, "post_confirmation", null)
      pre_authentication             = lookup(lambda_config.value, "pre_authentication", null)
      pre_sign_up                    = lookup(lambda_config.value, "pre_sign_up", null)
      pre_token_generation           = lookup(lambda_config.value, "pre_token_generation", null)
      user_migration                 = lookup(lambda_config.value, "user_migration", null)
      verify_auth_challenge_response = lookup(lambda_config.value, "verify_auth_challenge_response", null)
    }
  }
}

# For functions of this module and of others: only this pool may invoke them.
resource "aws_lambda_permission" "trigger" {
  for_each = local.triggers

  statement_id   = "${var.context.name_prefix}-${local.name}-${replace(each.key, "_", "-")}"
  action         = "lambda:InvokeFunction"
  function_name  = each.value
  principal      = "cognito-idp.amazonaws.com"
  source_arn     = aws_cognito_user_pool.this.arn
  source_account = var.context.account_id
}

# Cognito sends the notices of threat protection from this identity, which must permit it: a sending authorization policy.
# https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_NotifyConfigurationType.html
resource "aws_sesv2_email_identity_policy" "notices" {
  count = local.notices ? 1 : 0

  email_identity = split(":identity/", var.email.identity_arn)[1]
  policy_name    = "${var.context.name_prefix}-${local.name}-notices"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SendNoticesOfThisPool"
      Effect    = "Allow"
      Principal = { Service = ["cognito-idp.amazonaws.com", "email.cognito-idp.amazonaws.com"] }
      Action    = ["ses:SendEmail", "ses:SendRawEmail"]
      Resource  = var.email.identity_arn
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnLike      = { "aws:SourceArn" = aws_cognito_user_pool.this.arn }
      }
    }]
  })
}

resource "aws_cognito_risk_configuration" "this" {
  count = local.enforced ? 1 : 0

  user_pool_id = aws_cognito_user_pool.this.id

  compromised_credentials_risk_configuration {
    actions {
      event_action = "BLOCK"
    }
  }

  dynamic "account_takeover_risk_configuration" {
    for_each = var.email[*]

    content {
      notify_configuration {
        source_arn = account_takeover_risk_configuration.value.identity_arn
        from       = account_takeover_risk_configuration.value.from_address
        reply_to   = account_takeover_risk_configuration.value.reply_to_address
      }

      actions {
        low_action {
          event_action = "NO_ACTION"
          notify       = false
        }
        medium_action {
          event_action = "MFA_IF_CONFIGURED"
          notify       = true
        }
        high_action {
          event_action = "BLOCK"
          notify       = true
        }
      }
    }
  }

  dynamic "risk_exception_configuration" {
    for_each = length(var.threat_protection.blocked_cidrs) > 0 ? [true] : []

    content {
      blocked_ip_range_list = var.threat_protection.blocked_cidrs
    }
  }

  depends_on = [aws_sesv2_email_identity_policy.notices]
}

resource "aws_wafv2_web_acl_association" "this" {
  count = var.web_acl_arn == null ? 0 : 1

  resource_arn = aws_cognito_user_pool.this.arn
  web_acl_arn  = var.web_acl_arn
}

resource "aws_cognito_user_group" "this" {
  for_each = var.groups

  user_pool_id = aws_cognito_user_pool.this.id
  name         = each.key
  description  = each.value.description
  precedence   = each.value.precedence
  role_arn     = each.value.role_arn
}

resource "aws_cognito_resource_server" "this" {
  for_each = var.resource_servers

  user_pool_id = aws_cognito_user_pool.this.id
  identifier   = each.key
  name         = each.value.name

  dynamic "scope" {
    for_each = each.value.scopes

    content {
      scope_name        = scope.key
      scope_description = scope.value
    }
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  count = var.domain == null ? 0 : 1

  user_pool_id          = aws_cognito_user_pool.this.id
  domain                = coalesce(var.domain.prefix, var.domain.name)
  certificate_arn       = var.domain.certificate_arn
  managed_login_version = var.domain.managed_login_version
}

resource "aws_cognito_user_pool_client" "this" {
  for_each = var.clients

  user_pool_id                  = aws_cognito_user_pool.this.id
  name                          = each.key
  generate_secret               = each.value.secret
  explicit_auth_flows           = concat(each.value.refresh_rotation == null ? ["ALLOW_REFRESH_TOKEN_AUTH"] : [], [for flow in each.value.auth_flows : "ALLOW_${flow}"])
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true
  read_attributes               = coalesce(each.value.read_attributes, local.readable_attributes)
  write_attributes              = coalesce(each.value.write_attributes, local.writable_attributes)
  auth_session_validity         = each.value.session_minutes

  access_token_validity  = each.value.access_token_minutes
  id_token_validity      = each.value.id_token_minutes
  refresh_token_validity = each.value.refresh_token_days

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }

  dynamic "refresh_token_rotation" {
    for_each = each.value.refresh_rotation[*]

    content {
      feature                    = "ENABLED"
      retry_grace_period_seconds = refresh_token_rotation.value.grace_seconds
    }
  }

  supported_identity_providers         = concat(contains(each.value.oauth_flows, "client_credentials") ? [] : ["COGNITO"], sort(each.value.identity_providers))
  callback_urls                        = each.value.callback_urls
  logout_urls                          = each.value.logout_urls
  allowed_oauth_flows_user_pool_client = length(each.value.oauth_flows) > 0
  allowed_oauth_flows                  = each.value.oauth_flows
  allowed_oauth_scopes                 = each.value.oauth_scopes

  # Scopes and providers must exist before a client can name them.
  depends_on = [aws_cognito_resource_server.this, aws_cognito_identity_provider.saml, aws_lambda_invocation.provider]
}

resource "aws_iam_role" "sms" {
  count = var.sms == null ? 0 : 1

  name                 = "${var.context.name_prefix}-${local.name}-sms-${var.context.region}"
  description          = "Lets Cognito send text messages"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  # No aws:SourceArn: the pool names the role when it is created, before it has an ARN. The external id restricts use.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByCognito"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "cognito-idp.amazonaws.com" }
      Condition = {
        StringEquals = {
          "sts:ExternalId"    = var.sms.external_id
          "aws:SourceAccount" = var.context.account_id
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "sms" {
  # checkov:skip=CKV_AWS_355:A phone number has no ARN; the statement below denies topics
  # checkov:skip=CKV_AWS_290:As above
  count = var.sms == null ? 0 : 1

  name = "send"
  role = aws_iam_role.sms[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Text messages have no resource: SNS allows them on "*" only.
        Sid      = "SendTextMessages"
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = "*"
      },
      {
        Sid      = "NoTopics"
        Effect   = "Deny"
        Action   = "sns:Publish"
        Resource = "arn:${var.context.partition}:sns:*:*:*"
      },
    ]
  })
}
