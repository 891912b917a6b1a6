module "cross_account_stream" {
  streams = {
    orders = module.stream_orders.shared["stack"]
    clicks = module.stream_clicks.shared["stack"]
  }
}
