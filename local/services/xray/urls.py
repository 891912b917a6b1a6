"""xray base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import XRayResponse

url_bases = [r"https?://xray\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": XRayResponse.dispatch}
