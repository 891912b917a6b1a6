locals {
  name    = "config-cache"
  package = "${var.context.build_dir}/layers/config_cache.zip"
}

# The extension and its Python client: only Python source, so that one layer serves both architectures.
resource "aws_lambda_layer_version" "this" {
  layer_name               = "${var.context.name_prefix}-${local.name}"
  description              = "Caches parameters, secrets and DynamoDB items in a function's environment"
  filename                 = local.package
  source_code_hash         = try(filebase64sha256(local.package), null)
  compatible_runtimes      = ["python3.11", "python3.12", "python3.13"]
  compatible_architectures = ["arm64", "x86_64"]

  lifecycle {
    precondition {
      condition     = fileexists(local.package)
      error_message = "Package ${local.package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}

# --- an interpreter for runtimes without one --------------------------------------------------------------------

# Through S3: a layer of more than 50 MB cannot be uploaded directly.
resource "aws_s3_object" "python" {
  for_each = var.python_packages

  bucket                 = var.context.package_bucket
  key                    = "${local.name}-python-${each.key}-${try(filesha256(each.value), "missing")}.zip"
  source                 = each.value
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn

  # An S3 object can have 10 tags, other resources can have 50. The bucket carries the tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    precondition {
      condition     = fileexists(each.value)
      error_message = "Package ${each.value} is missing: make it with `python -m tools.python_layer`."
    }
  }
}

resource "aws_lambda_layer_version" "python" {
  for_each = aws_s3_object.python

  layer_name               = "${var.context.name_prefix}-${local.name}-python-${replace(each.key, "_", "-")}"
  description              = "A Python for the extension, for functions whose runtime has none"
  s3_bucket                = each.value.bucket
  s3_key                   = each.value.key
  compatible_architectures = [each.key]
}

# --- the check: reads each name as functions do -----------------------------------------------------------------

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/config_cache"

  functions = var.check_schedule_expression == null ? {} : {
    check = {
      name              = "${local.name}-check"
      description       = "Reads each name of the cache, and reports those that cannot be read"
      handler           = "apps.config_cache.check.handler"
      timeout           = 120
      layer_arns        = [aws_lambda_layer_version.this.arn]
      environment       = merge(local.settings, { CACHE_EXTENSION_CONFIG = local.config_json[" check"] })
      policy_statements = local.policy_statements[" check"]
    }
  }

  metric_alarms = var.check_schedule_expression == null ? {} : {
    "${local.name}-unread" = {
      description = "1 or more names of the cache cannot be read. For the names and reasons, see the logs of ${var.context.name_prefix}-${local.name}-check"
      metric      = "NamesUnread"
      dimensions  = { service = "${local.name}-check" }
      statistic   = "Maximum"
    }
  }
}

module "schedule" {
  source = "../../blocks/schedule"
  count  = var.check_schedule_expression == null ? 0 : 1

  context             = var.context
  name                = "${local.name}-check"
  description         = "Starts a check of all names of the cache"
  schedule_expression = var.check_schedule_expression
  target_arn          = module.functions.functions.check.arn
  action              = "lambda:InvokeFunction"
}
