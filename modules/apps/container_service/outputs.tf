output "url" {
  description = "URL of the load balancer's own name, for tests: the certificate is for your name, which you point here (`dns_name`, `zone_id`)."
  value       = "https://${aws_lb.this.dns_name}"
}

output "dns_name" {
  description = "DNS name of the load balancer, for an alias record."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Hosted zone of the load balancer's DNS name, for an alias record."
  value       = aws_lb.this.zone_id
}

output "load_balancer_arn" {
  description = "ARN of the load balancer, for a web ACL."
  value       = aws_lb.this.arn
}

output "target_group_arn" {
  description = "ARN of the target group."
  value       = aws_lb_target_group.this.arn
}

output "repository_url" {
  description = "URL of the ECR repository."
  value       = aws_ecr_repository.this.repository_url
}

output "repository_name" {
  description = "Name of the ECR repository."
  value       = aws_ecr_repository.this.name
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "Name of the service, and of its family of task definitions."
  value       = aws_ecs_service.this.name
}

output "task_role_name" {
  description = "Name of the role of the code in the tasks, to which you attach what it may do."
  value       = aws_iam_role.task.name
}

output "task_security_group_id" {
  description = "Security group of the tasks, which a database of yours lets in."
  value       = aws_security_group.tasks.id
}

output "log_group_name" {
  description = "Log group of the tasks."
  value       = aws_cloudwatch_log_group.this.name
}

output "deploy_role_arn" {
  description = "ARN of the role that the pipeline assumes; null without github, gitlab and azure_devops."
  value       = one(aws_iam_role.deploy[*].arn)
}

output "pipelines" {
  description = "Files to commit to the service's repository, by path, for `github`, `gitlab` and `azure_devops`; only for those that may deploy."
  value = merge(
    { for github in var.github[*] : "github" => merge(local.program, {
      ".github/workflows/deploy.yml" = templatefile("${path.module}/pipelines/github.yml", merge(local.settings, { branch = github.branch, audience = github.audience }))
    }) },
    { for gitlab in var.gitlab[*] : "gitlab" => merge(local.program, {
      ".gitlab-ci.yml" = templatefile("${path.module}/pipelines/gitlab.yml", merge(local.settings, { branch = gitlab.branch, audience = gitlab.audience }))
    }) },
    { for azure in var.azure_devops[*] : "azure_devops" => merge(local.program, {
      "azure-pipelines.yml" = templatefile("${path.module}/pipelines/azure_devops.yml", merge(local.settings, { branch = azure.branch, service_connection = azure.service_connection }))
    }) },
  )
}

output "topic_arn" {
  description = "ARN of the topic of failed deployments."
  value       = module.deployments.arn
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name], module.failed.alarm_names))
}
