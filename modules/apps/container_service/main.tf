# Cluster, task definition, service, scaling. image.tf: ECR. load_balancer.tf: ALB. network.tf: security groups.
# roles.tf: what tasks may do. deploy.tf: what the pipeline may do. alarms.tf.
locals {
  name     = "${var.context.name_prefix}-${var.name}"
  regional = "${var.context.region}:${var.context.account_id}"

  cluster_arn    = "arn:${var.context.partition}:ecs:${local.regional}:cluster/${local.name}"
  service_arn    = "arn:${var.context.partition}:ecs:${local.regional}:service/${local.name}/${local.name}"
  family_arn     = "arn:${var.context.partition}:ecs:${local.regional}:task-definition/${local.name}"
  log_group_name = "/aws/ecs/${local.name}"

  registry       = "${var.context.account_id}.dkr.ecr.${var.context.region}.amazonaws.com${startswith(var.context.region, "cn-") ? ".cn" : ""}"
  repository_arn = "arn:${var.context.partition}:ecr:${local.regional}:repository/${local.name}"
  container_name = "app"

  # Until the first deployment, BusyBox answers the health check: the load balancer, its certificate and the service can
  # be tried, and the first deployment has a revision to roll back to.
  placeholder_file = endswith(var.health_check.path, "/") ? "${var.health_check.path}index.html" : var.health_check.path
  placeholder = join(" && ", [
    "root=$${TMPDIR:-/tmp}/www",
    "mkdir -p \"$(dirname \"$root${local.placeholder_file}\")\"",
    "echo 'Waiting for the first deployment' > \"$root${local.placeholder_file}\"",
    "exec httpd -f -p ${var.container.port} -h \"$root\"",
  ])
}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_338:The stack's log_retention_days decides, for all logs
  name              = local.log_group_name
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

resource "aws_ecs_cluster" "this" {
  # checkov:skip=CKV_AWS_65:On by default; container_insights is the user's to set, since each metric costs
  name = local.name
  tags = var.context.tags

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }
}

# The revision that deployments start from: each registers the newest revision of the family again, with its image.
resource "aws_ecs_task_definition" "this" {
  # checkov:skip=CKV_AWS_249:The roles differ; Checkov does not resolve the map of their ARNs
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.container.cpu
  memory                   = var.container.memory
  execution_role_arn       = local.role_arns.execution
  task_role_arn            = local.role_arns.task
  tags                     = var.context.tags

  container_definitions = jsonencode([merge(
    {
      name         = local.container_name
      image        = var.placeholder_image
      command      = ["sh", "-c", local.placeholder]
      dockerLabels = { "switchyard.placeholder" = "true" } # a deployment leaves out the command
      essential    = true
      portMappings = [{ containerPort = var.container.port, hostPort = var.container.port, protocol = "tcp" }]
      environment  = [for name in sort(keys(var.container.environment)) : { name = name, value = var.container.environment[name] }]
      secrets      = [for name in sort(keys(var.container.secrets)) : { name = name, valueFrom = var.container.secrets[name] }]
      stopTimeout  = var.container.stop_timeout

      readonlyRootFilesystem = var.container.read_only_root
      mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
      linuxParameters        = { initProcessEnabled = true } # reaps children, and passes SIGTERM on

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = local.log_group_name
          "awslogs-region"        = var.context.region
          "awslogs-stream-prefix" = local.container_name
        }
      }
    },
    var.container.user == null ? {} : { user = var.container.user },
  )])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.container.architecture
  }

  volume {
    name = "tmp"
  }

  # ARNs are computed from names, so that policies are known at plan time.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role.execution, aws_iam_role.task]
}

resource "aws_ecs_service" "this" {
  # checkov:skip=CKV_AWS_332:LATEST is the default platform version, and the only one that gets fixes
  name                               = local.name
  cluster                            = aws_ecs_cluster.this.arn
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.scaling.minimum
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = var.health_check.grace_period
  enable_execute_command             = false # a shell in a running task would leave no revision behind
  availability_zone_rebalancing      = "ENABLED"
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  wait_for_steady_state              = true
  tags                               = var.context.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = local.container_name
    container_port   = var.container.port
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = var.assign_public_ip
  }

  timeouts {
    create = "15m"
    update = "15m"
  }

  lifecycle {
    # The pipeline chooses the revision, and Application Auto Scaling the number of tasks: an apply must not undo either.
    ignore_changes = [task_definition, desired_count]

    # A rollback leaves the service steady, so that waiting for it proves nothing.
    postcondition {
      condition     = startswith(self.task_definition, "${local.family_arn}:")
      error_message = "The service runs ${self.task_definition}, which is not a revision of ${local.name}: something else than its pipeline deployed it."
    }
  }

  # Tasks need their role's permissions; the service, a target group with a listener.
  depends_on = [aws_iam_role_policy.execution, aws_lb_listener.https]
}

# Also for a fixed number of tasks (minimum = maximum), and for none (0): one place decides how many there are.
resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.scaling.minimum
  max_capacity       = var.scaling.maximum
  tags               = var.context.tags
}

resource "aws_appautoscaling_policy" "this" {
  for_each = { for metric, target in {
    ECSServiceAverageCPUUtilization    = var.scaling.cpu_percent
    ECSServiceAverageMemoryUtilization = var.scaling.memory_percent
  } : metric => target if target != null }

  name               = "${local.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  resource_id        = aws_appautoscaling_target.this.resource_id
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = each.value
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = each.key
    }
  }
}
