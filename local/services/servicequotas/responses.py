"""Service Quotas' operations: ours from the backend's `@operation` methods, the others from moto."""

from moto.servicequotas.responses import ServiceQuotasResponse as MotoServiceQuotasResponse

from local.services.base import Response

from .exceptions import IllegalArgumentException
from .models import ServiceQuotasBackend, servicequotas_backends


class ServiceQuotasResponse(Response, MotoServiceQuotasResponse, backend_class=ServiceQuotasBackend):
    """Service Quotas' JSON API."""

    invalid_input = IllegalArgumentException

    @property
    def backend(self) -> ServiceQuotasBackend:
        """Return the quotas of the request's account and Region."""
        return servicequotas_backends[self.current_account][self.region]
