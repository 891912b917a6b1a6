"""codepipeline base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import CodePipelineResponse

url_bases = [r"https?://codepipeline\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": CodePipelineResponse.dispatch}
