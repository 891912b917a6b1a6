"""accessanalyzer base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import AccessAnalyzerResponse

url_bases = [r"https?://access-analyzer\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": AccessAnalyzerResponse.dispatch}
