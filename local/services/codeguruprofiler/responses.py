"""CodeGuru Profiler's operations, from the backend's `@operation` methods; a profile is not JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from local.services.base import Response

from .exceptions import ValidationException
from .models import CodeGuruProfilerBackend, codeguruprofiler_backends


class CodeGuruProfilerResponse(Response, backend_class=CodeGuruProfilerBackend):
    """CodeGuru Profiler's REST API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="codeguruprofiler")

    def setup_class(
        self, request: Any, full_url: str | None = None, headers: Any = None, use_raw_body: bool | None = None
    ) -> None:
        """Keep the body as bytes: a profile is in Amazon Ion's binary format."""
        super().setup_class(request, full_url, headers, use_raw_body=True)

    @property
    def backend(self) -> CodeGuruProfilerBackend:
        """Return the groups of the request's account and Region."""
        return codeguruprofiler_backends[self.current_account][self.region]

    def post_agent_profile(self) -> tuple[int, dict[str, str], str]:
        """Take a profile, whose body has the format of the Content-Type header."""
        if not self.body:
            raise ValidationException("agentProfile must not be empty")
        self.backend.take_profile(unquote(str(self.uri_match["profilingGroupName"])))
        return 204, {}, ""

    def configure_agent(self) -> tuple[int, dict[str, str], str]:
        """Tell an agent whether to profile. Its metadata has keys of its own, which are not validated here."""
        answer = self.backend.orchestrate(unquote(str(self.uri_match["profilingGroupName"])))
        return 200, {"Content-Type": "application/json"}, json.dumps(answer)
