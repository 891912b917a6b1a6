"""comprehend base URL and path: a JSON service has one path, and the target header names the operation."""

from .responses import ComprehendResponse

url_bases = [r"https?://comprehend\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": ComprehendResponse.dispatch}
