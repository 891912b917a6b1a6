# Connector, model, pipelines, index and roles live in the domain, and the provider has no resources for them: a
# function makes them. It finds what exists, so that it can run again at any time.

locals {
  bootstrap_environment = {
    DOMAIN_NAME        = local.domain_name
    INDEX              = var.index
    TEXT_FIELD         = var.text_field
    FILTER_FIELDS      = jsonencode(var.filter_fields)
    SERVICE            = var.embedding.sagemaker_endpoint == null ? "bedrock" : "sagemaker"
    MODEL              = coalesce(var.embedding.sagemaker_endpoint, var.embedding.bedrock_model)
    DIMENSIONS         = tostring(var.embedding.dimensions)
    CONNECTOR_ROLE_ARN = aws_iam_role.connector.arn
    REGION             = var.context.region
    SHARDS             = tostring(var.shards)
    REPLICAS           = tostring(var.data_nodes.count > 1 ? 1 : 0)
    REFRESH_SECONDS    = tostring(local.refresh_seconds)
    QUERY_ROLE_ARN     = local.query_role_arn
    LOAD_ROLE_ARN      = local.load_role_arn
    WEIGHTS            = jsonencode([1 - var.vector_weight, var.vector_weight])
  }
}

module "bootstrap" {
  source = "../../blocks/functions"

  context = var.context
  package = "data/hybrid_search"

  functions = {
    bootstrap = {
      name              = "${local.name}-bootstrap"
      description       = "Makes connector, model, pipelines, index and roles in the domain"
      handler           = "data.hybrid_search.bootstrap.handler"
      timeout           = 300
      dead_letter_queue = false # Terraform calls it, and waits for the answer
      environment       = local.bootstrap_environment
      policy_statements = [
        {
          sid       = "FindDomain"
          actions   = ["es:DescribeDomain"]
          resources = [local.domain_arn]
        },
        {
          sid       = "PrepareDomain"
          actions   = ["es:ESHttpGet", "es:ESHttpPost", "es:ESHttpPut"]
          resources = ["${local.domain_arn}/*"]
        },
        {
          sid       = "PassConnectorRole"
          actions   = ["iam:PassRole"]
          resources = [aws_iam_role.connector.arn]
        },
      ]
    }
  }
}

resource "aws_lambda_invocation" "bootstrap" {
  function_name = module.bootstrap.functions.bootstrap.name
  input         = jsonencode({ terraform = true })
  # Again after each change of a setting, of the code, or of the domain.
  triggers = {
    settings = sha256(jsonencode(local.bootstrap_environment))
    code     = module.bootstrap.functions.bootstrap.source_code_hash
    domain   = aws_opensearch_domain.this.domain_id
  }

  depends_on = [aws_iam_role_policy.connector]
}
