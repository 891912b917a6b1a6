# The CloudWatch agent, with the metrics that the alarms need: its configuration, and an association that installs it.

locals {
  agent     = var.agent != null
  platforms = local.agent ? toset(["linux", "windows"]) : toset([])

  # Nothing in the section `agent`: the agent refuses to append a configuration with another value there.
  agent_configuration = {
    linux = {
      metrics = {
        # Only the instance: an alarm would have to follow every other dimension.
        append_dimensions = { InstanceId = "$${aws:InstanceId}" }
        metrics_collected = {
          disk = {
            measurement                 = ["used_percent", "free", "total"]
            metrics_collection_interval = try(var.agent.interval_seconds, 60)
            resources                   = ["*"]
            ignore_file_system_types    = sort(var.ignored_file_systems)
            # The name of a device can change at each start.
            drop_device = true
          }
        }
      }
    }
    windows = {
      metrics = {
        append_dimensions = { InstanceId = "$${aws:InstanceId}" }
        metrics_collected = {
          LogicalDisk = {
            measurement = [
              { name = "% Free Space", rename = "FreeStorageSpaceInPercent", unit = "Percent" },
              { name = "Free Megabytes", rename = "FreeStorageSpaceInMB", unit = "Megabytes" },
            ]
            metrics_collection_interval = try(var.agent.interval_seconds, 60)
            resources                   = ["*"]
          }
        }
      }
    }
  }
}

resource "aws_ssm_parameter" "agent" {
  # checkov:skip=CKV2_AWS_34:The configuration holds no secret, and CloudWatchAgentServerPolicy lets instances read it without a key
  for_each = local.platforms

  # CloudWatchAgentServerPolicy lets instances read parameters whose names begin with AmazonCloudWatch-.
  name        = "AmazonCloudWatch-${var.context.name_prefix}-${local.name}-${each.key}"
  description = "Configuration of the CloudWatch agent for free space on ${each.key}"
  type        = "String"
  value       = jsonencode(local.agent_configuration[each.key])
  tags        = var.context.tags
}

# One document in place of AWS-ConfigureAWSPackage and AmazonCloudWatch-ManageAgent: two associations have no order, and
# the second would fail on a new instance until its next run.
resource "aws_ssm_document" "agent" {
  count = local.agent ? 1 : 0

  name            = "${var.context.name_prefix}-${local.name}-agent"
  document_type   = "Command"
  document_format = "JSON"
  target_type     = "/AWS::EC2::Instance"
  tags            = var.context.tags

  content = jsonencode({
    schemaVersion = "2.2"
    description   = "Installs the CloudWatch agent and adds the configuration for free space"
    mainSteps = [
      {
        action = "aws:configurePackage"
        name   = "install"
        inputs = { name = "AmazonCloudWatchAgent", action = "Install" }
      },
      {
        action       = "aws:runShellScript"
        name         = "configureLinux"
        precondition = { StringEquals = ["platformType", "Linux"] }
        inputs = {
          timeoutSeconds = "300"
          runCommand     = ["/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a ${var.agent.mode} -m ec2 -s -c ssm:${aws_ssm_parameter.agent["linux"].name}"]
        }
      },
      {
        action       = "aws:runPowerShellScript"
        name         = "configureWindows"
        precondition = { StringEquals = ["platformType", "Windows"] }
        inputs = {
          timeoutSeconds = "300"
          runCommand     = ["& \"C:\\Program Files\\Amazon\\AmazonCloudWatchAgent\\amazon-cloudwatch-agent-ctl.ps1\" -a ${var.agent.mode} -m ec2 -s -c ssm:${aws_ssm_parameter.agent["windows"].name}"]
        }
      },
    ]
  })
}

resource "aws_ssm_association" "agent" {
  count = local.agent ? 1 : 0

  association_name    = "${var.context.name_prefix}-${local.name}-agent"
  name                = aws_ssm_document.agent[0].name
  schedule_expression = var.agent.schedule_expression
  compliance_severity = "MEDIUM"
  max_concurrency     = "10%"
  max_errors          = "10%"
  tags                = var.context.tags

  dynamic "targets" {
    for_each = var.agent.instance_tags

    content {
      key    = "tag:${targets.key}"
      values = sort(targets.value)
    }
  }
}
