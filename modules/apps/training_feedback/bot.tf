# The bot, a version and an alias, in one CloudFormation stack: the AWS provider has no alias and cannot build a locale,
# and its slots and slot priorities need each other's ids. CloudFormation takes the whole definition, builds it, keeps
# priorities by name, and deletes everything. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Lex.html
locals {
  # Composed, not the function's output: the page's function needs the bot. Lex looks for the function at each call.
  hook_arn = "arn:${var.context.partition}:lambda:${var.context.region}:${var.context.account_id}:function:${var.context.name_prefix}-${local.name}-hook"

  texts = { for locale in var.locales : locale => yamldecode(file("${path.module}/locales/${locale}.yaml")) }

  # Names of topics and levels are the same in all locales: they are keys of the material.
  slot_types = {
    for locale, text in local.texts : locale => [
      {
        name    = "Topics"
        values  = var.topics
        resolve = "ORIGINAL_VALUE" # the hook knows topics that the bot does not, and names those that exist
      },
      {
        name    = "Levels"
        values  = { for level in var.levels : level => [] }
        resolve = "ORIGINAL_VALUE"
      },
      {
        name    = "Difficulties"
        values  = text.difficulty
        resolve = "TOP_RESOLUTION"
      },
    ]
  }

  intents = {
    for locale, text in local.texts : locale => [
      {
        name       = "Training"
        utterances = text.training
        slots = [
          { name = "Topic", type = "Topics", required = true, prompt = text.prompts.topic, hidden = false },
          { name = "Level", type = "Levels", required = false, prompt = text.prompts.level, hidden = false },
        ]
      },
      {
        name       = "Feedback"
        utterances = text.feedback
        slots = [
          { name = "Topic", type = "Topics", required = true, prompt = text.prompts.feedback_topic, hidden = false },
          { name = "Difficulty", type = "Difficulties", required = true, prompt = text.prompts.difficulty, hidden = false },
          # Lex shows asterisks for it in logs.
          { name = "Comments", type = "AMAZON.FreeFormInput", required = true, prompt = text.prompts.comments, hidden = true },
        ]
      },
    ]
  }

  bot = {
    Name                    = "${var.context.name_prefix}-${local.name}"
    Description             = "Training material and feedback"
    RoleArn                 = aws_iam_role.bot.arn
    DataPrivacy             = { ChildDirected = var.child_directed }
    IdleSessionTTLInSeconds = var.session_seconds
    AutoBuildBotLocales     = true
    BotLocales = [
      for locale in sort(var.locales) : {
        LocaleId               = locale
        NluConfidenceThreshold = 0.4
        SlotTypes = [
          for type in local.slot_types[locale] : {
            Name                  = type.name
            ValueSelectionSetting = { ResolutionStrategy = type.resolve }
            SlotTypeValues = [
              for value, synonyms in type.values : {
                SampleValue = { Value = value }
                Synonyms    = [for synonym in synonyms : { Value = synonym }]
              }
            ]
          }
        ]
        Intents = concat(
          [
            for intent in local.intents[locale] : {
              Name                = intent.name
              SampleUtterances    = [for utterance in intent.utterances : { Utterance = utterance }]
              DialogCodeHook      = { Enabled = true }
              FulfillmentCodeHook = { Enabled = true }
              SlotPriorities      = [for index, slot in intent.slots : { Priority = index + 1, SlotName = slot.name }]
              Slots = [
                for slot in intent.slots : {
                  Name               = slot.name
                  SlotTypeName       = slot.type
                  ObfuscationSetting = { ObfuscationSettingType = slot.hidden ? "DefaultObfuscation" : "None" }
                  ValueElicitationSetting = {
                    SlotConstraint = slot.required ? "Required" : "Optional"
                    PromptSpecification = {
                      MaxRetries        = 3
                      AllowInterrupt    = true
                      MessageGroupsList = [{ Message = { PlainTextMessage = { Value = slot.prompt } } }]
                    }
                  }
                }
              ]
            }
          ],
          [{
            Name                  = "FallbackIntent"
            ParentIntentSignature = "AMAZON.FallbackIntent"
            DialogCodeHook        = { Enabled = false }
            FulfillmentCodeHook   = { Enabled = true }
            SampleUtterances      = []
            SlotPriorities        = []
            Slots                 = []
          }],
        )
      }
    ]
  }

  # A version never changes. A changed bot gets a version of another name, to which the alias moves before the old one
  # is deleted: learners never meet a bot that is being built.
  version = "Version${substr(sha256(jsonencode(local.bot)), 0, 12)}"

  template = {
    Description = "Bot of training_feedback. Terraform makes and deletes this stack."
    Resources = {
      Bot = {
        Type       = "AWS::Lex::Bot"
        Properties = local.bot
      }
      (local.version) = {
        Type = "AWS::Lex::BotVersion"
        Properties = {
          BotId                         = { Ref = "Bot" }
          BotVersionLocaleSpecification = [for locale in sort(var.locales) : { LocaleId = locale, BotVersionLocaleDetails = { SourceBotVersion = "DRAFT" } }]
        }
      }
      Alias = {
        Type = "AWS::Lex::BotAlias"
        Properties = {
          BotId        = { Ref = "Bot" }
          BotAliasName = "live"
          BotVersion   = { "Fn::GetAtt" = [local.version, "BotVersion"] }
          BotAliasLocaleSettings = [
            for locale in sort(var.locales) : {
              LocaleId = locale
              BotAliasLocaleSetting = {
                Enabled               = true
                CodeHookSpecification = { LambdaCodeHook = { CodeHookInterfaceVersion = "1.0", LambdaArn = local.hook_arn } }
              }
            }
          ]
        }
      }
    }
    Outputs = {
      BotId    = { Value = { Ref = "Bot" } }
      AliasId  = { Value = { "Fn::GetAtt" = ["Alias", "BotAliasId"] } }
      AliasArn = { Value = { "Fn::GetAtt" = ["Alias", "Arn"] } }
      Version  = { Value = { "Fn::GetAtt" = [local.version, "BotVersion"] } }
    }
  }
}

# Lex asks for a role; with text only, and the code hook allowed by the function's own policy, it needs no permission.
resource "aws_iam_role" "bot" {
  name                 = "${var.context.name_prefix}-${local.name}-bot-${var.context.region}"
  permissions_boundary = var.context.permissions_boundary_arn
  tags                 = var.context.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Lex"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lexv2.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
    }]
  })
}

resource "aws_cloudformation_stack" "bot" {
  #checkov:skip=CKV_AWS_124:Terraform waits for the stack and reports its failures, so that no topic has to
  name          = "${var.context.name_prefix}-${local.name}-bot"
  template_body = jsonencode(local.template)
  tags          = var.context.tags

  lifecycle {
    precondition {
      condition     = length(jsonencode(local.template)) <= 51200
      error_message = "topics, levels and locales make a template of more than the 51,200 characters that CloudFormation takes: name fewer topics or synonyms."
    }
  }
}

# Not an invoker of the function, which the alias needs. When the bot changes, Terraform does not know that the alias
# stays: it adds the same permission before it removes the old one, so that Lex may always call.
resource "aws_lambda_permission" "bot" {
  statement_id_prefix = "Lex"
  action              = "lambda:InvokeFunction"
  function_name       = module.functions.functions.hook.name
  principal           = "lexv2.amazonaws.com"
  source_arn          = aws_cloudformation_stack.bot.outputs.AliasArn
  source_account      = var.context.account_id

  lifecycle {
    create_before_destroy = true
  }
}
