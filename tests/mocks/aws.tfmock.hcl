# What the mocked provider answers in plan tests and in the examples of the READMEs. Computed values of resources stay
# unknown, as in a real plan, unless a test file says `override_during = plan`.
mock_data "aws_caller_identity" {
  defaults = {
    account_id = "111122223333"
    arn        = "arn:aws:iam::111122223333:user/example"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition          = "aws"
    dns_suffix         = "amazonaws.com"
    reverse_dns_prefix = "com.amazonaws"
  }
}

mock_data "aws_region" {
  defaults = {
    id     = "eu-central-1"
    name   = "eu-central-1"
    region = "eu-central-1"
  }
}

mock_data "aws_iam_policy_document" {
  defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
}

mock_data "aws_servicequotas_service_quota" {
  defaults = {
    quota_code = "L-6E3AF000"
    quota_name = "Cryptographic operations (symmetric) request rate"
    value      = 20000
    usage_metric = [{
      metric_name                     = "CallCount"
      metric_namespace                = "AWS/Usage"
      metric_statistic_recommendation = "Sum"
      metric_dimensions = [{
        class    = "None"
        resource = "CryptographicOperationsSymmetric"
        service  = "KMS"
        type     = "API"
      }]
    }]
  }
}

# A check block whose assertion is unknown fails a test, though no plan.
mock_resource "aws_lambda_invocation" {
  override_during = plan
  defaults        = { result = "{\"model_id\": \"model-1\", \"ready\": [], \"not_ready\": []}" }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
    key_id = "11112222-3333-4444-5555-666677778888"
  }
}

mock_resource "aws_lambda_layer_version" {
  defaults = { arn = "arn:aws:lambda:eu-central-1:111122223333:layer:switchyard-common:1" }
}

mock_resource "aws_api_gateway_rest_api" {
  defaults = {
    id               = "a1b2c3d4e5"
    root_resource_id = "root000000"
  }
}
