"""Remediation: SSM Automation documents that AWS Config starts for non-compliant resources.

https://docs.aws.amazon.com/config/latest/developerguide/remediation.html; attempts and their window are those of the
API reference's RemediationConfiguration: after MaximumAutomaticAttempts failures within RetryAttemptSeconds the
resource gets a remediation exception, and no further attempts.
"""

from __future__ import annotations

import dataclasses
import logging
import uuid
from typing import Any

from local.services.base import operation

from .clock import now
from .exceptions import (
    InvalidParameterValueException,
    NoSuchRemediationConfigurationException,
    NoSuchRemediationExceptionException,
    RemediationInProgressException,
)
from .items import Key

logger = logging.getLogger("switchyard.config")

EXECUTED_BY = "arn:aws:sts::{account}:assumed-role/AWSServiceRoleForConfigRemediation/AwsConfigRemediation"
ATTEMPTS, WINDOW = 5, 60
MAX_CONFIGURATIONS, MAX_KEYS = 25, 100
_STATES = {"InProgress": "IN_PROGRESS", "Success": "SUCCEEDED", "Failed": "FAILED"}


@dataclasses.dataclass
class Attempt:
    """The last run for a resource, and the times of earlier failures."""

    automation: Any
    invoked: float
    failed: list[float] = dataclasses.field(default_factory=list)
    followed: bool = False
    again: bool = False
    error: str = ""

    @property
    def state(self) -> str:
        """Return the state under DescribeRemediationExecutionStatus' name."""
        return "FAILED" if self.automation is None else _STATES[self.automation.status]

    def described(self, key: Key) -> dict[str, Any]:
        """Return the attempt as DescribeRemediationExecutionStatus shows it."""
        steps = [
            {
                "Name": step["StepName"],
                "State": {"Success": "SUCCEEDED", "Failed": "FAILED"}.get(step["StepStatus"], "IN_PROGRESS"),
                "ErrorMessage": step.get("FailureMessage"),
                "StartTime": step["ExecutionStartTime"],
                "StopTime": step.get("ExecutionEndTime"),
            }
            for step in (self.automation.steps if self.automation else [])
        ]
        why = self.error or (self.automation.failure if self.automation else "")
        if not steps and why:
            steps = [{"Name": "Start", "State": "FAILED", "ErrorMessage": why}]
        return {
            "ResourceKey": {"resourceType": key[0], "resourceId": key[1]},
            "State": self.state,
            "StepDetails": [{name: value for name, value in step.items() if value is not None} for step in steps],
            "InvocationTime": self.invoked,
            "LastUpdatedTime": (self.automation and self.automation.ended) or self.invoked,
        }


class Remediation:
    """What the backend does about non-compliant resources; mixed into `models.ConfigBackend`."""

    account_id: str
    region_name: str
    partition: str

    def _clear_remediation(self) -> None:
        self.remediations: dict[str, dict[str, Any]] = {}
        self.attempts: dict[str, dict[Key, Attempt]] = {}
        self.exempt: dict[tuple[str, Key], dict[str, Any]] = {}

    @property
    def _ssm(self) -> Any:
        from local.services.ssm.models import ssm_backends

        return ssm_backends[self.account_id][self.region_name]

    @operation()
    def put_remediation_configurations(self, remediation_configurations: list[dict[str, Any]]) -> dict[str, Any]:
        if len(remediation_configurations) > MAX_CONFIGURATIONS:
            raise InvalidParameterValueException(f"At most {MAX_CONFIGURATIONS} remediation configurations can be put.")
        for one in remediation_configurations:
            self._rule(one["ConfigRuleName"])  # type: ignore[attr-defined]
            self._check_remediation(one)
        for one in remediation_configurations:
            name = one["ConfigRuleName"]
            old = self.remediations.get(name, {})
            arn = f"arn:{self.partition}:config:{self.region_name}:{self.account_id}:remediation-configuration"
            self.remediations[name] = {
                "Automatic": False,
                **one,
                "Arn": old.get("Arn") or f"{arn}/{name}/{uuid.uuid4()}",
            }
        return {"FailedBatches": []}

    def _check_remediation(self, one: dict[str, Any]) -> None:
        """Check a configuration against its document, which must exist and take these parameters."""
        from moto.core.exceptions import ServiceException

        from local.services.ssm import automation

        given: dict[str, list[str]] = {}
        for name, value in (one.get("Parameters") or {}).items():
            static, resource = value.get("StaticValue"), value.get("ResourceValue")
            if bool(static) == bool(resource) or (static and not static.get("Values")):
                raise InvalidParameterValueException(f"Parameter {name} needs either a static or a resource value.")
            given[name] = static["Values"] if static else ["RESOURCE_ID"]
        try:
            _, document = self._ssm.document(one["TargetId"], one.get("TargetVersion", ""))
        except ServiceException as error:
            raise InvalidParameterValueException(f"The document {one['TargetId']} cannot be used: {error}") from None
        loose = {
            **document,
            "parameters": {
                name: {key: value for key, value in wanted.items() if key not in ("allowedPattern", "allowedValues")}
                for name, wanted in (document.get("parameters") or {}).items()
            },
        }
        if problem := automation.problem(loose, given):
            raise InvalidParameterValueException(problem)
        if one.get("Automatic") and not given.get("AutomationAssumeRole"):
            raise InvalidParameterValueException(
                "Automatic remediation needs the static parameter AutomationAssumeRole."
            )

    @operation()
    def describe_remediation_configurations(self, config_rule_names: list[str]) -> dict[str, Any]:
        found = [self.remediations[name] for name in config_rule_names if name in self.remediations]
        return {"RemediationConfigurations": found}

    def _remediation(self, name: str) -> dict[str, Any]:
        if name not in self.remediations:
            raise NoSuchRemediationConfigurationException(f"No RemediationConfiguration for rule exists: {name}")
        return self.remediations[name]

    @operation()
    def delete_remediation_configuration(
        self, config_rule_name: str, resource_type: str | None = None
    ) -> dict[str, Any]:
        self._remediation(config_rule_name)
        if any(one.state == "IN_PROGRESS" for one in list(self.attempts.get(config_rule_name, {}).values())):
            raise RemediationInProgressException(f"Remediation of {config_rule_name} is in progress.")
        del self.remediations[config_rule_name]
        self.attempts.pop(config_rule_name, None)
        self.exempt = {key: one for key, one in list(self.exempt.items()) if key[0] != config_rule_name}
        return {}

    @operation()
    def start_remediation_execution(self, config_rule_name: str, resource_keys: list[dict[str, str]]) -> dict[str, Any]:
        self._remediation(config_rule_name)
        if len(resource_keys) > MAX_KEYS:
            raise InvalidParameterValueException(f"At most {MAX_KEYS} resources can be named.")
        for one in resource_keys:
            self._attempt(config_rule_name, (one["resourceType"], one["resourceId"]))
        return {"FailedItems": []}

    @operation()
    def describe_remediation_execution_status(
        self,
        config_rule_name: str,
        resource_keys: list[dict[str, str]] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        self._remediation(config_rule_name)
        wanted = {(one["resourceType"], one["resourceId"]) for one in resource_keys or []}
        found = [
            one.described(key)
            for key, one in sorted(self.attempts.get(config_rule_name, {}).items())
            if not wanted or key in wanted
        ]
        page: dict[str, Any] = self._page(  # type: ignore[attr-defined]
            "RemediationExecutionStatuses", found, limit, next_token, config_rule_name, sorted(wanted)
        )
        return page

    @operation()
    def put_remediation_exceptions(
        self,
        config_rule_name: str,
        resource_keys: list[dict[str, str]],
        message: str = "",
        expiration_time: float | None = None,
    ) -> dict[str, Any]:
        self._remediation(config_rule_name)
        for one in resource_keys:
            self._exempt(config_rule_name, (one["ResourceType"], one["ResourceId"]), message, expiration_time)
        return {"FailedBatches": []}

    def _exempt(self, name: str, key: Key, message: str, expires: float | None = None) -> None:
        told = {"ConfigRuleName": name, "ResourceType": key[0], "ResourceId": key[1], "Message": message}
        self.exempt[name, key] = {**told, **({"ExpirationTime": expires} if expires else {})}

    @operation()
    def describe_remediation_exceptions(
        self,
        config_rule_name: str,
        resource_keys: list[dict[str, str]] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        wanted = {(one["ResourceType"], one["ResourceId"]) for one in resource_keys or []}
        found = [
            one
            for (name, key), one in sorted(self.exempt.items())
            if name == config_rule_name and (not wanted or key in wanted)
        ]
        page: dict[str, Any] = self._page(  # type: ignore[attr-defined]
            "RemediationExceptions", found, limit, next_token, config_rule_name, sorted(wanted)
        )
        return page

    @operation()
    def delete_remediation_exceptions(
        self, config_rule_name: str, resource_keys: list[dict[str, str]]
    ) -> dict[str, Any]:
        keys = [(config_rule_name, (one["ResourceType"], one["ResourceId"])) for one in resource_keys]
        if not any(key in self.exempt for key in keys):
            raise NoSuchRemediationExceptionException("There is no such remediation exception.")
        for key in keys:
            self.exempt.pop(key, None)
        return {"FailedBatches": []}

    # Automatic runs

    def _remediate(self, name: str, key: Key) -> None:
        """Start an automatic remediation of the non-compliant `key`, or another after the running one."""
        if not self.remediations.get(name, {}).get("Automatic"):
            return
        exempt = self.exempt.get((name, key))
        if exempt and exempt.get("ExpirationTime", float("inf")) > now():
            return
        running = self.attempts.get(name, {}).get(key)
        if running and running.state == "IN_PROGRESS":
            running.again = True
        else:
            self._attempt(name, key)

    def _attempt(self, name: str, key: Key) -> None:
        from moto.core.exceptions import ServiceException

        one = self.remediations[name]
        parameters = {
            parameter: list(value["StaticValue"]["Values"]) if value.get("StaticValue") else [key[1]]
            for parameter, value in (one.get("Parameters") or {}).items()
        }
        before = self.attempts.setdefault(name, {}).get(key)
        made = Attempt(None, now(), list(before.failed) if before else [])
        by = EXECUTED_BY.format(account=self.account_id)
        try:
            made.automation = self._ssm.start(one["TargetId"], one.get("TargetVersion", ""), parameters, by, {})
        except ServiceException as error:
            made.error = str(error)
        self.attempts[name][key] = made

    def _follow_remediation(self) -> None:
        """Retry what failed. After too many failures, make an exception."""
        for name, found in list(self.attempts.items()):
            one = self.remediations.get(name)
            for key, attempt in list(found.items()):
                if attempt.followed or attempt.state == "IN_PROGRESS" or one is None:
                    continue
                attempt.followed = True
                if attempt.state == "SUCCEEDED":
                    attempt.failed = []
                    if attempt.again:
                        self._remediate(name, key)
                elif one.get("Automatic"):
                    self._after_failure(name, key, attempt, one)

    def _after_failure(self, name: str, key: Key, attempt: Attempt, one: dict[str, Any]) -> None:
        window, most = one.get("RetryAttemptSeconds", WINDOW), one.get("MaximumAutomaticAttempts", ATTEMPTS)
        why = attempt.error or attempt.automation.failure
        logger.warning("Remediation of %s for %s failed: %s", key[1], name, why)
        attempt.failed = [*(at for at in attempt.failed if now() - at < window), now()]
        if len(attempt.failed) >= most:
            self._exempt(name, key, f"{most} automatic attempts failed within {window} seconds: {why}"[:1024])
        elif self._still_fails(name, key):  # type: ignore[attr-defined]
            self._remediate(name, key)
