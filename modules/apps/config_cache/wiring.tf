# What a function needs to read from the cache: the layer, environment variables, and permissions for its own names.

locals {
  named = {
    for key, profile in local.known : key => {
      parameters = [for name in profile.parameters : { arn = local.parameter_arns[name], key = var.parameters[name].kms_key_arn } if contains(keys(var.parameters), name)]
      secrets    = [for name in profile.secrets : { arn = var.secrets[name].arn, key = var.secrets[name].kms_key_arn } if contains(keys(var.secrets), name)]
      items      = [for name in profile.items : { arn = var.items[name].table_arn, key = var.items[name].kms_key_arn, value = var.items[name].partition_key.value } if contains(keys(var.items), name)]
    }
  }

  # In the form that modules/blocks/functions takes. A key may be used only for these parameters, secrets and tables:
  # the services give their ARN as the encryption context.
  policy_statements = {
    for key, n in local.named : key => concat(
      length(n.parameters) > 0 ? [{
        sid        = "ReadParameters"
        actions    = ["ssm:GetParameters"]
        resources  = distinct(n.parameters[*].arn)
        conditions = {}
      }] : [],
      length(n.secrets) > 0 ? [{
        sid        = "ReadSecrets"
        actions    = ["secretsmanager:GetSecretValue"]
        resources  = distinct(n.secrets[*].arn)
        conditions = {}
      }] : [],
      [for number, table in distinct(n.items[*].arn) : {
        sid       = "ReadItems${number}"
        actions   = ["dynamodb:GetItem"]
        resources = [table]
        # Only the partitions of the configured items.
        conditions = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = distinct([for item in n.items : item.value if item.arn == table]) } }
      }],
      length(compact(n.parameters[*].key)) > 0 ? [{
        sid       = "DecryptParameters"
        actions   = ["kms:Decrypt"]
        resources = distinct(compact(n.parameters[*].key))
        conditions = {
          StringLike   = { "kms:ViaService" = distinct([for one in n.parameters : "ssm.${split(":", one.arn)[3]}.*" if one.key != null]) }
          StringEquals = { "kms:EncryptionContext:PARAMETER_ARN" = distinct([for p in n.parameters : p.arn if p.key != null]) }
        }
      }] : [],
      length(compact(n.secrets[*].key)) > 0 ? [{
        sid       = "DecryptSecrets"
        actions   = ["kms:Decrypt"]
        resources = distinct(compact(n.secrets[*].key))
        conditions = {
          StringLike   = { "kms:ViaService" = distinct([for one in n.secrets : "secretsmanager.${split(":", one.arn)[3]}.*" if one.key != null]) }
          StringEquals = { "kms:EncryptionContext:SecretARN" = distinct([for s in n.secrets : s.arn if s.key != null]) }
        }
      }] : [],
      length(compact(n.items[*].key)) > 0 ? [{
        sid       = "DecryptItems"
        actions   = ["kms:Decrypt"]
        resources = distinct(compact(n.items[*].key))
        conditions = {
          StringLike   = { "kms:ViaService" = distinct([for one in n.items : "dynamodb.${split(":", one.arn)[3]}.*" if one.key != null]) }
          StringEquals = { "kms:EncryptionContext:aws:dynamodb:tableName" = distinct([for i in n.items : split("/", i.arn)[1] if i.key != null]) }
        }
      }] : [],
    )
  }

  settings = {
    CACHE_EXTENSION_TTL          = "${var.ttl_seconds}s"
    CACHE_EXTENSION_STALE        = "${var.stale_seconds}s"
    CACHE_EXTENSION_TIMEOUT      = "${var.timeout_seconds}s"
    CACHE_EXTENSION_INIT_STARTUP = tostring(var.fetch_at_start)
    CACHE_EXTENSION_PORT         = tostring(var.port)
  }

  wiring = {
    for key, f in var.functions : key => {
      layer_arns  = concat([aws_lambda_layer_version.this.arn], f.python_for == null ? [] : [aws_lambda_layer_version.python[f.python_for].arn])
      config_json = local.config_json[key]
      environment = merge(
        local.settings,
        f.config_file == null ? { CACHE_EXTENSION_CONFIG = local.config_json[key] } : { CACHE_EXTENSION_CONFIG_FILE = f.config_file },
      )
      policy_statements = local.policy_statements[key]
      policy_json = jsonencode({
        Version = "2012-10-17"
        Statement = [for s in local.policy_statements[key] : merge(
          { Sid = s.sid, Effect = "Allow", Action = s.actions, Resource = s.resources },
          length(s.conditions) > 0 ? { Condition = s.conditions } : {},
        )]
      })
    }
  }
}

resource "aws_iam_role_policy" "reader" {
  for_each = { for key, f in var.functions : key => f if f.role_name != null && length(local.policy_statements[key]) > 0 }

  name   = "${var.context.name_prefix}-config-cache-${each.key}"
  role   = each.value.role_name
  policy = local.wiring[each.key].policy_json
}
