"""Application Auto Scaling's operations, from the backend's `@operation` methods."""

from __future__ import annotations

from local.services.base import Response

from .exceptions import ValidationException
from .models import ApplicationAutoScalingBackend, applicationautoscaling_backends


class ApplicationAutoScalingResponse(Response, backend_class=ApplicationAutoScalingBackend):
    """Application Auto Scaling's JSON API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="application-autoscaling")

    @property
    def backend(self) -> ApplicationAutoScalingBackend:
        """Return the targets of the request's account and Region."""
        return applicationautoscaling_backends[self.current_account][self.region]
