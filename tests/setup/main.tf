# The packages that `make package` builds, as empty files: plans look for them, and find them in a fresh clone too. Each
# file of plan tests that needs them begins with a run of this module.
variable "build_dir" {
  type = string
}

variable "with_layers" {
  type    = bool
  default = true
}

locals {
  root         = "${path.module}/../.."
  capabilities = [for file in fileset("${local.root}/modules", "*/*/versions.tf") : dirname(file) if !startswith(file, "blocks/")]
  layers       = [for file in fileset("${local.root}/requirements", "layer-*.in") : trimsuffix(trimprefix(file, "layer-"), ".in")]
  own_layers   = distinct([for file in fileset("${local.root}/lambda_src", "*/*/layer/**") : split("/", file)[1]])
  kits         = distinct([for file in fileset("${local.root}/lambda_src", "*/*/kit/**") : split("/", file)[1]])
  packages     = concat(local.capabilities, var.with_layers ? [for name in concat(["common"], local.layers, local.own_layers) : "layers/${name}"] : [], [for name in local.kits : "kits/${name}"])
}

resource "terraform_data" "packages" {
  triggers_replace = [var.build_dir, local.packages]

  provisioner "local-exec" {
    command = join(" && ", [
      "mkdir -p ${join(" ", distinct([for name in local.packages : "'${var.build_dir}/${dirname(name)}'"]))}",
      "touch ${join(" ", [for name in local.packages : "'${var.build_dir}/${name}.zip'"])}",
    ])
    quiet = true
  }
}
