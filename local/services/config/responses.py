"""AWS Config's operations: ours from the backend's `@operation` methods, the others from moto."""

from moto.config.responses import ConfigResponse as MotoConfigResponse

from local.services.base import Response

from .exceptions import ValidationException
from .models import ConfigBackend, config_backends


class ConfigResponse(Response, MotoConfigResponse, backend_class=ConfigBackend):
    """AWS Config's JSON API."""

    invalid_input = ValidationException

    @property
    def backend(self) -> ConfigBackend:
        """Return AWS Config of the request's account and Region."""
        return config_backends[self.current_account][self.region]
