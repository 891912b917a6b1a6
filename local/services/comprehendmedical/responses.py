"""Comprehend Medical's operations, from the backend's `@operation` methods."""

from local.services.base import Response

from .exceptions import InvalidRequestException
from .models import ComprehendMedicalBackend, comprehendmedical_backends


class ComprehendMedicalResponse(Response, backend_class=ComprehendMedicalBackend):
    """Comprehend Medical's JSON API."""

    invalid_input = InvalidRequestException

    def __init__(self) -> None:
        super().__init__(service_name="comprehendmedical")

    @property
    def backend(self) -> ComprehendMedicalBackend:
        """Return the backend of the request's account and Region."""
        return comprehendmedical_backends[self.current_account][self.region]
