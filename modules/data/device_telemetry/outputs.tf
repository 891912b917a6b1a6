output "bootstrap_brokers" {
  description = "Where clients connect to, with IAM: `--bootstrap` of `python -m tools.telemetry`."
  value       = aws_msk_serverless_cluster.this.bootstrap_brokers_sasl_iam
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = local.cluster_arn
}

output "producer_policy" {
  description = "Policy document (JSON) for the roles of producers: they may write to `topics`."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "Connect"
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"]
        Resource = local.cluster_arn
      }],
      length(var.topics) > 0 ? [{
        Sid      = "WriteTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = [for topic in var.topics : "${local.topic_prefix}/${topic}"]
      }] : [],
    )
  })
}

output "topic_policy" {
  description = "Policy document (JSON) for the people or pipelines that create topics."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Connect"
        Effect   = "Allow"
        Action   = "kafka-cluster:Connect"
        Resource = local.cluster_arn
      },
      {
        Sid      = "ManageTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterTopic", "kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic"]
        Resource = "${local.topic_prefix}/*"
      },
    ]
  })
}

output "security_group_id" {
  description = "Security group of the cluster."
  value       = aws_security_group.this.id
}

output "table_name" {
  description = "Table of the latest states: one item a device, by `device_id`."
  value       = module.states.name
}

output "history_bucket_name" {
  description = "Bucket of the history."
  value       = module.history.id
}

output "parked_bucket_name" {
  description = "Bucket of records that failed for good, below `aws/lambda/`, and of the report of silent devices."
  value       = module.parked.id
}

output "report_key" {
  description = "Key of the report of silent devices in the bucket `parked_bucket_name`."
  value       = local.report_key
}

output "topic_arn" {
  description = "Topic of SNS that names silent devices."
  value       = module.topic.arn
}

output "athena" {
  description = "`workgroup` and `database` of the history, whose table is `readings`."
  value       = { workgroup = module.athena.workgroup_name, database = module.athena.database_name }
}

output "mapping_ids" {
  description = "IDs of the event source mappings, by topic."
  value       = { for topic, mapping in aws_lambda_event_source_mapping.this : topic => mapping.uuid }
}

output "function_names" {
  description = "Names of the functions."
  value       = { for key, f in module.functions.functions : key => f.name }
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = concat(module.functions.alarm_names, module.schedule.alarm_names, values(aws_cloudwatch_metric_alarm.history)[*].alarm_name)
}
