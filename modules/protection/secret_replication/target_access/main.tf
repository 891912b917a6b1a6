locals {
  arn_root = "arn:${var.partition}:secretsmanager:${var.region}:${var.account_id}:secret"

  # For CreateSecret, IAM checks the name; for all other actions the ARN, which ends with a hyphen and six characters.
  secret_arns = concat(
    [for prefix in sort(var.secret_name_prefixes) : "${local.arn_root}:${prefix}*"],
    flatten([for name in sort(var.secret_names) : ["${local.arn_root}:${name}", "${local.arn_root}:${name}-??????"]]),
  )

  write_statements = concat(
    [
      {
        sid = "WriteReplicas"
        actions = [
          "secretsmanager:CreateSecret",
          "secretsmanager:DescribeSecret",
          "secretsmanager:PutSecretValue",
          "secretsmanager:TagResource",
          "secretsmanager:UntagResource",
          "secretsmanager:UpdateSecret",
          "secretsmanager:UpdateSecretVersionStage",
        ]
        resources  = local.secret_arns
        conditions = {}
      },
    ],
    [
      for key in var.kms_key_arn[*] : {
        sid = "EncryptReplicas"
        # Encrypt is for UpdateSecret: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
        actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        resources = [key]
        # A pattern, because the service's domain differs by partition.
        conditions = { StringLike = { "kms:ViaService" = ["secretsmanager.${var.region}.*"] } }
      }
    ],
  )

  list_statement = {
    # ListSecrets has no resource type: IAM accepts only "*". It returns no values.
    sid        = "ListReplicas"
    actions    = ["secretsmanager:ListSecrets"]
    resources  = ["*"]
    conditions = { StringEquals = { "aws:RequestedRegion" = [var.region] } }
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in concat(local.write_statements, [local.list_statement]) : merge(
        { Sid = s.sid, Effect = "Allow", Action = s.actions, Resource = s.resources },
        length(s.conditions) > 0 ? { Condition = s.conditions } : {},
      )
    ]
  })

  trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByReplication"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = [for account in distinct([for arn in sort(var.writer_role_arns) : split(":", arn)[4]]) : "arn:${var.partition}:iam::${account}:root"] }
      Condition = merge(
        # Trust by condition, so that the writer roles do not need to exist when this role is created.
        { ArnEquals = { "aws:PrincipalArn" = sort(var.writer_role_arns) } },
        { for id in var.external_id[*] : "StringEquals" => { "sts:ExternalId" = id } },
      )
    }]
  })
}

resource "aws_iam_role" "this" {
  count = var.role_name == null ? 0 : 1

  name                 = var.role_name
  description          = "Lets secret_replication of another account write replicas in ${var.region}"
  assume_role_policy   = local.trust_policy
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  count = var.role_name == null ? 0 : 1

  name   = "replicas"
  role   = aws_iam_role.this[0].id
  policy = local.policy
}
