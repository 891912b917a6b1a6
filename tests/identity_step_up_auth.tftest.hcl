# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_api_gateway_stage" {
    defaults = { invoke_url = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1" }
  }
  mock_resource "aws_lambda_layer_version" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:111122223333:layer:test-step-up-auth-jwt:1" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/apigateway/test" }
  }
}

variables {
  issuer_url = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool"
  client_ids = ["client-1"]
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "authorizer" {
  command = plan

  module {
    source = "./modules/identity/step_up_auth"
  }

  assert {
    condition = module.functions.resources.functions["authorizer"].environment[0].variables == tomap({
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "step-up-auth-authorizer"
      ISSUER_URL                   = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool"
      JWKS_URL                     = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool/.well-known/jwks.json"
      CLIENT_IDS                   = "[\"client-1\"]"
      AUDIENCES                    = "[]"
      REQUIRED_CLAIMS              = "{\"token_use\":\"access\"}"
      TOKEN_TYPES                  = "[]"
      SETTING_TABLE                = "test-step-up-auth-setting"
      SESSION_TABLE                = "test-step-up-auth-session"
      SESSION_TABLE_ITEM_TTL       = "900"
      DEFAULT_STEP_UP_STATE        = "STEP_UP_NOT_REQUIRED"
      ACR_VALUES                   = "[]"
    })
    error_message = "A Cognito pool's access tokens of the named clients are trusted."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["authorizer"].policy).Statement == [
      {
        Sid      = "ReadSettings"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem"]
        Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-setting"]
      },
      {
        Sid      = "ReadSessionsAndNoteRefusals"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-session"]
      },
    ]
    error_message = "The authorizer may read both tables and write sessions, but no settings."
  }
  assert {
    condition = module.functions.resources.functions["authorizer"].layers == tolist([
      "arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1",
      "arn:aws:lambda:eu-central-1:111122223333:layer:test-step-up-auth-jwt:1",
    ])
    error_message = "The authorizer has the libraries that verify tokens."
  }
  assert {
    condition     = aws_lambda_layer_version.jwt.filename == ".switchyard/fixtures/layers/jwt.zip" && aws_lambda_layer_version.jwt.source_code_hash == filebase64sha256(".switchyard/fixtures/layers/jwt.zip")
    error_message = "The layer is the built one."
  }
  assert {
    condition     = aws_lambda_layer_version.jwt.compatible_runtimes == toset(["python3.13"]) && aws_lambda_layer_version.jwt.compatible_architectures == toset(["arm64"])
    error_message = "The layer is for the functions' runtime and architecture."
  }
  assert {
    condition     = output.authorizer.ttl_seconds == 0 && module.api.resources.authorizer.authorizer_result_ttl_in_seconds == 0
    error_message = "API Gateway does not cache decisions."
  }
  assert {
    condition     = module.functions.resources.alarms["authorizer/errors"].threshold == 1000
    error_message = "A 401 is a failed call: many raise an alarm, the first does not."
  }
  assert {
    condition     = !contains(keys(module.functions.resources.event_invoke_configs), "authorizer")
    error_message = "API Gateway waits for the answer, so there is nothing to retry."
  }
}

run "challenge_functions" {
  command = plan

  module {
    source = "./modules/identity/step_up_auth"
  }

  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["initiate-auth"].policy).Statement : [s.Sid, s.Action, s.Resource]] == [
      ["ReadSettings", ["dynamodb:BatchGetItem"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-setting"]],
      ["GuardFactors", ["dynamodb:GetItem", "dynamodb:PutItem"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-factor"]],
      ["NoteChallenges", ["dynamodb:Query", "dynamodb:UpdateItem"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-session"]],
    ]
    error_message = "initiate-auth may record challenges, and needs no permission for Cognito."
  }
  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["respond-to-challenge"].policy).Statement : [s.Sid, s.Action, s.Resource]] == [
      ["CompleteSessions", ["dynamodb:Query", "dynamodb:UpdateItem"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-session"]],
      ["GuardFactors", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-factor"]],
    ]
    error_message = "respond-to-challenge may complete sessions and count attempts."
  }
  assert {
    condition = [for s in jsondecode(module.functions.resources.grants["factor-change"].policy).Statement : [s.Sid, s.Action, s.Resource]] == [
      ["NoteChanges", ["dynamodb:GetItem", "dynamodb:PutItem"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-factor"]],
      ["ReadTheUsersContacts", ["cognito-idp:ListUsers"], ["arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_pool"]],
      ["FindSessions", ["dynamodb:Query"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-session/index/sub"]],
      ["TakeBackSessions", ["dynamodb:UpdateItem"], ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-step-up-auth-session"]],
    ]
    error_message = "The guard may record changes and revoke sessions."
  }
  assert {
    condition     = alltrue([for key in ["initiate-auth", "respond-to-challenge"] : contains(module.functions.resources.functions[key].layers, "arn:aws:lambda:eu-central-1:111122223333:layer:test-step-up-auth-jwt:1")])
    error_message = "Both challenge functions verify tokens themselves."
  }
  assert {
    condition     = module.functions.resources.functions["factor-change"].layers == tolist(["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"])
    error_message = "factor-change verifies no token, and starts without the layer."
  }
  assert {
    condition = alltrue([for policy in [
      module.functions.resources.runtime_policies["authorizer"].policy, module.functions.resources.runtime_policies["initiate-auth"].policy,
      module.functions.resources.runtime_policies["respond-to-challenge"].policy, module.functions.resources.runtime_policies["factor-change"].policy,
    ] : anytrue([for s in jsondecode(policy).Statement : try(contains(s.Condition.StringLike["kms:ViaService"], "dynamodb.eu-central-1.*"), false)])])
    error_message = "The tables are encrypted with the stack's key, which the functions use through DynamoDB."
  }
  assert {
    condition     = local.routes["POST /initiate-auth"].user_pool_scopes == ["aws.cognito.signin.user.admin"] && local.routes["POST /respond-to-challenge"].user_pool_scopes == ["aws.cognito.signin.user.admin"]
    error_message = "Both challenge routes use API Gateway's own authorizer, with the scope that makes it accept access tokens."
  }
  assert {
    condition     = local.user_pool_arn == "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_pool"
    error_message = "The pool is derived from the issuer."
  }
  assert {
    condition     = local.routes["POST /respond-to-challenge"].throttle.rate_limit == 25
    error_message = "The route has the limit of Cognito: 25 challenges a second."
  }
  assert {
    condition = jsondecode(module.factor_changes[0].resources.rule.event_pattern) == {
      source      = ["aws.cognito-idp"]
      detail-type = ["AWS API Call via CloudTrail"]
      detail = {
        eventSource = ["cognito-idp.amazonaws.com"]
        eventName   = ["AssociateSoftwareToken", "SetUserMFAPreference", "UpdateUserAttributes"]
      }
    }
    error_message = "The guard receives changes of a factor."
  }
  assert {
    condition     = module.functions.resources.alarms["step-up-auth-factor-changes"].threshold == 1 && module.functions.resources.alarms["step-up-auth-factor-changes"].metric_name == "FactorChanged" && module.functions.resources.alarms["step-up-auth-factor-changes"].namespace == "Switchyard" && module.functions.resources.alarms["step-up-auth-factor-changes"].dimensions == tomap({ service = module.functions.resources.functions["factor-change"].environment[0].variables.POWERTOOLS_SERVICE_NAME }) && module.functions.resources.alarms["step-up-auth-factor-changes"].alarm_actions == toset([var.context.alarm_topic_arn])
    error_message = "A change of a factor raises an alarm; a call that changed none does not."
  }
  assert {
    condition     = [for key in ["initiate-auth", "respond-to-challenge"] : module.functions.resources.functions[key].environment[0].variables.FACTORS] == ["[\"EMAIL_STEP_UP\",\"SMS_STEP_UP\",\"SOFTWARE_TOKEN_STEP_UP\"]", "[\"EMAIL_STEP_UP\",\"SMS_STEP_UP\",\"SOFTWARE_TOKEN_STEP_UP\"]"]
    error_message = "All factors are accepted unless some are left out."
  }
  assert {
    condition     = module.functions.resources.functions["initiate-auth"].environment[0].variables.DEFAULT_STEP_UP_STATE == module.functions.resources.functions["authorizer"].environment[0].variables.DEFAULT_STEP_UP_STATE && module.functions.resources.functions["factor-change"].environment[0].variables.USER_POOL_ID == "eu-central-1_pool"
    error_message = "The challenge and the authorizer have the same default, and factor-change knows the pool."
  }
}

run "tables" {
  command = plan

  module {
    source = "./modules/identity/step_up_auth"
  }
  variables {
    operations = {
      "/transfer"         = {}
      "/orders/{orderId}" = { state = "STEP_UP_DENY", group = "orders" }
      "GET /transfer"     = { state = "STEP_UP_NOT_REQUIRED" }
    }
    default_step_up_state = "STEP_UP_DENY"
    factors               = ["SOFTWARE_TOKEN"]
  }

  assert {
    condition     = module.sessions.resources.table.hash_key == "jti" && module.sessions.resources.table.range_key == "group" && module.sessions.resources.table.ttl[0].attribute_name == "expiresAt"
    error_message = "A session belongs to a token and a group, and expires."
  }
  assert {
    condition     = alltrue([for t in [module.settings, module.sessions, module.factors[0]] : t.resources.table.deletion_protection_enabled])
    error_message = "The tables are protected."
  }
  assert {
    condition = { for path, item in aws_dynamodb_table_item.operation : path => jsondecode(item.item) } == {
      "/transfer"         = { id = { S = "/transfer" }, stepUpState = { S = "STEP_UP_REQUIRED" }, group = { S = "default" } }
      "/orders/{orderId}" = { id = { S = "/orders/{orderId}" }, stepUpState = { S = "STEP_UP_DENY" }, group = { S = "orders" } }
      "GET /transfer"     = { id = { S = "GET /transfer" }, stepUpState = { S = "STEP_UP_NOT_REQUIRED" }, group = { S = "default" } }
    }
    error_message = "Operations are items of the setting table, by path or by method and path."
  }
  assert {
    condition     = alltrue([for key in ["authorizer", "initiate-auth"] : module.functions.resources.functions[key].environment[0].variables.DEFAULT_STEP_UP_STATE == "STEP_UP_DENY"]) && module.functions.resources.functions["initiate-auth"].environment[0].variables.FACTORS == "[\"SOFTWARE_TOKEN_STEP_UP\"]"
    error_message = "The default state and the accepted factors reach the functions."
  }
  assert {
    condition     = length(setintersection(keys(module.functions.functions), ["sample", "web"])) == 0 && output.web_client_url == null
    error_message = "Page and sample are off by default."
  }
}

run "another_issuer" {
  command = plan

  module {
    source = "./modules/identity/step_up_auth"
  }
  variables {
    issuer_url = "https://login.example.com/tenant"
    client_ids = []
    audiences  = ["api"]
    acr_values = ["urn:example:mfa"]
    routes     = { "GET /orders" = { function_name = "orders", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:orders/invocations" } }
  }

  assert {
    condition     = jsonencode([for n in ["JWKS_URL", "REQUIRED_CLAIMS", "TOKEN_TYPES", "ACR_VALUES"] : module.functions.resources.functions["authorizer"].environment[0].variables[n]]) == jsonencode(["", "{}", "[\"application/at+jwt\",\"at+jwt\"]", "[\"urn:example:mfa\"]"])
    error_message = "The issuer's OpenID configuration gives the address of the keys, and the token's header distinguishes access tokens from ID tokens."
  }
  assert {
    condition     = length(module.factors) == 0 && keys(module.functions.functions) == ["authorizer"] && keys(local.routes) == ["GET /orders"]
    error_message = "The issuer requests the second factor itself, so there are no challenge routes."
  }
}

run "web_client" {
  command = plan

  module {
    source = "./modules/identity/step_up_auth"
  }
  variables {
    sample     = true
    web_client = { authorize_url = "https://login.example.com/oauth2/authorize", token_url = "https://login.example.com/oauth2/token", client_id = "client-1" }
  }

  assert {
    condition     = output.web_client_url == "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1/"
    error_message = "The page is at the API's root."
  }
  assert {
    condition     = module.functions.resources.functions["web"].environment[0].variables["OPERATIONS"] == "[\"GET /info\",\"POST /transfer\"]" && !contains(keys(module.functions.resources.grants), "web")
    error_message = "The page offers the operations, and its function has no permissions."
  }
  assert {
    condition     = [for key, route in local.routes : key if try(!route.authorize, false)] == ["GET /", "GET /app.css", "GET /app.js", "GET /config.json"]
    error_message = "Only the files of the page are public."
  }
}

run "packages_without_layers" {
  command = apply

  module {
    source = "./tests/setup"
  }
  variables {
    build_dir   = ".switchyard/fixtures_without_layers"
    with_layers = false
  }
}

run "missing_layer" {
  command = plan

  module {
    source = "./modules/identity/step_up_auth"
  }
  variables {
    context = {
      name_prefix        = "test"
      partition          = "aws"
      account_id         = "111122223333"
      region             = "eu-central-1"
      kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
      alarm_topic_arn    = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
      access_log_bucket  = "test-access-logs-111122223333-eu-central-1"
      package_bucket     = "test-packages-111122223333-eu-central-1"
      log_retention_days = 365
      layer_arns         = []
      build_dir          = ".switchyard/fixtures_without_layers"
      tags               = {}
    }
  }

  expect_failures = [aws_lambda_layer_version.jwt]
}

run "a_pool_of_user_directory" {
  command = plan

  module {
    source = "./modules/identity/step_up_auth"
  }

  variables {
    issuer_url = null
    client_ids = []
    user_pool  = { issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other", audience = ["client-2"] }
  }

  assert {
    condition     = local.trust == { ISSUER_URL = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other", JWKS_URL = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other/.well-known/jwks.json", CLIENT_IDS = "[\"client-2\"]", AUDIENCES = "[]", REQUIRED_CLAIMS = "{\"token_use\":\"access\"}", TOKEN_TYPES = "[]" } && local.cognito && local.user_pool_arn == "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_other"
    error_message = "The output of user_directory stands for the issuer and its clients."
  }
}
