# PyJWT with cryptography, for the functions that verify tokens. `make package` builds it.
locals {
  jwt_package = "${var.context.build_dir}/layers/jwt.zip"
}

resource "aws_lambda_layer_version" "jwt" {
  layer_name               = "${var.context.name_prefix}-${local.name}-jwt"
  description              = "PyJWT and cryptography, to verify the signatures of tokens"
  filename                 = local.jwt_package
  source_code_hash         = try(filebase64sha256(local.jwt_package), null)
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["arm64"]

  lifecycle {
    precondition {
      condition     = fileexists(local.jwt_package)
      error_message = "Package ${local.jwt_package} is missing: run `make package` (or `make demo`, which builds its own)."
    }
  }
}
