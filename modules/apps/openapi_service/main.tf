# A file is checked before anything else changes (this file), becomes a release of the API (api.tf) that stages serve
# (stages.tf) with the sample service behind it (service.tf), and is then documented (documentation.tf) and made into
# clients (clients.tf).

locals {
  name     = "openapi"
  full     = "${var.context.name_prefix}-${local.name}"
  regional = "${var.context.region}:${var.context.account_id}"

  file     = coalesce(var.file, "${path.module}/widgets.yaml")
  document = file(local.file)

  description = "Imported from an OpenAPI file; its documentation and clients are made of the same file"

  current_key = "current/openapi"

  # Known while Terraform plans, unlike the answer of the check, which refuses a file without one.
  version = try(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", yamldecode(local.document).info.version), "none")

  decision = jsondecode(aws_lambda_invocation.prepare.result)
  body     = try(local.decision.body, "{}")
}

# documents/ has the file of each release, current/openapi is the newest one, reports/ has what was published of it.
module "documents" {
  source = "../../blocks/bucket"

  context       = var.context
  name          = "openapi"
  force_destroy = var.force_destroy
}

module "functions" {
  source = "../../blocks/functions"

  context = var.context
  package = "apps/openapi_service"

  functions = merge(
    {
      prepare = {
        name              = "${local.name}-prepare"
        description       = "Checks an OpenAPI file against the one that is served, and makes the gateway's copy"
        handler           = "apps.openapi_service.prepare.handler"
        timeout           = 120 # the minute in which a new role takes effect, and the check
        memory_size       = 1024
        layer_arns        = [aws_lambda_layer_version.openapi.arn]
        dead_letter_queue = false # only Terraform calls it, and waits for the answer
        key_services      = ["s3"]
        environment = {
          BUCKET      = module.documents.id
          CURRENT_KEY = local.current_key
        }
        policy_statements = [
          {
            sid       = "ReadServedFile"
            actions   = ["s3:GetObject"]
            resources = ["${module.documents.arn}/${local.current_key}"]
          },
          {
            # With this permission, S3 reports that there is no file yet instead of "access denied".
            sid        = "FindServedFile"
            actions    = ["s3:ListBucket"]
            resources  = [module.documents.arn]
            conditions = { StringLike = { "s3:prefix" = [local.current_key] } }
          },
        ]
      }
    },
    local.service,
  )
}

locals {
  layer_package = "${var.context.build_dir}/layers/openapi.zip"
}

resource "aws_lambda_layer_version" "openapi" {
  layer_name               = "${local.full}-files"
  description              = "Checks and compares OpenAPI files, and requests with them"
  filename                 = local.layer_package
  source_code_hash         = try(filebase64sha256(local.layer_package), null)
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["arm64"]

  lifecycle {
    precondition {
      condition     = fileexists(local.layer_package)
      error_message = "Package ${local.layer_package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}

# Everything below depends on the answer: a file that is refused changes nothing.
resource "aws_lambda_invocation" "prepare" {
  function_name = module.functions.functions.prepare.name
  input = jsonencode({
    document        = local.document
    accept_breaking = var.accept_breaking_changes
    terraform       = true
    target = {
      name               = local.full
      description        = local.description
      uri                = local.integration_uri
      policy             = var.policy
      binary_media_types = sort(var.binary_media_types)
      default_endpoint   = var.default_endpoint
      authorizers = { for scheme, a in var.authorizers : scheme => {
        iam              = a.iam
        api_key          = a.api_key
        user_pool_arns   = sort(a.user_pool_arns)
        function_uri     = try(a.function.invoke_arn, "")
        identity_sources = try(a.function.identity_sources, [])
        ttl_seconds      = try(a.function.ttl_seconds, 0)
      } }
    }
  })
  # A new version of the check looks again.
  triggers = { code = module.functions.functions.prepare.source_code_hash }

  lifecycle {
    postcondition {
      condition     = length(try(jsondecode(self.result).reasons, [])) == 0
      error_message = "${local.file} is refused, and what is deployed stays as it is:\n- ${join("\n- ", try(jsondecode(self.result).reasons, []))}"
    }
    postcondition {
      condition     = try(jsondecode(self.result).version, local.version) == local.version
      error_message = "Terraform reads info.version of ${local.file} as ${local.version}, and the check as ${try(jsondecode(self.result).version, "none")}: write it once, in quotation marks."
    }
  }
}

# Written last: it starts the build, and it is what the next file is compared with.
resource "aws_s3_object" "current" {
  bucket                 = module.documents.id
  key                    = local.current_key
  content                = local.document
  content_type           = "text/plain; charset=utf-8"
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn
  metadata               = { served = sha256(local.body) } # published again when the API changes without the file

  override_provider {
    default_tags {
      tags = {}
    }
  }

  depends_on = [aws_api_gateway_method_settings.all, aws_lambda_permission.authorizer, aws_lambda_permission.stage, module.publication]
}
