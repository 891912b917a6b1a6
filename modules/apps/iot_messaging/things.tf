# Things, their certificates, and the one policy of all of them.

data "aws_iot_endpoint" "data" {
  endpoint_type = "iot:Data-ATS"
}

locals {
  names = { for key in keys(var.things) : key => "${var.context.name_prefix}-${key}" }

  certificates = merge([
    for key, thing in var.things : { for label, csr in thing.csrs : "${key}/${label}" => { thing = key, csr = csr, active = thing.active } }
  ]...)

  # IoT fills the variable in for a client whose ID is the name of a thing that its certificate is attached to, and only
  # for MQTT. Each device so has its own topics, by one policy.
  own_name  = "$${iot:Connection.Thing.ThingName}"
  own_topic = "${local.root}/${local.own_name}"
}

resource "aws_iot_thing" "this" {
  for_each = var.things

  name       = local.names[each.key]
  attributes = each.value.attributes
}

# From a signing request: the private key stays on the device, and neither AWS nor Terraform's state has it.
resource "aws_iot_certificate" "this" {
  for_each = local.certificates

  csr    = each.value.csr
  active = each.value.active
}

resource "aws_iot_thing_principal_attachment" "this" {
  for_each = local.certificates

  thing     = aws_iot_thing.this[each.value.thing].name
  principal = aws_iot_certificate.this[each.key].arn
}

resource "aws_iot_policy" "device" {
  name = "${var.context.name_prefix}-${local.name}-device"
  tags = var.context.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ConnectAsOwnThing"
        Effect   = "Allow"
        Action   = "iot:Connect"
        Resource = "${local.iot_arn_root}:client/${local.own_name}"
        Condition = {
          Bool = { "iot:Connection.Thing.IsAttached" = "true" }
          # A will and a session that persists must be allowed by name (IoT developer guide, "Using connectAttributes").
          "ForAllValues:StringEquals" = { "iot:ConnectAttributes" = ["LastWill", "PersistentConnect"] }
        }
      },
      {
        Sid      = "PublishOwnMessages"
        Effect   = "Allow"
        Action   = "iot:Publish"
        Resource = "${local.iot_arn_root}:topic/${local.own_topic}/up/*"
      },
      {
        Sid      = "RetainOwnStatus"
        Effect   = "Allow"
        Action   = "iot:RetainPublish"
        Resource = "${local.iot_arn_root}:topic/${local.own_topic}/up/status"
      },
      {
        Sid      = "SubscribeToOwnCommands"
        Effect   = "Allow"
        Action   = "iot:Subscribe"
        Resource = "${local.iot_arn_root}:topicfilter/${local.own_topic}/down/command"
      },
      {
        Sid      = "ReceiveOwnCommands"
        Effect   = "Allow"
        Action   = "iot:Receive"
        Resource = "${local.iot_arn_root}:topic/${local.own_topic}/down/command"
      },
    ]
  })
}

resource "aws_iot_policy_attachment" "this" {
  for_each = local.certificates

  policy = aws_iot_policy.device.name
  target = aws_iot_certificate.this[each.key].arn
}
