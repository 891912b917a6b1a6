# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_api_gateway_rest_api" {
    defaults = { id = "a1b2c3d4e5", root_resource_id = "r" }
  }
  mock_resource "aws_api_gateway_stage" {
    defaults = {
      arn        = "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5/stages/v1"
      invoke_url = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1"
    }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apigateway/test" }
  }
  mock_resource "aws_cloudfront_distribution" {
    defaults = {
      arn         = "arn:aws:cloudfront::111122223333:distribution/E1"
      domain_name = "d1.cloudfront.net"
    }
  }
  mock_resource "aws_lambda_layer_version" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:111122223333:layer:test-openapi-files:1" }
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
    source = "./modules/apps/openapi_service"
  }

  override_resource {
    target          = aws_lambda_invocation.prepare
    override_during = plan
    values          = { result = "{\"accepted\": true, \"reasons\": [], \"body\": \"{\\\"openapi\\\": \\\"3.0.1\\\"}\", \"version\": \"1.0.0\", \"left_out\": [\"x\"]}" }
  }

  assert {
    condition     = module.api.resources.rest_api.body == "{\"openapi\": \"3.0.1\"}" && module.api.resources.rest_api.put_rest_api_mode == "overwrite" && module.api.resources.rest_api.fail_on_warnings && module.api.resources.rest_api.name == "test-openapi"
    error_message = "OA-1, OA-3: the checked copy is imported whole, in place of what was there, and a warning fails the apply."
  }
  assert {
    condition     = length(module.api.resources.gateway) == 0 && length(module.api.resources.methods) == 0
    error_message = "OA-3: nothing is added to the body that the next import would erase."
  }
  assert {
    condition     = length(keys(module.api.resources.deployment.triggers)) == 1
    error_message = "OA-2: a deployment is made of a body, by its hash."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.prepare.input).document == file("./modules/apps/openapi_service/widgets.yaml") && jsondecode(aws_lambda_invocation.prepare.input).target.authorizers.sigv4.iam && jsondecode(aws_lambda_invocation.prepare.input).target.name == "test-openapi"
    error_message = "The file and the settings are what is checked."
  }
  assert {
    condition     = output.version == "1.0.0" && output.left_out == ["x"]
    error_message = "What API Gateway does not check is an output."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["prepare"].policy).Statement == [
      { Sid = "ReadServedFile", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::test-openapi-111122223333-eu-central-1/current/openapi"] },
      { Sid = "FindServedFile", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::test-openapi-111122223333-eu-central-1"], Condition = { StringLike = { "s3:prefix" = ["current/openapi"] } } },
    ]
    error_message = "The check reads the served file and nothing else."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["service"].policy).Statement : s.Sid] == ["KeepWidgets", "ReadFile"] && module.api.resources.stage.variables.document == "documents/${sha256(file("./modules/apps/openapi_service/widgets.yaml"))}"
    error_message = "The service answers by the file that the stage was deployed with."
  }
  assert {
    condition     = { for s in jsondecode(aws_iam_role_policy.build.policy).Statement : s.Sid => s.Resource if contains(["PublishPackages", "UseRepository", "GetToken"], s.Sid) } == { PublishPackages = ["arn:aws:codeartifact:eu-central-1:111122223333:package/test-openapi-clients/clients/pypi/*", "arn:aws:codeartifact:eu-central-1:111122223333:package/test-openapi-clients/clients/npm/*"], UseRepository = "arn:aws:codeartifact:eu-central-1:111122223333:repository/test-openapi-clients/clients", GetToken = "arn:aws:codeartifact:eu-central-1:111122223333:domain/test-openapi-clients" }
    error_message = "A build publishes to its own repository only."
  }
  assert {
    condition     = [for s in jsondecode(module.site.resources.policy.policy).Statement : s.Condition if s.Sid == "ReadByDistribution"] == [{ StringEquals = { "aws:SourceArn" = ["arn:aws:cloudfront::111122223333:distribution/E1"] } }] && one(aws_cloudfront_distribution.site.origin).origin_path == "/site" && aws_cloudfront_origin_access_control.site.signing_behavior == "always"
    error_message = "The documentation is read through its distribution only."
  }
  assert {
    condition     = [for s in jsondecode(aws_kms_key.site.policy).Statement : s.Condition if s.Sid == "DecryptedForReaders"] == [{ StringEquals = { "aws:SourceArn" = "arn:aws:cloudfront::111122223333:distribution/E1" } }]
    error_message = "The key is for that distribution only."
  }
  assert {
    condition     = jsondecode(module.publication.resources.rule.event_pattern).detail == { bucket = { name = ["test-openapi-111122223333-eu-central-1"] }, object = { key = ["current/openapi"] } }
    error_message = "What is served starts the build; what was accepted does not."
  }
  assert {
    condition     = aws_codebuild_project.publication.environment[0].privileged_mode == false && aws_codebuild_project.publication.concurrent_build_limit == 1
    error_message = "Builds run one after the other, without privileges."
  }
}

run "refused" {
  command = plan

  module {
    source = "./modules/apps/openapi_service"
  }

  override_resource {
    target          = aws_lambda_invocation.prepare
    override_during = plan
    values          = { result = "{\"accepted\": false, \"reasons\": [\"/ping: Endpoint completely removed\"]}" }
  }

  expect_failures = [aws_lambda_invocation.prepare]
}

run "own_function" {
  command = plan

  module {
    source = "./modules/apps/openapi_service"
  }

  variables {
    function           = { name = "orders", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:orders/invocations" }
    authorizers        = { key = { function = { name = "gate", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/gate/invocations", ttl_seconds = 0 } } }
    clients            = []
    documentation      = { domain_name = "docs.example.com", certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1" }
    web_acl_arn        = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/1"
    policy             = jsonencode({ Version = "2012-10-17", Statement = [] })
    binary_media_types = ["image/png"]
    default_endpoint   = false
  }

  assert {
    condition     = !contains(keys(output.function_names), "service") && length(module.widgets) == 0 && output.table_name == null
    error_message = "There is no sample service with a function of one's own."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.prepare.input).target.uri == var.function.invoke_arn && aws_lambda_permission.authorizer["key"].function_name == "gate" && endswith(aws_lambda_permission.authorizer["key"].source_arn, ":a1b2c3d4e5/authorizers/*")
    error_message = "API Gateway may call the function and the authorizer."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.prepare.input).target.policy == var.policy && jsondecode(aws_lambda_invocation.prepare.input).target.binary_media_types == ["image/png"] && !jsondecode(aws_lambda_invocation.prepare.input).target.default_endpoint
    error_message = "OA-3: settings that an import erases are a part of it."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.build.policy, "codeartifact:") && aws_cloudfront_distribution.site.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && length(aws_wafv2_web_acl_association.api) == 1
    error_message = "Without clients, a build has no permission to publish them."
  }
}
