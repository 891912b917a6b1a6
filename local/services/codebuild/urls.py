"""codebuild base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import CodeBuildResponse

url_bases = [r"https?://codebuild\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": CodeBuildResponse.dispatch}
