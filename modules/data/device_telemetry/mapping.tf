# Topics -> Lambda. Its pollers are provisioned: only then does Lambda split a batch, take answers of which records
# failed, and end its retries (Lambda developer guide, "Configuring error handling controls for Kafka event sources").
locals {
  # Of this module's inputs only: a mapping that is created again goes on where the old one ended.
  groups = { for topic in var.topics : topic => "${var.context.name_prefix}-${local.name}-${topic}" }
}

resource "aws_iam_role_policy" "topics" {
  count = length(var.topics) > 0 ? 1 : 0

  name = "topics"
  role = module.functions.functions.keep.role_name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ConnectToCluster"
        Effect   = "Allow"
        Action   = ["kafka:DescribeClusterV2", "kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = local.cluster_arn
      },
      {
        Sid      = "FindBrokers"
        Effect   = "Allow"
        Action   = "kafka:GetBootstrapBrokers"
        Resource = "*" # it has no resource type
      },
      {
        Sid      = "ReadTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [for topic in var.topics : "${local.topic_prefix}/${topic}"]
      },
      {
        Sid      = "KeepPlace"
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = [for topic in var.topics : "${local.group_prefix}/${local.groups[topic]}"]
      },
      {
        Sid      = "PutPollersIntoNetwork"
        Effect   = "Allow"
        Action   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
        Resource = "arn:${var.context.partition}:ec2:${local.regional}:*/*" # subnets, security groups and interfaces
      },
      {
        Sid      = "LookAtNetwork"
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
        Resource = "*" # these have no resource type
      },
    ]
  })
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.topics # AWS takes one topic a mapping

  event_source_arn                   = local.cluster_arn
  function_name                      = module.functions.functions.keep.arn
  topics                             = [each.value]
  enabled                            = var.enabled
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window_seconds

  # Of a new group only. Never LATEST: it would leave out what arrives before the first poll.
  starting_position = "TRIM_HORIZON"

  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.maximum_retry_attempts

  amazon_managed_kafka_event_source_config {
    consumer_group_id = local.groups[each.value]
  }

  provisioned_poller_config {
    minimum_pollers = var.pollers.minimum
    maximum_pollers = var.pollers.maximum
  }

  destination_config {
    on_failure {
      destination_arn = module.parked.arn
    }
  }

  tags = var.context.tags

  # AWS tries the connection with the role when it creates a mapping.
  depends_on = [aws_iam_role_policy.topics]
}
