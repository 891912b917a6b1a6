# Values that depend only on the variables. The variables' validations use them too.
locals {
  name = "user-directory"

  # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
  standard_attributes = [
    "address", "birthdate", "email", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname",
    "phone_number", "picture", "preferred_username", "profile", "updated_at", "website", "zoneinfo",
  ]
  custom_attributes = { for name, a in var.attributes : name => a if !contains(local.standard_attributes, name) }

  # Cognito's own types and bounds, which a plan must repeat; no others are accepted.
  schema = {
    for name, a in var.attributes : name => contains(keys(local.custom_attributes), name) ? { type = a.type, min = a.min, max = a.max } : {
      type                                                                                         = name == "updated_at" ? "Number" : "String"
      min                                                                                          = name == "birthdate" ? 10 : 0
      max                                                                                          = name == "updated_at" ? null : name == "birthdate" ? 10 : 2048
    }
  }

  readable_attributes = concat(
    local.standard_attributes, ["email_verified", "phone_number_verified"], [for name in keys(local.custom_attributes) : "custom:${name}"]
  )
  writable_attributes = concat(
    [for name in local.standard_attributes : name if try(var.attributes[name].client_writable, true) || try(var.attributes[name].required, false)],
    [for name, a in local.custom_attributes : "custom:${name}" if a.client_writable],
  )

  # A forgotten password is replaced with a code that is sent there. Cognito refuses phone numbers where text messages are
  # a required second factor (https://github.com/aws/aws-cdk/issues/11478), and asks for both where email is a second factor
  # (https://github.com/hashicorp/terraform-provider-aws/issues/41049).
  recovery = coalescelist([
    for a in ["email", "phone_number"] : "verified_${a}"
    if(contains(var.sign_in, a) || (var.mfa.mode != "OFF" && var.mfa.email)) && !(a == "phone_number" && var.mfa.mode == "ON" && var.sms != null)
  ], ["admin_only"])

  # A password can always be chosen: no user would have a passkey otherwise.
  first_factors = concat(
    ["PASSWORD"], var.first_factors.email_otp ? ["EMAIL_OTP"] : [], var.first_factors.sms_otp ? ["SMS_OTP"] : [], var.first_factors.passkey == null ? [] : ["WEB_AUTHN"]
  )
  domain_name      = var.domain == null ? "" : var.domain.name != null ? var.domain.name : "${var.domain.prefix}.auth.${var.context.region}.amazoncognito.com"
  relying_party_id = try(coalesce(var.first_factors.passkey.relying_party_id, local.domain_name), "")

  # Providers whose ids of users have no upper-case letters.
  lowercase_subjects = ["SignInWithApple", "Google", "Facebook"]

  linking = anytrue([for p in var.identity_providers : p.link_users])

  # Functions of this module, by their trigger.
  functions = merge(
    var.custom_auth == null ? {} : {
      define_auth_challenge          = "${local.name}-define-challenge"
      create_auth_challenge          = "${local.name}-create-challenge"
      verify_auth_challenge_response = "${local.name}-verify-challenge"
    },
    length(var.allowed_email_domains) > 0 || local.linking ? { pre_sign_up = "${local.name}-sign-up" } : {},
    length(var.default_groups) > 0 ? { post_confirmation = "${local.name}-post-confirmation" } : {},
  )
}
