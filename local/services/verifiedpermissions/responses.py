"""Verified Permissions' operations, from the backend's `@operation` methods."""

from local.services.base import Response

from .exceptions import ValidationException
from .models import VerifiedPermissionsBackend, verifiedpermissions_backends


class VerifiedPermissionsResponse(Response, backend_class=VerifiedPermissionsBackend):
    """Verified Permissions' JSON API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="verifiedpermissions")

    def _get_action(self) -> str:
        return str(self.headers.get("X-Amz-Target", "")).rpartition(".")[2]

    @property
    def backend(self) -> VerifiedPermissionsBackend:
        """Return the policy stores of the request's account and Region."""
        return verifiedpermissions_backends[self.current_account][self.region]
