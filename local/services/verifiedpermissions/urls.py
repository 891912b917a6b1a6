"""verifiedpermissions base URL and path: `base.Response` finds the operation by its target header."""

from .responses import VerifiedPermissionsResponse

url_bases = [r"https?://verifiedpermissions\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": VerifiedPermissionsResponse.dispatch}
