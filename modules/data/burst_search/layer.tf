# Pillow, for the search by colour mask. `make package` builds it.
locals {
  imaging_package = "${var.context.build_dir}/layers/imaging.zip"
}

resource "aws_lambda_layer_version" "imaging" {
  count = contains(var.examples, "colour_mask") ? 1 : 0

  layer_name               = "${var.context.name_prefix}-${local.name}-imaging"
  description              = "Pillow, to read images"
  filename                 = local.imaging_package
  source_code_hash         = try(filebase64sha256(local.imaging_package), null)
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["arm64"]

  lifecycle {
    precondition {
      condition     = fileexists(local.imaging_package)
      error_message = "Package ${local.imaging_package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}
