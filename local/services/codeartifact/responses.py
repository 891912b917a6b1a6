"""CodeArtifact's operations, from the backend's `@operation` methods."""

from __future__ import annotations

from local.services.base import Response

from .exceptions import ValidationException
from .models import CodeArtifactBackend, codeartifact_backends


class CodeArtifactResponse(Response, backend_class=CodeArtifactBackend):
    """CodeArtifact's REST API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="codeartifact")

    @property
    def backend(self) -> CodeArtifactBackend:
        """Return the domains of the request's account and Region."""
        return codeartifact_backends[self.current_account][self.region]
