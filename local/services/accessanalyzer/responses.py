"""Access Analyzer's operations, from the backend's `@operation` methods."""

from local.services.base import Response

from .exceptions import ValidationException
from .models import AccessAnalyzerBackend, accessanalyzer_backends


class AccessAnalyzerResponse(Response, backend_class=AccessAnalyzerBackend):
    """Access Analyzer's REST API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="accessanalyzer")

    @property
    def backend(self) -> AccessAnalyzerBackend:
        """Return the analyzers of the request's account and Region."""
        return accessanalyzer_backends[self.current_account][self.region]
