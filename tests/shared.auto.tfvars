# Read by every plan test; a test that needs another context has one of its own.
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
  layer_arns         = ["arn:aws:lambda:eu-central-1:111122223333:layer:test-common:1"]
  build_dir          = ".switchyard/fixtures"
  tags               = { stack = "test" }
}
build_dir = ".switchyard/fixtures"
