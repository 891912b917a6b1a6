# Events that report a change of a selected secret. Events contain no tags, so the function checks them.
locals {
  by_name = concat(
    [for prefix in local.prefixes : { prefix = prefix } if prefix != ""],
    [for prefix in local.prefixes : { exists = true } if prefix == ""],
    local.names,
  )
  by_arn = concat(
    [for prefix in local.prefixes : { prefix = "${local.secret_arn_root}:${prefix}" }],
    [for name in local.names : { prefix = "${local.secret_arn_root}:${name}-" }],
  )
  # A call refers to a secret by name, by ARN, or by an ARN without its last six characters.
  by_name_or_arn = concat(local.by_name, local.by_arn, [for name in local.names : "${local.secret_arn_root}:${name}"])

  event_pattern = jsonencode({
    source = ["aws.secretsmanager"]
    "$or" = [
      {
        "detail-type" = ["Secret Label Updated"]
        detail        = { name = local.by_name }
      },
      {
        "detail-type" = ["AWS Service Event via CloudTrail"]
        detail = {
          eventSource         = ["secretsmanager.amazonaws.com"]
          eventName           = ["RotationSucceeded"]
          additionalEventData = { SecretId = local.by_arn }
        }
      },
      {
        "detail-type" = ["AWS API Call via CloudTrail"]
        detail = {
          eventSource       = ["secretsmanager.amazonaws.com"]
          eventName         = ["PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "TagResource", "UntagResource", "RestoreSecret"]
          errorCode         = [{ exists = false }]
          requestParameters = { secretId = local.by_name_or_arn }
        }
      },
      {
        "detail-type" = ["AWS API Call via CloudTrail"]
        detail = {
          eventSource       = ["secretsmanager.amazonaws.com"]
          eventName         = ["CreateSecret"]
          errorCode         = [{ exists = false }]
          requestParameters = { name = local.by_name }
        }
      },
    ]
  })
}
