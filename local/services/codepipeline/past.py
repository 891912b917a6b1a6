"""Executions of the past, by pipeline, and their actions."""

from __future__ import annotations

from typing import Any

Data = dict[str, Any]


class Past:
    """The history of the pipelines of one account and Region."""

    def __init__(self) -> None:
        self._executions: dict[str, dict[str, Data]] = {}

    def names(self) -> list[str]:
        """Return the pipelines."""
        return sorted(self._executions)

    def add(self, pipeline: str, executions: list[Data]) -> None:
        """Add executions, which have `actions`."""
        known = self._executions.setdefault(pipeline, {})
        known.update({one["pipelineExecutionId"]: one for one in executions})

    def remove(self, pipeline: str) -> None:
        """Remove a pipeline."""
        self._executions.pop(pipeline, None)

    def executions(self, pipeline: str) -> list[Data]:
        """Return the executions of a pipeline, none if it is not known."""
        found = self._executions.get(pipeline, {}).values()
        return [{name: value for name, value in one.items() if name != "actions"} for one in found]

    def actions(self, pipeline: str, execution: str | None) -> list[Data]:
        """Return the actions of an execution, or of all."""
        return [
            action | {"pipelineExecutionId": one["pipelineExecutionId"]}
            for one in self._executions.get(pipeline, {}).values()
            if execution in (None, one["pipelineExecutionId"])
            for action in one.get("actions", [])
        ]
