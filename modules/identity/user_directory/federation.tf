# SAML needs no secret. The other providers need one, but aws_cognito_identity_provider has no write-only argument for it
# (and reads a client secret back into the state). So a function reads the secret and configures the provider.

locals {
  saml_providers   = { for name, p in var.identity_providers : name => p if p.type == "SAML" }
  secret_providers = { for name, p in var.identity_providers : name => p if p.type != "SAML" }

  provider_inputs = {
    for name, p in local.secret_providers : name => {
      name              = name
      type              = p.type
      details           = p.details
      secret_arn        = p.secret_arn
      attribute_mapping = p.attribute_mapping
      identifiers       = p.identifiers
    }
  }
  secret_arns     = distinct(values(local.secret_providers)[*].secret_arn)
  secret_names    = distinct(flatten([for arn in local.secret_arns : [split(":secret:", arn)[1], try(regex(":secret:(.+)-[A-Za-z0-9]{6}$", arn)[0], [])]]))
  secret_key_arns = distinct(compact(values(local.secret_providers)[*].secret_kms_key_arn))
}

resource "aws_cognito_identity_provider" "saml" {
  for_each = local.saml_providers

  user_pool_id      = aws_cognito_user_pool.this.id
  provider_name     = each.key
  provider_type     = "SAML"
  provider_details  = each.value.details
  attribute_mapping = each.value.attribute_mapping
  idp_identifiers   = each.value.identifiers

  lifecycle {
    # Cognito adds these from the metadata.
    ignore_changes = [
      provider_details["ActiveEncryptionCertificate"], provider_details["SLORedirectBindingURI"], provider_details["SSORedirectBindingURI"]
    ]
  }
}

# This function has a module call of its own because its policy names the pool.
module "provider" {
  source = "../../blocks/functions"
  count  = length(local.secret_providers) > 0 ? 1 : 0

  context = var.context
  package = "identity/user_directory"

  functions = {
    provider = {
      name         = "${local.name}-provider"
      description  = "Configures identity providers with their secrets"
      handler      = "identity.user_directory.provider.handler"
      memory_size  = 512
      timeout      = 120 # half of it is for a new role's permissions to take effect
      key_services = ["secretsmanager"]
      environment = {
        USER_POOL_ID = aws_cognito_user_pool.this.id
        PROVIDERS    = jsonencode(local.provider_inputs)
      }
      policy_statements = concat(
        [
          {
            sid       = "ReadSecrets"
            actions   = ["secretsmanager:GetSecretValue"]
            resources = flatten([for arn in local.secret_arns : [arn, "${arn}-??????"]])
          },
          {
            sid       = "SetProviders"
            actions   = ["cognito-idp:CreateIdentityProvider", "cognito-idp:DeleteIdentityProvider", "cognito-idp:UpdateIdentityProvider"]
            resources = [aws_cognito_user_pool.this.arn]
          },
        ],
        length(local.secret_key_arns) == 0 ? [] : [{
          sid       = "DecryptSecrets"
          actions   = ["kms:Decrypt"]
          resources = local.secret_key_arns
          conditions = {
            # The end of the name depends on the partition.
            StringLike = { "kms:ViaService" = ["secretsmanager.${var.context.region}.*"] }
          }
        }],
      )
    }
  }
}

# The input and the result are in the state; neither contains a secret.
resource "aws_lambda_invocation" "provider" {
  for_each = local.secret_providers

  function_name   = module.provider[0].functions.provider.name
  lifecycle_scope = "CRUD"
  input           = jsonencode({ provider = local.provider_inputs[each.key] })
}

# When the secret changes, the new key is sent to Cognito. This requires that CloudTrail records management events.
module "rotation" {
  source = "../../blocks/event_rule"
  count  = length(local.secret_providers) > 0 ? 1 : 0

  context     = var.context
  name        = "${local.name}-secrets"
  description = "Changes of identity providers' secrets"

  event_pattern = jsonencode({
    source        = ["aws.secretsmanager"]
    "detail-type" = ["AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"]
    detail = {
      eventSource = ["secretsmanager.amazonaws.com"]
      eventName   = ["PutSecretValue", "RotationSucceeded", "UpdateSecret", "UpdateSecretVersionStage"]
      "$or" = [
        { requestParameters = { secretId = concat([for arn in local.secret_arns : { prefix = arn }], local.secret_names) } },
        { additionalEventData = { SecretId = [for arn in local.secret_arns : { prefix = arn }] } },
      ]
    }
  })

  targets = {
    provider = {
      arn  = module.provider[0].functions.provider.arn
      kind = "lambda"
    }
  }
}
