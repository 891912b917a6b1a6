mock_provider "aws" {
  source = "./tests/mocks"
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
    source = "./modules/operations/module_pipeline"
  }

  variables {
    modules = { topic = { source = { s3 = {} } } }
    image   = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/terraform@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition = (
      aws_codepipeline.this["topic"].name == "test-module-topic" && aws_codepipeline.this["topic"].pipeline_type == "V2"
      && aws_codepipeline.this["topic"].execution_mode == "QUEUED" && aws_codepipeline.this["topic"].stage[*].name == tolist(["Source", "Check", "Test", "Approve", "Release"])
      && one(aws_codepipeline.this["topic"].artifact_store).location == "test-module-builds-111122223333-eu-central-1"
      && one(aws_codepipeline.this["topic"].artifact_store).encryption_key[0].id == var.context.kms_key_arn
      && length(aws_codepipeline.this["topic"].trigger) == 0
    )
    error_message = "The pipeline checks, tests, asks and releases, one execution after the other, with encrypted artifacts."
  }
  assert {
    condition = (
      aws_codepipeline.this["topic"].stage[0].action[0].configuration == tomap({ S3Bucket = "test-modules-111122223333-eu-central-1", S3ObjectKey = "source/topic.zip", PollForSourceChanges = "false" })
      && aws_codepipeline.this["topic"].stage[0].action[1].configuration["S3Bucket"] == "test-packages-111122223333-eu-central-1"
      && aws_codepipeline.this["topic"].stage[0].action[1].configuration["PollForSourceChanges"] == "false"
    )
    error_message = "The source is an upload, which an event announces; the gate is what Terraform deployed."
  }
  assert {
    condition     = [for stage in slice(aws_codepipeline.this["topic"].stage, 1, 5) : [for entry in stage.before_entry : [entry.condition[0].result, one(entry.condition[0].rule[0].rule_type_id).provider, entry.condition[0].rule[0].configuration["Variable"], entry.condition[0].rule[0].configuration["Value"]]]] == [[], [], [["SKIP", "VariableCheck", "#{Check.MODULE_RELEASE}", "new"]], [["SKIP", "VariableCheck", "#{Check.MODULE_RELEASE}", "new"]]]
    error_message = "The approval and the release are skipped if the version is not new."
  }
  assert {
    condition = (
      aws_codepipeline.this["topic"].stage[1].action[0].namespace == "Check"
      && jsonencode([for stage in slice(aws_codepipeline.this["topic"].stage, 1, 5) : coalesce(stage.action[0].input_artifacts, [])]) == jsonencode([["Module", "Gate"], ["Module", "Gate"], [], ["Module", "Gate"]])
      && alltrue([for stage in slice(aws_codepipeline.this["topic"].stage, 1, 5) : length(coalesce(stage.action[0].output_artifacts, [])) == 0])
    )
    error_message = "Each stage works on the source itself: no stage hands a changed module to the next."
  }
  assert {
    condition = (
      aws_codepipeline.this["topic"].stage[3].action[0].timeout_in_minutes == 10080
      && aws_codepipeline.this["topic"].stage[3].action[0].configuration["NotificationArn"] == "arn:aws:sns:eu-central-1:111122223333:test-module-pipeline"
      && aws_codepipeline.this["topic"].stage[3].action[0].configuration["CustomData"] == "Release topic #{Check.MODULE_VERSION}? The reports are in s3://test-module-builds-111122223333-eu-central-1/reports/topic/#{codepipeline.PipelineExecutionId}/"
    )
    error_message = "The approver is asked about a version, and where its reports are."
  }
  assert {
    condition = { for variable in jsondecode(aws_codepipeline.this["topic"].stage[1].action[0].configuration["EnvironmentVariables"]) : variable.name => variable.value } == {
      MODULE = "topic", MODULE_PATH = ".", EXECUTION = "#{codepipeline.PipelineExecutionId}", RELEASE = "s3"
    }
    error_message = "The builds get the settings of their module."
  }
  assert {
    condition     = keys(aws_codebuild_project.this) == ["check", "release", "test"] && length(module.sweep_schedule) == 0 && output.function_names == {} && output.sweep_role_arn == null
    error_message = "Without a sandbox there is nothing for it."
  }
  assert {
    condition = alltrue([for key, project in aws_codebuild_project.this : (
      !project.environment[0].privileged_mode && project.environment[0].image == var.image
      && project.environment[0].image_pull_credentials_type == "SERVICE_ROLE" && project.environment[0].type == "LINUX_CONTAINER"
      && project.source[0].type == "CODEPIPELINE" && project.build_timeout == 30 && project.queued_timeout == 60
      && project.encryption_key == var.context.kms_key_arn && length(project.vpc_config) == 0
    )])
    error_message = "Builds are not privileged, have the pinned image, and end in time."
  }
  assert {
    condition = alltrue([for key, project in aws_codebuild_project.this :
      yamldecode(project.source[0].buildspec).phases == yamldecode(file("modules/operations/module_pipeline/buildspecs/${key}.yml")).phases
    ])
    error_message = "The buildspecs are the files, and not the module's."
  }
  assert {
    condition = (
      keys(yamldecode(aws_codebuild_project.this["check"].source[0].buildspec).reports) == ["arn:aws:codebuild:eu-central-1:111122223333:report-group/test-module-check-checks"]
      && yamldecode(aws_codebuild_project.this["check"].source[0].buildspec).env["exported-variables"] == ["MODULE_VERSION", "MODULE_RELEASE"]
      && aws_codebuild_report_group.this["check/checks"].name == "test-module-check-checks"
      && keys(aws_codebuild_report_group.this) == ["check/checks", "test/tests"]
    )
    error_message = "Reports go to groups that Terraform made, so that no role creates one."
  }
  assert {
    condition = { for key, project in aws_codebuild_project.this : key => join(" ", sort(project.environment[0].environment_variable[*].name)) } == {
      check   = "BUCKET BUCKET_OWNER NAME_PREFIX REGISTRY_BUCKET"
      test    = "BUCKET BUCKET_OWNER NAME_PREFIX"
      release = "BUCKET BUCKET_OWNER NAME_PREFIX REGISTRY_BUCKET"
    }
    error_message = "Tests know nothing of the registry."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.build["test"].policy).Statement == [
      { Sid = "WriteOwnLogs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/codebuild/test-module-test:*" },
      { Sid = "ReadArtifacts", Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion"], Resource = ["arn:aws:s3:::test-module-builds-111122223333-eu-central-1/test-module-topic/*"] },
      { Sid = "KeepReports", Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::test-module-builds-111122223333-eu-central-1/reports/*" },
      { Sid = "UseKeyThroughServices", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.context.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*"] } } },
      { Sid = "PublishTestReports", Effect = "Allow", Action = ["codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:UpdateReport"], Resource = ["arn:aws:codebuild:eu-central-1:111122223333:report-group/test-module-test-tests"] },
      { Sid = "PullImage", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = "arn:aws:ecr:eu-central-1:111122223333:repository/terraform" },
      { Sid = "LogInToEcr", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
    ]
    error_message = "The code of a module runs with a role that reads sources and writes reports."
  }
  assert {
    condition = (
      [for s in jsondecode(aws_iam_role_policy.build["check"].policy).Statement : s.Sid] == ["WriteOwnLogs", "ReadArtifacts", "KeepReports", "UseKeyThroughServices", "PublishTestReports", "PullImage", "LogInToEcr", "SeeReleases", "FindReleases"]
      && [for s in jsondecode(aws_iam_role_policy.build["check"].policy).Statement : s if s.Sid == "FindReleases"] == [{ Sid = "FindReleases", Effect = "Allow", Action = "s3:ListBucket", Resource = "arn:aws:s3:::test-modules-111122223333-eu-central-1", Condition = { StringLike = { "s3:prefix" = ["registry/*"] } } }]
      && [for s in jsondecode(aws_iam_role_policy.build["release"].policy).Statement : s if contains(["Release", "SeeReleases"], s.Sid)] == [
        { Sid = "Release", Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::test-modules-111122223333-eu-central-1/registry/*" },
        { Sid = "SeeReleases", Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::test-modules-111122223333-eu-central-1/registry/*" },
      ]
    )
    error_message = "Only the release writes releases."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.pipeline.policy).Statement == [
      { Sid = "ReadSources", Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion"], Resource = ["arn:aws:s3:::test-modules-111122223333-eu-central-1/source/topic.zip", "arn:aws:s3:::test-packages-111122223333-eu-central-1/${aws_s3_object.gate.key}"] },
      { Sid = "SeeVersioning", Effect = "Allow", Action = "s3:GetBucketVersioning", Resource = ["arn:aws:s3:::test-modules-111122223333-eu-central-1", "arn:aws:s3:::test-packages-111122223333-eu-central-1"] },
      { Sid = "KeepArtifacts", Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = ["arn:aws:s3:::test-module-builds-111122223333-eu-central-1/test-module-topic/*"] },
      { Sid = "RunBuilds", Effect = "Allow", Action = ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"], Resource = ["arn:aws:codebuild:eu-central-1:111122223333:project/test-module-check", "arn:aws:codebuild:eu-central-1:111122223333:project/test-module-release", "arn:aws:codebuild:eu-central-1:111122223333:project/test-module-test"] },
      { Sid = "UseKeyThroughServices", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.context.kms_key_arn], Condition = { StringLike = { "kms:ViaService" = ["s3.eu-central-1.*", "sns.eu-central-1.*"] } } },
      { Sid = "AskForApproval", Effect = "Allow", Action = "sns:Publish", Resource = "arn:aws:sns:eu-central-1:111122223333:test-module-pipeline" },
    ]
    error_message = "The pipeline reads its sources, runs its builds and asks."
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.pipeline.assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" } }
      && jsondecode(aws_iam_role.build["test"].assume_role_policy).Statement[0].Condition == {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnEquals    = { "aws:SourceArn" = "arn:aws:codebuild:eu-central-1:111122223333:project/test-module-test" }
      }
    )
    error_message = "The services assume the roles for this account only, and a build's role for its project."
  }
  assert {
    condition = (
      jsondecode(module.rules["module-topic"].resources.rule.event_pattern) == { source = ["aws.s3"], "detail-type" = ["Object Created"], detail = { bucket = { name = ["test-modules-111122223333-eu-central-1"] }, object = { key = ["source/topic.zip"] } } }
      && jsondecode(replace(module.rules["module-topic"].resources.targets["codepipeline"].input_transformer[0].input_template, "<revision>", "v1")) == { sourceRevisions = [{ actionName = "Module", revisionType = "S3_OBJECT_VERSION_ID", revisionValue = "v1" }] }
      && module.rules["module-topic"].resources.targets["codepipeline"].input_transformer[0].input_paths == tomap({ revision = "$.detail.object.version-id" })
    )
    error_message = "An upload starts the pipeline with exactly its version."
  }
  assert {
    condition = jsondecode(module.rules["modules-failed"].resources.rule.event_pattern) == {
      source = ["aws.codepipeline"], "detail-type" = ["CodePipeline Pipeline Execution State Change"], detail = { pipeline = ["test-module-topic"], state = ["FAILED"] }
    }
    error_message = "Failed executions are reported."
  }
  assert {
    condition = [for s in jsondecode(module.registry.resources.policy.policy).Statement : s if s.Sid == "DenyChangesOfReleases"] == [
      { Sid = "DenyChangesOfReleases", Effect = "Deny", Principal = { AWS = ["*"] }, Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-modules-111122223333-eu-central-1/registry/*"], Condition = { Null = { "s3:if-none-match" = ["true"] } } },
    ]
    error_message = "No principal overwrites a release."
  }
  assert {
    condition     = !module.builds.resources.bucket.force_destroy && !module.registry.resources.bucket.force_destroy && module.builds.resources.lifecycle.rule[1].expiration[0].days == 90 && aws_codebuild_report_group.this["test/tests"].delete_reports
    error_message = "Reports expire; releases do not, and terraform destroy keeps both."
  }
  assert {
    condition = (
      output.registry_url == "s3::https://s3.eu-central-1.amazonaws.com/test-modules-111122223333-eu-central-1/registry/"
      && output.sources == { topic = { bucket = "test-modules-111122223333-eu-central-1", key = "source/topic.zip" } }
      && [for s in jsondecode(output.consumer_policy_json).Statement : [s.Sid, s.Resource]] == [["ReadReleases", "arn:aws:s3:::test-modules-111122223333-eu-central-1/registry/*"], ["FindReleases", "arn:aws:s3:::test-modules-111122223333-eu-central-1"], ["DecryptReleases", var.context.kms_key_arn]]
      && [for s in jsondecode(output.approver_policy_json).Statement : s.Resource if s.Sid == "Approve"] == [["arn:aws:codepipeline:eu-central-1:111122223333:test-module-topic/Approve/Approve"]]
    )
    error_message = "Consumers and approvers get what they need."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.failed["release"].dimensions == tomap({ ProjectName = "test-module-release" }) && aws_cloudwatch_metric_alarm.failed["release"].alarm_actions == toset([var.context.alarm_topic_arn]) && keys(aws_cloudwatch_metric_alarm.failed) == ["release"]
    error_message = "A release that fails raises an alarm."
  }
}

run "everything_set" {
  command = plan

  module {
    source = "./modules/operations/module_pipeline"
  }

  variables {
    modules = {
      topic = { source = { s3 = { bucket = "uploads", key = "topic.zip", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/2b5a9d2e-5f0d-4a0b-9d0e-0a0b0c0d0e0f" } }, path = "modules/topic", accept_unparsed = ["odd.tf"] }
      queue = { source = { codecommit = { repository = "queue" } }, release = "git_tag", integration_tests = true }
      vpc   = { source = { connection = { connection_arn = "arn:aws:codeconnections:eu-central-1:111122223333:connection/aaaa-bbbb", repository = "example/vpc", branch = "trunk" } }, release = "git_tag", path = "modules/vpc" }
      plain = { source = { connection = { connection_arn = "arn:aws:codeconnections:eu-central-1:111122223333:connection/cccc-dddd", repository = "example/plain" } } }
    }
    image                    = "public.ecr.aws/docker/library/terraform@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    image_architecture       = "arm64"
    compute_type             = "BUILD_GENERAL1_MEDIUM"
    build_timeout_minutes    = 20
    execution_mode           = "SUPERSEDED"
    approval_timeout_minutes = 60
    notification_emails      = ["platform@example.com"]
    vpc                      = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    sandbox = {
      test_role_arn  = "arn:aws:iam::444455556666:role/module-pipeline-test"
      sweep_role_arn = "arn:aws:iam::444455556666:role/module-pipeline-sweep"
      external_id    = "tests-of-test"
      region         = "eu-west-1"
      budget_minutes = 40
    }
    report_days          = 30
    consumer_account_ids = ["444455556666"]
    registry_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/2b5a9d2e-5f0d-4a0b-9d0e-0a0b0c0d0e00"
    force_destroy        = true
  }

  assert {
    condition = (
      aws_codepipeline.this["queue"].stage[*].name == tolist(["Source", "Check", "Test", "Integration", "Approve", "Release"])
      && aws_codepipeline.this["topic"].stage[*].name == tolist(["Source", "Check", "Test", "Approve", "Release"])
      && aws_codepipeline.this["queue"].execution_mode == "SUPERSEDED" && aws_codepipeline.this["queue"].stage[4].action[0].timeout_in_minutes == 60
    )
    error_message = "Only a module with integration tests has their stage."
  }
  assert {
    condition = (
      aws_codepipeline.this["queue"].stage[0].action[0].configuration == tomap({ RepositoryName = "queue", BranchName = "main", PollForSourceChanges = "false", OutputArtifactFormat = "CODEBUILD_CLONE_REF" })
      && aws_codepipeline.this["vpc"].stage[0].action[0].provider == "CodeStarSourceConnection"
      && aws_codepipeline.this["vpc"].stage[0].action[0].configuration == tomap({ ConnectionArn = "arn:aws:codeconnections:eu-central-1:111122223333:connection/aaaa-bbbb", FullRepositoryId = "example/vpc", BranchName = "trunk", OutputArtifactFormat = "CODEBUILD_CLONE_REF" })
      && aws_codepipeline.this["plain"].stage[0].action[0].configuration["OutputArtifactFormat"] == "CODE_ZIP"
      && aws_codepipeline.this["topic"].stage[0].action[0].configuration["S3Bucket"] == "uploads"
    )
    error_message = "Each source is configured as its provider wants; a tag needs the whole repository."
  }
  assert {
    condition = (
      aws_codepipeline.this["vpc"].trigger[0].git_configuration[0].push[0].branches[0].includes == tolist(["trunk"])
      && aws_codepipeline.this["vpc"].trigger[0].git_configuration[0].push[0].file_paths[0].includes == tolist(["modules/vpc/**"])
      && length(aws_codepipeline.this["plain"].trigger[0].git_configuration[0].push[0].file_paths) == 0
      && length(aws_codepipeline.this["queue"].trigger) == 0 && keys(module.rules) == ["module-queue", "module-topic", "modules-failed"]
    )
    error_message = "A push to the branch that changes the module starts a pipeline with a connection; the other two have a rule."
  }
  assert {
    condition = (
      jsondecode(module.rules["module-queue"].resources.rule.event_pattern).detail == { event = ["referenceCreated", "referenceUpdated"], referenceType = ["branch"], referenceName = ["main"] }
      && module.rules["module-queue"].resources.targets["codepipeline"].input_transformer[0].input_paths == tomap({ revision = "$.detail.commitId" })
    )
    error_message = "A push to CodeCommit starts the pipeline with exactly its commit."
  }
  assert {
    condition = { for name, pipeline in aws_codepipeline.this : name => { for v in jsondecode(pipeline.stage[1].action[0].configuration["EnvironmentVariables"]) : v.name => v.value if !contains(["EXECUTION", "MODULE"], v.name) } } == {
      topic = { MODULE_PATH = "modules/topic", RELEASE = "s3", ACCEPT_UNPARSED = "[\"odd.tf\"]" }
      queue = { MODULE_PATH = ".", RELEASE = "git_tag", INTEGRATION = "true" }
      vpc   = { MODULE_PATH = "modules/vpc", RELEASE = "git_tag" }
      plain = { MODULE_PATH = ".", RELEASE = "s3" }
    }
    error_message = "The settings of each module arrive."
  }
  assert {
    condition = (
      aws_codebuild_project.this["integration"].build_timeout == 70 && aws_codebuild_project.this["check"].build_timeout == 20
      && aws_codebuild_project.this["check"].environment[0].type == "ARM_CONTAINER" && aws_codebuild_project.this["check"].environment[0].compute_type == "BUILD_GENERAL1_MEDIUM"
      && aws_codebuild_project.this["check"].vpc_config[0].subnets == toset(["subnet-1"])
      && { for v in aws_codebuild_project.this["integration"].environment[0].environment_variable : v.name => v.value if contains(["SANDBOX_REGION", "BUDGET_MINUTES", "EXTERNAL_ID"], v.name) } == { SANDBOX_REGION = "eu-west-1", BUDGET_MINUTES = "40", EXTERNAL_ID = "tests-of-test" }
    )
    error_message = "The build with a budget has time to clean up after it; the other settings arrive."
  }
  assert {
    condition = { for key, policy in aws_iam_role_policy.build : key => [for s in jsondecode(policy.policy).Statement : s.Sid if !contains(["WriteOwnLogs", "ReadArtifacts", "KeepReports", "UseKeyThroughServices", "PublishTestReports", "SeeReleases", "FindReleases"], s.Sid)] } == {
      check       = ["CloneThroughConnection", "CloneRepository", "UseNetwork", "LetBuildUseInterface"]
      test        = ["CloneThroughConnection", "CloneRepository", "UseNetwork", "LetBuildUseInterface"]
      integration = ["UseSandbox", "CloneThroughConnection", "CloneRepository", "UseNetwork", "LetBuildUseInterface"]
      release     = ["Release", "CloneThroughConnection", "CloneRepository", "PushTags", "UseNetwork", "LetBuildUseInterface"]
    }
    error_message = "Only the release pushes tags; a public image needs no permission."
  }
  assert {
    condition = (
      [for s in jsondecode(aws_iam_role_policy.build["test"].policy).Statement : [s.Resource, s.Condition] if s.Sid == "CloneThroughConnection"] == [[["arn:aws:codeconnections:eu-central-1:111122223333:connection/aaaa-bbbb"], { "ForAnyValue:StringEquals" = { "codestar-connections:ProviderPermissionsRequired" = ["read_only"] } }]]
      && [for s in jsondecode(aws_iam_role_policy.build["release"].policy).Statement : s.Condition if s.Sid == "PushTags"] == [{ StringLike = { "codecommit:References" = ["refs/tags/v*"] } }]
      && [for s in jsondecode(aws_iam_role_policy.build["integration"].policy).Statement : [s.Action, s.Resource] if s.Sid == "UseSandbox"] == [[["sts:AssumeRole", "sts:TagSession"], ["arn:aws:iam::444455556666:role/module-pipeline-test", "arn:aws:iam::444455556666:role/module-pipeline-sweep"]]]
    )
    error_message = "Tests clone read-only; the sandbox is entered through its two roles."
  }
  assert {
    condition = (
      [for s in jsondecode(aws_iam_role_policy.pipeline.policy).Statement : s.Resource if s.Sid == "UseKeyThroughServices"] == [["arn:aws:kms:eu-central-1:111122223333:key/aaaa", "arn:aws:kms:eu-central-1:111122223333:key/2b5a9d2e-5f0d-4a0b-9d0e-0a0b0c0d0e00", "arn:aws:kms:eu-central-1:111122223333:key/2b5a9d2e-5f0d-4a0b-9d0e-0a0b0c0d0e0f"]]
      || [for s in jsondecode(aws_iam_role_policy.pipeline.policy).Statement : s.Resource if s.Sid == "UseKeyThroughServices"] == [[var.context.kms_key_arn, "arn:aws:kms:eu-central-1:111122223333:key/2b5a9d2e-5f0d-4a0b-9d0e-0a0b0c0d0e00", "arn:aws:kms:eu-central-1:111122223333:key/2b5a9d2e-5f0d-4a0b-9d0e-0a0b0c0d0e0f"]]
    )
    error_message = "The pipeline uses the keys of its sources."
  }
  assert {
    condition = (
      [for s in jsondecode(aws_iam_role_policy.pipeline.policy).Statement : s.Sid] == ["ReadSources", "SeeVersioning", "KeepArtifacts", "RunBuilds", "UseKeyThroughServices", "AskForApproval", "ReadThroughConnections", "ReadRepositories"]
      && [for s in jsondecode(aws_iam_role_policy.pipeline.policy).Statement : s.Resource if s.Sid == "ReadRepositories"] == [["arn:aws:codecommit:eu-central-1:111122223333:queue"]]
    )
    error_message = "The pipeline reads the repositories that are named."
  }
  assert {
    condition = (
      [for s in jsondecode(module.registry.resources.policy.policy).Statement : s.Sid] == ["DenyInsecureTransport", "DenyOtherEncryption", "DenyCallersKeys", "DenyChangesOfReleases", "ReadReleases", "FindReleases"]
      && [for s in jsondecode(module.registry.resources.policy.policy).Statement : s.Principal if s.Sid == "ReadReleases"] == [{ AWS = ["arn:aws:iam::444455556666:root"] }]
      && module.registry.kms_key_arn == "arn:aws:kms:eu-central-1:111122223333:key/2b5a9d2e-5f0d-4a0b-9d0e-0a0b0c0d0e00"
      && module.builds.resources.lifecycle.rule[1].expiration[0].days == 30 && module.registry.resources.bucket.force_destroy
    )
    error_message = "Other accounts read releases under a key that they can use."
  }
  assert {
    condition = (
      jsondecode(module.functions.resources.grants["sweep"].policy).Statement == [
        { Sid = "UseSweepRole", Effect = "Allow", Action = ["sts:AssumeRole"], Resource = ["arn:aws:iam::444455556666:role/module-pipeline-sweep"] },
        { Sid = "WriteReport", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-module-builds-111122223333-eu-central-1/reports/sweep.json"] },
      ]
      && module.functions.resources.functions["sweep"].handler == "operations.module_pipeline.sweep.handler"
      && module.functions.resources.functions["sweep"].environment[0].variables["SANDBOX_REGION"] == "eu-west-1"
      && module.sweep_schedule[0].resources.schedule.schedule_expression == "rate(1 hour)"
      && keys(aws_cloudwatch_metric_alarm.failed) == ["integration", "release"]
    )
    error_message = "The leftovers of stopped builds are removed every hour."
  }
}

run "without_approval" {
  command = plan

  module {
    source = "./modules/operations/module_pipeline"
  }

  variables {
    modules           = { topic = { source = { s3 = {} } } }
    image             = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/terraform@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    approval_required = false
  }

  assert {
    condition     = aws_codepipeline.this["topic"].stage[*].name == tolist(["Source", "Check", "Test", "Release"]) && length([for s in jsondecode(aws_iam_role_policy.pipeline.policy).Statement : s if s.Sid == "AskForApproval"]) == 0
    error_message = "Without the approval, the pipeline may not publish."
  }
}

run "sandbox_roles" {
  command = plan

  module {
    source = "./modules/operations/module_pipeline/sandbox_roles"
  }

  variables {
    name_prefix             = "test"
    integration_role_arn    = "arn:aws:iam::444455556666:role/test-module-integration-build-eu-central-1"
    sweep_function_role_arn = "arn:aws:iam::444455556666:role/test-module-sweep-function-eu-central-1"
    external_id             = "tests-of-test"
    test_policy_arns        = ["arn:aws:iam::aws:policy/PowerUserAccess"]
  }

  assert {
    condition = { for key, role in aws_iam_role.this : key => jsondecode(role.assume_role_policy).Statement[0].Condition } == {
      test = {
        ArnEquals    = { "aws:PrincipalArn" = ["arn:aws:iam::444455556666:role/test-module-integration-build-eu-central-1"] }
        StringEquals = { "sts:ExternalId" = "tests-of-test" }
      }
      sweep = {
        ArnEquals    = { "aws:PrincipalArn" = ["arn:aws:iam::444455556666:role/test-module-integration-build-eu-central-1", "arn:aws:iam::444455556666:role/test-module-sweep-function-eu-central-1"] }
        StringEquals = { "sts:ExternalId" = "tests-of-test" }
      }
    }
    error_message = "Only the builds and the function enter the sandbox, with the external ID."
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.this["sweep"].assume_role_policy).Statement[0].Principal == { AWS = ["arn:aws:iam::444455556666:root"] }
      && aws_iam_role_policy_attachment.test[0].role == "module-pipeline-test" && aws_iam_role_policy_attachment.test[0].policy_arn == "arn:aws:iam::aws:policy/PowerUserAccess"
      && [for s in jsondecode(aws_iam_role_policy.sweep.policy).Statement : s.Condition if s.Sid == "RemoveTagged"] == [{ StringLike = { "aws:ResourceTag/ModuleTest" = "test/*" } }]
      && [for s in jsondecode(aws_iam_role_policy.sweep.policy).Statement : s.Sid] == ["Find", "RemoveBuckets", "RemoveTagged", "RemoveQueues", "RemoveAliases", "RemoveAliasesOfKeys", "RemoveRoles"]
    )
    error_message = "The sweep removes what has the mark of this stack's tests."
  }
}
