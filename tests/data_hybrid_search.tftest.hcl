# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_api_gateway_stage" {
    defaults = {
      arn        = "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5/stages/v1"
      invoke_url = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1"
    }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apigateway/test" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/test-hybrid-search-connector-eu-central-1" }
  }
  mock_resource "aws_opensearch_domain" {
    defaults = {
      arn       = "arn:aws:es:eu-central-1:111122223333:domain/test-hybrid"
      domain_id = "111122223333/test-hybrid"
      endpoint  = "search-test-hybrid-abc.eu-central-1.es.amazonaws.com"
    }
  }
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
    source = "./modules/data/hybrid_search"
  }

  assert {
    condition     = aws_opensearch_domain.this.domain_name == "test-hybrid" && aws_opensearch_domain.this.engine_version == "OpenSearch_2.19"
    error_message = "The domain has the environment's prefix and a version that can page through hybrid results."
  }
  assert {
    condition     = aws_opensearch_domain.this.cluster_config[0].instance_type == "or1.medium.search" && aws_opensearch_domain.this.cluster_config[0].instance_count == 2 && aws_opensearch_domain.this.cluster_config[0].zone_awareness_config[0].availability_zone_count == 2 && !aws_opensearch_domain.this.cluster_config[0].dedicated_master_enabled
    error_message = "Two OR1 nodes in two zones."
  }
  assert {
    condition     = aws_opensearch_domain.this.ebs_options[0].volume_type == "gp3" && aws_opensearch_domain.this.encrypt_at_rest[0].enabled && aws_opensearch_domain.this.encrypt_at_rest[0].kms_key_id == var.context.kms_key_arn && aws_opensearch_domain.this.node_to_node_encryption[0].enabled
    error_message = "OR1 needs gp3 or io1 and encryption at rest, here with the stack's key; traffic between nodes is encrypted."
  }
  assert {
    condition     = aws_opensearch_domain.this.domain_endpoint_options[0].enforce_https && aws_opensearch_domain.this.domain_endpoint_options[0].tls_security_policy == "Policy-Min-TLS-1-2-PFS-2023-10"
    error_message = "The endpoint takes TLS 1.2 with forward secrecy and later."
  }
  assert {
    condition     = aws_opensearch_domain.this.advanced_security_options[0].enabled && !aws_opensearch_domain.this.advanced_security_options[0].anonymous_auth_enabled && !aws_opensearch_domain.this.advanced_security_options[0].internal_user_database_enabled && aws_opensearch_domain.this.advanced_security_options[0].master_user_options[0].master_user_arn == "arn:aws:iam::111122223333:role/test-hybrid-search-bootstrap-function-eu-central-1"
    error_message = "The bootstrap is the master user; there are no passwords and no anonymous users."
  }
  assert {
    condition = jsondecode(aws_opensearch_domain.this.access_policies).Statement == [{
      Sid       = "FunctionsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "es:ESHttp*"
      Resource  = "arn:aws:es:eu-central-1:111122223333:domain/test-hybrid/*"
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = [for function in ["bootstrap", "load", "query"] : "arn:aws:iam::111122223333:role/test-hybrid-search-${function}-function-eu-central-1"] } }
    }]
    error_message = "The endpoint answers three roles, and allows nothing of its own."
  }
  assert {
    condition     = module.functions.functions.load.role_arn == "arn:aws:iam::111122223333:role/test-hybrid-search-load-function-eu-central-1" && module.functions.functions.query.role_arn == "arn:aws:iam::111122223333:role/test-hybrid-search-query-function-eu-central-1"
    error_message = "The composed ARNs are those of the functions' roles."
  }
  assert {
    condition     = toset([for option in aws_opensearch_domain.this.log_publishing_options : option.log_type]) == toset(["AUDIT_LOGS", "ES_APPLICATION_LOGS"]) && alltrue([for group in aws_cloudwatch_log_group.domain : group.kms_key_id == var.context.kms_key_arn])
    error_message = "Application and audit logs are kept, encrypted."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_log_resource_policy.domain.policy_document).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnEquals = { "aws:SourceArn" = "arn:aws:es:eu-central-1:111122223333:domain/test-hybrid" } }
    error_message = "Only this domain writes these logs."
  }
  assert {
    condition     = jsondecode(aws_iam_role.connector.assume_role_policy).Statement[0].Principal == { Service = "opensearchservice.amazonaws.com" } && jsondecode(aws_iam_role.connector.assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnLike = { "aws:SourceArn" = "arn:aws:es:eu-central-1:111122223333:domain/test-hybrid" } }
    error_message = "Only this domain can have the connector's role."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.connector.policy).Statement == [
      { Sid = "EmbedTexts", Effect = "Allow", Action = ["bedrock:InvokeModel"], Resource = ["arn:aws:bedrock:eu-central-1::foundation-model/amazon.titan-embed-text-v2:0"] },
    ]
    error_message = "The domain may call one model."
  }
  assert {
    condition = jsondecode(module.bootstrap.resources.grants["bootstrap"].policy).Statement == [
      { Sid = "FindDomain", Effect = "Allow", Action = ["es:DescribeDomain"], Resource = ["arn:aws:es:eu-central-1:111122223333:domain/test-hybrid"] },
      { Sid = "PrepareDomain", Effect = "Allow", Action = ["es:ESHttpGet", "es:ESHttpPost", "es:ESHttpPut"], Resource = ["arn:aws:es:eu-central-1:111122223333:domain/test-hybrid/*"] },
      { Sid = "PassConnectorRole", Effect = "Allow", Action = ["iam:PassRole"], Resource = ["arn:aws:iam::111122223333:role/test-hybrid-search-connector-eu-central-1"] },
    ]
    error_message = "The bootstrap may prepare this domain, and deletes nothing."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["load"].policy).Statement == [
      { Sid = "ReadDocuments", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-hybrid-search-111122223333-eu-central-1/documents/*"] },
      { Sid = "TellMissingFromDenied", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-hybrid-search-111122223333-eu-central-1"] },
      { Sid = "WriteReports", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-hybrid-search-111122223333-eu-central-1/reports/*"] },
      { Sid = "IndexDocuments", Effect = "Allow", Action = ["es:ESHttpPost"], Resource = ["arn:aws:es:eu-central-1:111122223333:domain/test-hybrid/products/_bulk"] },
    ]
    error_message = "The loader may write documents into one index, and not search it."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["query"].policy).Statement == [
      { Sid = "SearchIndex", Effect = "Allow", Action = ["es:ESHttpPost"], Resource = ["arn:aws:es:eu-central-1:111122223333:domain/test-hybrid/products/_search"] },
    ]
    error_message = "The search may search one index."
  }
  assert {
    condition = module.bootstrap.resources.functions["bootstrap"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "hybrid-search-bootstrap"
      DOMAIN_NAME                  = "test-hybrid"
      INDEX                        = "products"
      TEXT_FIELD                   = "caption"
      FILTER_FIELDS                = "{}"
      SERVICE                      = "bedrock"
      MODEL                        = "amazon.titan-embed-text-v2:0"
      DIMENSIONS                   = "512"
      CONNECTOR_ROLE_ARN           = "arn:aws:iam::111122223333:role/test-hybrid-search-connector-eu-central-1"
      REGION                       = "eu-central-1"
      SHARDS                       = "1"
      REPLICAS                     = "1"
      REFRESH_SECONDS              = "10"
      QUERY_ROLE_ARN               = "arn:aws:iam::111122223333:role/test-hybrid-search-query-function-eu-central-1"
      LOAD_ROLE_ARN                = "arn:aws:iam::111122223333:role/test-hybrid-search-load-function-eu-central-1"
      WEIGHTS                      = "[0.3,0.7]"
    })
    error_message = "The bootstrap gets the settings; OR1 nodes refresh every 10 seconds."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.bootstrap.input) == { terraform = true } && aws_lambda_invocation.bootstrap.triggers.domain == "111122223333/test-hybrid"
    error_message = "Terraform calls the bootstrap, and again for another domain."
  }
  assert {
    condition     = aws_lambda_invocation.bootstrap.triggers.code == filebase64sha256(".switchyard/fixtures/data/hybrid_search.zip")
    error_message = "Terraform calls the bootstrap again when its code has changed, wherever the package is."
  }
  assert {
    condition     = module.functions.resources.functions["query"].environment[0].variables.MODEL_ID == "model-1" && module.functions.resources.functions["query"].environment[0].variables.WEIGHT == "0.7" && module.functions.resources.functions["query"].environment[0].variables.DEPTH == "100"
    error_message = "The search gets the model that the bootstrap made."
  }
  assert {
    condition     = keys(module.api.resources.methods) == ["POST /search"] && module.api.resources.methods["POST /search"].authorization == "AWS_IAM" && !contains(keys(output.function_names), "page")
    error_message = "Searches must be signed, and there is no page, unless it is asked for."
  }
  assert {
    condition     = jsondecode(module.rule.resources.rule.event_pattern).detail == { bucket = { name = ["test-hybrid-search-111122223333-eu-central-1"] }, object = { key = [{ prefix = "documents/" }] } }
    error_message = "New documents are loaded; reports are not."
  }
  assert {
    condition     = alltrue([for suffix in ["documents-failed", "pipeline-missing", "red", "writes-blocked", "memory", "key", "load-dlq-depth"] : contains(output.alarm_names, "test-hybrid-search-${suffix}")])
    error_message = "Each way to lose documents or searches raises an alarm."
  }
  assert {
    condition     = length(aws_wafv2_web_acl_association.api) == 0 && module.functions.resources.alarms["hybrid-search-red"].dimensions == tomap({ DomainName = "test-hybrid", ClientId = "111122223333" })
    error_message = "The alarms watch this domain."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/data/hybrid_search"
  }

  variables {
    data_nodes         = { family = "r7g", size = "large", count = 6, zones = 3, volume_gib = 200 }
    dedicated_managers = {}
    engine_version     = "3.1"
    embedding          = { sagemaker_endpoint = "my-model", dimensions = 384 }
    index              = "films-2"
    text_field         = "plot"
    filter_fields      = { year = "integer" }
    shards             = 3
    vector_weight      = 0.25
    minimum_scores     = { lexical = 1.5, vector = 0.4 }
    depth              = 200
    public             = true
    web_acl_arn        = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/search/1"
    expiration_days    = 30
    force_destroy      = true
  }

  assert {
    condition     = aws_opensearch_domain.this.cluster_config[0].instance_type == "r7g.large.search" && aws_opensearch_domain.this.cluster_config[0].zone_awareness_config[0].availability_zone_count == 3 && aws_opensearch_domain.this.cluster_config[0].dedicated_master_type == "m7g.medium.search" && aws_opensearch_domain.this.cluster_config[0].dedicated_master_count == 3
    error_message = "Nodes of another family in three zones, with managers."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.connector.policy).Statement == [{ Sid = "EmbedTexts", Effect = "Allow", Action = ["sagemaker:InvokeEndpoint"], Resource = ["arn:aws:sagemaker:eu-central-1:111122223333:endpoint/my-model"] }]
    error_message = "The domain may call one endpoint, and not Bedrock."
  }
  assert {
    condition     = module.bootstrap.resources.functions["bootstrap"].environment[0].variables.SERVICE == "sagemaker" && module.bootstrap.resources.functions["bootstrap"].environment[0].variables.MODEL == "my-model" && module.bootstrap.resources.functions["bootstrap"].environment[0].variables.REFRESH_SECONDS == "1" && module.bootstrap.resources.functions["bootstrap"].environment[0].variables.WEIGHTS == "[0.75,0.25]"
    error_message = "The bootstrap gets the endpoint, and the usual refresh of other nodes."
  }
  assert {
    condition     = module.functions.resources.functions["query"].environment[0].variables.MINIMUM_LEXICAL_SCORE == "1.5" && module.functions.resources.functions["query"].environment[0].variables.MINIMUM_VECTOR_SCORE == "0.4" && module.functions.resources.functions["query"].environment[0].variables.FILTER_FIELDS == "{\"year\":\"integer\"}"
    error_message = "Floors and filters arrive."
  }
  assert {
    condition     = module.api.resources.methods["POST /search"].authorization == "NONE" && contains(keys(module.api.resources.methods), "GET /") && aws_wafv2_web_acl_association.api[0].web_acl_arn == var.web_acl_arn
    error_message = "The page is served, and the web ACL protects the stage."
  }
  assert {
    condition     = module.bucket.resources.bucket.force_destroy && output.index == "films-2"
    error_message = "The bucket can be deleted on request."
  }
}

run "one_node" {
  command = plan

  module {
    source = "./modules/data/hybrid_search"
  }

  variables {
    data_nodes = { count = 1, zones = 1 }
  }

  assert {
    condition     = !aws_opensearch_domain.this.cluster_config[0].zone_awareness_enabled && length(aws_opensearch_domain.this.cluster_config[0].zone_awareness_config) == 0 && module.bootstrap.resources.functions["bootstrap"].environment[0].variables.REPLICAS == "0"
    error_message = "One node has no copy of its shards."
  }
}
