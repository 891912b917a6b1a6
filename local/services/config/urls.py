"""config base URL and path: a JSON service has one path, and the target header names the operation."""

from .responses import ConfigResponse

url_bases = [r"https?://config\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": ConfigResponse.dispatch}
