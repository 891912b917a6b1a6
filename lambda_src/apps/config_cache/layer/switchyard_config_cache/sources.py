"""Fetch values from Parameter Store, Secrets Manager and DynamoDB.

Parameters are fetched ten in a call, since the quota of Parameter Store counts calls and is shared by the account.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from .aws import CallFailed
from .cache import Failure, Value
from .settings import PARAMETERS, SECRETS, Key, Source

TEXT, JSON, BYTES = "text/plain; charset=utf-8", "application/json", "application/octet-stream"
BATCH = 10
"""Names in a call of GetParameters."""
_ABSENT = frozenset({"ParameterNotFound", "ResourceNotFoundException"})


class Client(Protocol):
    def call(
        self, service: str, region: str, target: str, version: str, request: Mapping[str, Any]
    ) -> dict[str, Any]: ...


class Sources:
    """The values that an environment may read."""

    def __init__(self, sources: Mapping[Key, Source], client: Client) -> None:
        self._sources, self._client = sources, client

    def batches(self, keys: Iterable[Key]) -> list[list[Key]]:
        """Return the keys as lists that one call each fetches: parameters of one Region together, others alone."""
        alone: list[list[Key]] = []
        together: dict[str, list[Key]] = {}
        for key in keys:
            if key[0] == PARAMETERS:
                together.setdefault(self._sources[key].region, []).append(key)
            else:
                alone.append([key])
        return alone + [found[at : at + BATCH] for found in together.values() for at in range(0, len(found), BATCH)]

    def fetch(self, keys: Sequence[Key]) -> dict[Key, Value | Failure]:
        """Return the value or the failure of each key of a batch."""
        try:
            if keys[0][0] == PARAMETERS:
                return self._parameters(keys)
            return {key: self._one(self._sources[key]) for key in keys}
        except CallFailed as failed:
            if len(keys) > 1 and not failed.transient:  # one refused name refuses the call for all of them
                return {key: result for one in keys for key, result in self.fetch([one]).items()}
            return dict.fromkeys(keys, _failure(failed))

    def _parameters(self, keys: Sequence[Key]) -> dict[Key, Value | Failure]:
        names = {key: str(self._sources[key].request["Name"]) for key in keys}
        request = {"Names": sorted(set(names.values())), "WithDecryption": True}
        answer = self._client.call("ssm", self._sources[keys[0]].region, "AmazonSSM.GetParameters", "1.1", request)
        found: dict[str | None, Any] = {}
        for one in answer.get("Parameters") or []:
            found |= {one.get("Name"): one, one.get("ARN"): one}
        absent = Failure("ParameterNotFound", "There is no such parameter.", final=True, absent=True)
        return {
            key: text(str(found[name]["Value"])) if "Value" in found.get(name, {}) else absent
            for key, name in names.items()
        }

    def _one(self, source: Source) -> Value | Failure:
        if source.kind == SECRETS:
            answer = self._client.call(
                "secretsmanager", source.region, "secretsmanager.GetSecretValue", "1.1", source.request
            )
            if "SecretString" in answer:
                return text(str(answer["SecretString"]))
            return value(base64.b64decode(answer.get("SecretBinary") or ""), BYTES)
        answer = self._client.call("dynamodb", source.region, "DynamoDB_20120810.GetItem", "1.0", source.request)
        if not answer.get("Item"):
            return Failure("ItemNotFound", "There is no such item.", final=True, absent=True)
        return value(plain({"M": answer["Item"]}).encode(), JSON)


def value(body: bytes, content_type: str) -> Value:
    """Return a value with the tag of its content."""
    return Value(body, content_type, hashlib.sha256(body).hexdigest()[:32])


def text(content: str) -> Value:
    """Return the value of a string."""
    return value(content.encode(), TEXT)


def plain(attribute: Mapping[str, Any]) -> str:
    """Return an attribute of DynamoDB as JSON: numbers with all their digits, sets as lists, binary as Base64."""
    [(kind, content)] = attribute.items()
    if kind == "M":
        return "{" + ", ".join(f"{json.dumps(name)}: {plain(inner)}" for name, inner in sorted(content.items())) + "}"
    if kind == "L":
        return "[" + ", ".join(plain(inner) for inner in content) + "]"
    if kind == "N":
        return str(content)
    if kind == "NS":
        return "[" + ", ".join(sorted(map(str, content))) + "]"
    return "null" if kind == "NULL" else json.dumps(sorted(content) if kind in ("SS", "BS") else content)


def _failure(failed: CallFailed) -> Failure:
    return Failure(failed.code, str(failed), final=not failed.transient, absent=failed.code in _ABSENT)
