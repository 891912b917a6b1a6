# A block's `resources` output holds its resources as planned: assertions on it are on what is deployed.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan

  mock_resource "aws_cloudformation_stack" {
    defaults = {
      outputs = {
        BotId    = "BOT1234567"
        AliasId  = "ALIAS12345"
        AliasArn = "arn:aws:lex:eu-central-1:111122223333:bot-alias/BOT1234567/ALIAS12345"
        Version  = "1"
      }
    }
  }
  mock_resource "aws_cognito_user_pool" {
    defaults = { id = "eu-central-1_Ab12Cd34E" }
  }
  mock_resource "aws_cognito_user_pool_client" {
    defaults = { id = "client1" }
  }
  mock_resource "aws_cognito_identity_pool" {
    defaults = { id = "eu-central-1:11111111-2222-3333-4444-555555555555" }
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
  mock_resource "aws_sqs_queue" {
    defaults = { url = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-training-feedback" }
  }
  mock_resource "aws_quicksight_data_source" {
    defaults = { arn = "arn:aws:quicksight:eu-central-1:111122223333:datasource/test-training-feedback" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/test" }
  }
}

variables {
  topics = { "alarm limits" = ["alarms"], "infusion pump" = [] }
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
    source = "./modules/apps/training_feedback"
  }

  # --- the bot (TF-1, TF-2) ---

  assert {
    condition = [for name, resource in jsondecode(aws_cloudformation_stack.bot.template_body).Resources : resource.Type] == [
      "AWS::Lex::BotAlias", "AWS::Lex::Bot", "AWS::Lex::BotVersion"
    ]
    error_message = "Bot, version and alias are one stack, with which they are deleted."
  }
  assert {
    condition     = jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Bot.Properties.AutoBuildBotLocales
    error_message = "CloudFormation builds the locales."
  }
  assert {
    condition = alltrue(flatten([
      for locale in jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Bot.Properties.BotLocales : [
        for intent in locale.Intents : [intent.SlotPriorities[*].SlotName == intent.Slots[*].Name, intent.FulfillmentCodeHook.Enabled]
      ]
    ]))
    error_message = "Each slot has a priority, by its name, and each intent a code hook, the fallback too."
  }
  assert {
    condition     = [for intent in jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Bot.Properties.BotLocales[0].Intents : intent.Name] == ["Training", "Feedback", "FallbackIntent"]
    error_message = "The hook knows these intents."
  }
  assert {
    condition = jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Bot.Properties.BotLocales[0].SlotTypes[0].SlotTypeValues == [
      { SampleValue = { Value = "alarm limits" }, Synonyms = [{ Value = "alarms" }] },
      { SampleValue = { Value = "infusion pump" }, Synonyms = [] },
    ]
    error_message = "Topics and their other words are values of the slot."
  }
  assert {
    condition     = one([for slot in jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Bot.Properties.BotLocales[0].Intents[1].Slots : slot if slot.Name == "Comments"]).ObfuscationSetting.ObfuscationSettingType == "DefaultObfuscation"
    error_message = "Lex hides the comments in its logs."
  }
  assert {
    condition = jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Alias.Properties.BotAliasLocaleSettings == [{
      LocaleId = "en_US"
      BotAliasLocaleSetting = {
        Enabled               = true
        CodeHookSpecification = { LambdaCodeHook = { CodeHookInterfaceVersion = "1.0", LambdaArn = "arn:aws:lambda:eu-central-1:111122223333:function:test-training-feedback-hook" } }
      }
    }]
    error_message = "The alias calls the hook for each locale."
  }
  assert {
    condition     = jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Alias.Properties.BotVersion["Fn::GetAtt"] == [local.version, "BotVersion"] && can(jsondecode(aws_cloudformation_stack.bot.template_body).Resources[local.version])
    error_message = "The alias points to the numbered version, not to the draft."
  }
  assert {
    condition     = aws_lambda_permission.bot.principal == "lexv2.amazonaws.com" && aws_lambda_permission.bot.source_arn == "arn:aws:lex:eu-central-1:111122223333:bot-alias/BOT1234567/ALIAS12345" && aws_lambda_permission.bot.source_account == "111122223333"
    error_message = "Lex may call the hook for this alias only."
  }
  assert {
    condition     = jsondecode(aws_iam_role.bot.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    error_message = "Lex assumes the role of the bot for this account only."
  }

  # --- IAM ---

  assert {
    condition = jsondecode(module.functions.resources.grants["hook"].policy).Statement == [
      { Sid = "ReadMaterial", Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-training-feedback-material"] },
      { Sid = "KnowLearners", Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:PutItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-training-feedback-learner"] },
      { Sid = "QueueFeedback", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-training-feedback"] },
    ]
    error_message = "The hook reads material, keeps levels and queues feedback."
  }
  assert {
    condition = jsondecode(module.functions.resources.grants["analyse"].policy).Statement == [
      { Sid = "ReceiveFeedback", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:test-training-feedback"] },
      { Sid = "FindPersonalData", Effect = "Allow", Action = ["comprehend:DetectPiiEntities"], Resource = ["*"] },
      { Sid = "AnalyseText", Effect = "Allow", Action = ["comprehend:DetectDominantLanguage", "comprehend:DetectKeyPhrases", "comprehend:DetectSentiment"], Resource = ["*"] },
      { Sid = "StoreRows", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::test-training-111122223333-eu-central-1/feedback/dt=*"] },
      { Sid = "FindHealthData", Effect = "Allow", Action = ["comprehendmedical:DetectEntitiesV2"], Resource = ["*"] },
    ]
    error_message = "The analysis receives feedback, has it looked at, and stores rows."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.learner.policy).Statement == [
      { Sid = "TalkToTheBot", Effect = "Allow", Action = ["lex:RecognizeText"], Resource = ["arn:aws:lex:eu-central-1:111122223333:bot-alias/BOT1234567/ALIAS12345"] },
    ]
    error_message = "Learners may talk to the alias, and nothing else."
  }
  assert {
    condition = jsondecode(aws_iam_role.learner.assume_role_policy).Statement[0].Condition == {
      StringEquals             = { "cognito-identity.amazonaws.com:aud" = "eu-central-1:11111111-2222-3333-4444-555555555555" }
      "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" }
    }
    error_message = "Only identities of this pool that signed in get the role."
  }

  # --- learners ---

  assert {
    condition     = !aws_cognito_identity_pool.this.allow_unauthenticated_identities && !aws_cognito_identity_pool.this.allow_classic_flow && one(aws_cognito_identity_pool.this.cognito_identity_providers).server_side_token_check
    error_message = "No guest gets credentials, and no user who was signed out."
  }
  assert {
    condition     = aws_cognito_user_pool.this[0].admin_create_user_config[0].allow_admin_create_user_only && aws_cognito_user_pool.this[0].deletion_protection == "ACTIVE"
    error_message = "Users are added by an administrator."
  }
  assert {
    condition     = aws_cognito_user_pool_client.this[0].explicit_auth_flows == toset(["ALLOW_USER_PASSWORD_AUTH"]) && aws_cognito_user_pool_client.this[0].prevent_user_existence_errors == "ENABLED"
    error_message = "The page signs in with a password, and no answer says whether a user exists."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["page"].environment[0].variables.VOICES) == {}
    error_message = "There is no speech unless it is asked for."
  }

  # --- data ---

  assert {
    condition     = alltrue([for table in module.tables : table.resources.table.deletion_protection_enabled]) && module.tables["learner"].resources.table.ttl[0].attribute_name == "expiresAt"
    error_message = "Tables are protected, and levels are forgotten."
  }
  assert {
    condition     = module.queue.resources.queue.visibility_timeout_seconds == 6 * module.functions.resources.functions["analyse"].timeout && tolist(aws_lambda_event_source_mapping.analyse.function_response_types) == tolist(["ReportBatchItemFailures"])
    error_message = "A message comes back only after the function has ended, and alone."
  }
  assert {
    condition     = contains(flatten(module.bucket.resources.lifecycle.rule[*].expiration[*].days), 365)
    error_message = "Feedback is deleted after a year."
  }
  assert {
    condition     = module.athena.resources.tables["feedback"].parameters["projection.dt.range"] == "NOW-365DAYS,NOW+1DAY" && module.athena.resources.tables["feedback"].parameters["storage.location.template"] == "s3://test-training-111122223333-eu-central-1/feedback/dt=$${dt}/"
    error_message = "Days are found without a crawler."
  }
  assert {
    condition     = toset(keys(module.athena.resources.queries)) == toset(["difficulty_by_topic_and_level", "phrases_of_complaints", "sentiment_by_topic_and_day"])
    error_message = "Queries are ready to run."
  }
  assert {
    condition     = length(aws_quicksight_data_set.this) == 0 && length(aws_iam_role_policy.quicksight) == 0
    error_message = "QuickSight is optional."
  }
}

run "everything" {
  command = plan

  module {
    source = "./modules/apps/training_feedback"
  }

  variables {
    locales             = ["en_US", "es_US"]
    speech              = { voices = { en_US = "Matthew" } }
    health_categories   = []
    user_pool           = { id = "eu-central-1_Zz99Zz99Z", client_id = "client9" }
    quicksight          = { owner_arns = ["arn:aws:quicksight:eu-central-1:111122223333:user/default/ann"] }
    deletion_protection = false
  }

  assert {
    condition = [
      for one in jsondecode(aws_cloudformation_stack.bot.template_body).Resources.Alias.Properties.BotAliasLocaleSettings : [one.LocaleId, one.BotAliasLocaleSetting.Enabled]
    ] == [["en_US", true], ["es_US", true]]
    error_message = "The alias has every locale."
  }
  assert {
    condition     = local.version != run.defaults.bot.version && startswith(local.version, "Version")
    error_message = "Another bot has a version of another name."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.learner.policy).Statement[1] == {
      Sid = "Speak", Effect = "Allow", Action = ["polly:SynthesizeSpeech"], Resource = ["*"]
    }
    error_message = "With speech, learners may have texts read."
  }
  assert {
    condition     = jsondecode(module.functions.resources.functions["page"].environment[0].variables.VOICES) == { en_US = "Matthew", es_US = "Lupe" }
    error_message = "Each locale has a voice."
  }
  assert {
    condition     = length([for s in jsondecode(module.functions.resources.grants["analyse"].policy).Statement : s if s.Sid == "FindHealthData"]) == 0
    error_message = "Without categories there is no call of Comprehend Medical."
  }
  assert {
    condition     = length(aws_cognito_user_pool.this) == 0 && one(aws_cognito_identity_pool.this.cognito_identity_providers).provider_name == "cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Zz99Zz99Z" && one(aws_cognito_identity_pool.this.cognito_identity_providers).client_id == "client9"
    error_message = "A pool that exists is used."
  }
  assert {
    condition     = aws_quicksight_data_set.this[0].import_mode == "SPICE" && length(aws_quicksight_refresh_schedule.this) == 1 && keys(aws_iam_role_policy.quicksight) == ["aws-quicksight-service-role-v0"]
    error_message = "QuickSight loads the rows each day, with the permissions that it needs."
  }
}

run "without_a_page" {
  command = plan

  module {
    source = "./modules/apps/training_feedback"
  }

  variables {
    page       = false
    quicksight = { owner_arns = ["arn:aws:quicksight:eu-central-1:111122223333:user/default/ann"], direct_query = true }
  }

  assert {
    condition     = output.url == null && length(module.page) == 0 && keys(output.function_names) == ["analyse", "hook"]
    error_message = "There is no API without a page."
  }
  assert {
    condition     = aws_quicksight_data_set.this[0].import_mode == "DIRECT_QUERY" && length(aws_quicksight_refresh_schedule.this) == 0
    error_message = "QuickSight refuses a schedule for a dataset that is not in SPICE."
  }
}
