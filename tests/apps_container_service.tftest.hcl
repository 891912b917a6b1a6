mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  load_balancer = {
    subnet_ids          = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    certificate_arn     = "arn:aws:acm:eu-central-1:111122223333:certificate/11112222-3333-4444-5555-666677778888"
    allowed_cidr_blocks = ["203.0.113.0/24"]
  }
}

run "defaults" {
  command = plan

  module {
    source = "./modules/apps/container_service"
  }

  assert {
    condition = (
      aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push &&
      aws_ecr_repository.this.encryption_configuration[0].kms_key == var.context.kms_key_arn && !aws_ecr_repository.this.force_delete
    )
    error_message = "Tags never move, images are scanned and encrypted with the stack's key, and destroy keeps them."
  }
  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : [rule.selection.tagStatus, rule.selection.countType, rule.selection.countNumber]] == [["untagged", "sinceImagePushed", 7], ["any", "imageCountMoreThan", 100]]
    error_message = "Images without a tag expire after a week, of others the newest 100 stay."
  }
  assert {
    condition = jsondecode(aws_ecs_task_definition.this.container_definitions) == [{
      name         = "app"
      image        = "public.ecr.aws/docker/library/busybox:1.37.0"
      command      = ["sh", "-c", "root=$${TMPDIR:-/tmp}/www && mkdir -p \"$(dirname \"$root/index.html\")\" && echo 'Waiting for the first deployment' > \"$root/index.html\" && exec httpd -f -p 8080 -h \"$root\""]
      dockerLabels = { "switchyard.placeholder" = "true" }
      essential    = true
      portMappings = [{ containerPort = 8080, hostPort = 8080, protocol = "tcp" }]
      environment  = []
      secrets      = []
      stopTimeout  = 30

      readonlyRootFilesystem = true
      mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
      linuxParameters        = { initProcessEnabled = true }
      logConfiguration = {
        logDriver = "awslogs"
        options   = { "awslogs-group" = "/aws/ecs/test-container", "awslogs-region" = "eu-central-1", "awslogs-stream-prefix" = "app" }
      }
    }]
    error_message = "The placeholder answers the health check, logs, and cannot write but into /tmp."
  }
  assert {
    condition = (
      aws_ecs_task_definition.this.requires_compatibilities == toset(["FARGATE"]) && aws_ecs_task_definition.this.network_mode == "awsvpc" &&
      aws_ecs_task_definition.this.execution_role_arn == "arn:aws:iam::111122223333:role/test-container-execution-eu-central-1" &&
      aws_ecs_task_definition.this.task_role_arn == "arn:aws:iam::111122223333:role/test-container-task-eu-central-1"
    )
    error_message = "Tasks run on Fargate, with a role for ECS and another one for their code."
  }
  assert {
    condition = (
      aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback && !aws_ecs_service.this.enable_execute_command &&
      aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.wait_for_steady_state && aws_ecs_service.this.desired_count == 2 && aws_ecs_service.this.health_check_grace_period_seconds == 60
    )
    error_message = "A failing deployment is rolled back, all tasks stay while new ones start, and there is no shell."
  }
  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip && aws_ecs_service.this.network_configuration[0].subnets == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])
    error_message = "Tasks have private addresses in the subnets for tasks."
  }
  assert {
    condition = (
      aws_appautoscaling_target.this.min_capacity == 2 && aws_appautoscaling_target.this.max_capacity == 6 && aws_appautoscaling_target.this.resource_id == "service/test-container/test-container" &&
      { for metric, policy in aws_appautoscaling_policy.this : metric => policy.target_tracking_scaling_policy_configuration[0].target_value } == { ECSServiceAverageCPUUtilization = 60 }
    )
    error_message = "2 to 6 tasks, by CPU."
  }
  assert {
    condition = (
      !aws_lb.this.internal && aws_lb.this.enable_deletion_protection && aws_lb.this.drop_invalid_header_fields && aws_lb.this.access_logs[0].enabled &&
      aws_lb.this.access_logs[0].bucket == "test-access-logs-111122223333-eu-central-1" && aws_lb.this.access_logs[0].prefix == "load-balancers/test-container"
    )
    error_message = "The load balancer is protected and writes access logs where the log bucket accepts them."
  }
  assert {
    condition = (
      aws_lb_listener.https.port == 443 && aws_lb_listener.https.protocol == "HTTPS" && aws_lb_listener.https.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06" && aws_lb_listener.https.certificate_arn == var.load_balancer.certificate_arn &&
      aws_lb_listener.http.port == 80 && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    )
    error_message = "TLS 1.2 or 1.3; HTTP is redirected."
  }
  assert {
    condition     = aws_lb_target_group.this.target_type == "ip" && aws_lb_target_group.this.health_check[0].path == "/" && aws_lb_target_group.this.health_check[0].interval == 15 && aws_lb_target_group.this.health_check[0].unhealthy_threshold == 3
    error_message = "The load balancer checks the health of tasks."
  }
  assert {
    condition     = { for key, rule in aws_vpc_security_group_ingress_rule.clients : key => [rule.from_port, rule.to_port, rule.cidr_ipv4] } == { "203.0.113.0/24 80" = [80, 80, "203.0.113.0/24"], "203.0.113.0/24 443" = [443, 443, "203.0.113.0/24"] }
    error_message = "Only the allowed ranges may connect, at two ports."
  }
  assert {
    condition = (
      aws_vpc_security_group_egress_rule.to_tasks.from_port == 8080 && aws_vpc_security_group_ingress_rule.from_load_balancer.from_port == 8080 &&
      aws_vpc_security_group_egress_rule.to_tasks.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.from_load_balancer.cidr_ipv4 == null &&
      [for rule in aws_vpc_security_group_egress_rule.from_tasks : [rule.from_port, rule.cidr_ipv4]] == [[443, "0.0.0.0/0"]]
    )
    error_message = "Tasks accept connections from the load balancer at their port only, and connect to 443."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.execution.policy).Statement == [
      { Sid = "SignInToRegistry", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
      { Sid = "PullImages", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = "arn:aws:ecr:eu-central-1:111122223333:repository/test-container" },
      { Sid = "WriteLog", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/ecs/test-container:*" },
    ]
    error_message = "ECS may pull this repository's images and write this log."
  }
  assert {
    condition = jsondecode(aws_iam_role.task.assume_role_policy) == jsondecode(aws_iam_role.execution.assume_role_policy) && jsondecode(aws_iam_role.task.assume_role_policy).Statement == [{
      Sid       = "AssumedByTasks", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" },
      Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnLike = { "aws:SourceArn" = "arn:aws:ecs:eu-central-1:111122223333:*" } }
    }]
    error_message = "Only ECS tasks of this account and Region have the roles."
  }
  assert {
    condition     = length(aws_iam_role.deploy) == 0 && length(aws_iam_openid_connect_provider.this) == 0 && length(output.pipelines) == 0 && output.deploy_role_arn == null
    error_message = "Without a repository there is no deploy role."
  }
  assert {
    condition = jsondecode(module.failed.resources.rule.event_pattern) == {
      source    = ["aws.ecs"], "detail-type" = ["ECS Deployment State Change"]
      resources = ["arn:aws:ecs:eu-central-1:111122223333:service/test-container/test-container"]
      detail    = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
    }
    error_message = "Failed deployments of this service are reported."
  }
  assert {
    condition     = output.alarm_names == tolist(["test-container-deployments-rule-dlq-depth", "test-container-errors", "test-container-load-balancer-errors", "test-container-no-tasks", "test-container-unhealthy-tasks"])
    error_message = "Alarms: errors, unhealthy tasks, none at all, and notices that were not delivered."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-tasks"].comparison_operator == "LessThanOrEqualToThreshold" && aws_cloudwatch_metric_alarm.this["no-tasks"].threshold == 0 && aws_cloudwatch_metric_alarm.this["errors"].threshold == 10 && alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.context.alarm_topic_arn])])
    error_message = "Alarms reach the stack's topic."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/apps/container_service"
  }

  variables {
    name             = "shop"
    assign_public_ip = true
    load_balancer = {
      subnet_ids          = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
      certificate_arn     = "arn:aws:acm:eu-central-1:111122223333:certificate/11112222-3333-4444-5555-666677778888"
      allowed_cidr_blocks = ["10.0.0.0/8", "192.168.0.0/16"]
      internal            = true
    }
    container = {
      port           = 3000
      cpu            = 1024
      memory         = 2048
      architecture   = "ARM64"
      environment    = { MODE = "production" }
      secrets        = { TOKEN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:token-AbCdEf:key::", COLOR = "arn:aws:ssm:eu-central-1:111122223333:parameter/color" }
      user           = "1000:1000"
      read_only_root = false
    }
    secret_kms_key_arns = ["arn:aws:kms:eu-central-1:111122223333:key/99998888-7777-6666-5555-444433332222"]
    health_check        = { path = "/health" }
    scaling             = { minimum = 0, maximum = 0, cpu_percent = 50, memory_percent = 70 }
    egress              = [{ cidr_block = "10.0.0.0/8", port = 5432, description = "Database" }]
    github              = { repository = "acme/shop", owner_id = 123456, repository_id = 456789 }
    gitlab              = { project = "acme/web/shop", branch = "release", issuer = "https://gitlab.example.com", oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/gitlab.example.com" }
    azure_devops = {
      service_connection = "aws-shop"
      identities = {
        legacy = { issuer = "https://vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888", subject = "sc://acme/shop/aws-shop" }
        entra  = { issuer = "https://login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0", subject = "/eid1/c/pub/t/a/a/b/sc/c/d" }
      }
    }
    deletion_protection = false
    force_destroy       = true
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement : s.Sid => [s.Principal.Federated, s.Condition] } == {
      GitHub = ["arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com", { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = "repo:acme@123456/shop@456789:ref:refs/heads/main"
      } }]
      GitLab = ["arn:aws:iam::111122223333:oidc-provider/gitlab.example.com", { StringEquals = {
        "gitlab.example.com:aud" = "sts.amazonaws.com", "gitlab.example.com:sub" = "project_path:acme/web/shop:ref_type:branch:ref:release"
      } }]
      AzureDevOpsLegacy = ["arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888", { StringEquals = {
        "vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888:aud" = "api://AzureADTokenExchange", "vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888:sub" = "sc://acme/shop/aws-shop"
      } }]
      AzureDevOpsEntra = ["arn:aws:iam::111122223333:oidc-provider/login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0", { StringEquals = {
        "login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0:aud" = "api://AzureADTokenExchange", "login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0:sub" = "/eid1/c/pub/t/a/a/b/sc/c/d"
      } }]
    }
    error_message = "Each identity is trusted by its exact subject and audience, under the condition keys of its issuer."
  }
  assert {
    condition = { for issuer, provider in aws_iam_openid_connect_provider.this : issuer => [provider.url, provider.client_id_list] } == {
      "token.actions.githubusercontent.com"                                 = ["https://token.actions.githubusercontent.com", toset(["sts.amazonaws.com"])]
      "vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888"          = ["https://vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888", toset(["api://AzureADTokenExchange"])]
      "login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0" = ["https://login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0", toset(["api://AzureADTokenExchange"])]
    }
    error_message = "Providers are created for issuers without one."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.deploy[0].policy).Statement == [
      { Sid = "SignInToRegistry", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
      { Sid = "PushImages", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"], Resource = "arn:aws:ecr:eu-central-1:111122223333:repository/test-shop" },
      { Sid = "FindImages", Effect = "Allow", Action = "ecr:DescribeImages", Resource = "arn:aws:ecr:eu-central-1:111122223333:repository/test-shop" },
      { Sid = "ReadRevisions", Effect = "Allow", Action = "ecs:DescribeTaskDefinition", Resource = "*" },
      { Sid = "RegisterRevisions", Effect = "Allow", Action = "ecs:RegisterTaskDefinition", Resource = "arn:aws:ecs:eu-central-1:111122223333:task-definition/test-shop:*" },
      { Sid = "TagRevisions", Effect = "Allow", Action = "ecs:TagResource", Resource = "arn:aws:ecs:eu-central-1:111122223333:task-definition/test-shop:*", Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } } },
      { Sid = "GiveRolesToTasks", Effect = "Allow", Action = "iam:PassRole", Resource = ["arn:aws:iam::111122223333:role/test-shop-execution-eu-central-1", "arn:aws:iam::111122223333:role/test-shop-task-eu-central-1"], Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } },
      { Sid = "Deploy", Effect = "Allow", Action = ["ecs:DescribeServices", "ecs:UpdateService"], Resource = "arn:aws:ecs:eu-central-1:111122223333:service/test-shop/test-shop" },
      { Sid = "FindStoppedTasks", Effect = "Allow", Action = "ecs:ListTasks", Resource = "*", Condition = { ArnEquals = { "ecs:cluster" = "arn:aws:ecs:eu-central-1:111122223333:cluster/test-shop" } } },
      { Sid = "ReadWhyTasksStopped", Effect = "Allow", Action = "ecs:DescribeTasks", Resource = "arn:aws:ecs:eu-central-1:111122223333:task/test-shop/*" },
    ]
    error_message = "The pipeline pushes images, registers revisions of this family, and updates this service."
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : [s.Sid, s.Resource] if !contains(["SignInToRegistry", "PullImages", "WriteLog"], s.Sid)] == [
      ["ReadSecrets", ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:token-AbCdEf"]],
      ["ReadParameters", ["arn:aws:ssm:eu-central-1:111122223333:parameter/color"]],
      ["DecryptSecrets", ["arn:aws:kms:eu-central-1:111122223333:key/99998888-7777-6666-5555-444433332222"]],
    ]
    error_message = "ECS reads the secrets that the container names, and no others."
  }
  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets == [{ name = "COLOR", valueFrom = "arn:aws:ssm:eu-central-1:111122223333:parameter/color" }, { name = "TOKEN", valueFrom = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:token-AbCdEf:key::" }] &&
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment == [{ name = "MODE", value = "production" }] && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "1000:1000" && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    )
    error_message = "Secrets are references."
  }
  assert {
    condition = (
      output.pipelines.github[".github/workflows/deploy.yml"] != null && keys(output.pipelines) == ["azure_devops", "github", "gitlab"] &&
      alltrue([for files in values(output.pipelines) : files["deploy/deploy.py"] == file("modules/apps/container_service/pipelines/deploy.py")]) &&
      yamldecode(output.pipelines.github[".github/workflows/deploy.yml"]).jobs.deploy.env.AWS_ROLE_ARN == "arn:aws:iam::111122223333:role/test-shop-deploy-eu-central-1" &&
      yamldecode(output.pipelines.github[".github/workflows/deploy.yml"]).permissions == { contents = "read", "id-token" = "write" } &&
      yamldecode(output.pipelines.gitlab[".gitlab-ci.yml"]).deploy.id_tokens.AWS_TOKEN.aud == "sts.amazonaws.com" && yamldecode(output.pipelines.gitlab[".gitlab-ci.yml"]).deploy.rules[0].if == "$CI_COMMIT_BRANCH == \"release\"" &&
      yamldecode(output.pipelines.azure_devops["azure-pipelines.yml"]).jobs[0].steps[1].inputs.awsCredentials == "aws-shop"
    )
    error_message = "Three pipelines, each with the program."
  }
  assert {
    condition = alltrue([for file in [output.pipelines.github[".github/workflows/deploy.yml"], output.pipelines.gitlab[".gitlab-ci.yml"], output.pipelines.azure_devops["azure-pipelines.yml"]] :
    strcontains(file, "111122223333.dkr.ecr.eu-central-1.amazonaws.com/test-shop:") && strcontains(file, "--platform linux/arm64") && strcontains(file, "--cluster test-shop --service test-shop --repository test-shop") && !strcontains(file, "latest\"") && !strcontains(file, "force-new-deployment")])
    error_message = "Each pipeline pushes a tag that never moves, for the tasks' architecture, and deploys it."
  }
  assert {
    condition     = aws_appautoscaling_target.this.max_capacity == 0 && { for metric, policy in aws_appautoscaling_policy.this : metric => policy.target_tracking_scaling_policy_configuration[0].target_value } == { ECSServiceAverageCPUUtilization = 50, ECSServiceAverageMemoryUtilization = 70 } && !contains(keys(aws_cloudwatch_metric_alarm.this), "no-tasks")
    error_message = "A service of no tasks has no alarm that it has none."
  }
  assert {
    condition     = aws_lb.this.internal && !aws_lb.this.enable_deletion_protection && aws_ecr_repository.this.force_delete && length(aws_vpc_security_group_ingress_rule.clients) == 4 && aws_ecs_service.this.network_configuration[0].assign_public_ip && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "Options reach their resources."
  }
}

run "old_form" {
  command = plan

  module {
    source = "./modules/apps/container_service"
  }

  variables {
    github = { repository = "acme/shop", branch = "release/1", issuer = "https://github.example.com/_services/token" }
  }

  assert {
    condition = jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement[0].Condition == { StringEquals = {
      "github.example.com/_services/token:aud" = "sts.amazonaws.com", "github.example.com/_services/token:sub" = "repo:acme/shop:ref:refs/heads/release/1"
    } }
    error_message = "Repositories without ids in their tokens, and GitHub Enterprise Server, have the old form."
  }
}
