"""CodePipeline's operations, from the backend's `@operation` methods."""

from __future__ import annotations

from local.services.base import Response

from .exceptions import ValidationException
from .models import CodePipelineBackend, codepipeline_backends


class CodePipelineResponse(Response, backend_class=CodePipelineBackend):
    """CodePipeline's JSON API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="codepipeline")

    @property
    def backend(self) -> CodePipelineBackend:
        """Return the pipelines of the request's account and Region."""
        return codepipeline_backends[self.current_account][self.region]
