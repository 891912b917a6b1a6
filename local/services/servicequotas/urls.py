"""servicequotas base URL and path: a JSON service has one path, and the target header names the operation."""

from .responses import ServiceQuotasResponse

url_bases = [r"https?://servicequotas\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": ServiceQuotasResponse.dispatch}
