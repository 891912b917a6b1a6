"""CodeBuild's operations, from the backend's `@operation` methods."""

from __future__ import annotations

from local.services.base import Response

from .exceptions import InvalidInputException
from .models import CodeBuildBackend, codebuild_backends


class CodeBuildResponse(Response, backend_class=CodeBuildBackend):
    """CodeBuild's JSON API."""

    invalid_input = InvalidInputException

    def __init__(self) -> None:
        super().__init__(service_name="codebuild")

    @property
    def backend(self) -> CodeBuildBackend:
        """Return the projects of the request's account and Region."""
        return codebuild_backends[self.current_account][self.region]
