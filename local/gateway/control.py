"""The control interface of tests and scenarios: `/_switchyard/...` of the gateway, JSON in and out.

`GET health`, `GET calls`, `DELETE calls`, `PUT faults`, `DELETE faults`, `GET` and `POST state/...` are the gateway's
own. For what no API does (a click in the console, time that passes), a service of ours or a correction of MiniStack has
`COMMANDS`: `POST commands/<module>/<command>` calls one with the members of the body.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import import_module
from typing import Any

from local import patches, services
from local.gateway.calls import Calls
from local.gateway.faults import Faults


def command(name: str, data: dict[str, Any]) -> Any:
    """Run the command `<module>/<command>` with `data` as its arguments. Raise ValueError if it does not exist."""
    module, _, verb = name.partition("/")
    package = {**dict.fromkeys(patches.MODULES, patches), **dict.fromkeys(services.SERVICES, services)}.get(module)
    known: dict[str, Callable[..., Any]] = {}
    if package:
        known = getattr(import_module(f"{package.__name__}.{module}"), "COMMANDS", {})
    if verb not in known:
        raise ValueError(f"no command {name!r}" + (f"; {module} has: {', '.join(known)}" if known else ""))
    return known[verb](**data)


class Control:
    """Answers the control interface."""

    def __init__(self, calls: Calls, faults: Faults) -> None:
        self._calls, self._faults = calls, faults
        self._states: dict[str, Any] = {}  # Terraform's, by name

    def answer(self, method: str, name: str, query: dict[str, str], data: dict[str, Any]) -> Any:
        """Run one request. Raise LookupError for a state that Terraform has not written, ValueError if it's unknown."""
        match method, name.partition("/")[0]:
            case "GET", "health":
                return {"status": "running"}
            case "GET", "calls":
                found = self._calls.since(float(query.get("since", 0)), query.get("principal", ""))
                return [dataclasses.asdict(call) for call in found]
            case "DELETE", "calls":
                return self._calls.clear()
            case "PUT", "faults":
                return self._faults.begin(data["block"], data["rules"], data.get("seed", 0))
            case "DELETE", "faults":
                return self._faults.end(query["block"])
            case "GET", "state":
                return self._states[name]
            case "POST", "state":
                self._states[name] = data
                return None
            case "POST", "commands":
                return command(name.removeprefix("commands/"), data)
        raise ValueError(f"no control command {method} {name}")
