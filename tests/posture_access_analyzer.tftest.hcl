mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_sqs_queue" {
    defaults = { url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-access-analyzer" }
  }
}

run "packages" {
  command = apply

  module {
    source = "./tests/setup"
  }
}

run "notices_alone" {
  command = plan

  module {
    source = "./modules/posture/access_analyzer"
  }

  assert {
    condition = (
      aws_accessanalyzer_analyzer.this[0].analyzer_name == "test-access-analyzer" && aws_accessanalyzer_analyzer.this[0].type == "ACCOUNT"
      && aws_accessanalyzer_analyzer.this[0].tags == tomap({ stack = "test" }) && output.analyzer_arn == "arn:aws:access-analyzer:eu-central-1:111122223333:analyzer/test-access-analyzer"
    )
    error_message = "An analyzer of the account is created, and no other kind."
  }
  assert {
    condition = jsondecode(module.rule.resources.rule.event_pattern) == {
      source        = ["aws.access-analyzer"]
      "detail-type" = ["Access Analyzer Finding"]
      resources     = ["arn:aws:access-analyzer:eu-central-1:111122223333:analyzer/test-access-analyzer"]
      detail        = { status = ["ACTIVE", "RESOLVED"] }
    }
    error_message = "The rule matches this analyzer's findings, for all types of resource."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["respond"].policy).Statement == [
      { Sid = "ReadQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-access-analyzer"] },
      { Sid = "ReadFindings", Effect = "Allow", Action = ["access-analyzer:GetFinding"], Resource = ["arn:aws:access-analyzer:eu-central-1:111122223333:analyzer/test-access-analyzer"] },
      { Sid = "RememberFindings", Effect = "Allow", Action = ["dynamodb:UpdateItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-access-analyzer"] },
      { Sid = "SendNotices", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:eu-central-1:111122223333:test-access-analyzer-notices"] },
    ]
    error_message = "Without shut_off the function cannot touch S3."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["sweep"].policy).Statement == [
      { Sid = "ListFindings", Effect = "Allow", Action = ["access-analyzer:ListFindings"], Resource = ["arn:aws:access-analyzer:eu-central-1:111122223333:analyzer/test-access-analyzer"] },
      { Sid = "ReadOpenItems", Effect = "Allow", Action = ["dynamodb:Scan"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-access-analyzer"] },
      { Sid = "SendFindings", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-access-analyzer"] },
    ]
    error_message = "The sweep reads findings and sends them to the queue, and nothing else."
  }
  assert {
    condition     = module.schedule.resources.schedule.schedule_expression == "rate(1 day)" && try(module.schedule.resources.schedule.start_date, null) == null && module.functions.resources.functions["sweep"].environment[0].variables.STATUSES == "[\"ACTIVE\",\"RESOLVED\"]" && !contains(keys(module.functions.resources.functions["sweep"].environment[0].variables), "RESOURCE_TYPES")
    error_message = "The sweep runs at once, since it has no start date, and daily."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.runtime_policies["respond"].policy).Statement : s.Condition.StringLike["kms:ViaService"] if s.Sid == "UseKeyThroughServices"] == [["dynamodb.eu-central-1.*", "sns.eu-central-1.*", "sqs.eu-central-1.*"]]
    error_message = "The stack's key serves queue, table and topic."
  }
  assert {
    condition     = !contains(keys(module.functions.resources.functions["respond"].environment[0].variables), "SHUT_OFF") && length(module.evidence) == 0 && output.evidence_bucket == null && !contains(keys(module.functions.resources.alarms), "access-analyzer-shut-off-failed")
    error_message = "Nothing for shutting off access is created."
  }
  assert {
    condition = (
      jsondecode(module.queue.resources.queue.redrive_policy).maxReceiveCount == 5
      && module.queue.resources.queue.visibility_timeout_seconds == 6 * module.functions.resources.functions["respond"].timeout + aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds
      && aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"])
      && [for s in jsondecode(module.queue.resources.queue.policy).Statement : s.Condition if s.Effect == "Allow"] == [{ ArnLike = { "aws:SourceArn" = ["arn:aws:events:eu-central-1:111122223333:rule/test-access-analyzer"] } }]
    )
    error_message = "Failed calls are retried and then kept; only the rule may send."
  }
  assert {
    condition     = module.topic.resources.topic.kms_master_key_id == var.context.kms_key_arn && [for s in jsondecode(module.topic.resources.policy.policy).Statement : s.Effect] == ["Deny"] && module.table.resources.table.ttl[0].attribute_name == "ExpiresAt"
    error_message = "The topic is encrypted and accepts messages only from this account's roles; the table's items expire."
  }
}

run "everything_on" {
  command = plan

  module {
    source = "./modules/posture/access_analyzer"
  }

  variables {
    type                  = "organization"
    notification_statuses = ["RESOLVED"]
    resource_types        = ["AWS::S3::Bucket", "AWS::IAM::Role"]
    notification_emails   = ["security@example.com"]
    archive_rules = {
      partner = [
        { criteria = "principal.AWS", eq = ["444455556666"] },
        { criteria = "condition.aws:PrincipalOrgID", exists = true },
      ]
    }
    shut_off = {
      bucket_names                = ["data-*", "lake"]
      public_access_points        = "access_point"
      cross_account_access_points = true
    }
    exempt = {
      bucket_names       = ["data-website"]
      access_point_names = ["partner"]
      principals         = ["444455556666"]
    }
  }

  assert {
    condition     = aws_accessanalyzer_analyzer.this[0].type == "ORGANIZATION"
    error_message = "The organization is the zone of trust."
  }
  assert {
    condition     = jsondecode(module.rule.resources.rule.event_pattern).detail == { status = ["ACTIVE", "ARCHIVED", "RESOLVED"], resourceType = ["AWS::IAM::Role", "AWS::S3::Bucket"] } && module.functions.resources.functions["respond"].environment[0].variables.STATUSES == "[\"RESOLVED\"]"
    error_message = "All findings arrive, so that access can be shut off and its beginning is known, though only resolved ones are notified."
  }
  assert {
    condition = slice(jsondecode(module.functions.resources.grants["respond"].policy).Statement, 4, 10) == [
      { Sid = "BlockPublicAccess", Effect = "Allow", Action = ["s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"], Resource = ["arn:aws:s3:::data-*", "arn:aws:s3:::lake"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "RemoveAccessPointPolicies", Effect = "Allow", Action = ["s3:DeleteAccessPointPolicy", "s3:GetAccessPointPolicy"], Resource = ["arn:aws:s3:eu-central-1:111122223333:accesspoint/*"] },
      { Sid = "KeepRemovedPolicies", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-analyzer-kept-111122223333-eu-central-1/access-point-policies/*"] },
      { Sid = "ScanAgain", Effect = "Allow", Action = ["access-analyzer:StartResourceScan"], Resource = ["arn:aws:access-analyzer:eu-central-1:111122223333:analyzer/test-access-analyzer"] },
      { Sid = "LeaveExemptBuckets", Effect = "Deny", Action = ["s3:PutBucketPublicAccessBlock"], Resource = ["arn:aws:s3:::data-website"] },
      { Sid = "LeaveExemptAccessPoints", Effect = "Deny", Action = ["s3:DeleteAccessPointPolicy"], Resource = ["arn:aws:s3:eu-central-1:111122223333:accesspoint/partner"] },
    ]
    error_message = "The function may close the named buckets and this account's access points, but no exempt ones."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["respond"].environment[0].variables.SHUT_OFF) == { bucket_names = ["data-*", "lake"], public_access_points = "access_point", cross_account_access_points = true, dry_run = false }
    error_message = "The function gets the switches."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["respond"].environment[0].variables.EXEMPT) == { bucket_names = ["data-website"], access_point_names = ["partner"], principals = ["444455556666"] } && module.functions.resources.functions["respond"].environment[0].variables.EVIDENCE_BUCKET == output.evidence_bucket
    error_message = "The function gets the exemptions and the place for removed policies."
  }
  assert {
    condition     = module.evidence[0].resources.versioning.versioning_configuration[0].status == "Enabled" && module.functions.resources.alarms["access-analyzer-shut-off-failed"].metric_name == "ShutOffsFailed"
    error_message = "Removed policies are kept in versions, and failures raise an alarm."
  }
  assert {
    condition     = aws_accessanalyzer_archive_rule.this["partner"].analyzer_name == "test-access-analyzer" && toset([for f in aws_accessanalyzer_archive_rule.this["partner"].filter : f.criteria]) == toset(["principal.AWS", "condition.aws:PrincipalOrgID"]) && one([for f in aws_accessanalyzer_archive_rule.this["partner"].filter : f.eq if f.criteria == "principal.AWS"]) == tolist(["444455556666"])
    error_message = "Intended access is archived."
  }
}

run "an_analyzer_that_exists_and_public_buckets_alone" {
  command = plan

  module {
    source = "./modules/posture/access_analyzer"
  }

  variables {
    analyzer_arn  = "arn:aws:access-analyzer:eu-central-1:111122223333:analyzer/ours"
    shut_off      = {}
    archive_rules = { known = [{ criteria = "isPublic", neq = ["true"] }] }
  }

  assert {
    condition     = length(aws_accessanalyzer_analyzer.this) == 0 && aws_accessanalyzer_archive_rule.this["known"].analyzer_name == "ours" && output.analyzer_name == "ours"
    error_message = "The existing analyzer is used."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["respond"].policy).Statement : [s.Sid, s.Resource]] == [["ReadQueue", ["arn:aws:sqs:eu-central-1:111122223333:test-access-analyzer"]], ["ReadFindings", [var.analyzer_arn]], ["RememberFindings", ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-access-analyzer"]], ["SendNotices", ["arn:aws:sns:eu-central-1:111122223333:test-access-analyzer-notices"]], ["BlockPublicAccess", ["arn:aws:s3:::*"]], ["ScanAgain", [var.analyzer_arn]]] && length(module.evidence) == 0
    error_message = "By default only Block Public Access is used: no policies are removed, and none are kept."
  }
}

run "the_longest_prefix_in_the_region_with_the_longest_name" {
  command = plan

  module {
    source = "./modules/posture/access_analyzer"
  }

  variables {
    context  = merge(var.context, { name_prefix = "a234567890b234567890", region = "ap-northeast-1" })
    shut_off = { public_access_points = "access_point" }
  }

  assert {
    condition     = output.evidence_bucket == "a234567890b234567890-analyzer-kept-111122223333-ap-northeast-1"
    error_message = "All names fit."
  }
}

run "dry_run" {
  command = plan

  module {
    source = "./modules/posture/access_analyzer"
  }

  variables {
    shut_off = { dry_run = true, cross_account_access_points = true }
    exempt   = { bucket_names = ["website"] }
  }

  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["respond"].policy).Statement : s.Sid] == ["ReadQueue", "ReadFindings", "RememberFindings", "SendNotices"] && jsondecode(module.functions.resources.functions["respond"].environment[0].variables.SHUT_OFF).dry_run && length(module.evidence) == 0 && !contains(keys(module.functions.resources.alarms), "access-analyzer-shut-off-failed")
    error_message = "A dry run reports what it would do, and has no permission to do it."
  }
}
