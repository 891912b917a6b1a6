"""Pipelines of moto, and the history that scenarios make.

Source: CodePipeline API reference. ListPipelines, ListPipelineExecutions and ListActionExecutions have pages.
"""

from __future__ import annotations

from typing import Any

from moto.codepipeline.models import CodePipelineBackend as Moto
from moto.core.base_backend import BackendDict

from local.services.base import Pager, TokenError, operation

from .exceptions import InvalidNextTokenException
from .past import Past

Data = dict[str, Any]


class CodePipelineBackend(Moto):
    """Pipelines of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.past = Past()
        self._pager = Pager(lambda: 3600.0)

    @operation()
    def list_pipelines(self, next_token: str | None = None, max_results: int = 1000) -> Data:
        """Return a page of the pipelines: those of the API, and those of the past."""
        names = sorted({*self.pipelines, *self.past.names()})
        listed = [{"name": name, "version": 1, "pipelineType": "V2", "executionMode": "SUPERSEDED"} for name in names]
        try:
            page, following = self._pager.page([], lambda: listed, max_results, next_token)
        except TokenError as error:
            raise InvalidNextTokenException(str(error)) from None
        return {"pipelines": page, **({"nextToken": following} if following else {})}

    @operation()
    def list_pipeline_executions(
        self, pipeline_name: str, max_results: int = 100, next_token: str | None = None, **_: Any
    ) -> Data:
        """Return a page of a pipeline's executions."""
        return self.past.executions(pipeline_name, max_results, next_token)

    @operation()
    def list_action_executions(
        self,
        pipeline_name: str,
        filter: Data | None = None,  # noqa: A002 - the API's name
        max_results: int = 100,
        next_token: str | None = None,
    ) -> Data:
        """Return a page of the runs of actions of a pipeline, or of one of its executions."""
        execution = (filter or {}).get("pipelineExecutionId")
        return self.past.actions(pipeline_name, execution, max_results, next_token)


codepipeline_backends = BackendDict(CodePipelineBackend, "codepipeline")
