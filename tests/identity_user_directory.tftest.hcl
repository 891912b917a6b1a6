mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_cognito_user_pool" {
    defaults = {
      id       = "eu-central-1_abc"
      arn      = "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_abc"
      endpoint = "cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc"
    }
  }
  mock_resource "aws_cognito_user_pool_client" {
    defaults = { id = "client" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/test", id = "test" }
  }
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/identity/user_directory"
  }

  assert {
    condition     = aws_cognito_user_pool.this.name == "test-user-directory" && aws_cognito_user_pool.this.username_attributes == toset(["email"]) && aws_cognito_user_pool.this.auto_verified_attributes == toset(["email"]) && aws_cognito_user_pool.this.deletion_protection == "ACTIVE" && aws_cognito_user_pool.this.user_pool_tier == "ESSENTIALS" && aws_cognito_user_pool.this.username_configuration[0].case_sensitive == false
    error_message = "Users sign in with a verified address in any case; the pool is protected."
  }
  assert {
    condition     = aws_cognito_user_pool.this.password_policy[0].minimum_length == 12 && aws_cognito_user_pool.this.password_policy[0].password_history_size == 5 && aws_cognito_user_pool.this.password_policy[0].temporary_password_validity_days == 3 && alltrue([aws_cognito_user_pool.this.password_policy[0].require_lowercase, aws_cognito_user_pool.this.password_policy[0].require_uppercase, aws_cognito_user_pool.this.password_policy[0].require_numbers, aws_cognito_user_pool.this.password_policy[0].require_symbols])
    error_message = "Passwords are long and mixed."
  }
  assert {
    condition     = aws_cognito_user_pool.this.mfa_configuration == "OPTIONAL" && aws_cognito_user_pool.this.software_token_mfa_configuration[0].enabled && length(aws_cognito_user_pool.this.email_mfa_configuration) == 0 && length(aws_cognito_user_pool.this.sms_configuration) == 0
    error_message = "Users may add an authenticator app; no text messages."
  }
  assert {
    condition     = aws_cognito_user_pool.this.device_configuration[0].device_only_remembered_on_user_prompt && aws_cognito_user_pool.this.device_configuration[0].challenge_required_on_new_device
    error_message = "Devices are remembered when the user agrees, and then spared the code."
  }
  assert {
    condition     = aws_cognito_user_pool.this.user_attribute_update_settings[0].attributes_require_verification_before_update == toset(["email"])
    error_message = "A new address counts when it is verified."
  }
  assert {
    condition     = length(aws_cognito_user_pool.this.lambda_config) == 0 && length(aws_lambda_permission.trigger) == 0 && length(aws_cognito_risk_configuration.this) == 0 && length(aws_cognito_user_pool.this.user_pool_add_ons) == 0 && length(aws_cognito_user_pool.this.email_configuration) == 0 && length(aws_iam_role.sms) == 0 && length(aws_cognito_user_pool_domain.this) == 0 && length(aws_lambda_invocation.provider) == 0 && output.function_names == {} && output.codes_table_name == null && output.domain_url == null
    error_message = "Nothing is made that is not asked for."
  }
  assert {
    condition     = aws_cognito_user_pool_client.this["app"].generate_secret == false && aws_cognito_user_pool_client.this["app"].explicit_auth_flows == toset(["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]) && aws_cognito_user_pool_client.this["app"].prevent_user_existence_errors == "ENABLED" && aws_cognito_user_pool_client.this["app"].enable_token_revocation
    error_message = "The app has no secret, hides who exists, and its tokens can be revoked."
  }
  assert {
    condition     = aws_cognito_user_pool_client.this["app"].access_token_validity == 15 && aws_cognito_user_pool_client.this["app"].id_token_validity == 15 && aws_cognito_user_pool_client.this["app"].refresh_token_validity == 30 && aws_cognito_user_pool_client.this["app"].token_validity_units[0] == { access_token = "minutes", id_token = "minutes", refresh_token = "days" }
    error_message = "Tokens are short, refresh tokens last 30 days."
  }
  assert {
    condition     = !contains(aws_cognito_user_pool_client.this["app"].write_attributes, "email_verified") && contains(aws_cognito_user_pool_client.this["app"].write_attributes, "email")
    error_message = "A client cannot declare an address verified."
  }
  assert {
    condition     = { for m in aws_cognito_user_pool.this.account_recovery_setting[0].recovery_mechanism : m.name => m.priority } == { verified_email = 1 } && length(aws_cognito_user_pool.this.web_authn_configuration) == 0 && length(aws_wafv2_web_acl_association.this) == 0 && length(aws_sesv2_email_identity_policy.notices) == 0 && length(aws_cognito_user_pool_client.this["app"].refresh_token_rotation) == 0
    error_message = "The verified address recovers an account; no first factors, web ACL, policy of an identity or rotation."
  }
  assert {
    condition     = output.authorizer == { issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc", jwks_url = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc/.well-known/jwks.json", user_pool_arns = ["arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_abc"], audience = ["client"] }
    error_message = "The authorizer output has all that other capabilities check tokens with."
  }
}

run "everything" {
  command = plan

  module {
    source = "./modules/identity/user_directory"
  }

  variables {
    sign_in           = ["email", "phone_number"]
    tier              = "PLUS"
    threat_protection = { custom_auth_mode = "AUDIT", blocked_cidrs = ["203.0.113.0/24"] }
    mfa               = { mode = "ON", sms = true }
    devices           = { remember = "ALWAYS", skip_mfa = false }
    email = {
      identity_arn      = "arn:aws:ses:eu-central-1:111122223333:identity/example.com"
      from_address      = "Accounts <accounts@example.com>"
      reply_to_address  = "help@example.com"
      configuration_set = "mail"
    }
    sms        = { external_id = "pool" }
    attributes = { plan = {}, level = { type = "Number", min = 1, max = 9 }, currency = { client_writable = true, max = 3 }, name = { required = true }, birthdate = { required = true }, updated_at = { required = true }, subject = { client_writable = true } }
    clients = {
      web = {
        auth_flows         = ["USER_SRP_AUTH", "CUSTOM_AUTH"]
        callback_urls      = ["https://app.example.com/callback", "myapp://callback", "http://localhost:3000"]
        oauth_flows        = ["code"]
        oauth_scopes       = ["openid"]
        identity_providers = ["SignInWithApple", "Corp"]
      }
      batch = { secret = true, auth_flows = [], oauth_flows = ["client_credentials"], oauth_scopes = ["https://api.example.com/read"] }
    }
    groups                = { members = { precedence = 5 } }
    default_groups        = ["members"]
    resource_servers      = { "https://api.example.com" = { name = "API", scopes = { read = "Read" } } }
    domain                = { name = "login.example.com", certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1", managed_login_version = 2 }
    custom_auth           = {}
    allowed_email_domains = ["example.com"]
    triggers              = { post_authentication = "arn:aws:lambda:eu-central-1:111122223333:function:record" }
    identity_providers = {
      SignInWithApple = {
        type               = "SignInWithApple"
        details            = { client_id = "c", team_id = "t", key_id = "k", authorize_scopes = "email name" }
        secret_arn         = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:apple-AbCdEf"
        secret_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/other"
        link_users         = true
      }
      Corp = {
        type              = "SAML"
        details           = { MetadataURL = "https://idp.example.com/metadata" }
        attribute_mapping = { email = "mail", "custom:subject" = "uid" }
        link_users        = true
        subject_attribute = "custom:subject"
        trust_email       = true
      }
    }
    deletion_protection = false
  }

  assert {
    condition     = [for s in jsondecode(module.triggers.resources.grants["create_auth_challenge"].policy).Statement : s.Resource if s.Sid == "MailCodes"] == [["arn:aws:ses:eu-central-1:111122223333:identity/example.com", "arn:aws:ses:eu-central-1:111122223333:configuration-set/mail"]]
    error_message = "Codes go with the named configuration set only."
  }
  assert {
    condition     = aws_cognito_user_pool.this.user_pool_add_ons[0].advanced_security_mode == "ENFORCED" && aws_cognito_user_pool.this.user_pool_add_ons[0].advanced_security_additional_flows[0].custom_auth_mode == "AUDIT" && aws_cognito_risk_configuration.this[0].compromised_credentials_risk_configuration[0].actions[0].event_action == "BLOCK" && aws_cognito_risk_configuration.this[0].account_takeover_risk_configuration[0].actions[0].high_action[0].event_action == "BLOCK" && aws_cognito_risk_configuration.this[0].risk_exception_configuration[0].blocked_ip_range_list == toset(["203.0.113.0/24"])
    error_message = "Threat protection is enforced, with what it is to do."
  }
  assert {
    condition     = aws_cognito_user_pool.this.mfa_configuration == "ON" && length(aws_cognito_user_pool.this.email_mfa_configuration) == 0 && aws_cognito_user_pool.this.sms_configuration[0].external_id == "pool" && aws_cognito_user_pool.this.device_configuration[0].device_only_remembered_on_user_prompt == false && aws_cognito_user_pool.this.device_configuration[0].challenge_required_on_new_device == false
    error_message = "All users need a second factor, on any device."
  }
  assert {
    condition     = { for m in aws_cognito_user_pool.this.account_recovery_setting[0].recovery_mechanism : m.name => m.priority } == { verified_email = 1 }
    error_message = "Cognito refuses to recover accounts by phone where text messages are a required second factor."
  }
  assert {
    condition = { for s in aws_cognito_user_pool.this.schema : s.name => join(" ", compact([s.attribute_data_type, try(s.string_attribute_constraints[0].min_length, ""), try(s.string_attribute_constraints[0].max_length, ""), try(s.number_attribute_constraints[0].min_value, ""), try(s.number_attribute_constraints[0].max_value, "")])) } == {
      plan       = "String 0 2048"
      level      = "Number 1 9"
      currency   = "String 0 3"
      subject    = "String 0 2048"
      name       = "String 0 2048"
      birthdate  = "String 10 10"
      updated_at = "Number 0"
    }
    error_message = "Standard attributes have the types and bounds that Cognito gives them."
  }
  assert {
    condition     = aws_sesv2_email_identity_policy.notices[0].email_identity == "example.com" && aws_sesv2_email_identity_policy.notices[0].policy_name == "test-user-directory-notices" && jsondecode(aws_sesv2_email_identity_policy.notices[0].policy).Statement == [{ Sid = "SendNoticesOfThisPool", Effect = "Allow", Principal = { Service = ["cognito-idp.amazonaws.com", "email.cognito-idp.amazonaws.com"] }, Action = ["ses:SendEmail", "ses:SendRawEmail"], Resource = "arn:aws:ses:eu-central-1:111122223333:identity/example.com", Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnLike = { "aws:SourceArn" = aws_cognito_user_pool.this.arn } } }]
    error_message = "The identity lets Cognito send notices of this pool."
  }
  assert {
    condition     = jsondecode([for f in [module.triggers.resources.functions["pre_sign_up"]] : f.environment[0].variables.PROVIDERS][0]) == { Corp = { link = true, trusted = true, subject = "custom:subject" }, SignInWithApple = { link = true, trusted = false, subject = "" } }
    error_message = "The sign-up function knows which attribute has a provider's id in its own case."
  }
  assert {
    condition     = [for s in jsondecode(module.provider[0].resources.grants["provider"].policy).Statement : s.Condition if s.Sid == "DecryptSecrets"] == [{ StringLike = { "kms:ViaService" = ["secretsmanager.eu-central-1.*"] } }] && module.provider[0].resources.functions["provider"].timeout == 120
    error_message = "Secrets of another key are decrypted through Secrets Manager of any partition; a new role has a minute to take effect."
  }
  assert {
    condition     = aws_cognito_user_pool.this.email_configuration[0].email_sending_account == "DEVELOPER" && aws_cognito_user_pool.this.email_configuration[0].from_email_address == "Accounts <accounts@example.com>" && aws_cognito_user_pool.this.email_configuration[0].reply_to_email_address == "help@example.com"
    error_message = "Mail has its From and Reply-To."
  }
  assert {
    condition     = jsondecode(aws_iam_role.sms[0].assume_role_policy).Statement == [{ Sid = "AssumedByCognito", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "cognito-idp.amazonaws.com" }, Condition = { StringEquals = { "sts:ExternalId" = "pool", "aws:SourceAccount" = "111122223333" } } }] && jsondecode(aws_iam_role_policy.sms[0].policy).Statement == [{ Sid = "SendTextMessages", Effect = "Allow", Action = "sns:Publish", Resource = "*" }, { Sid = "NoTopics", Effect = "Deny", Action = "sns:Publish", Resource = "arn:aws:sns:*:*:*" }]
    error_message = "Cognito sends text messages, and to nothing else."
  }
  assert {
    condition     = contains(aws_cognito_user_pool_client.this["web"].read_attributes, "custom:plan") && !contains(aws_cognito_user_pool_client.this["web"].write_attributes, "custom:plan") && contains(aws_cognito_user_pool_client.this["web"].write_attributes, "custom:currency") && contains(aws_cognito_user_pool_client.this["web"].write_attributes, "name")
    error_message = "A client reads the protected attribute and writes what it may."
  }
  assert {
    condition     = aws_cognito_user_pool_client.this["web"].supported_identity_providers == toset(["COGNITO", "Corp", "SignInWithApple"]) && length(aws_cognito_user_pool_client.this["batch"].supported_identity_providers) == 0 && aws_cognito_user_pool_client.this["batch"].generate_secret
    error_message = "Clients name their providers; machines have none."
  }
  assert {
    condition     = aws_cognito_user_pool.this.lambda_config[0].define_auth_challenge == "arn:aws:lambda:eu-central-1:111122223333:function:test-user-directory-define-challenge" && aws_cognito_user_pool.this.lambda_config[0].create_auth_challenge == "arn:aws:lambda:eu-central-1:111122223333:function:test-user-directory-create-challenge" && aws_cognito_user_pool.this.lambda_config[0].verify_auth_challenge_response == "arn:aws:lambda:eu-central-1:111122223333:function:test-user-directory-verify-challenge" && aws_cognito_user_pool.this.lambda_config[0].pre_sign_up == "arn:aws:lambda:eu-central-1:111122223333:function:test-user-directory-sign-up" && aws_cognito_user_pool.this.lambda_config[0].post_confirmation == "arn:aws:lambda:eu-central-1:111122223333:function:test-user-directory-post-confirmation" && aws_cognito_user_pool.this.lambda_config[0].post_authentication == "arn:aws:lambda:eu-central-1:111122223333:function:record"
    error_message = "Own triggers and those of others are in their places."
  }
  assert {
    condition     = length(aws_lambda_permission.trigger) == 6 && alltrue([for p in aws_lambda_permission.trigger : p.principal == "cognito-idp.amazonaws.com" && p.source_arn == aws_cognito_user_pool.this.arn && p.source_account == "111122223333" && p.action == "lambda:InvokeFunction"])
    error_message = "Only this pool may call its triggers."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.link[0].policy).Statement == [{ Sid = "LinkUsers", Effect = "Allow", Action = ["cognito-idp:AdminLinkProviderForUser", "cognito-idp:ListUsers"], Resource = aws_cognito_user_pool.this.arn }] && jsondecode(aws_iam_role_policy.groups[0].policy).Statement == [{ Sid = "AddToGroups", Effect = "Allow", Action = "cognito-idp:AdminAddUserToGroup", Resource = aws_cognito_user_pool.this.arn }]
    error_message = "The triggers may do their one thing on this pool."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.provider["SignInWithApple"].input) == { provider = { name = "SignInWithApple", type = "SignInWithApple", details = { client_id = "c", team_id = "t", key_id = "k", authorize_scopes = "email name" }, secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:apple-AbCdEf", attribute_mapping = { email = "email", email_verified = "email_verified" }, identifiers = [] } } && aws_lambda_invocation.provider["SignInWithApple"].lifecycle_scope == "CRUD" && keys(aws_cognito_identity_provider.saml) == ["Corp"]
    error_message = "Apple's key never passes through Terraform; SAML has no secret."
  }
  assert {
    condition     = output.domain_url == "https://login.example.com" && aws_cognito_user_pool_domain.this[0].certificate_arn == "arn:aws:acm:us-east-1:111122223333:certificate/1" && aws_cognito_user_pool_domain.this[0].managed_login_version == 2
    error_message = "A domain of one's own."
  }
  assert {
    condition     = aws_cognito_user_group.this["members"].precedence == 5 && length(aws_cognito_resource_server.this["https://api.example.com"].scope) == 1
    error_message = "Groups and scopes."
  }
  assert {
    condition     = contains(output.alarm_names, "test-user-directory-code-delivery") && aws_cognito_user_pool.this.deletion_protection == "INACTIVE"
    error_message = "A code that cannot be sent raises an alarm."
  }
}

run "passkeys" {
  command = plan

  module {
    source = "./modules/identity/user_directory"
  }

  variables {
    domain        = { prefix = "example" }
    first_factors = { email_otp = true, passkey = {} }
    clients       = { app = { auth_flows = ["USER_AUTH"], refresh_rotation = {} }, other = { refresh_rotation = { grace_seconds = 0 } } }
    web_acl_arn   = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/users/1"
  }

  assert {
    condition     = output.domain_url == "https://example.auth.eu-central-1.amazoncognito.com"
    error_message = "A domain of Amazon's."
  }
  assert {
    condition     = toset(aws_cognito_user_pool.this.sign_in_policy[0].allowed_first_auth_factors) == toset(["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"]) && aws_cognito_user_pool.this.web_authn_configuration[0].relying_party_id == "example.auth.eu-central-1.amazoncognito.com" && aws_cognito_user_pool.this.web_authn_configuration[0].user_verification == "required"
    error_message = "Users may choose a code or a passkey of the pool's domain."
  }
  assert {
    condition     = aws_cognito_user_pool_client.this["app"].explicit_auth_flows == toset(["ALLOW_USER_AUTH"]) && aws_cognito_user_pool_client.this["app"].refresh_token_rotation[0].feature == "ENABLED" && [for c in aws_cognito_user_pool_client.this : c.refresh_token_rotation[0].retry_grace_period_seconds] == [10, 0]
    error_message = "A client with rotation has no flow that Cognito refuses with it."
  }
  assert {
    condition     = aws_wafv2_web_acl_association.this[0].resource_arn == aws_cognito_user_pool.this.arn && aws_wafv2_web_acl_association.this[0].web_acl_arn == "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/users/1"
    error_message = "The web ACL inspects the pool's requests."
  }
}

run "mail_as_required_second_factor" {
  command = plan

  module {
    source = "./modules/identity/user_directory"
  }

  variables {
    tier              = "PLUS"
    threat_protection = {}
    mfa               = { mode = "ON", email = true, totp = false }
    email             = { identity_arn = "arn:aws:ses:eu-central-1:444455556666:identity/example.com", from_address = "a@example.com" }
  }

  assert {
    condition     = { for m in aws_cognito_user_pool.this.account_recovery_setting[0].recovery_mechanism : m.name => m.priority } == { verified_email = 1, verified_phone_number = 2 } && length(aws_cognito_user_pool.this.email_mfa_configuration) == 1 && length(aws_cognito_user_pool.this.sms_configuration) == 0
    error_message = "Cognito takes e-mail as second factor only with a second way to recover an account."
  }
  assert {
    condition     = length(aws_cognito_user_pool.this.software_token_mfa_configuration) == 0
    error_message = "No authenticator app where it is not asked for."
  }
  assert {
    condition     = length(aws_cognito_risk_configuration.this) == 1 && length(aws_sesv2_email_identity_policy.notices) == 0
    error_message = "An identity of another account gets its policy there."
  }
}

run "text_messages_for_verification_only" {
  command = plan

  module {
    source = "./modules/identity/user_directory"
  }

  variables {
    sign_in = ["phone_number"]
    mfa     = { mode = "OFF" }
    sms     = { external_id = "pool" }
    domain  = { name = "login.example.com", certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1" }

    first_factors = { sms_otp = true, passkey = { user_verification = "preferred" } }
    clients       = { app = { auth_flows = ["USER_AUTH"] } }
  }

  assert {
    condition     = aws_cognito_user_pool.this.mfa_configuration == "OFF" && length(aws_cognito_user_pool.this.sms_configuration) == 1 && length(aws_cognito_user_pool.this.software_token_mfa_configuration) == 0 && length(aws_cognito_user_pool.this.email_mfa_configuration) == 0
    error_message = "Numbers are verified; there is no second factor."
  }
  assert {
    condition     = [for m in aws_cognito_user_pool.this.account_recovery_setting[0].recovery_mechanism : m.name] == ["verified_phone_number"] && toset(aws_cognito_user_pool.this.sign_in_policy[0].allowed_first_auth_factors) == toset(["PASSWORD", "SMS_OTP", "WEB_AUTHN"]) && aws_cognito_user_pool.this.web_authn_configuration[0].relying_party_id == "login.example.com"
    error_message = "The number recovers the account; passkeys belong to the pool's own domain."
  }
}

run "text_messages_as_required_second_factor" {
  command = plan

  module {
    source = "./modules/identity/user_directory"
  }

  variables {
    sign_in = ["phone_number"]
    mfa     = { mode = "ON", sms = true }
    sms     = { external_id = "pool" }
  }

  assert {
    condition     = [for m in aws_cognito_user_pool.this.account_recovery_setting[0].recovery_mechanism : m.name] == ["admin_only"]
    error_message = "Where Cognito accepts no way to recover an account, administrators reset passwords."
  }
}

run "codes_by_mail" {
  command = plan

  module {
    source = "./modules/identity/user_directory"
  }

  variables {
    email       = { identity_arn = "arn:aws:ses:eu-central-1:111122223333:identity/example.com", from_address = "Accounts <a@example.com>" }
    custom_auth = {}
  }

  assert {
    condition     = [for s in jsondecode(module.triggers.resources.grants["create_auth_challenge"].policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "MailCodes"] == [[["ses:SendEmail"], ["arn:aws:ses:eu-central-1:111122223333:identity/example.com", "arn:aws:ses:eu-central-1:111122223333:configuration-set/*"], { StringEquals = { "ses:FromAddress" = ["a@example.com"] } }]]
    error_message = "Codes come from that address only, with whatever configuration set its identity has by default."
  }
}
