locals {
  on_demand        = var.on_demand != null
  rotatable_arns   = local.on_demand ? sort(concat([for key in aws_kms_key.this : key.arn], tolist(var.on_demand.key_arns))) : []
  rotate_functions = { for f in module.rotate : "rotate" => f.name }
}

# An operator calls it by hand: `aws lambda invoke`, with a role that may call this one function.
module "rotate" {
  source = "../../blocks/function"
  count  = local.on_demand ? 1 : 0

  context              = var.context
  name                 = "${local.name}-rotate"
  description          = "Rotates a KMS key on demand, or says why not"
  package              = "protection/kms_rotation"
  handler              = "protection.kms_rotation.rotate.handler"
  timeout              = 120
  reserved_concurrency = 1     # two calls at once could both find the key unrotated
  dead_letter_queue    = false # called synchronously
  key_services         = ["sns"]

  environment = {
    MINIMUM_HOURS_BETWEEN = tostring(var.on_demand.minimum_hours_between)
    MODE                  = var.policy.mode
    ON_DEMAND_QUOTA       = tostring(var.on_demand.quota)
    ON_DEMAND_RESERVE     = tostring(var.on_demand.reserve)
    PRICE                 = tostring(var.price)
    TOPIC_ARN             = module.topic.arn
  }

  policy_statements = [
    {
      sid       = "RotateKeys"
      actions   = ["kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListKeyRotations", "kms:RotateKeyOnDemand"]
      resources = local.rotatable_arns
    },
    {
      sid       = "TellOperators"
      actions   = ["sns:Publish"]
      resources = [module.topic.arn]
    },
  ]
}
