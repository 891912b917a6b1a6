"""What the extension serves, and for how long: from its environment and a configuration file.

The environment has the source's names (`CACHE_EXTENSION_TTL`, …); the configuration is JSON:

    {"parameters": {NAME: {"name": "/app/limits", "region": …, "ttl": …}},
     "secrets":    {NAME: {"id": ARN or name, "stage": "AWSCURRENT", "region": …, "ttl": …}},
     "dynamodb":   {NAME: {"table": …, "key": {"pk": {"S": "…"}}, "fields": […], "consistent": true, …}}}

NAME is what functions ask for. Only `name`, `id`, `table` and `key` are required.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

PARAMETERS, SECRETS, DYNAMODB = "parameters", "secrets", "dynamodb"
PROVISIONED = "provisioned-concurrency"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")


class Misconfigured(Exception):
    """A setting that cannot be used. The message says which, and what to write."""


class Source(NamedTuple):
    """Where a value comes from: the request's members, and how long the value is fresh, in seconds."""

    kind: str
    region: str
    request: Mapping[str, Any]
    ttl: float


Key = tuple[str, str]
"""Kind and name, as functions ask: `("secrets", "db")`."""


class Settings(NamedTuple):
    """Settings of one environment. Times are in seconds."""

    sources: Mapping[Key, Source]
    broken: Mapping[Key, str]
    """Names whose entry cannot be used, with what to write. The other names are served."""
    stale: float
    timeout: float
    startup: bool
    provisioned: bool
    """Lambda initializes the environment before there is a call, so that a start may take longer."""
    token: str


def duration(name: str, text: str) -> float:
    """Return the seconds of `90`, `30s`, `3m` or `1h30m`. Raise Misconfigured for anything else."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Misconfigured(f"{name} must be a duration such as 30s, 3m or 1h30m, not {text!r}.")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def boolean(name: str, text: str) -> bool:
    """Return the value of `true` or `false`. Raise Misconfigured for anything else."""
    if text.lower() not in ("true", "false", "1", "0", ""):
        raise Misconfigured(f"{name} must be true or false, not {text!r}.")
    return text.lower() in ("true", "1")


def load(environ: Mapping[str, str]) -> Settings:
    """Return the settings. Raise Misconfigured with the setting that cannot be used."""
    ttl = duration("CACHE_EXTENSION_TTL", environ.get("CACHE_EXTENSION_TTL") or "60s")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    sources, broken = _sources(_configuration(environ), region, ttl)
    return Settings(
        sources=sources,
        broken=broken,
        stale=duration("CACHE_EXTENSION_STALE", environ.get("CACHE_EXTENSION_STALE") or "0s"),
        timeout=duration("CACHE_EXTENSION_TIMEOUT", environ.get("CACHE_EXTENSION_TIMEOUT") or "3s"),
        startup=boolean("CACHE_EXTENSION_INIT_STARTUP", environ.get("CACHE_EXTENSION_INIT_STARTUP") or "false"),
        provisioned=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == PROVISIONED,
        token=environ.get("AWS_SESSION_TOKEN") or "",
    )


def _configuration(environ: Mapping[str, str]) -> Mapping[str, Any]:
    text, path = environ.get("CACHE_EXTENSION_CONFIG") or "", environ.get("CACHE_EXTENSION_CONFIG_FILE") or ""
    if text and path:
        raise Misconfigured("Set CACHE_EXTENSION_CONFIG or CACHE_EXTENSION_CONFIG_FILE, not both.")
    if path:
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 10 ms of the start
                text = file.read()
        except (OSError, ValueError) as error:
            raise Misconfigured(f"CACHE_EXTENSION_CONFIG_FILE cannot be read: {error}") from error
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise Misconfigured(f"The configuration is not JSON: {error}") from error
    return _object("the configuration", found, {PARAMETERS, SECRETS, DYNAMODB})


def _object(where: str, value: Any, members: set[str] | None = None, required: str = "") -> dict[str, Any]:
    """Return an object that has only these members. Raise Misconfigured otherwise."""
    if not isinstance(value, dict):
        raise Misconfigured(f"{where} must be a JSON object.")
    if members and (unknown := sorted(set(value) - members)):
        raise Misconfigured(f"{where} has {', '.join(unknown)}; known are {', '.join(sorted(members))}.")
    if required and not value.get(required):
        raise Misconfigured(f"{where} must have {required}.")
    return value


def _sources(found: Mapping[str, Any], region: str, ttl: float) -> tuple[dict[Key, Source], dict[Key, str]]:
    sources, broken = {}, {}
    for kind in _KINDS:
        for name, given in _object(kind, found.get(kind, {})).items():
            try:
                sources[kind, name] = _source(kind, f"{kind}: {name}", given, region, ttl)
            except Misconfigured as error:
                broken[kind, name] = str(error)
    return sources, broken


def _source(kind: str, where: str, given: Any, region: str, ttl: float) -> Source:
    required, members, request = _KINDS[kind]
    one = _object(where, given, {required, "region", "ttl", *members}, required)
    at, own = str(one.get("region") or region), one.get("ttl", ttl)
    if not _REGION.fullmatch(at):  # it becomes part of a host's name
        raise Misconfigured(f"{where}: region must be the name of a Region, not {at!r}.")
    if not isinstance(own, (int, float)) or isinstance(own, bool) or not 0 <= own < float("inf"):
        raise Misconfigured(f"{where}: ttl must be a number of seconds.")
    return Source(kind, at, request(where, one), float(own))


def _parameter(where: str, one: Mapping[str, Any]) -> dict[str, Any]:
    return {"Name": _text(where, "name", one["name"])}


def _secret(where: str, one: Mapping[str, Any]) -> dict[str, Any]:
    stage = _text(where, "stage", one.get("stage") or "AWSCURRENT")
    return {"SecretId": _text(where, "id", one["id"]), "VersionStage": stage}


def _item(where: str, one: Mapping[str, Any]) -> dict[str, Any]:
    key, fields = _object(f"{where}: key", one.get("key")), one.get("fields") or []
    if not key or not all(isinstance(v, dict) and len(v) == 1 and set(v) <= {"S", "N", "B"} for v in key.values()):
        raise Misconfigured(f'{where}: key must be as in {{"pk": {{"S": "limits"}}}}, with types S, N or B.')
    if not isinstance(fields, list) or not all(isinstance(field, str) and field for field in fields):
        raise Misconfigured(f"{where}: fields must be a list of attributes' names.")
    consistent = one.get("consistent", False)
    if not isinstance(consistent, bool):
        raise Misconfigured(f"{where}: consistent must be true or false.")
    request = {"TableName": _text(where, "table", one["table"]), "Key": key, "ConsistentRead": consistent}
    if fields:
        names = {f"#{number}": field for number, field in enumerate(fields)}
        request |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    return request


def _text(where: str, member: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Misconfigured(f"{where}: {member} must be text.")
    return value


_KINDS: Mapping[str, tuple[str, set[str], Any]] = {
    PARAMETERS: ("name", set(), _parameter),
    SECRETS: ("id", {"stage"}, _secret),
    DYNAMODB: ("table", {"key", "fields", "consistent"}, _item),
}
