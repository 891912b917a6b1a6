"""MSK Connect's base URL and path: `responses` finds the operation, since ARNs in paths contain slashes."""

from .responses import KafkaConnectResponse

url_bases = [r"https?://kafkaconnect\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": KafkaConnectResponse.dispatch}
