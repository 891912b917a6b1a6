# Values that depend only on the variables. The variables' validations use them too.
locals {
  name = "user-directory"

  # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
  standard_attributes = [
    "address", "birthdate", "email", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname",
    "phone_number", "picture", "preferred_username", "profile", "updated_at", "website", "zoneinfo",
  ]
  custom_attributes = { for name, a in var.attributes : name => a if !contains(local.standard_attributes, name) }

  readable_attributes = concat(
    local.standard_attributes, ["email_verified", "phone_number_verified"], [for name in keys(local.custom_attributes) : "custom:${name}"]
  )
  writable_attributes = concat(
    [for name in local.standard_attributes : name if try(var.attributes[name].client_writable, true) || try(var.attributes[name].required, false)],
    [for name, a in local.custom_attributes : "custom:${name}" if a.client_writable],
  )

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
