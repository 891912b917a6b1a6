# The owner of the streams is another account, with a provider of its own.
provider "aws" {
  alias      = "owner"
  region     = var.region
  access_key = "222222222222"
  secret_key = "test"
}

module "stream_orders" {
  source    = "./modules/data/cross_account_stream/stream"
  providers = { aws = aws.owner }

  name        = "${var.name_prefix}-orders"
  shard_count = 2
  consumers   = { stack = merge(module.cross_account_stream.reader, { enhanced_fan_out = true }) }
}

module "stream_clicks" {
  source    = "./modules/data/cross_account_stream/stream"
  providers = { aws = aws.owner }

  name        = "${var.name_prefix}-clicks"
  shard_count = 1
  consumers   = { stack = module.cross_account_stream.reader }
}
