"""X-Ray's operations, from the backend's `@operation` methods; segments go to moto's."""

from __future__ import annotations

from typing import Any

from moto.xray.responses import XRayResponse as MotoXRayResponse

from local.services.base import Response

from .exceptions import InvalidRequestException
from .models import XRayBackend, xray_backends


class XRayResponse(Response, MotoXRayResponse, backend_class=XRayBackend):
    """X-Ray's REST API."""

    invalid_input = InvalidRequestException

    @property
    def backend(self) -> XRayBackend:
        """Return the groups, rules and traces of the request's account and Region."""
        return xray_backends[self.current_account][self.region]

    @property
    def xray_backend(self) -> XRayBackend:
        """Return the same to moto's methods."""
        return self.backend

    def put_trace_segments(self) -> Any:
        """Keep segments."""
        return self.trace_segments()

    def put_telemetry_records(self) -> Any:
        """Keep the records of a daemon."""
        return self.telemetry_records()

    def batch_get_traces(self) -> Any:
        """Return the segments of traces."""
        return self.traces()
