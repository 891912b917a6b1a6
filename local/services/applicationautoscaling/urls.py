"""Base URL and path: a JSON service has one path, and the target header names the operation."""

from .responses import ApplicationAutoScalingResponse

url_bases = [r"https?://application-autoscaling\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/$": ApplicationAutoScalingResponse.dispatch}
