# What happens to a message: language -> sentiment -> ticket.
module "workflow" {
  source = "../../blocks/state_machine"

  context    = var.context
  name       = local.name
  type       = "EXPRESS"
  definition = jsonencode(local.definition)

  policy_statements = [
    {
      # A text that is sent for analysis is not a resource: Comprehend accepts only "*" for these actions.
      sid       = "AnalyseText"
      actions   = ["comprehend:DetectDominantLanguage", "comprehend:DetectSentiment"]
      resources = ["*"]
    },
    {
      sid       = "StoreTicket"
      actions   = ["lambda:InvokeFunction"]
      resources = [module.functions.functions.ticket.arn]
    },
  ]
}

locals {
  # The languages of Amazon Comprehend's sentiment analysis; it recognizes more than a hundred.
  # https://docs.aws.amazon.com/comprehend/latest/dg/supported-languages.html
  sentiment_languages = ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW"]

  # A visitor waits for the answer: few attempts, at short intervals.
  retry_comprehend = [
    {
      # Refused for good: another attempt would only delay the ticket.
      ErrorEquals = ["Comprehend.InvalidRequestException", "Comprehend.TextSizeLimitExceededException", "Comprehend.UnsupportedLanguageException", "Comprehend.AccessDeniedException", "States.Permissions"]
      MaxAttempts = 0
    },
    {
      ErrorEquals     = ["States.ALL"]
      IntervalSeconds = 1
      BackoffRate     = 2
      MaxDelaySeconds = 2
      MaxAttempts     = 2
      JitterStrategy  = "FULL"
    },
  ]

  definition = {
    Comment        = "Finds the sentiment of a message and stores it as a ticket"
    QueryLanguage  = "JSONata"
    TimeoutSeconds = 25 # API Gateway answers after 29 seconds at the latest
    StartAt        = "DetectLanguage"
    States = {
      DetectLanguage = {
        Type           = "Task"
        Resource       = "arn:${var.context.partition}:states:::aws-sdk:comprehend:detectDominantLanguage"
        Arguments      = { Text = "{% $states.input.sample %}" }
        Output         = "{% ($likely := $states.result.Languages^(>Score)[0]; $merge([$states.input, {'language': $exists($likely) and $likely.Score >= 0.5 ? $likely.LanguageCode : 'unknown'}])) %}"
        TimeoutSeconds = 4
        Retry          = local.retry_comprehend
        Catch = [{
          ErrorEquals = ["States.ALL"]
          Output      = "{% $merge([$states.input, {'language': 'unknown', 'sentiment': 'UNKNOWN', 'reason': 'detect_language_failed'}]) %}"
          Next        = "StoreTicket"
        }]
        Next = "IsLanguageSupported"
      }
      IsLanguageSupported = {
        Type = "Choice"
        Choices = [{
          Condition = "{% $states.input.language in ${jsonencode(local.sentiment_languages)} %}"
          Next      = "DetectSentiment"
        }]
        Default = "SentimentUnknown"
      }
      SentimentUnknown = {
        Type   = "Pass"
        Output = "{% $merge([$states.input, {'sentiment': 'UNKNOWN', 'reason': 'language_not_supported'}]) %}"
        Next   = "StoreTicket"
      }
      DetectSentiment = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::aws-sdk:comprehend:detectSentiment"
        Arguments = {
          Text         = "{% $states.input.sample %}"
          LanguageCode = "{% $states.input.language %}"
        }
        # The scores are named Positive, Negative, …; the sentiment is POSITIVE, NEGATIVE, ….
        Output         = "{% ($sentiment := $states.result.Sentiment; $merge([$states.input, {'sentiment': $sentiment, 'score': $lookup($states.result.SentimentScore, $substring($sentiment, 0, 1) & $lowercase($substring($sentiment, 1)))}])) %}"
        TimeoutSeconds = 4
        Retry          = local.retry_comprehend
        Catch = [{
          ErrorEquals = ["States.ALL"]
          Output      = "{% $merge([$states.input, {'sentiment': 'UNKNOWN', 'reason': 'detect_sentiment_failed'}]) %}"
          Next        = "StoreTicket"
        }]
        Next = "StoreTicket"
      }
      StoreTicket = {
        Type     = "Task"
        Resource = "arn:${var.context.partition}:states:::lambda:invoke"
        Arguments = {
          FunctionName = module.functions.functions.ticket.arn
          Payload      = "{% $states.input %}"
        }
        Output         = "{% $states.result.Payload %}"
        TimeoutSeconds = 12
        Retry = [
          {
            # The request's key was used for another message, or the input is no ticket: another attempt fails again.
            ErrorEquals = ["RequestConflict", "NotATicket", "SettingsError", "Lambda.AccessDeniedException", "States.Permissions"]
            MaxAttempts = 0
          },
          {
            # The function stores one ticket for a request, however often it runs.
            ErrorEquals     = ["States.ALL"]
            IntervalSeconds = 1
            BackoffRate     = 2
            MaxDelaySeconds = 3
            MaxAttempts     = 3
            JitterStrategy  = "FULL"
          },
        ]
        End = true
      }
    }
  }
}
