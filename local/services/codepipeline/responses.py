"""CodePipeline's operations: those of the backend's `@operation` methods, and moto's for what it has besides."""

from __future__ import annotations

from moto.codepipeline.responses import CodePipelineResponse as Moto

from local.services.base import Response

from .exceptions import ValidationException
from .models import CodePipelineBackend, codepipeline_backends


class CodePipelineResponse(Response, Moto, backend_class=CodePipelineBackend):
    """CodePipeline's JSON API."""

    invalid_input = ValidationException

    @property
    def backend(self) -> CodePipelineBackend:
        """Return the pipelines of the request's account and Region."""
        return codepipeline_backends[self.current_account][self.region]
