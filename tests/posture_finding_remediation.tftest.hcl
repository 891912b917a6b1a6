mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "444455556666" }
  }
  mock_resource "aws_kms_key" {
    defaults = {
      arn    = "arn:aws:kms:eu-central-1:111122223333:key/aaaa2222-3333-4444-5555-666677778888"
      key_id = "aaaa2222-3333-4444-5555-666677778888"
    }
  }
  mock_resource "aws_securityhub_action_target" {
    defaults = { arn = "arn:aws:securityhub:eu-central-1:111122223333:action/custom/Mocked" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test" }
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
    source = "./modules/posture/finding_remediation"
  }

  assert {
    condition = { for key, action in aws_securityhub_action_target.this : key => [action.identifier, action.name] } == {
      elastic_ip    = ["ReleaseElasticIP", "Release Elastic IP"]
      macie_bucket  = ["MacieS3BucketPolicy", "Macie Policy Finding"]
      macie_object  = ["MacieSensitiveData", "Macie Data Finding"]
      s3_lifecycle  = ["ExpireOldS3Versions", "Expire S3 versions"]
      s3_public     = ["MakeS3BucketPrivate", "Make bucket private"]
      s3_versioning = ["TurnOnS3Versioning", "TurnOnS3Versioning"]
    }
    error_message = "A custom action for each remediation, under the sources' names."
  }

  assert {
    condition = length(module.automatic_rule) == 0 && alltrue([
      for key, rule in module.action_rule : jsondecode(rule.resources.rule.event_pattern) == {
        source        = ["aws.securityhub"]
        "detail-type" = ["Security Hub Findings - Custom Action"]
        resources     = ["arn:aws:securityhub:eu-central-1:111122223333:action/custom/Mocked"]
      }
    ])
    error_message = "Nothing runs unless a user chooses the action: each rule matches its action's ARN."
  }

  assert {
    condition = module.functions.resources.functions["macie_object"].environment[0].variables == tomap({
      ACCOUNT_ID                   = "111122223333"
      COPY_PART_MIB                = "512"
      COPY_SINGLE_MAX_MIB          = "5120"
      DELETE_OLD_VERSION           = "false"
      DRY_RUN                      = "false"
      EXEMPT_BUCKET_TAG            = ""
      EXTERNAL_ID                  = ""
      MAX_RECEIVES                 = "5"
      MEMBER_ACCOUNT_IDS           = "[]"
      MEMBER_ROLE                  = ""
      OBJECT_KMS_KEY_ARNS          = "{\"eu-central-1\":\"arn:aws:kms:eu-central-1:111122223333:key/aaaa2222-3333-4444-5555-666677778888\"}"
      POWERTOOLS_LOG_LEVEL         = "INFO"
      POWERTOOLS_METRICS_NAMESPACE = "Switchyard"
      POWERTOOLS_SERVICE_NAME      = "remediate-macie-object"
      REMEDIATION                  = "macie_object"
    })
    error_message = "AWS's limits, only this account, and the key that the module creates."
  }

  assert {
    condition     = aws_kms_alias.objects[0].name == "alias/test-macie-key" && aws_kms_key.objects[0].enable_key_rotation && jsondecode(aws_kms_key.objects[0].policy).Statement[*].Sid == ["AccountThroughIam"]
    error_message = "Only this account's IAM policies control access to the key for objects."
  }

  assert {
    condition = alltrue([
      for key, grants in module.functions.resources.grants : alltrue([
        for s in jsondecode(grants.policy).Statement : length([for action in s.Action : action if endswith(action, "*")]) == 0 && (s.Sid == "ReadAddresses" || !contains(s.Resource, "*"))
      ])
    ])
    error_message = "No action has a wildcard, and only describing addresses applies to all resources."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/posture/finding_remediation"
  }

  variables {
    automatic           = ["elastic_ip", "macie_bucket", "macie_object", "s3_lifecycle", "s3_public", "s3_versioning"]
    bucket_patterns     = ["prod-*", "logs"]
    public_buckets      = ["www-*", "downloads"]
    dry_run             = true
    exempt_tag          = "Keep"
    exempt_bucket_tag   = "KeepBucket"
    delete_old_version  = true
    hub_arn             = "arn:aws:securityhub:eu-central-1:111122223333:hub/default"
    noncurrent_days     = 30
    copy_single_max_mib = 100
    copy_part_mib       = 10
    member_account_ids  = ["444455556666", "222233334444"]
    member_external_id  = "remedy"
    member_role_prefix  = "fix"
    source_kms_key_arns = ["arn:aws:kms:eu-central-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888"]
    object_kms_key_arns = { us-east-1 = "arn:aws:kms:us-east-1:111122223333:key/cccc2222-3333-4444-5555-666677778888" }
  }

  assert {
    condition = { for key, rule in module.automatic_rule : key => jsondecode(rule.resources.rule.event_pattern).detail.findings } == {
      elastic_ip    = { Compliance = { SecurityControlId = ["EC2.12"], Status = ["FAILED"] }, RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] } }
      macie_bucket  = { ProductName = ["Macie"], Types = ["Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BlockPublicAccessDisabled", "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketEncryptionDisabled", "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketPublic"], RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] } }
      macie_object  = { ProductName = ["Macie"], Types = [{ prefix = "Sensitive Data Identifications/" }], RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] } }
      s3_lifecycle  = { Compliance = { SecurityControlId = ["S3.10"], Status = ["FAILED"] }, RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] } }
      s3_public     = { Compliance = { SecurityControlId = ["S3.2", "S3.3", "S3.8"], Status = ["FAILED"] }, RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] } }
      s3_versioning = { Compliance = { SecurityControlId = ["S3.14"], Status = ["FAILED"] }, RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] } }
    }
    error_message = "Automatic rules match NEW and ACTIVE findings, and FAILED ones of controls."
  }

  assert {
    condition = alltrue([
      for rule in module.automatic_rule : jsondecode(rule.resources.rule.event_pattern).source == ["aws.securityhub"] && jsondecode(rule.resources.rule.event_pattern)["detail-type"] == ["Security Hub Findings - Imported"]
    ])
    error_message = "Automatic rules match only Security Hub's own events."
  }

  assert {
    condition = jsondecode(module.functions.resources.grants["macie_object"].policy).Statement == [
      { Sid = "ReadQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-remediate-macie-object"] },
      { Sid = "AnswerFindings", Effect = "Allow", Action = ["securityhub:BatchUpdateFindings"], Resource = ["arn:aws:securityhub:eu-central-1:111122223333:hub/default"] },
      { Sid = "AssumeMemberRoles", Effect = "Allow", Action = ["sts:AssumeRole"], Resource = ["arn:aws:iam::*:role/fix-macie-object"], Condition = { StringEquals = { "aws:ResourceAccount" = ["222233334444", "444455556666"] } } },
      { Sid = "ReadObjects", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::logs/*", "arn:aws:s3:::prod-*/*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "ReadLocks", Effect = "Allow", Action = ["s3:GetObjectLegalHold", "s3:GetObjectRetention"], Resource = ["arn:aws:s3:::logs/*", "arn:aws:s3:::prod-*/*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "ReadTagsAndAcls", Effect = "Allow", Action = ["s3:GetObjectAcl", "s3:GetObjectTagging"], Resource = ["arn:aws:s3:::logs/*", "arn:aws:s3:::prod-*/*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "WriteObjects", Effect = "Allow", Action = ["s3:AbortMultipartUpload", "s3:PutObject"], Resource = ["arn:aws:s3:::logs/*", "arn:aws:s3:::prod-*/*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "WriteTagsAndAcls", Effect = "Allow", Action = ["s3:PutObjectAcl", "s3:PutObjectTagging"], Resource = ["arn:aws:s3:::logs/*", "arn:aws:s3:::prod-*/*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "DecryptObjects", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/bbbb2222-3333-4444-5555-666677778888"], Condition = { StringLike = { "kms:ViaService" = ["s3.*.*"] } } },
      { Sid = "EncryptObjects", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/aaaa2222-3333-4444-5555-666677778888", "arn:aws:kms:us-east-1:111122223333:key/cccc2222-3333-4444-5555-666677778888"], Condition = { StringLike = { "kms:ViaService" = ["s3.*.*"] } } },
      { Sid = "ListVersions", Effect = "Allow", Action = ["s3:ListBucketVersions"], Resource = ["arn:aws:s3:::logs", "arn:aws:s3:::prod-*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "ReadExemption", Effect = "Allow", Action = ["s3:GetBucketTagging"], Resource = ["arn:aws:s3:::logs", "arn:aws:s3:::prod-*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
      { Sid = "DeleteOldVersions", Effect = "Allow", Action = ["s3:DeleteObjectVersion"], Resource = ["arn:aws:s3:::logs/*", "arn:aws:s3:::prod-*/*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["111122223333"] } } },
    ]
    error_message = "The function may use objects of the named buckets, the named keys through S3, its own role in each member account, and its findings."
  }

  assert {
    condition = {
      for key, grants in module.functions.resources.grants : key => [for s in jsondecode(grants.policy).Statement : s.Action[0] if !contains(["ReadQueue", "AnswerFindings", "AssumeMemberRoles"], s.Sid)] if key != "macie_object"
      } == {
      elastic_ip    = ["ec2:DescribeAddresses", "ec2:ReleaseAddress"]
      macie_bucket  = ["s3:GetBucketTagging", "s3:PutBucketTagging", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"]
      s3_lifecycle  = ["s3:GetBucketVersioning", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", "s3:GetBucketTagging"]
      s3_public     = ["s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "s3:GetBucketTagging"]
      s3_versioning = ["s3:GetBucketVersioning", "s3:PutBucketVersioning", "s3:GetBucketTagging"]
    }
    error_message = "Each function has only the permissions of its own remediation."
  }

  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["elastic_ip"].policy).Statement : [s.Resource, s.Condition] if s.Sid == "ReleaseAddresses"] == [[["arn:aws:ec2:*:111122223333:elastic-ip/*"], { Null = { "aws:ResourceTag/Keep" = ["true"] } }]]
    error_message = "An address with the tag cannot be released."
  }

  assert {
    condition = [for key in ["DRY_RUN", "EXTERNAL_ID", "MEMBER_ACCOUNT_IDS", "MEMBER_ROLE", "PUBLIC_BUCKETS"] : module.functions.resources.functions["s3_public"].environment[0].variables[key]] == [
      "true", "remedy", "[\"222233334444\",\"444455556666\"]", "arn:aws:iam::{account}:role/fix-s3-public", "[\"downloads\",\"www-*\"]",
    ]
    error_message = "The function's settings say what it may do, and where."
  }

  assert {
    condition = (
      module.functions.resources.functions["s3_lifecycle"].environment[0].variables["NONCURRENT_DAYS"] == "30" && module.functions.resources.functions["elastic_ip"].environment[0].variables["EXEMPT_TAG"] == "Keep" &&
      module.functions.resources.functions["macie_object"].environment[0].variables["COPY_SINGLE_MAX_MIB"] == "100" && module.functions.resources.functions["macie_object"].environment[0].variables["COPY_PART_MIB"] == "10"
    )
    error_message = "Each function gets the settings that its remediation reads."
  }

  assert {
    condition = [for s in jsondecode(aws_kms_key.objects[0].policy).Statement : [s.Principal.AWS, s.Action, s.Condition] if s.Sid == "MemberRoles"] == [[
      ["arn:aws:iam::222233334444:root", "arn:aws:iam::444455556666:root"],
      ["kms:Decrypt", "kms:GenerateDataKey"],
      {
        ArnLike    = { "aws:PrincipalArn" = "arn:aws:iam::*:role/fix-macie-object" }
        StringLike = { "kms:ViaService" = "s3.eu-central-1.*" }
      },
    ]]
    error_message = "In member accounts, only the remediation's roles may use the key, through S3."
  }

  assert {
    condition     = { for key, mapping in aws_lambda_event_source_mapping.this : key => mapping.batch_size } == { elastic_ip = 10, macie_bucket = 10, macie_object = 1, s3_lifecycle = 10, s3_public = 10, s3_versioning = 10 } && alltrue([for mapping in aws_lambda_event_source_mapping.this : mapping.function_response_types == toset(["ReportBatchItemFailures"])])
    error_message = "Objects are handled one by one, everything else in batches; each message fails separately."
  }

  assert {
    condition = alltrue([
      for key, queue in module.queue : queue.resources.queue.visibility_timeout_seconds == 6 * module.functions.resources.functions[key].timeout && jsondecode(queue.resources.queue.redrive_policy).maxReceiveCount == 5
    ]) && length([for a in module.functions.resources.alarms : a if a.metric_name == "FindingsNotResolved"]) == 6
    error_message = "A message is tried five times, and a refused one raises an alarm."
  }
}

run "an_organization_of_any_size" {
  command = plan

  module {
    source = "./modules/posture/finding_remediation"
  }

  variables {
    member_organization_id = "o-a1b2c3d4e5"
  }

  assert {
    condition = alltrue([
      for key, grants in module.functions.resources.grants : [for s in jsondecode(grants.policy).Statement : [s.Resource, s.Condition] if s.Sid == "AssumeMemberRoles"] == [[
        ["arn:aws:iam::*:role/finding-remediation-${replace(key, "_", "-")}"],
        { StringEquals = { "aws:ResourceOrgID" = ["o-a1b2c3d4e5"] } },
      ]]
    ])
    error_message = "Each function may assume its own role in every account of the organization, and in no other account."
  }
  assert {
    condition     = module.functions.resources.functions["s3_public"].environment[0].variables["MEMBER_ACCOUNT_IDS"] == "[\"*\"]" && module.functions.resources.functions["s3_public"].environment[0].variables["MEMBER_ROLE"] == "arn:aws:iam::{account}:role/finding-remediation-s3-public"
    error_message = "The environment holds no list of accounts, whose size Lambda limits."
  }
  assert {
    condition = [for s in jsondecode(aws_kms_key.objects[0].policy).Statement : [s.Principal.AWS, s.Condition] if s.Sid == "MemberRoles"] == [[
      ["*"],
      {
        ArnLike      = { "aws:PrincipalArn" = "arn:aws:iam::*:role/finding-remediation-macie-object" }
        StringLike   = { "kms:ViaService" = "s3.eu-central-1.*" }
        StringEquals = { "aws:PrincipalOrgID" = "o-a1b2c3d4e5" }
      },
    ]]
    error_message = "The key allows only the organization's roles of this remediation, through S3."
  }
}

# The limits: 10,240 characters of inline policies without blanks, 4 KB of environment, 32 KB of a key policy.
run "a_hundred_members_fit" {
  command = plan

  module {
    source = "./modules/posture/finding_remediation"
  }

  variables {
    member_account_ids = [for number in range(100) : format("2%011d", number)]
    exempt_bucket_tag  = "KeepBucket"
    delete_old_version = true
    object_kms_key_arns = {
      for number in range(17) : "ap-southeast-${number + 1}" => "arn:aws:kms:ap-southeast-${number + 1}:111122223333:key/11112222-3333-4444-5555-666677778888"
    }
  }

  assert {
    condition     = alltrue([for grants in module.functions.resources.grants : length(grants.policy) < 10240])
    error_message = "The policies exceed IAM's limit."
  }
  assert {
    condition     = alltrue([for function in module.functions.resources.functions : length(jsonencode(function.environment[0].variables)) < 4096])
    error_message = "The environment exceeds Lambda's limit."
  }
  assert {
    condition     = length(aws_kms_key.objects[0].policy) < 32768
    error_message = "The key policy exceeds KMS's limit."
  }
}

run "one_remediation_and_a_given_key" {
  command = plan

  module {
    source = "./modules/posture/finding_remediation"
  }

  variables {
    remediations        = ["macie_object"]
    object_kms_key_arns = { eu-central-1 = "arn:aws:kms:eu-central-1:111122223333:key/dddd2222-3333-4444-5555-666677778888" }
  }

  assert {
    condition     = length(aws_kms_key.objects) == 0 && keys(module.functions.functions) == ["macie_object"] && output.object_kms_alias_name == null && keys(output.custom_action_arns) == ["macie_object"]
    error_message = "Only the chosen remediation is created, and no key if one is given."
  }
  assert {
    condition     = [for s in jsondecode(module.functions.resources.grants["macie_object"].policy).Statement : s.Resource if s.Sid == "DecryptObjects" || s.Sid == "EncryptObjects"] == [["arn:aws:kms:*:111122223333:key/*"], ["arn:aws:kms:eu-central-1:111122223333:key/dddd2222-3333-4444-5555-666677778888"]]
    error_message = "The function may read with any key of the account, and write with the given one."
  }
}

run "roles_in_a_member_account" {
  command = plan

  module {
    source = "./modules/posture/finding_remediation/member_role"
  }

  variables {
    function_role_arns = {
      macie_object  = "arn:aws:iam::111122223333:role/test-remediate-macie-object-function-eu-central-1"
      s3_versioning = "arn:aws:iam::111122223333:role/test-remediate-s3-versioning-function-eu-central-1"
    }
    external_id         = "remedy"
    organization_id     = "o-a1b2c3d4e5"
    bucket_patterns     = ["prod-*"]
    object_kms_key_arns = { eu-central-1 = "arn:aws:kms:eu-central-1:111122223333:key/dddd2222-3333-4444-5555-666677778888" }
  }

  assert {
    condition     = { for key, role in aws_iam_role.this : key => role.name } == { macie_object = "finding-remediation-macie-object", s3_versioning = "finding-remediation-s3-versioning" }
    error_message = "A role for each remediation, under the name that its function assumes."
  }
  assert {
    condition = jsondecode(aws_iam_role.this["s3_versioning"].assume_role_policy).Statement == [{
      Sid = "AssumedByRemediation", Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Condition = {
        ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::111122223333:role/test-remediate-s3-versioning-function-eu-central-1" }
        StringEquals = { "sts:ExternalId" = "remedy", "aws:PrincipalOrgID" = "o-a1b2c3d4e5" }
      }
    }]
    error_message = "Only that function's role may assume it, within the organization and with the external ID."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.this["s3_versioning"].policy).Statement == [
      { Sid = "ReadVersioning", Effect = "Allow", Action = ["s3:GetBucketVersioning"], Resource = ["arn:aws:s3:::prod-*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["444455556666"] } } },
      { Sid = "TurnVersioningOn", Effect = "Allow", Action = ["s3:PutBucketVersioning"], Resource = ["arn:aws:s3:::prod-*"], Condition = { StringEquals = { "aws:ResourceAccount" = ["444455556666"] } } },
    ]
    error_message = "The statements are the function's, for this account's resources."
  }
}
