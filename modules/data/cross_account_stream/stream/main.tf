data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  fan_out = { for name, c in var.consumers : name => c if c.enhanced_fan_out }

  # AWS stores the id of a principal's role, not its ARN: the policy applies to a role that was created again only after
  # the policy was written again. The role's id in the sid changes the policy's text with the role.
  sids = { for name, c in var.consumers : name => join("", [replace(title(name), "-", ""), c.role_id]) }
}

resource "aws_kms_key" "this" {
  description             = "Encrypts the data stream ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_days
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        # As in AWS's default key policy: IAM policies of the account decide.
        Sid       = "ManagedByIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      [for name, c in var.consumers : {
        Sid       = "ReadBy${local.sids[name]}"
        Effect    = "Allow"
        Principal = { AWS = c.role_arn }
        Action    = "kms:Decrypt"
        Resource  = "*"
        Condition = { StringLike = { "kms:ViaService" = "kinesis.${data.aws_region.current.id}.*" } }
      }],
    )
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-stream"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_kinesis_stream" "this" {
  name                      = var.name
  shard_count               = var.shard_count
  retention_period          = var.retention_hours
  encryption_type           = "KMS"
  kms_key_id                = aws_kms_key.this.arn
  enforce_consumer_deletion = var.enforce_consumer_deletion
  tags                      = var.tags

  stream_mode_details {
    stream_mode = var.shard_count == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

resource "aws_kinesis_stream_consumer" "this" {
  for_each = local.fan_out

  name       = each.key
  stream_arn = aws_kinesis_stream.this.arn
}

# PutResourcePolicy replaces the whole policy: this module owns it.
resource "aws_kinesis_resource_policy" "stream" {
  count = length(var.consumers) > 0 ? 1 : 0

  resource_arn = aws_kinesis_stream.this.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for name, c in var.consumers : {
      Sid       = "ReadBy${local.sids[name]}"
      Effect    = "Allow"
      Principal = { AWS = c.role_arn }
      Action = concat(
        ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards"],
        c.enhanced_fan_out ? [] : ["kinesis:GetRecords", "kinesis:GetShardIterator"],
      )
      Resource = aws_kinesis_stream.this.arn
    }]
  })
}

resource "aws_kinesis_resource_policy" "consumer" {
  for_each = local.fan_out

  # The ARN ends with the time of registration: only the resource knows it.
  resource_arn = aws_kinesis_stream_consumer.this[each.key].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ReadBy${local.sids[each.key]}"
      Effect    = "Allow"
      Principal = { AWS = each.value.role_arn }
      Action    = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
      Resource  = aws_kinesis_stream_consumer.this[each.key].arn
    }]
  })
}
