"""servicequotas base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import ServiceQuotasResponse

url_bases = [r"https?://servicequotas\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": ServiceQuotasResponse.dispatch}
