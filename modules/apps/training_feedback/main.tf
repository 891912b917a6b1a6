# learner -> page, Cognito (learners.tf) -> bot (bot.tf) -> hook -> material, levels
#                                                            \-> queue -> analyse -> S3 -> Athena, QuickSight (athena.tf)
locals {
  name = "training-feedback"
  rows = "feedback/"
}

# What is taught: one item for each topic and level, with a text and optionally a title and a url. And at which level a
# learner goes on, by pseudonym and topic. One block for both: it is in the plan's graph once.
module "tables" {
  source = "../../blocks/table"
  for_each = {
    material = { hash_key = "topic", range_key = "level", ttl_attribute = null }
    learner  = { hash_key = "learner", range_key = "topic", ttl_attribute = "expiresAt" }
  }

  context             = var.context
  name                = "${local.name}-${each.key}"
  hash_key            = each.value.hash_key
  range_key           = each.value.range_key
  ttl_attribute       = each.value.ttl_attribute
  deletion_protection = var.deletion_protection
}

# Feedback as it was said, for seconds: it is stored only without personal and health data.
module "queue" {
  source = "../../blocks/queue"

  context                    = var.context
  name                       = local.name
  visibility_timeout_seconds = 360
  alarms                     = { age_seconds = 3600 }
}

module "bucket" {
  source = "../../blocks/bucket"

  context         = var.context
  name            = "training"
  expiration_days = var.retention_days
  noncurrent_days = 1
  force_destroy   = var.force_destroy
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/training_feedback"

  functions = merge({
    hook = {
      name              = "${local.name}-hook"
      description       = "Serves training material to the bot and takes feedback"
      handler           = "apps.training_feedback.hook.handler"
      timeout           = 25  # Lex waits 30 seconds
      memory_size       = 512 # more memory means more CPU, and learners wait for the start
      dead_letter_queue = false
      key_services      = ["dynamodb", "sqs"]
      alarms            = { errors = 5 } # a learner repeats what had no answer
      environment = {
        MATERIAL_TABLE = module.tables["material"].name
        LEARNER_TABLE  = module.tables["learner"].name
        QUEUE_URL      = module.queue.url
        TOPICS         = jsonencode(sort(keys(var.topics)))
        LEVELS         = jsonencode(var.levels)
        LEARNER_DAYS   = tostring(var.learner_days)
      }
      policy_statements = [
        {
          sid       = "ReadMaterial"
          actions   = ["dynamodb:Query"]
          resources = [module.tables["material"].arn]
        },
        {
          sid       = "KnowLearners"
          actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
          resources = [module.tables["learner"].arn]
        },
        {
          sid       = "QueueFeedback"
          actions   = ["sqs:SendMessage"]
          resources = [module.queue.arn]
        },
      ]
    }
    analyse = {
      name              = "${local.name}-analyse"
      description       = "Redacts and analyses feedback and stores it as rows"
      handler           = "apps.training_feedback.analyse.handler"
      timeout           = 60
      dead_letter_queue = false # the queue has one
      key_services      = ["s3", "sqs"]
      environment = {
        BUCKET               = module.bucket.id
        BUCKET_OWNER         = var.context.account_id
        HEALTH_CATEGORIES    = jsonencode(sort(var.health_categories))
        MINIMUM_PHRASE_SCORE = tostring(var.minimum_phrase_score)
      }
      policy_statements = concat(
        [
          {
            sid       = "ReceiveFeedback"
            actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            resources = [module.queue.arn]
          },
          {
            # A text that is sent for analysis is not a resource: Comprehend accepts only "*" for these actions.
            sid       = "FindPersonalData"
            actions   = ["comprehend:DetectPiiEntities"]
            resources = ["*"]
          },
          {
            # As above.
            sid       = "AnalyseText"
            actions   = ["comprehend:DetectDominantLanguage", "comprehend:DetectKeyPhrases", "comprehend:DetectSentiment"]
            resources = ["*"]
          },
          {
            sid       = "StoreRows"
            actions   = ["s3:PutObject"]
            resources = ["${module.bucket.arn}/${local.rows}dt=*"]
          },
        ],
        length(var.health_categories) == 0 ? [] : [{
          # Comprehend Medical has no resources.
          sid       = "FindHealthData"
          actions   = ["comprehendmedical:DetectEntitiesV2"]
          resources = ["*"]
        }],
      )
    }
    }, !var.page ? {} : {
    page = {
      name              = "${local.name}-page"
      description       = "Serves the learners' page"
      handler           = "apps.training_feedback.page.handler"
      memory_size       = 128
      dead_letter_queue = false
      environment = {
        REGION           = var.context.region
        USER_POOL_ID     = local.user_pool_id
        CLIENT_ID        = local.client_id
        IDENTITY_POOL_ID = aws_cognito_identity_pool.this.id
        BOT_ID           = aws_cloudformation_stack.bot.outputs.BotId
        ALIAS_ID         = aws_cloudformation_stack.bot.outputs.AliasId
        LOCALES          = jsonencode(sort(var.locales))
        VOICES           = jsonencode(local.voices)
      }
    }
  })
}

resource "aws_lambda_event_source_mapping" "analyse" {
  event_source_arn        = module.queue.arn
  function_name           = module.functions.functions.analyse.arn
  batch_size              = 5 # five calls for each message, within the timeout also when some are throttled
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.context.tags

  scaling_config {
    maximum_concurrency = 2 # within Comprehend's quotas; feedback waits in the queue
  }
}
