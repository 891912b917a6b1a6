# Compliance Change event of AWS Config -> rule -> topic: one notice of each change for the worse.
# The rule is created before the rules of AWS Config, whose first results are changes, too.
module "notices" {
  source = "../../blocks/event_rule"
  count  = var.notices ? 1 : 0

  context     = var.context
  name        = "${local.name}-notices"
  description = "Notifies ${module.topic.name} of each secret that begins to break a rule"

  # https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html
  event_pattern = jsonencode({
    source        = ["aws.config"]
    "detail-type" = ["Config Rules Compliance Change"]
    detail = {
      messageType = ["ComplianceChangeNotification"]
      # In this account, AWS Config names the copy of an organization's rule after that rule's ARN.
      configRuleName = concat(
        [for name in values(local.names) : name if !var.organization_rules],
        [for name in values(local.names) : { prefix = "OrgConfigRule-${name}-" } if var.organization_rules],
      )
      newEvaluationResult = { complianceType = ["NON_COMPLIANT"] }
    }
  })

  targets = {
    topic = {
      arn  = module.topic.arn
      kind = "sns"
      input_transformer = {
        input_paths = {
          account = "$.detail.awsAccountId"
          at      = "$.detail.newEvaluationResult.resultRecordedTime"
          region  = "$.detail.awsRegion"
          rule    = "$.detail.configRuleName"
          secret  = "$.detail.resourceId"
          was     = "$.detail.oldEvaluationResult.complianceType"
        }
        # A first result has no earlier one: then there is nothing after "before".
        input_template = "\"The secret <secret> in account <account>, <region>, breaks the rule <rule> since <at>. Result before: <was>\""
      }
    }
  }
}
