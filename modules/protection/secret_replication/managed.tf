# Secrets that Secrets Manager itself replicates: under the same name, in this account, to other Regions.
resource "aws_secretsmanager_secret" "managed" {
  # checkov:skip=CKV2_AWS_57:Rotation depends on what the secret gives access to: its owner adds aws_secretsmanager_secret_rotation with the ARN in the outputs
  for_each = var.managed_secrets

  name                           = each.key
  description                    = each.value.description
  kms_key_id                     = coalesce(each.value.kms_key_arn, var.context.kms_key_arn)
  recovery_window_in_days        = each.value.recovery_window_in_days
  force_overwrite_replica_secret = each.value.force_overwrite_replicas
  tags                           = merge(var.context.tags, each.value.tags)

  dynamic "replica" {
    for_each = each.value.replicas

    content {
      region     = replica.key
      kms_key_id = replica.value.kms_key_arn
    }
  }
}

locals {
  # Secrets of this module are encrypted with the stack's key unless they set their own.
  key_services = concat(["sqs"], anytrue([for s in var.managed_secrets : s.kms_key_arn == null]) ? ["secretsmanager"] : [])
}
