"""Security Hub's operations: ours from the backend's `@operation` methods, the others from moto."""

from moto.securityhub.responses import SecurityHubResponse as MotoSecurityHubResponse

from local.services.base import Response

from .exceptions import InvalidInputException
from .models import SecurityHubBackend, securityhub_backends


class SecurityHubResponse(Response, MotoSecurityHubResponse, backend_class=SecurityHubBackend):
    """Security Hub's REST API."""

    invalid_input = InvalidInputException

    @property
    def backend(self) -> SecurityHubBackend:
        """Return the hub of the request's account and Region."""
        return securityhub_backends[self.current_account][self.region]
