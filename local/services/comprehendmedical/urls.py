"""comprehendmedical base URL and path: a JSON service has one path, and the target header names the operation."""

from .responses import ComprehendMedicalResponse

url_bases = [r"https?://comprehendmedical\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": ComprehendMedicalResponse.dispatch}
