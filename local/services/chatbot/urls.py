"""chatbot base URL and path: `base.Response` finds the operation by botocore's model."""

from .responses import ChatbotResponse

url_bases = [r"https?://chatbot\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": ChatbotResponse.dispatch}
