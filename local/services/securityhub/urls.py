"""securityhub base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import SecurityHubResponse

url_bases = [r"https?://securityhub\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": SecurityHubResponse.dispatch}
