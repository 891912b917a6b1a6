# What a device needs to know, for the client and the sketch in device/.

locals {
  # Of several certificates, the one with the last label: the newest, if labels are dates.
  newest = { for key, thing in var.things : key => "${key}/${reverse(sort(keys(thing.csrs)))[0]}" if length(thing.csrs) > 0 }

  device_settings = {
    for key, certificate in local.newest : key => {
      endpoint              = data.aws_iot_endpoint.data.endpoint_address
      port                  = 8883
      thing                 = local.names[key]
      publish_root          = "${local.root}/${local.names[key]}/up/"
      command_topic         = "${local.root}/${local.names[key]}/down/command"
      maximum_bytes         = var.maximum_bytes
      command_maximum_bytes = var.commands.maximum_bytes
      # A packet has the topic, some bytes of MQTT's own, and the payload.
      buffer_bytes = max(min(var.maximum_bytes, 4096), var.commands.maximum_bytes) + 300
      root_ca      = trimspace(file("${path.module}/device/AmazonRootCA1.pem"))
      certificate  = trimspace(nonsensitive(aws_iot_certificate.this[certificate].certificate_pem))
    }
  }
}
