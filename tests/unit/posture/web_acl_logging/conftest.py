"""Both functions with WAF and Config in memory."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from common import clients
from posture.web_acl_logging import evaluate, remediate
from tests.unit.posture.web_acl_logging.fakes import ACL, GLOBAL, RULE, STREAM, Config, Waf

CONTEXT = SimpleNamespace(aws_request_id="r", function_name="f")


class World:
    """The two services, and the functions called as Lambda calls them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waf, self.config = Waf(ACL, GLOBAL), Config()
        self._patch = monkeypatch
        self.attempts: list[tuple[str, int]] = []
        monkeypatch.setattr(clients, "client", self._client)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        self.set(DESTINATION_ARN=STREAM, SCOPES='["REGIONAL"]', CONFIG_RULE_NAME=RULE, POWERTOOLS_SERVICE_NAME="w")

    def _client(self, service: str, attempts: int = 10) -> Any:
        self.attempts.append((service, attempts))
        return {"wafv2": self.waf, "config": self.config}[service]

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self._patch.setenv(name, value)

    def evaluate(self, event: Any) -> dict[str, str]:
        return evaluate.handler(event, CONTEXT)

    def remediate(self, resource_id: str = ACL) -> dict[str, str]:
        return remediate.handler({"webAclId": resource_id}, CONTEXT)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)
