"""Executions of the past, by pipeline, and their actions; the newest first, as the API lists them."""

from __future__ import annotations

from typing import Any

from local.services.base import Pager, TokenError

from .exceptions import InvalidNextTokenException, PipelineNotFoundException

Data = dict[str, Any]


class Past:
    """The history of the pipelines of one account and Region."""

    def __init__(self) -> None:
        self._executions: dict[str, dict[str, Data]] = {}
        self._pager = Pager(lambda: 3600.0)

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

    def executions(self, pipeline: str, limit: int, token: str | None) -> Data:
        """Return a page of the executions of a pipeline."""
        found = self._found(pipeline)
        newest = sorted(found.values(), key=lambda one: -one["startTime"])
        listed = [{name: value for name, value in one.items() if name != "actions"} for one in newest]
        return self._page("pipelineExecutionSummaries", ["executions", pipeline], listed, limit, token)

    def actions(self, pipeline: str, execution: str | None, limit: int, token: str | None) -> Data:
        """Return a page of the actions of an execution, or of all."""
        listed = [
            action | {"pipelineExecutionId": one["pipelineExecutionId"]}
            for one in self._found(pipeline).values()
            if execution in (None, one["pipelineExecutionId"])
            for action in one.get("actions", [])
        ]
        listed.sort(key=lambda action: -action["startTime"])
        return self._page("actionExecutionDetails", ["actions", pipeline, execution], listed, limit, token)

    def _found(self, pipeline: str) -> dict[str, Data]:
        try:
            return self._executions[pipeline]
        except KeyError:
            raise PipelineNotFoundException(f"The pipeline {pipeline} does not exist.") from None

    def _page(self, name: str, asked: list[str | None], listed: list[Data], limit: int, token: str | None) -> Data:
        try:
            page, following = self._pager.page(asked, lambda: listed, limit, token)
        except TokenError as error:
            raise InvalidNextTokenException(str(error)) from None
        return {name: page, **({"nextToken": following} if following else {})}
