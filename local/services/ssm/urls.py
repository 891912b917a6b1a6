"""ssm base URL and path: a JSON service has one path, and the target header names the operation."""

from .responses import SsmResponse

url_bases = [r"https?://ssm\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": SsmResponse.dispatch}
