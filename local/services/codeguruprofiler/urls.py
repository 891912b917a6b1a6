"""codeguruprofiler base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import CodeGuruProfilerResponse

url_bases = [r"https?://codeguru-profiler\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": CodeGuruProfilerResponse.dispatch}
