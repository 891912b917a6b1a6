"""QuickSight's operations: those of the backend's `@operation` methods, and moto's for users and groups."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from moto.quicksight.responses import QuickSightResponse as Moto

from local.services.base import Response

from .exceptions import InvalidParameterValueException
from .models import QuickSightBackend, quicksight_backends


class QuickSightResponse(Response, Moto, backend_class=QuickSightBackend):
    """QuickSight's REST API."""

    invalid_input = InvalidParameterValueException

    @property
    def backend(self) -> QuickSightBackend:
        """Return what the request's account has in the Region."""
        return quicksight_backends[self.current_account][self.region]

    def _get_action_from_method_and_request_uri(self, request: Any) -> str:
        """Return the operation. The ARN of a tagged resource has a slash, with which moto's router finds no path."""
        path = unquote(request.path)
        if path.startswith("/resources/") and path.endswith("/tags"):
            self.uri_match = {"ResourceArn": path.removeprefix("/resources/").removesuffix("/tags")}
            return {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}[request.method]
        return str(super()._get_action_from_method_and_request_uri(request) or "")
