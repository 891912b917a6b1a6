"""Systems Manager's operations: Automation from the backend's `@operation` methods, the others from moto."""

from moto.ssm.responses import SimpleSystemManagerResponse

from local.services.base import Response

from .exceptions import ValidationException
from .models import SsmBackend, ssm_backends


class SsmResponse(Response, SimpleSystemManagerResponse, backend_class=SsmBackend):
    """Systems Manager's JSON API."""

    invalid_input = ValidationException

    @property
    def backend(self) -> SsmBackend:
        """Return Systems Manager of the request's account and Region."""
        return ssm_backends[self.current_account][self.region]
