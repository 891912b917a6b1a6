# Written by `make docs` (tools/root.py) from modules/context/variables.tf and tools/wiring.py. Edit those instead.

provider "aws" {
  region = var.region
}

# Shared by all capabilities.
module "context" {
  source = "./modules/context"

  name_prefix              = var.name_prefix
  alarm_emails             = var.alarm_emails
  log_retention_days       = var.log_retention_days
  permissions_boundary_arn = var.permissions_boundary_arn
  build_dir                = var.build_dir
  access_log_force_destroy = var.access_log_force_destroy
  api_gateway_logging = coalesce(var.api_gateway_logging, anytrue([
    var.contact_form != null,
    var.iot_messaging != null,
    var.openapi_service != null,
    var.training_feedback != null,
    var.hybrid_search != null,
    var.order_authorization != null,
    var.step_up_auth != null,
  ]))
  tags = var.tags
}
