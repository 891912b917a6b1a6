# domain -> bootstrap (bootstrap.tf) -> index; S3 -> load, API -> search (functions.tf, api.tf).
locals {
  name        = "hybrid-search"
  domain_name = "${var.context.name_prefix}-hybrid"
  # Composed from names, so that policies that contain them are known at plan time.
  regional   = "${var.context.region}:${var.context.account_id}"
  domain_arn = "arn:${var.context.partition}:es:${local.regional}:domain/${local.domain_name}"

  # Documents come in below the first prefix, reports go below the second.
  documents_prefix = "documents/"
  reports_prefix   = "reports/"

  # An OpenSearch Optimized node keeps its data in S3 as well; its indexes become searchable every 10 seconds.
  refresh_seconds = coalesce(var.refresh_seconds, startswith(var.data_nodes.family, "or") ? 10 : 1)

  # Composed as well: the functions need what the bootstrap makes in the domain, so the domain cannot wait for them.
  role_prefix    = "arn:${var.context.partition}:iam::${var.context.account_id}:role/${var.context.name_prefix}-${local.name}"
  query_role_arn = "${local.role_prefix}-query-function-${var.context.region}"
  load_role_arn  = "${local.role_prefix}-load-function-${var.context.region}"
}

resource "aws_opensearch_domain" "this" {
  # checkov:skip=CKV_AWS_137:The endpoint answers only signed requests of three roles, which its policy and its fine-grained roles name; a domain in a VPC would need functions in it
  # checkov:skip=CKV_AWS_248:As above: it is in no VPC, so it has no security group
  # checkov:skip=CKV_AWS_318:Dedicated managers are an option: they cost more than small data nodes
  # checkov:skip=CKV2_AWS_59:As above
  domain_name    = local.domain_name
  engine_version = "OpenSearch_${var.engine_version}"
  tags           = var.context.tags

  cluster_config {
    instance_type            = "${var.data_nodes.family}.${var.data_nodes.size}.search"
    instance_count           = var.data_nodes.count
    zone_awareness_enabled   = var.data_nodes.zones > 1
    dedicated_master_enabled = var.dedicated_managers != null
    dedicated_master_type    = try(var.dedicated_managers.instance_type, null)
    dedicated_master_count   = try(var.dedicated_managers.count, null)

    dynamic "zone_awareness_config" {
      for_each = var.data_nodes.zones > 1 ? [var.data_nodes.zones] : []
      content {
        availability_zone_count = zone_awareness_config.value
      }
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3" # OpenSearch Optimized nodes take gp3 or io1
    volume_size = var.data_nodes.volume_gib
  }

  # Each function may do to the domain what its own policy and its role in the domain say. Others may do nothing, whatever
  # their policies allow.
  access_policies = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "FunctionsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "es:ESHttp*"
      Resource  = "${local.domain_arn}/*"
      Condition = {
        ArnNotEquals = { "aws:PrincipalArn" = [module.bootstrap.functions.bootstrap.role_arn, local.load_role_arn, local.query_role_arn] }
      }
    }]
  })

  encrypt_at_rest {
    enabled    = true
    kms_key_id = var.context.kms_key_arn
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  # The master user is the bootstrap's role: it makes the roles of the others. There are no passwords.
  advanced_security_options {
    enabled                        = true
    anonymous_auth_enabled         = false
    internal_user_database_enabled = false
    master_user_options {
      master_user_arn = module.bootstrap.functions.bootstrap.role_arn
    }
  }

  log_publishing_options {
    log_type                 = "ES_APPLICATION_LOGS"
    cloudwatch_log_group_arn = aws_cloudwatch_log_group.domain["application"].arn
  }

  log_publishing_options {
    log_type                 = "AUDIT_LOGS"
    enabled                  = true # the default; Checkov wants to read it
    cloudwatch_log_group_arn = aws_cloudwatch_log_group.domain["audit"].arn
  }

  timeouts {
    create = var.wait.create
    update = var.wait.update
    delete = var.wait.delete
  }

  lifecycle {
    precondition {
      condition     = length(local.domain_name) <= 28
      error_message = "context.name_prefix must be shorter: with it the domain's name ${local.domain_name} exceeds the 28 characters that AWS allows."
    }
  }

  depends_on = [aws_cloudwatch_log_resource_policy.domain]
}

resource "aws_cloudwatch_log_group" "domain" {
  for_each = toset(["application", "audit"])

  name              = "/aws/opensearch/${local.domain_name}/${each.key}"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
  tags              = var.context.tags
}

# An account can have 10 of these in a Region.
resource "aws_cloudwatch_log_resource_policy" "domain" {
  policy_name = local.domain_name
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DomainLogs"
      Effect    = "Allow"
      Principal = { Service = "es.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "arn:${var.context.partition}:logs:${local.regional}:log-group:/aws/opensearch/${local.domain_name}/*:*"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnEquals    = { "aws:SourceArn" = local.domain_arn }
      }
    }]
  })

  depends_on = [aws_cloudwatch_log_group.domain]
}

# The role with which the domain calls the embedding model.
resource "aws_iam_role" "connector" {
  name                 = "${var.context.name_prefix}-${local.name}-connector-${var.context.region}"
  description          = "OpenSearch Service calls the embedding model of ${local.domain_name}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ThisDomain"
      Effect    = "Allow"
      Principal = { Service = "opensearchservice.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnLike      = { "aws:SourceArn" = local.domain_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "connector" {
  name = "grants"
  role = aws_iam_role.connector.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      var.embedding.sagemaker_endpoint == null ? {
        Sid      = "EmbedTexts"
        Effect   = "Allow"
        Action   = ["bedrock:InvokeModel"]
        Resource = ["arn:${var.context.partition}:bedrock:${var.context.region}::foundation-model/${var.embedding.bedrock_model}"]
        } : {
        Sid      = "EmbedTexts"
        Effect   = "Allow"
        Action   = ["sagemaker:InvokeEndpoint"]
        Resource = ["arn:${var.context.partition}:sagemaker:${local.regional}:endpoint/${var.embedding.sagemaker_endpoint}"]
      }
    ]
  })
}
