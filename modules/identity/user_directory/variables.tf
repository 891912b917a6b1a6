variable "context" {
  description = "What the stack's capabilities share; the `context` output of `modules/context`."
  type = object({
    name_prefix              = string
    partition                = string
    account_id               = string
    region                   = string
    kms_key_arn              = string
    alarm_topic_arn          = string
    access_log_bucket        = string
    package_bucket           = string
    log_retention_days       = number
    layer_arns               = list(string)
    permissions_boundary_arn = optional(string)
    build_dir                = string
    tags                     = map(string)
  })
  nullable = false
}

variable "sign_in" {
  description = "Attributes that users sign in with: `email`, `phone_number` or both. They cannot be changed once the pool exists."
  type        = set(string)
  default     = ["email"]
  nullable    = false

  validation {
    condition     = length(var.sign_in) > 0 && length(setsubtract(var.sign_in, ["email", "phone_number"])) == 0
    error_message = "sign_in must contain email, phone_number or both."
  }
  validation {
    condition     = !contains(var.sign_in, "phone_number") || var.sms != null
    error_message = "sign_in with phone_number needs sms: numbers are verified by text message."
  }
}

variable "tier" {
  description = "Feature plan of the pool: `LITE`, `ESSENTIALS` or `PLUS`. Threat protection requires `PLUS`."
  type        = string
  default     = "ESSENTIALS"
  nullable    = false

  validation {
    condition     = contains(["LITE", "ESSENTIALS", "PLUS"], var.tier)
    error_message = "tier must be LITE, ESSENTIALS or PLUS."
  }
}

variable "threat_protection" {
  description = "Cognito's threat protection. `mode` is `AUDIT` (log only) or `ENFORCED` (compromised passwords are blocked, and risky sign-ins require MFA or are blocked); `custom_auth_mode` is the same for custom authentication; `blocked_cidrs` are address ranges that are always blocked. Requires the tier PLUS."
  type = object({
    mode             = optional(string, "ENFORCED")
    custom_auth_mode = optional(string)
    blocked_cidrs    = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.threat_protection == null || var.tier == "PLUS"
    error_message = "threat_protection needs tier = \"PLUS\"."
  }
  validation {
    condition = alltrue([
      for t in var.threat_protection[*] : contains(["AUDIT", "ENFORCED"], t.mode) && contains(["AUDIT", "ENFORCED"], coalesce(t.custom_auth_mode, "AUDIT"))
    ])
    error_message = "threat_protection.mode and custom_auth_mode must be AUDIT or ENFORCED."
  }
  validation {
    condition     = alltrue([for t in var.threat_protection[*] : alltrue([for c in t.blocked_cidrs : can(cidrhost(c, 0))])])
    error_message = "threat_protection.blocked_cidrs takes address ranges such as 203.0.113.0/24."
  }
}

variable "password_policy" {
  description = "What a password must contain, how many earlier passwords are refused (`history`), and for how many days a temporary password from an administrator is valid (`temporary_days`)."
  type = object({
    minimum_length    = optional(number, 12)
    require_lowercase = optional(bool, true)
    require_uppercase = optional(bool, true)
    require_numbers   = optional(bool, true)
    require_symbols   = optional(bool, true)
    history           = optional(number, 5)
    temporary_days    = optional(number, 3)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.password_policy.minimum_length >= 8 && var.password_policy.minimum_length <= 99
    error_message = "password_policy.minimum_length must be between 8 and 99."
  }
  validation {
    condition     = var.password_policy.history >= 0 && var.password_policy.history <= 24 && (var.tier != "LITE" || var.password_policy.history == 0)
    error_message = "password_policy.history must be between 0 and 24, and 0 with the tier LITE."
  }
  validation {
    condition     = var.password_policy.temporary_days >= 1 && var.password_policy.temporary_days <= 365
    error_message = "password_policy.temporary_days must be between 1 and 365."
  }
}

variable "mfa" {
  description = "Second factor: `mode` is `OFF`, `OPTIONAL` or `ON` (all users). The allowed factors are `totp` (authenticator app), `email` (requires `email`, and a tier other than LITE) and `sms` (goes with `sms`: unless `mode` is `OFF`, either both are set or neither)."
  type = object({
    mode  = optional(string, "OPTIONAL")
    totp  = optional(bool, true)
    email = optional(bool, false)
    sms   = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["OFF", "OPTIONAL", "ON"], var.mfa.mode)
    error_message = "mfa.mode must be OFF, OPTIONAL or ON."
  }
  validation {
    condition     = var.mfa.mode == "OFF" || var.mfa.totp || var.mfa.email || var.mfa.sms
    error_message = "mfa needs one of totp, email and sms unless mode is OFF."
  }
  validation {
    condition     = !var.mfa.email || (var.email != null && var.tier != "LITE")
    error_message = "mfa.email needs email (an SES identity) and a tier other than LITE."
  }
  validation {
    condition     = !var.mfa.sms || var.sms != null
    error_message = "mfa.sms needs sms."
  }
  # The provider sends SmsMfaConfiguration whenever it has sms_configuration and MFA is not off.
  validation {
    condition     = var.sms == null || var.mfa.mode == "OFF" || var.mfa.sms
    error_message = "mfa.sms must be true with sms: Terraform's AWS provider lets every user of such a pool choose text messages as second factor. Set mfa.sms = true or mfa.mode = \"OFF\", or leave sms out."
  }
  # https://github.com/aws/aws-cdk/issues/11478; the provider's documentation of email_mfa_configuration asks for both.
  validation {
    condition     = !(var.mfa.mode == "ON" && var.mfa.email && var.sms != null)
    error_message = "mfa.email with mode ON excludes sms: Cognito accepts email as second factor only where phone numbers recover accounts too, and refuses those where text messages are a required second factor. Set mfa.mode = \"OPTIONAL\", or leave sms out."
  }
}

variable "first_factors" {
  description = "What users can sign in with instead of a password, in clients with the flow `USER_AUTH`: a code by email (`email_otp`), a code by text message (`sms_otp`, requires `sms`), or a passkey. `passkey.relying_party_id` is the domain that passkeys belong to (default: `domain`); `passkey.user_verification` is `required` or `preferred`. Cognito accepts them only if `mfa.mode` is not `ON`, in a tier other than LITE."
  type = object({
    email_otp = optional(bool, false)
    sms_otp   = optional(bool, false)
    passkey = optional(object({
      relying_party_id  = optional(string)
      user_verification = optional(string, "required")
    }))
  })
  default  = {}
  nullable = false

  # AWS's answers: https://github.com/go-to-k/cdkd/issues/1975 and https://github.com/go-to-k/cdkd/issues/2064
  validation {
    condition     = !(var.first_factors.email_otp || var.first_factors.sms_otp || var.first_factors.passkey != null) || var.mfa.mode != "ON"
    error_message = "first_factors need mfa.mode = \"OPTIONAL\" or \"OFF\": Cognito refuses them in pools that require a second factor."
  }
  validation {
    condition     = !(var.first_factors.email_otp || var.first_factors.sms_otp || var.first_factors.passkey != null) || anytrue([for c in var.clients : contains(c.auth_flows, "USER_AUTH")])
    error_message = "first_factors have no effect until a client can use them: add USER_AUTH to its auth_flows."
  }
  validation {
    condition     = !var.first_factors.sms_otp || var.sms != null
    error_message = "first_factors.sms_otp needs sms."
  }
  validation {
    condition = alltrue([
      for p in var.first_factors.passkey[*] : contains(["required", "preferred"], p.user_verification) && can(regex("^([a-z0-9-]+\\.)+[a-z0-9-]+$|^localhost$", try(coalesce(p.relying_party_id, local.domain_name), "")))
    ])
    error_message = "first_factors.passkey needs domain or a relying_party_id, which must be a domain name in lower case such as app.example.com; user_verification must be required or preferred."
  }
}

variable "devices" {
  description = "Which devices the pool remembers: `OFF`, `ALWAYS`, or `OPT_IN` (the user is asked); and whether users of a remembered device can skip the MFA code (`skip_mfa`)."
  type = object({
    remember = optional(string, "OPT_IN")
    skip_mfa = optional(bool, true)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["OFF", "ALWAYS", "OPT_IN"], var.devices.remember)
    error_message = "devices.remember must be OFF, ALWAYS or OPT_IN."
  }
}

variable "email" {
  description = "SES identity (verified, in this Region) from which the pool sends email. Null for Cognito's own sender, which sends up to 50 emails a day."
  type = object({
    identity_arn      = string
    from_address      = string
    reply_to_address  = optional(string)
    configuration_set = optional(string)
  })
  default = null

  validation {
    condition     = alltrue([for e in var.email[*] : can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/.+$", e.identity_arn))])
    error_message = "email.identity_arn must be the ARN of a verified SES identity, such as arn:aws:ses:eu-west-1:111122223333:identity/example.com."
  }
  validation {
    condition     = alltrue([for e in var.email[*] : alltrue([for a in compact([e.from_address, e.reply_to_address]) : can(regex("[^@ <]+@[^@ >]+", a))])])
    error_message = "email.from_address and reply_to_address must be addresses, such as \"Accounts <accounts@example.com>\"."
  }
}

variable "sms" {
  description = "Text messages, for phone verification and SMS codes: `external_id` of the role with which Cognito sends them. Each message is charged, and the account must have left the SMS sandbox."
  type = object({
    external_id = string
  })
  default = null

  validation {
    condition     = alltrue([for s in var.sms[*] : length(s.external_id) >= 2])
    error_message = "sms.external_id must have 2 characters or more."
  }
}

variable "verification" {
  description = "Email that asks users to verify their address; {####} in `message` stands for the code."
  type = object({
    subject = optional(string, "Verify your address")
    message = optional(string, "Your verification code is {####}.")
  })
  default  = {}
  nullable = false

  validation {
    condition     = strcontains(var.verification.message, "{####}")
    error_message = "verification.message must contain {####}, which Cognito replaces with the code."
  }
}

variable "attributes" {
  description = "Custom attributes, by name without `custom:`, and standard attributes that are `required`. `client_writable` lets the app clients write an attribute; otherwise only the back end can. Type, bounds and `required` cannot be changed once the pool exists."
  type = map(object({
    type            = optional(string, "String")
    mutable         = optional(bool, true)
    required        = optional(bool, false)
    client_writable = optional(bool, false)
    min             = optional(number)
    max             = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for a in var.attributes : contains(["String", "Number", "DateTime", "Boolean"], a.type)])
    error_message = "attributes: type must be String, Number, DateTime or Boolean."
  }
  validation {
    condition     = alltrue([for name, a in var.attributes : !a.required || contains(local.standard_attributes, name)])
    error_message = "attributes: only standard attributes such as name can be required; Cognito refuses required custom ones."
  }
  validation {
    condition = alltrue([
      for name in keys(var.attributes) : contains(local.standard_attributes, name) || (can(regex("^[A-Za-z0-9_-]{1,20}$", name)) && !contains(["sub", "email_verified", "phone_number_verified"], name))
    ])
    error_message = "attributes: a name must have 1 to 20 letters, digits, underscores or hyphens, without the prefix custom:; sub, email_verified and phone_number_verified are Cognito's own."
  }
  validation {
    condition = alltrue([
      for name, a in var.attributes : a.min == null && a.max == null && contains(["String", name == "updated_at" ? "Number" : "String"], a.type) if contains(local.standard_attributes, name)
    ])
    error_message = "attributes: Cognito fixes the type and the bounds of standard attributes. Remove type, min and max, or choose a name of your own for a custom attribute."
  }
  validation {
    condition = alltrue([
      for name, a in var.attributes : contains(local.standard_attributes, name) || (try(a.min <= a.max, true) && (
        a.type == "Number" || (a.min == null && a.max == null) ||
        (a.type == "String" && alltrue([for n in [coalesce(a.min, 0), coalesce(a.max, 2048)] : n >= 0 && n <= 2048 && floor(n) == n]))
      ))
    ])
    error_message = "attributes: min and max bound the length of a String (0 to 2048) or the value of a Number, and min must not be above max."
  }
}

variable "clients" {
  description = "App clients by name. Set `secret` only for servers: an app on a device cannot keep a secret, and the secret is in Terraform's state. `read_attributes` defaults to all attributes, `write_attributes` to all that are not protected. Keep tokens short-lived: where only the signature is checked, an issued token is valid until it expires, even after a sign-out. With `refresh_rotation`, each refresh returns a new refresh token and the old one remains valid for `grace_seconds`; apps then refresh with `GetTokensFromRefreshToken`."
  type = map(object({
    secret               = optional(bool, false)
    auth_flows           = optional(set(string), ["USER_SRP_AUTH"])
    read_attributes      = optional(set(string))
    write_attributes     = optional(set(string))
    access_token_minutes = optional(number, 15)
    id_token_minutes     = optional(number, 15)
    refresh_token_days   = optional(number, 30)
    refresh_rotation     = optional(object({ grace_seconds = optional(number, 10) }))
    session_minutes      = optional(number, 5)
    callback_urls        = optional(set(string), [])
    logout_urls          = optional(set(string), [])
    oauth_flows          = optional(set(string), [])
    oauth_scopes         = optional(set(string), [])
    identity_providers   = optional(set(string), [])
  }))
  default = {
    app = {}
  }
  nullable = false

  validation {
    condition = alltrue([for c in var.clients : length(setsubtract(c.auth_flows, [
      "USER_SRP_AUTH", "CUSTOM_AUTH", "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_AUTH"
    ])) == 0])
    error_message = "clients: auth_flows must be USER_SRP_AUTH, CUSTOM_AUTH, USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH or USER_AUTH; refresh tokens are always allowed."
  }
  validation {
    condition     = alltrue([for c in var.clients : !contains(c.auth_flows, "ADMIN_USER_PASSWORD_AUTH") || c.secret])
    error_message = "clients: ADMIN_USER_PASSWORD_AUTH is for servers only: set secret = true."
  }
  validation {
    condition     = alltrue([for c in var.clients : !contains(c.auth_flows, "CUSTOM_AUTH") || var.custom_auth != null])
    error_message = "clients: CUSTOM_AUTH needs custom_auth, which creates the triggers."
  }
  validation {
    condition     = alltrue([for c in var.clients : !contains(c.auth_flows, "CUSTOM_AUTH") || try(var.custom_auth.code_seconds <= c.session_minutes * 60, true)])
    error_message = "clients: session_minutes of a client with CUSTOM_AUTH must not be shorter than custom_auth.code_seconds: Cognito accepts no answer after the session has ended."
  }
  validation {
    condition = alltrue([
      for c in var.clients : c.access_token_minutes >= 5 && c.access_token_minutes <= 1440 && c.id_token_minutes >= 5 && c.id_token_minutes <= 1440
    ])
    error_message = "clients: access_token_minutes and id_token_minutes must be between 5 and 1440 (a day)."
  }
  validation {
    condition = alltrue([
      for c in var.clients : c.refresh_token_days >= 1 && c.refresh_token_days <= 3650 && c.session_minutes >= 3 && c.session_minutes <= 15
    ])
    error_message = "clients: refresh_token_days must be between 1 and 3650, session_minutes between 3 and 15."
  }
  # https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html
  # Without any flow, Cognito would allow its default ones, and REFRESH_TOKEN_AUTH among them.
  validation {
    condition = alltrue([
      for c in var.clients : c.refresh_rotation == null || try(var.tier != "LITE" && length(c.auth_flows) > 0 && c.refresh_rotation.grace_seconds >= 0 && c.refresh_rotation.grace_seconds <= 60, false)
    ])
    error_message = "clients: refresh_rotation needs grace_seconds from 0 to 60, one or more auth_flows, and a tier other than LITE."
  }
  validation {
    condition     = var.tier != "LITE" || alltrue([for c in var.clients : !contains(c.auth_flows, "USER_AUTH")])
    error_message = "clients: USER_AUTH needs a tier other than LITE."
  }
  validation {
    condition = alltrue([
      for u in flatten([for c in var.clients : concat(tolist(c.callback_urls), tolist(c.logout_urls))]) : can(regex("^http://localhost([:/]|$)", u)) || (can(regex("^[a-z][a-z0-9+.-]*://", u)) && !startswith(u, "http://"))
    ])
    error_message = "clients: callback_urls and logout_urls must begin with https://, an app's own scheme, or http://localhost."
  }
  validation {
    condition     = alltrue([for c in var.clients : length(setsubtract(c.oauth_flows, ["code", "client_credentials"])) == 0])
    error_message = "clients: oauth_flows must be code or client_credentials; the implicit flow would leave tokens in the browser's history."
  }
  validation {
    condition     = alltrue([for c in var.clients : !contains(c.oauth_flows, "client_credentials") || (c.secret && length(c.oauth_flows) == 1)])
    error_message = "clients: client_credentials needs secret = true and no other flow."
  }
  validation {
    condition     = alltrue([for c in var.clients : length(c.oauth_flows) == 0 || length(c.oauth_scopes) > 0]) && alltrue([for c in var.clients : !contains(c.oauth_flows, "code") || length(c.callback_urls) > 0])
    error_message = "clients: oauth_flows needs oauth_scopes, and the flow code needs callback_urls."
  }
  validation {
    condition     = alltrue([for c in var.clients : length(setsubtract(c.identity_providers, keys(var.identity_providers))) == 0])
    error_message = "clients: identity_providers must name keys of identity_providers; users of the pool itself can always sign in."
  }
  validation {
    condition     = alltrue([for c in var.clients : length(setsubtract(setunion(coalesce(c.read_attributes, []), coalesce(c.write_attributes, [])), local.readable_attributes)) == 0])
    error_message = "clients: read_attributes and write_attributes must name standard attributes, or keys of attributes as custom:name."
  }
  # Cognito's API reference, CreateUserPoolClient (WriteAttributes) and SchemaAttributeType (Mutable).
  validation {
    condition = alltrue([
      for c in var.clients : alltrue([
        for name in c.identity_providers : length(setsubtract(
          keys(try(var.identity_providers[name].attribute_mapping, {})),
          concat(["username", "email_verified", "phone_number_verified"], [for a in coalesce(c.write_attributes, local.writable_attributes) : a if try(var.attributes[trimprefix(a, "custom:")].mutable, true)])
        )) == 0
      ])
    ])
    error_message = "clients: Cognito writes the attributes of a provider's attribute_mapping at each sign-in, and refuses the sign-in if the client cannot. Set client_writable = true and mutable = true for them, and name them in the client's write_attributes if it has any."
  }
}

variable "groups" {
  description = "Groups by name. For a user in several groups, the group with the lowest `precedence` determines the role."
  type = map(object({
    description = optional(string)
    precedence  = optional(number)
    role_arn    = optional(string)
  }))
  default  = {}
  nullable = false
}

variable "default_groups" {
  description = "Groups to which users are added when their sign-up is confirmed, or when they first come from a provider. Cognito does not report users whom an administrator creates: add these yourself (`AdminAddUserToGroup`)."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.default_groups, keys(var.groups))) == 0
    error_message = "default_groups must name keys of groups."
  }
  validation {
    condition     = length(var.default_groups) == 0 || !var.admin_create_user_only || length(var.identity_providers) > 0
    error_message = "default_groups have no effect if administrators create all users: Cognito reports no confirmation then. Remove it, and add each user to its groups with AdminAddUserToGroup."
  }
}

variable "resource_servers" {
  description = "APIs by identifier (such as `https://api.example.com`), each with a name and its scopes and their descriptions. A client requests a scope as `<identifier>/<scope>`."
  type = map(object({
    name   = string
    scopes = map(string)
  }))
  default  = {}
  nullable = false
}

variable "domain" {
  description = "Domain of managed login: `prefix` for an Amazon Cognito domain, or `name` with `certificate_arn` (in us-east-1) for your own domain. Required for OAuth flows and federation."
  type = object({
    prefix                = optional(string)
    name                  = optional(string)
    certificate_arn       = optional(string)
    managed_login_version = optional(number, 1)
  })
  default = null

  validation {
    condition     = alltrue([for d in var.domain[*] : (d.prefix == null) != (d.name == null) && (d.name == null) == (d.certificate_arn == null)])
    error_message = "domain must have either prefix, or name and certificate_arn."
  }
  validation {
    condition     = alltrue([for d in var.domain[*] : d.prefix == null || try(can(regex("^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", d.prefix)) && !can(regex("aws|amazon|cognito", d.prefix)), false)])
    error_message = "domain.prefix must consist of lower-case letters, digits and hyphens, and must not contain aws, amazon or cognito."
  }
  validation {
    condition     = alltrue([for d in var.domain[*] : d.certificate_arn == null || try(can(regex(":acm:us-east-1:", d.certificate_arn)), false)])
    error_message = "domain.certificate_arn must be an ACM certificate in us-east-1, as CloudFront requires."
  }
  validation {
    condition     = var.domain != null || alltrue([for c in var.clients : length(c.oauth_flows) == 0])
    error_message = "clients with oauth_flows need domain."
  }
}

variable "custom_auth" {
  description = "Sign-in by one-time code, which is sent by email from `email`, or published to `topic_arn` (JSON {email, code, minutes}; a topic encrypted with the stack's key) for a mailer of your own. `password_first` requires the password before the code. `message` can contain {code} and {minutes}."
  type = object({
    topic_arn      = optional(string)
    password_first = optional(bool, false)
    code_length    = optional(number, 8)
    code_seconds   = optional(number, 180)
    attempts       = optional(number, 3)
    codes_per_hour = optional(number, 5)
    subject        = optional(string, "Your sign-in code")
    message        = optional(string, "Your sign-in code is {code}. It is valid for {minutes} minutes. If you did not ask for it, ignore this message.")
  })
  default = null

  validation {
    condition     = var.custom_auth == null || var.email != null || try(var.custom_auth.topic_arn, null) != null
    error_message = "custom_auth needs email, from which codes are sent, or topic_arn."
  }
  validation {
    condition     = alltrue([for c in var.custom_auth[*] : c.code_length >= 6 && c.code_length <= 12 && c.attempts >= 1 && c.attempts <= 3 && c.codes_per_hour >= 1 && c.codes_per_hour <= 20])
    error_message = "custom_auth: code_length must be 6 to 12, attempts 1 to 3 (Cognito ends a sign-in after 3), codes_per_hour 1 to 20."
  }
  validation {
    condition     = alltrue([for c in var.custom_auth[*] : c.code_seconds >= 5 && c.code_seconds <= 900])
    error_message = "custom_auth.code_seconds must be between 5 and 900 (15 minutes)."
  }
  validation {
    condition     = alltrue([for c in var.custom_auth[*] : strcontains(c.message, "{code}")])
    error_message = "custom_auth.message must contain {code}."
  }
}

variable "allowed_email_domains" {
  description = "Domains whose addresses may sign up or come from a provider: `example.com`, or `*.example.com` for its subdomains. Empty for all domains. Users that an administrator creates are not restricted."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for d in var.allowed_email_domains : can(regex("^(\\*\\.)?([a-z0-9-]+\\.)+[a-z0-9-]{2,}$", d))])
    error_message = "allowed_email_domains must be domains in lower case, such as \"example.com\" or \"*.example.com\"; international ones in their xn-- form."
  }
  validation {
    condition     = length(var.allowed_email_domains) == 0 || !var.admin_create_user_only || length(var.identity_providers) > 0
    error_message = "allowed_email_domains have no effect if administrators create all users. Remove it, or set admin_create_user_only = false."
  }
}

variable "admin_create_user_only" {
  description = "Only administrators create users; sign-up is disabled."
  type        = bool
  default     = false
  nullable    = false
}

variable "identity_providers" {
  description = "Identity providers by name (for the types `SignInWithApple`, `Google`, `Facebook` and `LoginWithAmazon` the name is the type; for `SAML` and `OIDC` any name). `details` are Cognito's provider details, without secrets. `secret_arn` is the Secrets Manager secret with Apple's .p8 key or the client secret (the text, or JSON {private_key, key_id} or {client_secret}); a function reads it, so that it is never in Terraform's state. `link_users` lets a user of the provider sign in as the pool's user with the same verified address; SAML, OIDC and LoginWithAmazon then need `subject_attribute`, the attribute to which `attribute_mapping` maps the provider's id of the user. `trust_email` treats the provider's addresses as verified."
  type = map(object({
    type               = string
    details            = map(string)
    secret_arn         = optional(string)
    secret_kms_key_arn = optional(string)
    attribute_mapping  = optional(map(string), { email = "email", email_verified = "email_verified" })
    identifiers        = optional(list(string), [])
    link_users         = optional(bool, false)
    subject_attribute  = optional(string)
    trust_email        = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for p in var.identity_providers : contains(["SAML", "OIDC", "SignInWithApple", "Google", "Facebook", "LoginWithAmazon"], p.type)])
    error_message = "identity_providers: type must be SAML, OIDC, SignInWithApple, Google, Facebook or LoginWithAmazon."
  }
  validation {
    condition     = alltrue([for name, p in var.identity_providers : contains(["SAML", "OIDC"], p.type) || name == p.type])
    error_message = "identity_providers: Cognito requires that a provider of Apple, Google, Facebook or Amazon has the name of its type."
  }
  validation {
    condition     = alltrue([for name in keys(var.identity_providers) : can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]{1,30}[A-Za-z0-9]$", name)) && name != "COGNITO"])
    error_message = "identity_providers: a name must have 3 to 32 letters, digits, periods, hyphens and underscores."
  }
  validation {
    condition     = alltrue([for p in var.identity_providers : (p.type == "SAML") == (p.secret_arn == null)])
    error_message = "identity_providers: SAML must not have secret_arn; all other types need it."
  }
  validation {
    condition     = alltrue([for p in var.identity_providers : p.secret_arn == null || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:[^:]+$", p.secret_arn))])
    error_message = "identity_providers: secret_arn must be the ARN of a secret, with or without the six characters at its end."
  }
  validation {
    condition     = alltrue([for p in var.identity_providers : length(setintersection(keys(p.details), ["private_key", "client_secret"])) == 0])
    error_message = "identity_providers: details must not contain private_key or client_secret, which would be in the state. Store the secret in Secrets Manager and set secret_arn."
  }
  validation {
    condition = alltrue([
      for p in var.identity_providers : p.type != "SignInWithApple" || length(setsubtract(["client_id", "team_id", "key_id", "authorize_scopes"], keys(p.details))) == 0
    ])
    error_message = "identity_providers: SignInWithApple needs the details client_id (the Services ID, not the App ID), team_id, key_id and authorize_scopes (\"email name\")."
  }
  validation {
    condition     = alltrue([for p in var.identity_providers : p.type != "SAML" || length(setintersection(["MetadataURL", "MetadataFile"], keys(p.details))) == 1])
    error_message = "identity_providers: SAML needs either MetadataURL or MetadataFile in details."
  }
  validation {
    condition     = alltrue([for p in var.identity_providers : length(setsubtract(keys(p.attribute_mapping), concat(local.readable_attributes, ["username"]))) == 0])
    error_message = "identity_providers: the keys of attribute_mapping must be standard attributes, or keys of attributes as custom:name."
  }
  validation {
    condition = alltrue([
      for p in var.identity_providers : !p.link_users || contains(local.lowercase_subjects, p.type) || try(contains(keys(p.attribute_mapping), p.subject_attribute), false)
    ])
    error_message = "identity_providers: link_users of SAML, OIDC and LoginWithAmazon needs subject_attribute, because Cognito gives triggers the user's id in lower case and compares links exactly. Map the id, for example attributes = { subject = { client_writable = true } }, attribute_mapping = { \"custom:subject\" = \"sub\", … } (LoginWithAmazon: \"user_id\"; SAML: the attribute that has the value of NameID), and set subject_attribute = \"custom:subject\"."
  }
}

variable "triggers" {
  description = "ARNs of functions outside this module to use as the pool's triggers; this module lets the pool invoke them. A trigger for which this module has a function itself (sign-in by code, sign-up, confirmation) is refused."
  type = object({
    create_auth_challenge          = optional(string)
    custom_message                 = optional(string)
    define_auth_challenge          = optional(string)
    post_authentication            = optional(string)
    post_confirmation              = optional(string)
    pre_authentication             = optional(string)
    pre_sign_up                    = optional(string)
    pre_token_generation           = optional(string)
    user_migration                 = optional(string)
    verify_auth_challenge_response = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for arn in values(var.triggers) : arn == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:.+$", arn))])
    error_message = "triggers must be ARNs of Lambda functions."
  }
  validation {
    condition     = length(setintersection([for name, arn in var.triggers : name if arn != null], keys(local.functions))) == 0
    error_message = "triggers: this module has ${join(", ", setintersection([for name, arn in var.triggers : name if arn != null], keys(local.functions)))} itself, for custom_auth, allowed_email_domains, link_users or default_groups; Cognito allows one function for each trigger."
  }
}

variable "web_acl_arn" {
  description = "ARN of a regional web ACL of AWS WAF in this Region, which inspects the requests to the pool's public API and to managed login; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:${var.context.partition}:wafv2:${var.context.region}:[0-9]{12}:regional/webacl/[^/]+/[^/]+$", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a regional web ACL in this Region (arn:${var.context.partition}:wafv2:${var.context.region}:ACCOUNT:regional/webacl/NAME/ID); one for CloudFront does not fit."
  }
}

variable "deletion_protection" {
  description = "Protect the pool and its users from deletion, also by `terraform destroy`."
  type        = bool
  default     = true
  nullable    = false
}
