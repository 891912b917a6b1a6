mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/operations/volume_alarms"
  }

  assert {
    condition = jsondecode(module.functions.resources.grants["reconcile"].policy).Statement == [
      { Sid = "ReadInstancesAndMetrics", Effect = "Allow", Action = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstances"], Resource = ["*"] },
      { Sid = "WriteReports", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-volume-alarms-111122223333-eu-central-1/reports/dt=*"] },
      { Sid = "EncryptReports", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.context.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } } },
      { Sid = "ReceiveStarts", Effect = "Allow", Action = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-volume-alarms-starts"] },
      { Sid = "ListAlarms", Effect = "Allow", Action = ["cloudwatch:DescribeAlarms"], Resource = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*"] },
      { Sid = "WriteAlarms", Effect = "Allow", Action = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"], Resource = ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-volume-alarms.*"] },
    ]
    error_message = "The function reads instances and metrics, and writes only alarms under its prefix."
  }
  assert {
    condition     = jsondecode(module.rule.resources.rule.event_pattern) == { source = ["aws.ec2"], "detail-type" = ["EC2 Instance State-change Notification"], detail = { state = ["running", "terminated"] } } && keys(module.rule.resources.targets) == ["later", "now"]
    error_message = "Instances that run or were terminated are handled at once and again later."
  }
  assert {
    condition     = module.starts.resources.queue.delay_seconds == 900 && aws_lambda_event_source_mapping.starts.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "The queue waits until CloudWatch lists the metrics of a new instance; messages fail one by one."
  }
  assert {
    condition     = aws_lambda_invocation.alarms.lifecycle_scope == "CRUD" && jsondecode(aws_lambda_invocation.alarms.input).targets == [{ account_id = "111122223333", external_id = null, name = "own", region = "eu-central-1", role_arn = null }]
    error_message = "A destroy deletes the alarms, and the input names the targets, so that those of a removed one are deleted."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["reconcile"].environment[0].variables.TARGETS)[0].warning_actions == ["arn:aws:sns:eu-central-1:111122223333:test-volume-alarms"] && jsondecode(module.functions.resources.functions["reconcile"].environment[0].variables.TIERS) == [{ critical = 10, unit = "percent", up_to_gib = 100, warning = 20 }, { critical = 10240, unit = "megabytes", up_to_gib = null, warning = 20480 }]
    error_message = "Alarms notify the module's topic, by the default tiers."
  }
  assert {
    condition     = [for s in jsondecode(module.topic.resources.policy.policy).Statement : s.Condition.ArnLike["aws:SourceArn"] if s.Sid == "VolumeAlarms"] == [["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-volume-alarms.*"]]
    error_message = "CloudWatch may publish for alarms under the prefix alone."
  }
  assert {
    condition     = length(aws_ssm_association.agent) == 0 && length(aws_ssm_document.agent) == 0 && output.agent == null
    error_message = "The agent is installed only if asked for."
  }
  assert {
    condition     = module.functions.resources.alarms["volume-alarms-without-metrics"].threshold == 1 && module.functions.resources.alarms["volume-alarms-without-metrics"].statistic == "Maximum"
    error_message = "An instance without metrics raises an alarm."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/operations/volume_alarms"
  }

  variables {
    warning_actions      = ["arn:aws:sns:eu-central-1:111122223333:warn"]
    critical_actions     = ["arn:aws:sns:eu-central-1:111122223333:page", "arn:aws:lambda:eu-central-1:111122223333:function:page"]
    ignored_file_systems = ["squashfs", "my_fs"]
    agent                = { instance_tags = { Monitoring = ["volumes", "all"] }, mode = "fetch-config", interval_seconds = 120 }
    targets = {
      ireland = { region = "eu-west-1", warning_actions = ["arn:aws:sns:eu-west-1:111122223333:w"], critical_actions = ["arn:aws:sns:eu-west-1:111122223333:c"] }
      shop    = { account_id = "444455556666", region = "eu-central-1", role_arn = "arn:aws:iam::444455556666:role/volumes", external_id = "x", warning_actions = ["arn:aws:sns:eu-central-1:444455556666:w"], critical_actions = ["arn:aws:sns:eu-central-1:444455556666:c"] }
    }
  }

  assert {
    condition = { for s in jsondecode(module.functions.resources.grants["reconcile"].policy).Statement : s.Sid => s.Resource if contains(["AssumeRolesOfTargets", "ListAlarms", "WriteAlarms"], s.Sid) } == {
      AssumeRolesOfTargets = ["arn:aws:iam::444455556666:role/volumes"]
      ListAlarms           = ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:*", "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*"]
      WriteAlarms          = ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:test-volume-alarms.*", "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-volume-alarms.*"]
    }
    error_message = "Regions of this account need the function's own permissions, other accounts their role."
  }
  assert {
    condition     = jsondecode(aws_ssm_parameter.agent["linux"].value).metrics.metrics_collected.disk == { drop_device = true, ignore_file_system_types = ["my_fs", "squashfs"], measurement = ["used_percent", "free", "total"], metrics_collection_interval = 120, resources = ["*"] } && jsondecode(module.functions.resources.functions["reconcile"].environment[0].variables.IGNORED).file_systems == ["my_fs", "squashfs"]
    error_message = "Agent and function ignore the same file systems, and the agent drops the device."
  }
  assert {
    condition     = alltrue([for p in aws_ssm_parameter.agent : startswith(p.name, "AmazonCloudWatch-") && !can(jsondecode(p.value).agent) && jsondecode(p.value).metrics.append_dimensions == { InstanceId = "$${aws:InstanceId}" }])
    error_message = "Instances may read parameters of this name only; metrics have the instance as their only added dimension, and no other setting could differ from those of another configuration."
  }
  assert {
    condition     = [for m in jsondecode(aws_ssm_parameter.agent["windows"].value).metrics.metrics_collected.LogicalDisk.measurement : m.rename] == ["FreeStorageSpaceInPercent", "FreeStorageSpaceInMB"] && jsondecode(aws_ssm_parameter.agent["windows"].value).metrics.metrics_collected.LogicalDisk.metrics_collection_interval == 120
    error_message = "Windows publishes free space under the source's names, at the chosen interval."
  }
  assert {
    condition     = [for s in jsondecode(aws_ssm_document.agent[0].content).mainSteps : s.action] == ["aws:configurePackage", "aws:runShellScript", "aws:runPowerShellScript"] && strcontains(jsondecode(aws_ssm_document.agent[0].content).mainSteps[1].inputs.runCommand[0], "-a fetch-config -m ec2 -s -c ssm:AmazonCloudWatch-test-volume-alarms-linux")
    error_message = "The agent is installed before it is configured, in the chosen mode."
  }
  assert {
    condition     = [for t in aws_ssm_association.agent[0].targets : [t.key, t.values]] == [["tag:Monitoring", tolist(["all", "volumes"])]] && aws_ssm_association.agent[0].tags == tomap({ stack = "test" })
    error_message = "The association chooses instances by their tags, and has the tags of the stack."
  }
}

run "target_role" {
  command = plan

  module {
    source = "./modules/operations/volume_alarms/target_role"
  }

  variables {
    function_role_arn = "arn:aws:iam::111122223333:role/test-volume-alarms-reconcile-function-eu-central-1"
    alarm_prefix      = "test-volume-alarms."
    regions           = ["eu-west-1", "eu-central-1"]
    external_id       = "x"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == { ArnEquals = { "aws:PrincipalArn" = var.function_role_arn }, StringEquals = { "sts:ExternalId" = "x" } } && jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { AWS = "arn:aws:iam::111122223333:root" }
    error_message = "Only the function's role may assume it, with the external ID."
  }
  assert {
    condition     = { for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid => flatten([s.Action]) } == { ReadInstancesAndMetrics = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstances"], ListAlarms = ["cloudwatch:DescribeAlarms"], WriteAlarms = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"] }
    error_message = "It may do what the function does in its own account."
  }
  assert {
    condition     = alltrue([for arn in one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Sid == "WriteAlarms"]) : endswith(arn, ":alarm:test-volume-alarms.*")])
    error_message = "It writes only alarms under the prefix."
  }
}
