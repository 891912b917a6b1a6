# Access to the stack's state, for a backend in S3.
# https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required

locals {
  state_bucket_arn = "arn:${local.partition}:s3:::${coalesce(var.state_bucket, "none")}"
  state_arn        = "${local.state_bucket_arn}/${var.state_key}"

  state_reads = [
    {
      Sid       = "FindState"
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = local.state_bucket_arn
      Condition = { StringLike = { "s3:prefix" = "${var.state_key}*" } }
    },
    { Sid = "ReadState", Effect = "Allow", Action = "s3:GetObject", Resource = local.state_arn },
  ]
  state_writes = [
    { Sid = "WriteState", Effect = "Allow", Action = "s3:PutObject", Resource = local.state_arn },
    {
      Sid      = "LockState"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      Resource = "${local.state_arn}.tflock"
    },
  ]
  state_key_use = [for arn in var.state_kms_key_arn == null ? [] : [var.state_kms_key_arn] : {
    Sid       = "UseKeyOfState"
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = arn
    Condition = { StringLike = { "kms:ViaService" = "s3.*" } }
  }]
}

resource "aws_iam_role_policy" "state" {
  for_each = {
    for role, statements in {
      plan  = concat(local.state_reads, local.state_key_use)
      apply = concat(local.state_reads, local.state_writes, local.state_key_use)
    } : role => statements if var.state_bucket != null
  }

  name   = "state"
  role   = aws_iam_role.this[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
