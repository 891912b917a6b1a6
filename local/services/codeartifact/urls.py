"""codeartifact base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import CodeArtifactResponse

url_bases = [r"https?://codeartifact\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": CodeArtifactResponse.dispatch}
