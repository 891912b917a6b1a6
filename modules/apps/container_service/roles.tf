locals {
  # IAM is global: the Region separates the roles of two Regions, and the hash keeps a truncated name unique.
  role_names = { for role in ["execution", "task", "deploy"] : role => (
    length("${local.name}-${role}-${var.context.region}") <= 64 ? "${local.name}-${role}-${var.context.region}" :
    "${substr("${local.name}-${role}-${var.context.region}", 0, 57)}-${substr(sha256("${local.name}-${role}-${var.context.region}"), 0, 6)}"
  ) }

  role_arns = { for role, name in local.role_names : role => "arn:${var.context.partition}:iam::${var.context.account_id}:role/${name}" }

  task_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByTasks"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.context.partition}:ecs:${local.regional}:*" }
      }
    }]
  })

  secret_arns    = sort(distinct([for source in values(var.container.secrets) : join(":", slice(split(":", source), 0, 7)) if split(":", source)[2] == "secretsmanager"]))
  parameter_arns = sort(distinct([for source in values(var.container.secrets) : source if split(":", source)[2] == "ssm"]))
}

# What ECS does for a task before its code runs.
resource "aws_iam_role" "execution" {
  name                 = local.role_names.execution
  description          = "Lets ECS pull the image of ${local.name}, read its secrets and write its log"
  permissions_boundary = var.context.permissions_boundary_arn
  assume_role_policy   = local.task_trust
  tags                 = var.context.tags
}

resource "aws_iam_role_policy" "execution" {
  name = "tasks"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # The token is the registry's, not a repository's: IAM accepts only "*".
          Sid      = "SignInToRegistry"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*"
        },
        {
          Sid      = "PullImages"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = local.repository_arn
        },
        {
          Sid      = "WriteLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${var.context.partition}:logs:${local.regional}:log-group:${local.log_group_name}:*"
        },
      ],
      length(local.secret_arns) == 0 ? [] : [{
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = local.secret_arns
      }],
      length(local.parameter_arns) == 0 ? [] : [{
        Sid      = "ReadParameters"
        Effect   = "Allow"
        Action   = "ssm:GetParameters"
        Resource = local.parameter_arns
      }],
      length(var.secret_kms_key_arns) == 0 ? [] : [{
        Sid       = "DecryptSecrets"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = sort(var.secret_kms_key_arns)
        Condition = { StringLike = { "kms:ViaService" = ["secretsmanager.${var.context.region}.*", "ssm.${var.context.region}.*"] } }
      }],
    )
  })
}

# What the code may do: nothing, until its owner attaches policies (output task_role_name).
resource "aws_iam_role" "task" {
  name                 = local.role_names.task
  description          = "Permissions of the code of ${local.name}"
  permissions_boundary = var.context.permissions_boundary_arn
  assume_role_policy   = local.task_trust
  tags                 = var.context.tags
}
