locals {
  on_demand      = var.on_demand != null
  rotatable_arns = local.on_demand ? sort(concat([for key in aws_kms_key.this : key.arn], tolist(var.on_demand.key_arns))) : []
}
