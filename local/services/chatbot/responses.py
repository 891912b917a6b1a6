"""Chatbot's operations, from the backend's `@operation` methods."""

from local.services.base import Response

from .exceptions import InvalidParameterException
from .models import ChatbotBackend, backend


class ChatbotResponse(Response, backend_class=ChatbotBackend):
    """Chatbot's REST API."""

    invalid_input = InvalidParameterException

    def __init__(self) -> None:
        super().__init__(service_name="chatbot")

    @property
    def backend(self) -> ChatbotBackend:
        """Return the configurations of the request's account, which belong to no Region."""
        return backend(self.current_account)
