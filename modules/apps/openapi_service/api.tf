# The API: imported whole in one call, so that what the file no longer has is gone and settings never lapse. A release is
# a snapshot of what was imported, and stages (stages.tf) serve releases.

locals {
  authorizers   = { for scheme, a in var.authorizers : scheme => a.function if a.function != null }
  execution_arn = "arn:${var.context.partition}:execute-api:${local.regional}:${aws_api_gateway_rest_api.this.id}"

  # By the version of the file, which is known while Terraform plans: the newest, and those that stages name.
  newest   = try(local.decision.release, "refused")
  pinned   = distinct(compact(flatten([for stage in var.stages : [stage.release, try(stage.canary.release, null)]])))
  releases = merge({ for release in local.pinned : split("-", release)[0] => release }, { (local.version) = local.newest })
}

resource "aws_api_gateway_rest_api" "this" {
  name              = local.full
  description       = local.description
  body              = local.body
  put_rest_api_mode = "overwrite" # merge keeps what a body no longer has
  fail_on_warnings  = true
  tags              = var.context.tags

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lambda_permission" "authorizer" {
  for_each = local.authorizers

  statement_id  = "${local.name}-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = each.value.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.execution_arn}/authorizers/*"
}

# The description stays that of the file at the time, so that no snapshot of today's API gets the name of an earlier one.
resource "aws_api_gateway_deployment" "release" {
  for_each = local.releases

  rest_api_id = aws_api_gateway_rest_api.this.id
  description = local.version
  triggers    = { release = each.value }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [description]

    precondition {
      condition     = each.key != local.version || alltrue([for release in local.pinned : release == local.newest || !startswith(release, "${local.version}-")])
      error_message = "stages names a release of version ${local.version}, and the file or a setting now makes another one of the same version: raise info.version, so that both are kept, or leave the release out."
    }
    postcondition {
      condition     = self.description == each.key
      error_message = "There is no release ${each.value} (any more): stages can name the release that the output release shows before the file changes. Leave the release out for the newest."
    }
  }
}

# The service answers by the file that it was released with: a variable of the stage names it.
resource "aws_s3_object" "document" {
  for_each = local.releases

  bucket                 = module.documents.id
  key                    = "documents/${each.value}"
  content                = local.document
  content_type           = "text/plain; charset=utf-8"
  server_side_encryption = "aws:kms"
  kms_key_id             = var.context.kms_key_arn

  # An S3 object can have 10 tags, other resources can have 50. The bucket carries the tags.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [content] # another content is another release, with another key
  }

  # A release that does not exist is refused before its document is written.
  depends_on = [aws_api_gateway_deployment.release]
}
