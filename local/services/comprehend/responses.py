"""Comprehend's operations: ours from the backend's `@operation` methods, the others from moto."""

from moto.comprehend.responses import ComprehendResponse as MotoComprehendResponse

from local.services.base import Response

from .exceptions import ValidationException
from .models import ComprehendBackend, comprehend_backends


class ComprehendResponse(Response, MotoComprehendResponse, backend_class=ComprehendBackend):
    """Comprehend's JSON API."""

    invalid_input = ValidationException

    @property
    def backend(self) -> ComprehendBackend:
        """Return the backend of the request's account and Region."""
        return comprehend_backends[self.current_account][self.region]
