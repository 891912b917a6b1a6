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
  mock_resource "aws_lambda_invocation" {
    defaults = { result = "{\"accepted\": true, \"reasons\": [], \"body\": \"{\\\"openapi\\\": \\\"3.0.1\\\"}\", \"version\": \"1.0.0\", \"release\": \"1.0.0-0a1b2c3d4e5f\", \"left_out\": [\"x\"]}" }
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

  assert {
    condition     = aws_api_gateway_rest_api.this.body == "{\"openapi\": \"3.0.1\"}" && aws_api_gateway_rest_api.this.put_rest_api_mode == "overwrite" && aws_api_gateway_rest_api.this.fail_on_warnings && aws_api_gateway_rest_api.this.name == "test-openapi"
    error_message = "OA-1, OA-3: the checked copy is imported whole, in place of what was there, and a warning fails the apply."
  }
  assert {
    condition     = { for version, d in aws_api_gateway_deployment.release : version => merge(d.triggers, { description = d.description }) } == { "1.0.0" = { release = "1.0.0-0a1b2c3d4e5f", description = "1.0.0" } } && output.release == "1.0.0-0a1b2c3d4e5f"
    error_message = "OA-2: a deployment is made of each release, which has the hash of the body in its name."
  }
  assert {
    condition     = aws_lambda_invocation.prepare.triggers.code == filebase64sha256(".switchyard/fixtures/apps/openapi_service.zip")
    error_message = "A new version of the check looks again."
  }
  assert {
    condition     = keys(aws_api_gateway_stage.this) == ["v1"] && length(aws_api_gateway_stage.this["v1"].canary_settings) == 0 && { for name, p in aws_lambda_permission.stage : p.statement_id => p.source_arn } == { openapi-api = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/v1/*" } && length(aws_wafv2_web_acl_association.api) == 0
    error_message = "There is one stage, and API Gateway may call the function for it."
  }
  assert {
    condition     = toset([for group in concat(values(aws_cloudwatch_log_group.access), values(aws_cloudwatch_log_group.execution)) : group.name]) == toset(["/aws/apigateway/test-openapi", "/aws/apigateway/test-openapi/Canary", "API-Gateway-Execution-Logs_a1b2c3d4e5/v1", "API-Gateway-Execution-Logs_a1b2c3d4e5/v1/Canary"]) && alltrue([for group in concat(values(aws_cloudwatch_log_group.access), values(aws_cloudwatch_log_group.execution)) : group.kms_key_id == var.context.kms_key_arn && group.retention_in_days == 365])
    error_message = "Every log that API Gateway writes is encrypted and kept as long as the others, a canary's too."
  }
  assert {
    condition     = alltrue([for word in ["header", "Authorization", "body", "querystring"] : !strcontains(aws_api_gateway_stage.this["v1"].access_log_settings[0].format, word)]) && !aws_api_gateway_method_settings.all["v1"].settings[0].data_trace_enabled
    error_message = "No log contains headers, tokens or bodies."
  }
  assert {
    condition     = aws_api_gateway_stage.this["v1"].xray_tracing_enabled && contains(["ERROR", "INFO"], aws_api_gateway_method_settings.all["v1"].settings[0].logging_level) && !aws_api_gateway_method_settings.all["v1"].settings[0].caching_enabled && aws_api_gateway_method_settings.all["v1"].settings[0].throttling_rate_limit == 100
    error_message = "APIGateway.1, APIGateway.3, APIGateway.5: logs and traces are on, there is no cache, and every operation has a limit."
  }
  assert {
    condition     = { for name, alarm in aws_cloudwatch_metric_alarm.server_errors : alarm.alarm_name => alarm.dimensions } == { test-openapi-server-errors = tomap({ ApiName = "test-openapi", Stage = "v1" }) } && aws_cloudwatch_metric_alarm.server_errors["v1"].alarm_actions == toset([var.context.alarm_topic_arn]) && length(aws_cloudwatch_metric_alarm.canary) == 0
    error_message = "Failed answers raise an alarm."
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
    condition     = [for s in jsondecode(module.functions.resources.grants["service"].policy).Statement : s.Sid] == ["KeepWidgets", "ReadFile"] && aws_api_gateway_stage.this["v1"].variables == tomap({ document = "documents/1.0.0-0a1b2c3d4e5f" }) && aws_s3_object.document["1.0.0"].content == file("./modules/apps/openapi_service/widgets.yaml")
    error_message = "The service answers by the file that the stage's release was made of."
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

run "canary" {
  command = plan

  module {
    source = "./modules/apps/openapi_service"
  }

  override_resource {
    target          = aws_api_gateway_deployment.release["1.0.0"]
    override_during = plan
    values          = { id = "newest" }
  }

  variables {
    web_acl_arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/1"
    stages = {
      v1   = { release = "1.0.0-0a1b2c3d4e5f", canary = { percent_traffic = 10 }, variables = { mode = "live" } }
      beta = { throttle = { rate_limit = 5, burst_limit = 1 } }
    }
  }

  assert {
    condition     = { for name, stage in aws_api_gateway_stage.this : name => stage.deployment_id } == { v1 = "newest", beta = "newest" } && aws_api_gateway_stage.this["v1"].canary_settings[0].deployment_id == "newest" && aws_api_gateway_stage.this["v1"].canary_settings[0].percent_traffic == 10 && !aws_api_gateway_stage.this["v1"].canary_settings[0].use_stage_cache && length(aws_api_gateway_stage.this["beta"].canary_settings) == 0
    error_message = "A stage serves its release, and a part of its requests goes to the canary's."
  }
  assert {
    condition     = aws_api_gateway_stage.this["v1"].canary_settings[0].stage_variable_overrides == tomap({ document = "documents/1.0.0-0a1b2c3d4e5f" }) && aws_api_gateway_stage.this["v1"].variables.mode == "live"
    error_message = "The service answers a canary's requests by the canary's file."
  }
  assert {
    condition     = { for name, p in aws_lambda_permission.stage : p.statement_id => p.source_arn } == { openapi-api = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/v1/*", openapi-api-beta = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/beta/*" } && keys(aws_wafv2_web_acl_association.api) == ["beta", "v1"] && { for name, s in aws_api_gateway_method_settings.all : name => s.settings[0].throttling_rate_limit } == { v1 = 100, beta = 5 }
    error_message = "Each stage has its permission, its web ACL and its limits."
  }
  assert {
    condition     = aws_cloudwatch_log_metric_filter.canary["v1"].log_group_name == "/aws/apigateway/test-openapi/Canary" && aws_cloudwatch_log_metric_filter.canary["v1"].metric_transformation[0].name == aws_cloudwatch_metric_alarm.canary["v1"].metric_name && aws_cloudwatch_metric_alarm.canary["v1"].namespace == aws_cloudwatch_log_metric_filter.canary["v1"].metric_transformation[0].namespace && toset(keys(aws_cloudwatch_metric_alarm.canary)) == toset(["v1"])
    error_message = "A failed answer of the canary raises an alarm of its own."
  }
  assert {
    condition     = length(setsubtract(["test-openapi-beta-server-errors", "test-openapi-server-errors", "test-openapi-server-errors-canary"], output.alarm_names)) == 0
    error_message = "Alarms are named by stage: ${join(", ", output.alarm_names)}"
  }
  assert {
    condition     = { for name, stage in output.stages : name => "${stage.release} ${coalesce(stage.canary, "-")}" } == { v1 = "1.0.0-0a1b2c3d4e5f 1.0.0-0a1b2c3d4e5f", beta = "1.0.0-0a1b2c3d4e5f -" }
    error_message = "What is served where is an output."
  }
}

# A snapshot of 1.0.0 would get its name.
run "a_release_that_does_not_exist" {
  command = plan

  module {
    source = "./modules/apps/openapi_service"
  }

  variables {
    stages = { v1 = { release = "0.9.0-ffffffffffff" } }
  }

  expect_failures = [aws_api_gateway_deployment.release]
}

run "another_release_of_a_version_that_a_stage_names" {
  command = plan

  module {
    source = "./modules/apps/openapi_service"
  }

  variables {
    stages = { v1 = { release = "1.0.0-ffffffffffff" } }
  }

  expect_failures = [aws_api_gateway_deployment.release]
}

run "a_version_that_terraform_reads_differently" {
  command = plan

  module {
    source = "./modules/apps/openapi_service"
  }

  override_resource {
    target          = aws_lambda_invocation.prepare
    override_during = plan
    values          = { result = "{\"accepted\": true, \"reasons\": [], \"body\": \"{}\", \"version\": \"1.0.1\", \"release\": \"1.0.1-0a1b2c3d4e5f\"}" }
  }

  expect_failures = [aws_lambda_invocation.prepare]
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
