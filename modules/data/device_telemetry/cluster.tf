# The cluster in your VPC, and who may connect to it.
locals {
  cluster_arn = aws_msk_serverless_cluster.this.arn
  # Topics and groups of a cluster have its name and id in their ARNs.
  topic_prefix = replace(local.cluster_arn, ":cluster/", ":topic/")
  group_prefix = replace(local.cluster_arn, ":cluster/", ":group/")
  port         = 9098 # of IAM access control, the only one of a serverless cluster
}

resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5:The cluster below has it; the check does not know serverless clusters
  name                   = "${var.context.name_prefix}-${local.name}"
  description            = "Brokers of ${var.context.name_prefix}-${local.name} and the pollers that read them"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.context.tags, { Name = "${var.context.name_prefix}-${local.name}" })
}

# Lambda's pollers have network interfaces with the security group of the cluster.
resource "aws_vpc_security_group_ingress_rule" "pollers" {
  security_group_id            = aws_security_group.this.id
  description                  = "Pollers of Lambda"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  referenced_security_group_id = aws_security_group.this.id
  tags                         = var.context.tags
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.this.id
  description                  = "Producers and other clients"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  referenced_security_group_id = each.value
  tags                         = var.context.tags
}

resource "aws_vpc_security_group_egress_rule" "brokers" {
  security_group_id            = aws_security_group.this.id
  description                  = "From the pollers to the brokers"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  referenced_security_group_id = aws_security_group.this.id
  tags                         = var.context.tags
}

resource "aws_vpc_security_group_egress_rule" "services" {
  security_group_id = aws_security_group.this.id
  description       = "From the pollers to AWS APIs, whose addresses change"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = var.context.tags
}

resource "aws_msk_serverless_cluster" "this" {
  cluster_name = "${var.context.name_prefix}-${local.name}"
  tags         = var.context.tags

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.this.id]
  }

  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}

# Firehose itself makes the private connection (kafka:…); what its role may read is in history.tf (kafka-cluster:…). No
# condition on the account: AWS documents none that Firehose presents here, and a stream without its connection fails.
resource "aws_msk_cluster_policy" "this" {
  cluster_arn = local.cluster_arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ConnectFirehose"
      Effect    = "Allow"
      Principal = { Service = "firehose.amazonaws.com" }
      Action    = ["kafka:CreateVpcConnection", "kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
      Resource  = local.cluster_arn
    }]
  })
}
