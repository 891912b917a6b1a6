"""Measure web_acl_logging: API calls of an evaluation and of a remediation, against the minimum of the APIs."""

from __future__ import annotations

import os
import random
import sys
import time
from types import SimpleNamespace
from typing import Any
from unittest import mock

from tools import package
from tools.bootstrap import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the functions run in this process.

from common import clients, observability
from posture.web_acl_logging import evaluate, remediate, web_acls
from tests.unit.posture.web_acl_logging.fakes import (
    ACL,
    ELSEWHERE,
    RULE,
    STREAM,
    Config,
    Waf,
    aws_error,
    notification,
)

CONTEXT = SimpleNamespace(aws_request_id="r", function_name="f")
ENVIRONMENT = {
    "DESTINATION_ARN": STREAM,
    "SCOPES": '["REGIONAL"]',
    "CONFIG_RULE_NAME": RULE,
    "POWERTOOLS_LOG_LEVEL": "ERROR",
}
OWN = {"ResourceArn": ACL, "LogDestinationConfigs": [ELSEWHERE]}


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}. Services are in memory, so only calls are counted."""
    package.build(package.HOST_BUILD, package.Target.host())
    size = (package.HOST_BUILD / "posture" / "web_acl_logging.zip").stat().st_size / 1000
    results = [{"figure": "zip size", "value": round(size, 2), "unit": "kB"}]
    # Name, minimum of calls, function called, environment, logging before.
    cases: list[tuple[str, int, Any, dict[str, str], Any]] = [
        ("evaluation", 2, _evaluated(), {}, None),
        ("evaluation, exempting tags set", 3, _evaluated(), {"EXEMPT_TAGS": '{"Logging": "off"}'}, None),
        ("evaluation, oversized item", 2, _evaluated(oversized=True), {}, None),
        ("evaluation, deleted", 1, _evaluated(configurationItemStatus="ResourceDeleted"), {}, None),
        ("remediation, no logging", 3, _remediated, {}, None),
        ("remediation, other destination", 3, _remediated, {"CORRECT_DESTINATION": "true"}, OWN),
        ("remediation, logging already", 2, _remediated, {}, OWN),
    ]
    for name, fewest, call, environment, before in cases:
        made = _calls(call, environment, before)
        results.append({"figure": f"API calls, {name}", "value": made, "unit": "calls"})
        results.append({"figure": "  beyond the fewest", "value": made - fewest, "unit": "calls"})
    results.append({"figure": "longest wait for a busy WAF", "value": _longest_wait(), "unit": "s"})
    return results


def _evaluated(oversized: bool = False, **item: Any) -> Any:
    return lambda: evaluate.handler(notification(oversized, **item), CONTEXT)


def _remediated() -> None:
    remediate.handler({"webAclId": ACL}, CONTEXT)


def _calls(call: Any, environment: dict[str, str], before: Any) -> int:
    waf, config = Waf(ACL), Config()
    if before:
        waf.logging[ACL] = before
    services = {"wafv2": waf, "config": config}
    with (
        mock.patch.dict(os.environ, {**ENVIRONMENT, **environment}),
        mock.patch.object(clients, "client", services.__getitem__),
        mock.patch.object(observability, "count"),
    ):
        call()
    return sum(waf.calls.values()) + sum(config.calls.values())


def _longest_wait() -> float:
    """Return the seconds with every wait at its longest, and WAF busy at every attempt but the last."""
    waits: list[float] = []
    waf = Waf(ACL)
    waf.faults["put_logging_configuration"] = [aws_error("wafv2", remediate.BUSY[0])] * (remediate.TRIES - 1)
    policy = remediate.Settings(destination_arn=STREAM, scopes=["REGIONAL"], config_rule_name=RULE)
    with mock.patch.object(random, "uniform", max), mock.patch.object(time, "sleep", waits.append):
        remediate.remediate(web_acls.parse(ACL), policy, waf, waits.append)
    return sum(waits)
