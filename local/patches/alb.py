"""Application Load Balancers check the health of IP targets, send requests to healthy ones only, and can be protected.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html

Time runs faster here: each second of a health check's interval takes `SECOND`. A target is a container of
`local.services.containers`; any other address is not reachable.
"""

from __future__ import annotations

import dataclasses
import http.client
import random
import threading
import time
from typing import Any

from ministack.services import acm, alb

from local.patches.registry import Original, patch
from local.services.containers import engine

TARGET = "ministack.services.alb"
SECOND = 0.05
_UNUSED = 9  # the port of "discard": what a target that listens nowhere is mapped to

# State -> (reason, description): API reference, TargetHealth.
_REASONS = {
    "initial": ("Elb.InitialHealthChecking", "Initial health checks in progress"),
    "unhealthy": ("Target.FailedHealthChecks", "Health checks failed"),
}


@dataclasses.dataclass
class Health:
    """What the checks of one target have found."""

    state: str = "initial"
    passed: int = 0
    failed: int = 0
    answered: bool = False
    """Whether it has answered at all: before that, it may still be starting."""
    due: float = 0.0


_health: dict[tuple[str, str], Health] = {}
"""(target group, address) -> health."""
_lock = threading.Lock()


def state_of(group: str, address: str) -> str:
    """Return the state of a target that is registered."""
    with _lock:
        return _health.setdefault((group, address), Health()).state


def answered(group: str, address: str) -> bool:
    """Return whether a target has answered a check, with whatever status."""
    with _lock:
        return _health.setdefault((group, address), Health()).answered


def reachable(target: dict[str, Any], group: dict[str, Any]) -> tuple[str, int]:
    """Return where on this machine a target listens."""
    container = engine.at(str(target["Id"]))
    port = container.place(int(target.get("Port") or group["Port"])) if container else None
    return "127.0.0.1", port or _UNUSED


def _matches(codes: str, status: int) -> bool:
    """Return whether a status is one of a matcher, such as `200,301-302`."""
    for part in codes.split(","):
        first, _, last = part.partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


def _status(target: dict[str, Any], group: dict[str, Any]) -> int | None:
    """Return the status with which a target answers, or None if it does not."""
    host, port = reachable(target, group)
    connection = http.client.HTTPConnection(host, port, timeout=float(group["HealthCheckTimeoutSeconds"]))
    try:
        connection.request("GET", group["HealthCheckPath"], headers={"User-Agent": "ELB-HealthChecker/2.0"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def check(target: dict[str, Any], group: dict[str, Any]) -> None:
    """Check a target once, and count."""
    status = _status(target, group)
    passes = status is not None and _matches(group["Matcher"]["HttpCode"], status)
    with _lock:
        health = _health.setdefault((group["TargetGroupArn"], target["Id"]), Health())
        if status is not None and not health.answered:
            health.state, health.failed, health.answered = "initial", 0, True
        health.passed, health.failed = (health.passed + 1, 0) if passes else (0, health.failed + 1)
        # "If the health checks exceed UnhealthyThresholdCount consecutive failures, the load balancer takes the target
        # out of service"; the first state of a target follows from its first checks in the same way.
        if health.passed >= group["HealthyThresholdCount"]:
            health.state = "healthy"
        elif health.failed >= group["UnhealthyThresholdCount"]:
            health.state = "unhealthy"
        health.due = time.monotonic() + group["HealthCheckIntervalSeconds"] * SECOND


def _due() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    now, found, present = time.monotonic(), [], set()
    for (account, region, arn), group in list(alb._tgs.all_items()):
        for target in list(alb._targets.get_scoped(account, region, arn) or []):
            if group.get("TargetType") != "ip":
                continue
            present.add((arn, target["Id"]))
            if _health.get((arn, target["Id"]), Health()).due <= now:
                found.append((target, group))
    with _lock:
        for key in _health.keys() - present:
            del _health[key]
    return found


def _watch() -> None:
    while True:
        for target, group in _due():
            check(target, group)
        time.sleep(SECOND)


@patch(TARGET, "_ACTION_MAP[DescribeTargetHealth]", because="To MiniStack every target is healthy.")
def describe_target_health(original: Original, params: Any) -> Any:
    """Return the state of each target."""
    group = alb._tgs.get(alb._p(params, "TargetGroupArn"))
    if group is None or group.get("TargetType") != "ip":
        return original(params)
    arn = group["TargetGroupArn"]
    wanted = {one["Id"] for one in alb._parse_targets_param(params)}
    described = []
    for target in alb._targets.get(arn, []):
        if wanted and target["Id"] not in wanted:
            continue
        state = state_of(arn, target["Id"])
        reason, text = _REASONS.get(state, ("", ""))
        why = f"<Reason>{reason}</Reason><Description>{text}</Description>" if reason else ""
        port = target.get("Port", group["Port"])
        described.append(
            f"<member><Target><Id>{target['Id']}</Id><Port>{port}</Port></Target><HealthCheckPort>{port}"
            f"</HealthCheckPort><TargetHealth><State>{state}</State>{why}</TargetHealth></member>"
        )
    found = f"<TargetHealthDescriptions>{''.join(described)}</TargetHealthDescriptions>"
    return alb._xml(200, "DescribeTargetHealth", found)


@patch(TARGET, "_forward_to_tg", because="MiniStack sends requests to targets that are not healthy.")
async def forward_to_tg(
    original: Original,
    tg_arn: str,
    method: str,
    path: str,
    headers: Any,
    body: Any,
    query_params: Any,
    raw_query_string: Any = None,
    raw_path: Any = None,
) -> Any:
    """Send a request to a healthy target; to any if none is ("fail open")."""
    group, targets = alb._tgs.get(tg_arn), alb._targets.get(tg_arn, [])
    if not group or group.get("TargetType") != "ip" or not targets:
        return await original(tg_arn, method, path, headers, body, query_params, raw_query_string, raw_path)
    healthy = [one for one in targets if state_of(tg_arn, one["Id"]) == "healthy"]
    host, port = reachable(random.choice(healthy or targets), group)
    target = {"Id": host, "Port": port}
    return await alb._proxy_http_target(
        target, group, method, raw_path or path, headers, body, query_params, raw_query_string
    )


@patch(
    TARGET,
    "_ACTION_MAP[DeleteLoadBalancer]",
    because="MiniStack deletes a load balancer that is protected, and leaves its listeners.",
)
def delete_lb(original: Original, params: Any) -> Any:
    """Refuse to delete a protected load balancer. Delete the listeners of another one with it."""
    arn = alb._p(params, "LoadBalancerArn")
    if alb._lb_attr(arn, "deletion_protection.enabled", "false") == "true":
        message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        return alb._error("OperationNotPermitted", message)
    for listener in [key for key, one in alb._listeners.items() if one["LoadBalancerArn"] == arn]:
        alb._delete_listener({"ListenerArn": [listener]})
    for group in alb._tgs.values():
        group["LoadBalancerArns"] = [one for one in group["LoadBalancerArns"] if one != arn]
    return original(params)


@patch(TARGET, "_ACTION_MAP[DeleteTargetGroup]", because="MiniStack deletes a target group that a listener uses.")
def delete_tg(original: Original, params: Any) -> Any:
    """Refuse to delete a target group in use."""
    arn = alb._p(params, "TargetGroupArn")
    rules = [rule.get("Actions") or [] for rule in alb._rules.values()]
    if any(action.get("TargetGroupArn") == arn for actions in rules for action in actions):
        return alb._error("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    return original(params)


@patch(
    TARGET, "_ACTION_MAP[CreateListener]", because="MiniStack accepts HTTPS without a certificate that ACM has issued."
)
def create_listener(original: Original, params: Any) -> Any:
    """Refuse a listener whose certificate does not exist."""
    certificate = alb._p(params, "Certificates.member.1.CertificateArn")
    if alb._p(params, "Protocol") == "HTTPS" and not certificate:
        return alb._error("ValidationError", "A certificate must be specified for HTTPS listeners")
    if ":acm:" in certificate and certificate not in acm._certificates:
        return alb._error("CertificateNotFound", f"Certificate '{certificate}' not found")
    return original(params)


def start() -> None:
    """Check targets from now on."""
    threading.Thread(target=_watch, name="health checks", daemon=True).start()
