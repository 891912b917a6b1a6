mock_provider "aws" {
  source = "./tests/mocks"

  override_during = plan

  mock_resource "aws_msk_serverless_cluster" {
    defaults = {
      arn                        = "arn:aws:kafka:eu-central-1:111122223333:cluster/test-device-telemetry/11112222-3333-4444-5555-666677778888-s1"
      bootstrap_brokers_sasl_iam = "boot-1.c1.kafka-serverless.eu-central-1.amazonaws.com:9098"
    }
  }
  mock_resource "aws_security_group" {
    defaults = { id = "sg-0123456789abcdef0" }
  }
}

variables {
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "without_topics" {
  command = plan

  module {
    source = "./modules/data/device_telemetry"
  }

  assert {
    condition     = length(aws_lambda_event_source_mapping.this) + length(aws_kinesis_firehose_delivery_stream.this) + length(aws_iam_role_policy.topics) + length(aws_iam_role_policy.stream) + length(module.athena.resources.tables) == 0 && output.mapping_ids == {}
    error_message = "Before there are topics, there are the cluster and what will keep their messages."
  }
  assert {
    condition     = aws_msk_serverless_cluster.this.client_authentication[0].sasl[0].iam[0].enabled && aws_msk_serverless_cluster.this.vpc_config[0].subnet_ids == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])
    error_message = "The cluster has IAM access control, in the subnets given."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.clients) == 0 && aws_vpc_security_group_ingress_rule.pollers.from_port == 9098 && aws_vpc_security_group_ingress_rule.pollers.to_port == 9098 && aws_vpc_security_group_egress_rule.services.from_port == 443
    error_message = "Only the pollers reach the brokers, and they reach AWS's APIs."
  }
  assert {
    condition = jsondecode(aws_msk_cluster_policy.this.policy).Statement == [{
      Sid       = "ConnectFirehose"
      Effect    = "Allow"
      Principal = { Service = "firehose.amazonaws.com" }
      Action    = ["kafka:CreateVpcConnection", "kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
      Resource  = "arn:aws:kafka:eu-central-1:111122223333:cluster/test-device-telemetry/11112222-3333-4444-5555-666677778888-s1"
    }]
    error_message = "The cluster's policy lets Firehose connect (kafka:…), and no other principal."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["keep"].policy).Statement == [
      { Sid = "KeepStates", Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-device-telemetry-states"] },
      { Sid = "ParkRecords", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-telem-parked-111122223333-eu-central-1/aws/lambda/*"] },
      { Sid = "FindParkingBucket", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-telem-parked-111122223333-eu-central-1"] },
    ]
    error_message = "The role may keep states and park records, and nothing else."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["watch"].policy).Statement == [
      { Sid = "FindSilentDevices", Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-device-telemetry-states/index/by-last-reading"] },
      { Sid = "MarkSilentDevices", Effect = "Allow", Action = ["dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-device-telemetry-states"] },
      { Sid = "WriteReport", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-telem-parked-111122223333-eu-central-1/reports/silent-devices.json"] },
      { Sid = "SendNotices", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-device-telemetry-silent"] },
    ]
    error_message = "The watch reads the index, marks devices, writes its report and sends notices, and nothing else."
  }
  assert {
    condition = module.functions.resources.functions["keep"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "device-telemetry-keep"
      TABLE                        = "test-device-telemetry-states"
      KEEP_DAYS                    = "90"
      CLOCK_SKEW_SECONDS           = "300"
    })
    error_message = "The table's name and the times come from the settings."
  }
  assert {
    condition     = module.states.resources.table.hash_key == "device_id" && module.states.resources.table.billing_mode == "PAY_PER_REQUEST" && module.states.resources.table.ttl[0].attribute_name == "expires_at" && module.states.resources.table.server_side_encryption[0].enabled && module.states.resources.table.deletion_protection_enabled
    error_message = "A device has one item, encrypted with the stack's key, and terraform destroy keeps it."
  }
  assert {
    condition     = one(module.states.resources.table.global_secondary_index).name == "by-last-reading" && one(module.states.resources.table.global_secondary_index).hash_key == "watch_group" && one(module.states.resources.table.global_secondary_index).range_key == "event_time"
    error_message = "The index finds devices by the time of their last reading."
  }
  assert {
    condition     = module.functions.resources.alarms["device-telemetry-silent"].metric_name == "DevicesSilent" && module.functions.resources.alarms["device-telemetry-silent"].threshold == 1 && module.functions.resources.alarms["device-telemetry-malformed"].metric_name == "RecordsMalformed" && module.functions.resources.alarms["device-telemetry-lag"].metric_name == "OffsetLag" && module.functions.resources.alarms["device-telemetry-lost"].metric_name == "DestinationDeliveryFailures" && module.functions.resources.alarms["device-telemetry-unwatched"].metric_name == "DeviceGroupsUnread"
    error_message = "Silent devices, malformed and lost records, lag and what was not watched raise alarms."
  }
}

run "topics" {
  command = plan

  module {
    source = "./modules/data/device_telemetry"
  }

  variables {
    topics                    = ["modems", "routers"]
    client_security_group_ids = ["sg-0123456789abcdef1"]
    history_days              = null
    force_destroy             = true
  }

  assert {
    condition     = alltrue([for topic, mapping in aws_lambda_event_source_mapping.this : mapping.topics == toset([topic]) && mapping.amazon_managed_kafka_event_source_config[0].consumer_group_id == "test-device-telemetry-${topic}" && mapping.starting_position == "TRIM_HORIZON"]) && length(aws_lambda_event_source_mapping.this) == 2
    error_message = "Each topic has a mapping with a group of stable inputs: one that is created again goes on where it was."
  }
  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.this : mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.bisect_batch_on_function_error && mapping.maximum_retry_attempts == 5 && mapping.destination_config[0].on_failure[0].destination_arn == "arn:aws:s3:::test-telem-parked-111122223333-eu-central-1" && mapping.provisioned_poller_config[0].minimum_pollers == 1 && mapping.provisioned_poller_config[0].maximum_pollers == 4])
    error_message = "Failed records are named, isolated, tried a finite number of times and parked, which needs provisioned pollers."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.topics[0].policy).Statement == [
      {
        Sid      = "ConnectToCluster"
        Effect   = "Allow"
        Action   = ["kafka:DescribeClusterV2", "kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = "arn:aws:kafka:eu-central-1:111122223333:cluster/test-device-telemetry/11112222-3333-4444-5555-666677778888-s1"
      },
      {
        Sid      = "FindBrokers"
        Effect   = "Allow"
        Action   = "kafka:GetBootstrapBrokers"
        Resource = "*"
      },
      {
        Sid      = "ReadTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [for topic in ["modems", "routers"] : "arn:aws:kafka:eu-central-1:111122223333:topic/test-device-telemetry/11112222-3333-4444-5555-666677778888-s1/${topic}"]
      },
      {
        Sid      = "KeepPlace"
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = [for topic in ["modems", "routers"] : "arn:aws:kafka:eu-central-1:111122223333:group/test-device-telemetry/11112222-3333-4444-5555-666677778888-s1/test-device-telemetry-${topic}"]
      },
      {
        Sid      = "PutPollersIntoNetwork"
        Effect   = "Allow"
        Action   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
        Resource = "arn:aws:ec2:eu-central-1:111122223333:*/*"
      },
      {
        Sid      = "LookAtNetwork"
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
        Resource = "*"
      },
    ]
    error_message = "The function's role reads exactly these topics, and the group of its policy is the group of the mapping."
  }
  assert {
    condition     = alltrue([for topic, stream in aws_kinesis_firehose_delivery_stream.this : stream.name == "test-device-telemetry-${topic}" && stream.msk_source_configuration[0].topic_name == topic && stream.msk_source_configuration[0].authentication_configuration[0].connectivity == "PRIVATE" && stream.extended_s3_configuration[0].compression_format == "GZIP" && stream.extended_s3_configuration[0].prefix == "history/topic=${topic}/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/" && stream.extended_s3_configuration[0].kms_key_arn == var.context.kms_key_arn]) && length(aws_kinesis_firehose_delivery_stream.this) == 2
    error_message = "Each topic has a stream to compressed, encrypted objects, by day and hour."
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.stream[0].policy).Statement : s.Sid] == ["ConnectToCluster", "FindBrokers", "ReadTopics", "FindPlace", "WriteHistory", "UseBucket", "EncryptHistory", "TellOfErrors"] && !strcontains(aws_msk_cluster_policy.this.policy, "kafka-cluster:") && strcontains(aws_iam_role_policy.stream[0].policy, "kafka-cluster:ReadData")
    error_message = "Reading topics is the role's (kafka-cluster:…), connecting is the cluster policy's (kafka:…)."
  }
  assert {
    condition     = module.athena.resources.tables["readings"].parameters["projection.topic.values"] == "modems,routers" && module.athena.resources.tables["readings"].parameters["storage.location.template"] == "s3://test-telemetry-111122223333-eu-central-1/history/topic=$${topic}/dt=$${dt}/hour=$${hour}/" && module.athena.resources.tables["readings"].storage_descriptor[0].ser_de_info[0].parameters["ignore.malformed.json"] == "true"
    error_message = "Athena finds the partitions without a crawler, and a malformed message does not end a query."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients["sg-0123456789abcdef1"].from_port == 9098 && !module.states.resources.table.deletion_protection_enabled && module.history.resources.bucket.force_destroy
    error_message = "Clients may connect, and force_destroy lets go of the data."
  }
  assert {
    condition     = strcontains(output.producer_policy, "kafka-cluster:WriteData") && !strcontains(output.producer_policy, "ReadData") && strcontains(output.topic_policy, "kafka-cluster:CreateTopic")
    error_message = "Producers may write and nothing else; people may create topics."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.history : alarm.threshold == 1200])
    error_message = "A history that is 15 minutes later than its buffer raises an alarm."
  }
}
