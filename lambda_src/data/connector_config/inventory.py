"""Read everything that MSK Connect has in the account and Region. One odd resource becomes a row that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from common import aws_errors

from . import rules
from .rules import Rules

Row = dict[str, Any]
"""`arn`, `name`, `state`, `created`, `tags` (None if unknown), `findings`, and `unread` with why a call failed.

Plugins and worker configurations have `latest_revision`, connectors `uses`, `managed` and `drift`."""

RUNNING, FAILED, MISSING = "RUNNING", "FAILED", "MISSING"


def _pages(api: Any, operation: str, member: str) -> Iterator[Mapping[str, Any]]:
    for page in api.get_paginator(operation).paginate(PaginationConfig={"PageSize": 100}):
        yield from page.get(member) or ()


class Inventory:
    """MSK Connect's resources, read when asked for."""

    def __init__(self, api: Any, declared: Mapping[str, Any], patterns: Rules) -> None:
        self._api, self._declared, self._rules = api, declared, patterns

    def connectors(self) -> list[Row]:
        """Return a row for each connector, with what it uses, and one for each that is missing."""
        ours: Mapping[str, Any] = self._declared.get("connectors") or {}
        rows = [self._connector(one, ours.get(str(one.get("connectorArn")))) for one in self._listed()]
        there = {row["arn"] for row in rows}
        rows += [
            _row(arn, one.get("name"), MISSING, {}) | {"managed": True, "drift": ["the connector was deleted"]}
            for arn, one in ours.items()
            if arn not in there
        ]
        return sorted((row for row in rows if row["state"] != "GONE"), key=_order)

    def usage(self) -> set[str]:
        """Return the ARNs that connectors use now."""
        return {arn for one in self._listed() for arn in rules.used_by(one)}

    def plugins(self) -> list[Row]:
        """Return a row for each custom plugin."""
        found = []
        for one in _pages(self._api, "list_custom_plugins", "customPlugins"):
            row = _row(one.get("customPluginArn"), one.get("name"), one.get("customPluginState"), one)
            row["latest_revision"] = (one.get("latestRevision") or {}).get("revision")
            self._tags(row)
            found.append(row)
        return sorted(found, key=_order)

    def worker_configurations(self) -> list[Row]:
        """Return a row for each worker configuration, with what is wrong with its content."""
        ours: Mapping[str, Any] = self._declared.get("worker_configurations") or {}
        found = []
        for one in _pages(self._api, "list_worker_configurations", "workerConfigurations"):
            row = _row(one.get("workerConfigurationArn"), one.get("name"), one.get("workerConfigurationState"), one)
            row["latest_revision"] = (one.get("latestRevision") or {}).get("revision")
            self._tags(row)
            described = self._try(row, "describe_worker_configuration", workerConfigurationArn=row["arn"])
            if described is not None:
                plain = (ours.get(row["arn"]) or {}).get("plain_properties") or ()
                row["findings"] += self._content(described, plain)
            found.append(row)
        return sorted(found, key=_order)

    def _listed(self) -> list[Mapping[str, Any]]:
        return list(_pages(self._api, "list_connectors", "connectors"))

    def _connector(self, listed: Mapping[str, Any], ours: Mapping[str, Any] | None) -> Row:
        row = _row(listed.get("connectorArn"), listed.get("connectorName"), listed.get("connectorState"), listed)
        row |= {"managed": ours is not None, "drift": []}
        described = self._try(row, "describe_connector", connectorArn=row["arn"])
        known = described or listed
        row["state"] = "GONE" if row.get("unread") == "gone" else str(known.get("connectorState"))
        row["kafka_connect_version"] = known.get("kafkaConnectVersion")
        row["uses"] = rules.used_by(known)
        if row["state"] == FAILED:
            row["reason"] = (known.get("stateDescription") or {}).get("code") or "unknown"
        if described is None or row["state"] == "GONE":
            return row
        self._tags(row)
        plain = (ours or {}).get("plain_properties") or ()
        row["findings"] += self._rules.findings(described.get("connectorConfiguration") or {}, plain)
        if ours is not None and (found := rules.drift(ours, described)):
            row["drift"] = found
            operations = self._try(row, "list_connector_operations", connectorArn=row["arn"], maxResults=10)
            row["last_operation"] = _last((operations or {}).get("connectorOperations") or ())
        return row

    def _content(self, described: Mapping[str, Any], plain: Any) -> list[str]:
        content = (described.get("latestRevision") or {}).get("propertiesFileContent")
        if content is None:
            return ["no content"]
        try:
            return self._rules.findings(rules.read_properties(str(content)), plain)
        except ValueError as error:
            return [str(error)]

    def _tags(self, row: Row) -> None:
        answer = self._try(row, "list_tags_for_resource", resourceArn=row["arn"])
        row["tags"] = None if answer is None else dict(answer.get("tags") or {})

    def _try(self, row: Row, operation: str, **arguments: Any) -> Any:
        """Return an answer. Note in the row why there is none, and return None."""
        try:
            return getattr(self._api, operation)(**arguments)
        except Exception as error:
            if aws_errors.read(error) is None:
                raise
            gone = aws_errors.kind(error) is aws_errors.Kind.GONE
            row.setdefault("unread", "gone" if gone else f"{aws_errors.name(error)} at {operation}")
            return None


def _row(arn: Any, name: Any, state: Any, listed: Mapping[str, Any]) -> Row:
    at = listed.get("creationTime")
    created = at.isoformat(timespec="seconds") if isinstance(at, datetime) else None
    return {"arn": str(arn), "name": str(name), "state": str(state), "created": created, "tags": None, "findings": []}


def _order(row: Row) -> tuple[str, str]:
    return row["name"], row["arn"]


def _last(operations: Any) -> str | None:
    """Return type and state of the latest operation: a change that AWS rolled back leaves no other trace."""
    dated = [one for one in operations if one.get("creationTime") is not None]
    if not dated:
        return None
    latest = max(dated, key=lambda one: one["creationTime"])
    return f"{latest.get('connectorOperationType')}: {latest.get('connectorOperationState')}"
