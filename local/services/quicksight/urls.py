"""quicksight base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import QuickSightResponse

url_bases = [r"https?://quicksight\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": QuickSightResponse.dispatch}
