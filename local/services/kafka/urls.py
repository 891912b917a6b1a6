"""MSK's base URL and path: `responses` finds the operation, since ARNs in paths contain slashes."""

from .responses import KafkaResponse

url_bases = [r"https?://kafka\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": KafkaResponse.dispatch}
