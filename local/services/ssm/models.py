"""SsmBackend: moto's Systems Manager, with Automation executions."""

from __future__ import annotations

import uuid
from typing import Any

from moto.core.base_backend import BackendDict
from moto.ssm.models import SimpleSystemManagerBackend

from local.permissions import caller
from local.services.base import Pager, TokenError, operation

from . import automation
from .associations import Associations
from .automation import Document, Execution
from .exceptions import (
    AutomationDefinitionNotFoundException,
    AutomationDefinitionVersionNotFoundException,
    AutomationExecutionNotFoundException,
    InvalidAutomationExecutionParametersException,
    InvalidFilterKey,
    InvalidNextToken,
)

FILTERS = {
    "DocumentNamePrefix": "DocumentName",
    "ExecutionId": "AutomationExecutionId",
    "ExecutionStatus": "AutomationExecutionStatus",
}
"""Supported filters of DescribeAutomationExecutions -> the member that each compares."""


class SsmBackend(Associations, SimpleSystemManagerBackend):
    """Systems Manager of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.executions: dict[str, Execution] = {}
        self.associations = {}
        self.pager = Pager(lambda: 3600.0)

    def document(self, name: str, version: str = "") -> tuple[str, Document]:
        """Return (version, content) of an automation document. Raise AutomationDefinition...NotFoundException."""
        name = name.rpartition("/")[2]
        if name in automation.OWNED:
            return "1", automation.OWNED[name]
        if name not in self._documents:
            raise AutomationDefinitionNotFoundException(f"Automation Definition Not Found: {name}")
        wanted = None if version in ("", "$DEFAULT") else version
        found = self._documents[name].find(document_version=wanted, strict=False)
        if found is None:
            raise AutomationDefinitionVersionNotFoundException(f"Version {version} of {name} was not found.")
        try:
            return str(found.document_version), automation.parse(found.content)
        except ValueError as error:
            raise AutomationDefinitionNotFoundException(str(error)) from None

    def start(
        self, name: str, version: str, parameters: dict[str, list[str]], executed_by: str, credentials: dict[str, str]
    ) -> Execution:
        """Start a document. Raise InvalidAutomationExecutionParametersException for parameters that do not fit it."""
        found_version, document = self.document(name, version)
        if problem := automation.problem(document, parameters):
            raise InvalidAutomationExecutionParametersException(problem)
        scope = self.account_id, self.region_name
        made = Execution(
            str(uuid.uuid4()),
            name.rpartition("/")[2],
            found_version,
            document,
            parameters,
            scope,
            executed_by,
            credentials,
        )
        self.executions[made.id] = made
        made.start()
        return made

    @operation(unchecked=("Parameters",))
    def start_automation_execution(
        self,
        document_name: str,
        document_version: str = "",
        parameters: dict[str, list[str]] | None = None,
        client_token: str | None = None,
        mode: str = "Auto",
        tags: list[dict[str, str]] | None = None,
        **unsupported: Any,
    ) -> dict[str, Any]:
        if unsupported or mode != "Auto":
            named = ", ".join(sorted(unsupported)) or f"mode {mode}"
            raise InvalidAutomationExecutionParametersException(f"The local cloud does not implement {named}.")
        if client_token in self.executions:
            return {"AutomationExecutionId": client_token}
        arn, credentials = caller()
        made = self.start(document_name, document_version, parameters or {}, arn, credentials)
        return {"AutomationExecutionId": made.id}

    def _execution(self, execution_id: str) -> Execution:
        if execution_id not in self.executions:
            raise AutomationExecutionNotFoundException(f"Automation execution {execution_id} was not found.")
        return self.executions[execution_id]

    @operation()
    def get_automation_execution(self, automation_execution_id: str) -> dict[str, Any]:
        found = self._execution(automation_execution_id)
        told = {
            **found.described(),
            "Parameters": found.given,
            "StepExecutions": found.steps,
            "StepExecutionsTruncated": False,
        }
        return {"AutomationExecution": told}

    @operation()
    def describe_automation_executions(
        self, filters: list[dict[str, Any]] | None = None, max_results: int | None = None, next_token: str | None = None
    ) -> dict[str, Any]:
        found = [one.described() for one in sorted(self.executions.values(), key=lambda one: -one.started)]
        for one in filters or []:
            if one["Key"] not in FILTERS:
                raise InvalidFilterKey(f"The local cloud does not implement the filter {one['Key']}.")
            field, prefix = FILTERS[one["Key"]], one["Key"] == "DocumentNamePrefix"
            found = [
                told
                for told in found
                if any(told[field].startswith(v) if prefix else told[field] == v for v in one["Values"])
            ]
        bound = [self.account_id, self.region_name, filters]
        try:
            page, following = self.pager.page(bound, lambda: found, max_results or 50, next_token)
        except (TokenError, ValueError) as error:
            raise InvalidNextToken(str(error)) from None
        return {"AutomationExecutionMetadataList": page, **({"NextToken": following} if following else {})}

    @operation()
    def describe_automation_step_executions(
        self,
        automation_execution_id: str,
        filters: list[dict[str, Any]] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        reverse_order: bool = False,
    ) -> dict[str, Any]:
        if filters or next_token:
            raise InvalidFilterKey("The local cloud implements neither filters nor pages of steps.")
        steps = self._execution(automation_execution_id).steps
        return {"StepExecutions": steps[::-1] if reverse_order else list(steps)}


ssm_backends = BackendDict(SsmBackend, "ssm")
