# A critical alarm -> event -> function, which requests a larger quota or reports why it does not.

locals {
  requests  = var.increase_request != null
  dry_run   = try(var.increase_request.dry_run, true)
  quota_arn = "arn:${var.context.partition}:servicequotas:${var.context.region}:${var.context.account_id}:kms"
  critical  = { for alarm in local.alarms : alarm.name => alarm.quota if alarm.level == "critical" }
}

module "rule" {
  source = "../../blocks/event_rule"
  count  = local.requests ? 1 : 0

  context     = var.context
  name        = "${local.name}-critical"
  description = "Matches critical alarms on the utilisation of KMS request quotas"

  event_pattern = jsonencode({
    source        = ["aws.cloudwatch"]
    "detail-type" = ["CloudWatch Alarm State Change"]
    resources     = [for name in sort(keys(local.critical)) : "${local.arn_root}:${name}"]
    detail        = { state = { value = ["ALARM"] } }
  })

  targets = {
    function = {
      arn  = module.functions[0].functions.increase.arn
      kind = "lambda"
    }
  }
}

module "functions" {
  source = "../../blocks/functions"
  count  = local.requests ? 1 : 0

  context = var.context
  package = "protection/kms_quota_alarms"

  functions = {
    increase = {
      name         = "${local.name}-increase"
      description  = "Requests a larger KMS request quota from Service Quotas, within limits"
      handler      = "protection.kms_quota_alarms.request_increase.handler"
      timeout      = 60
      key_services = ["sns"]
      environment = {
        COOLDOWN_HOURS = tostring(var.increase_request.cooldown_hours)
        DRY_RUN        = tostring(local.dry_run)
        MULTIPLIER     = tostring(var.increase_request.multiplier)
        TOPIC_ARN      = var.context.alarm_topic_arn
        QUOTAS = jsonencode({
          for alarm, quota in local.critical : alarm => {
            code    = data.aws_servicequotas_service_quota.this[quota].quota_code
            maximum = var.quotas[quota].maximum
          }
        })
      }
      policy_statements = concat(
        [
          {
            # Of the read actions, only some know the quota as a resource, and only since 2026.
            sid       = "ReadQuotas"
            actions   = ["servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota", "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota"]
            resources = ["*"]
          },
          {
            sid       = "TellOperators"
            actions   = ["sns:Publish"]
            resources = [var.context.alarm_topic_arn]
          },
        ],
        !local.dry_run ? [{
          sid       = "RequestIncreases"
          actions   = ["servicequotas:RequestServiceQuotaIncrease"]
          resources = [for quota in sort(keys(var.quotas)) : "${local.quota_arn}/${data.aws_servicequotas_service_quota.this[quota].quota_code}"]
        }] : [],
        !local.dry_run ? [{
          # The first request of an account creates the role that Service Quotas opens support cases with.
          sid        = "CreateServiceQuotasRole"
          actions    = ["iam:CreateServiceLinkedRole"]
          resources  = ["arn:${var.context.partition}:iam::${var.context.account_id}:role/aws-service-role/servicequotas.amazonaws.com/AWSServiceRoleForServiceQuotas"]
          conditions = { StringEquals = { "iam:AWSServiceName" = ["servicequotas.amazonaws.com"] } }
        }] : [],
      )
    }
  }
}
