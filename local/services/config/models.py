"""ConfigBackend: moto's, with a recorder that notices changes, rules that are evaluated, and their results.

Sources: AWS Config API reference and developer guide ("Example events for AWS Config rules", "Evaluating resources
with AWS Config rules", "Remediating noncompliant resources").
"""

from __future__ import annotations

import base64
import contextvars
import hashlib
import hmac
import json
import logging
import secrets
import threading
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import moto.config.models as moto_config
from moto.config.models import ConfigBackend as MotoConfigBackend
from moto.config.models import Source as MotoSource
from moto.config.models import SourceDetail, convert_to_class_args
from moto.core.base_backend import BackendDict

from local.services import events
from local.services.base import Pager, TokenError, operation

from . import items, neighbours, rules
from .aggregation import Aggregation
from .clock import now
from .exceptions import (
    InsufficientDeliveryPolicyException,
    InsufficientPermissionsException,
    InvalidNextTokenException,
    InvalidParameterValueException,
    InvalidResultTokenException,
    InvalidRoleException,
    LimitExceededException,
    NoAvailableConfigurationRecorderException,
    NoSuchBucketException,
    NoSuchConfigRuleException,
    ResourceInUseException,
    ResourceNotDiscoveredException,
)
from .items import Item, Key
from .neighbours import PRINCIPAL
from .remediation import Remediation

logger = logging.getLogger("switchyard.config")

MAX_EVALUATIONS, MAX_STARTED, MAX_CAPPED = 100, 25, 25
EVERY = 1.0
"""Seconds between two checks of the recorder."""

_key = secrets.token_bytes(32)


class Source(MotoSource):
    """A rule's source. The function of a custom rule is looked up in MiniStack; moto would look in its own."""

    def __init__(
        self,
        account_id: str,
        region: str,
        owner: str,
        source_identifier: str,
        source_details: list[dict[str, Any]] | None = None,
    ) -> None:
        if owner != "CUSTOM_LAMBDA" or not source_details:
            super().__init__(account_id, region, owner, source_identifier, source_details)  # type: ignore[arg-type]
            return
        if reason := neighbours.current.function_refusal(source_identifier, account_id, region):
            logger.warning("PutConfigRule refused: %s", reason)
            raise InsufficientPermissionsException(
                f"The AWS Lambda function {source_identifier} cannot be invoked. Check the specified function ARN, "
                "and check the function's permissions."
            )
        self.owner, self.source_identifier = owner, source_identifier
        self.source_details = [SourceDetail(**convert_to_class_args(one)) for one in source_details]


def use_own_source() -> None:
    """Make moto's rules check their source with our class."""
    moto_config.Source = Source  # type: ignore[assignment,misc]


class Watcher:
    """The one thread that checks the accounts and Regions with a recorder or rules, and runs what is due."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def wake(self) -> None:
        """Check again now. The first call starts the thread."""
        with self._lock:
            if self._thread is None:
                # A fresh context, without that of the request that came first.
                run = contextvars.Context().run
                self._thread = threading.Thread(target=run, args=(self._watch,), name="config", daemon=True)
                self._thread.start()
        self._wake.set()

    def _watch(self) -> None:
        while True:
            self._wake.wait(EVERY)
            self._wake.clear()
            for backend in all_backends():
                try:
                    backend.tick()
                except Exception:
                    logger.exception("AWS Config of %s in %s", backend.account_id, backend.region_name)


watcher = Watcher()


class ConfigBackend(Remediation, Aggregation, MotoConfigBackend):
    """AWS Config of one account and Region."""

    reevaluation_interval = 60.0
    """Minimum seconds between two StartConfigRulesEvaluation calls, for the class or for one account and Region."""
    reevaluation_intervals: ClassVar[dict[str, float]] = {}
    """The same for single rules, by name: a short interval for one scenario does not apply to others."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lock = threading.RLock()
        self.pager = Pager(lambda: 3600.0)
        self.rules: dict[str, dict[str, Any]] = {}
        self.requested: dict[str, dict[str, Any]] = {}
        self.current: dict[Key, Item] = {}
        self.history: dict[Key, list[Item]] = {}  # newest last
        self.results: dict[str, dict[Key, dict[str, Any]]] = {}
        self.status: dict[str, dict[str, Any]] = {}
        self.pending: list[str] = []
        self.due: dict[str, float] = {}
        self.last_started = 0.0
        self._clear_remediation()
        self._clear_aggregation()

    # Helpers

    def _page(
        self,
        member: str,
        found: Sequence[Any],
        limit: int | None,
        token: str | None,
        *parameters: Any,
        default: int = 100,
        token_name: str = "NextToken",
    ) -> dict[str, Any]:
        """Return the response with one page. The token is bound to the parameters, account and Region."""
        bound = [member, self.account_id, self.region_name, *parameters]
        try:
            page, following = self.pager.page(bound, lambda: list(found), limit or default, token)
        except (TokenError, ValueError) as error:
            raise InvalidNextTokenException(str(error)) from None
        return {member: page, **({token_name: following} if following else {})}

    def _rule(self, name: str) -> dict[str, Any]:
        if name not in self.rules:
            raise NoSuchConfigRuleException(name)
        return self.rules[name]

    def _named(self, names: list[str] | None) -> list[dict[str, Any]]:
        return [self._rule(name) for name in names] if names else [self.rules[name] for name in sorted(self.rules)]

    def _recorder(self) -> Any:
        if not self.recorders:
            raise NoAvailableConfigurationRecorderException(
                "There are no configuration recorders available to provide the role needed to describe your resources. "
                "Create a configuration recorder."
            )
        return next(iter(self.recorders.values()))

    @property
    def recording(self) -> bool:
        """Return whether the recorder is on."""
        return any(recorder.status.recording for recorder in list(self.recorders.values()))

    def _read(self, types: set[str], at: float) -> dict[Key, items.Resource]:
        """Return the current resources of `types` in the account and Region."""
        where = self.account_id, self.region_name
        return {one.key: one for kind in sorted(types) for one in neighbours.current.resources(kind, *where, at)}

    def everywhere(self) -> list[Any]:
        """Return the backends of all accounts and Regions."""
        return list(all_backends())

    def of_account(self, account: str) -> Any:
        """Return the backend of another account in this Region."""
        return config_backends[account][self.region_name]

    # Recorder and delivery channel

    @operation()
    def put_configuration_recorder(
        self, configuration_recorder: dict[str, Any], tags: list[dict[str, str]] | None = None
    ) -> dict[str, Any]:
        role = configuration_recorder.get("roleARN", "")
        if not neighbours.current.trusts(role, self.region_name):
            raise InvalidRoleException(f"The role {role!r} cannot be assumed by {PRINCIPAL}.")
        configuration_recorder.setdefault("name", "default")
        MotoConfigBackend.put_configuration_recorder(self, configuration_recorder)
        # moto drops recordingMode, which a plan must read back.
        self.requested[configuration_recorder["name"]] = configuration_recorder
        return {}

    @operation()
    def describe_configuration_recorders(
        self,
        configuration_recorder_names: list[str] | None = None,
        service_principal: str | None = None,
        arn: str | None = None,
    ) -> dict[str, Any]:
        found = MotoConfigBackend.describe_configuration_recorders(self, configuration_recorder_names)
        arn_of = f"arn:{self.partition}:config:{self.region_name}:{self.account_id}:configuration-recorder/"
        for one in found:
            mode = self.requested.get(one["name"], {}).get("recordingMode")
            one["recordingMode"] = mode or {"recordingFrequency": "CONTINUOUS"}
            one["arn"] = arn_of + one["name"]
            one.pop("status", None)
        return {"ConfigurationRecorders": found}

    @operation()
    def put_delivery_channel(self, delivery_channel: dict[str, Any]) -> dict[str, Any]:
        if delivery_channel.get("s3BucketName"):
            self._recorder()
            self._check_delivery(delivery_channel)
        MotoConfigBackend.put_delivery_channel(self, delivery_channel)
        return {}

    def _check_delivery(self, channel: dict[str, Any]) -> None:
        """Check a channel as Config does: the bucket must exist, and its policy let the service read and write it."""
        where = self.account_id, self.region_name
        bucket, prefix, key = (channel.get(name) or "" for name in ("s3BucketName", "s3KeyPrefix", "s3KmsKeyArn"))
        arn = f"arn:{self.partition}:s3:::{bucket}"
        folder = "/".join(filter(None, [arn, prefix, "AWSLogs", self.account_id, "Config"]))
        asked = {
            "s3:GetBucketAcl": arn,
            "s3:ListBucket": arn,
            "s3:PutObject": f"{folder}/ConfigWritabilityCheckFile",
        }
        if not neighbours.current.has_bucket(*where, bucket):
            raise NoSuchBucketException(f"Cannot find a S3 bucket named {bucket}.")
        for action, resource in asked.items():
            if reason := neighbours.current.bucket_refusal(*where, arn, action, resource, key):
                logger.warning("PutDeliveryChannel refused: %s", reason)
                raise InsufficientDeliveryPolicyException(
                    f"Insufficient delivery policy to s3 bucket: {bucket}, unable to write to bucket, provided s3 "
                    f"key prefix is '{prefix}', provided kms key is '{channel.get('s3KmsKeyArn')}'."
                )

    @operation()
    def describe_delivery_channel_status(self, delivery_channel_names: list[str] | None = None) -> dict[str, Any]:
        found = self.describe_delivery_channels(delivery_channel_names or [])
        idle = {"lastStatus": "Not_Applicable"}
        stream = {"lastStatus": "Success" if self.recording else "Not_Applicable"}
        return {
            "DeliveryChannelsStatus": [
                {
                    "name": channel["name"],
                    "configSnapshotDeliveryInfo": idle,
                    "configHistoryDeliveryInfo": idle,
                    "configStreamDeliveryInfo": stream,
                }
                for channel in found
            ]
        }

    @operation()
    def start_configuration_recorder(self, configuration_recorder_name: str) -> dict[str, Any]:
        MotoConfigBackend.start_configuration_recorder(self, configuration_recorder_name)
        self.recorders[configuration_recorder_name].status.last_status = "SUCCESS"
        watcher.wake()
        return {}

    @operation()
    def delete_configuration_recorder(self, configuration_recorder_name: str) -> dict[str, Any]:
        MotoConfigBackend.delete_configuration_recorder(self, configuration_recorder_name)
        self.requested.pop(configuration_recorder_name, None)
        return {}

    def _recorded_types(self) -> set[str]:
        group = self._recorder().recording_group
        every = set(items.RECORDED)
        if group.all_supported:
            return every
        excluded = (group.exclusion_by_resource_types or {}).get("resourceTypes")
        return every - set(excluded) if excluded else every & set(group.resource_types or [])

    def tick(self) -> None:
        """Check the resources once, and run the rules that are due. Runs on the watcher's thread."""
        if self.recording:
            for item, old in self._observe():
                self._changed(item, old)
        self._run_rules()
        self._follow_remediation()

    def _observe(self) -> list[tuple[Item, Item | None]]:
        """Return what has changed since the last check, with its earlier item."""
        types, at = self._recorded_types(), now()
        seen = self._read(types, at)
        changes: list[tuple[Item, Item | None]] = []
        with self._lock:
            for key, resource in seen.items():
                old = self.current.get(key)
                if old and old["configurationStateMd5Hash"] == resource.digest:
                    continue
                status = "OK" if old else "ResourceDiscovered"
                changes.append((items.item(resource, status, at, self.account_id, self.region_name), old))
            for key in [key for key in self.current if key not in seen and key[0] in types]:
                old = self.current[key]
                gone = items.Resource(
                    old["resourceType"], old["resourceId"], old["resourceName"], old["ARN"], 0, {}, {}, {}
                )
                changes.append((items.item(gone, "ResourceDeleted", at, self.account_id, self.region_name), old))
            for new, _ in changes:
                key = new["resourceType"], new["resourceId"]
                self.history.setdefault(key, []).append(new)
                if new["configurationItemStatus"] == "ResourceDeleted":
                    del self.current[key]
                else:
                    self.current[key] = new
        return changes

    # Resources

    @operation()
    def get_resource_config_history(
        self,
        resource_type: str,
        resource_id: str,
        later_time: float | None = None,
        earlier_time: float | None = None,
        chronological_order: str = "Reverse",
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        self._recorder()
        found = self.history.get((resource_type, resource_id))
        if not found:
            raise ResourceNotDiscoveredException(
                f"Resource {resource_id} of resourceType:{resource_type} is unknown or has not been discovered"
            )
        answers = [items.described(one) for one in found]
        asked = [
            one
            for one in answers
            if (earlier_time or 0) <= one["configurationItemCaptureTime"] <= (later_time or float("inf"))
        ]
        ordered = asked if chronological_order == "Forward" else asked[::-1]
        bound = (resource_type, resource_id, later_time, earlier_time, chronological_order)
        return self._page("configurationItems", ordered, limit, next_token, *bound, default=10, token_name="nextToken")

    @operation()
    def batch_get_resource_config(self, resource_keys: list[dict[str, str]]) -> dict[str, Any]:
        self._recorder()
        keys = [(one["resourceType"], one["resourceId"]) for one in resource_keys]
        kept = [self.current.get(key) for key in keys]
        found = [items.described(one, base=True) for one in kept if one]
        return {"baseConfigurationItems": found, "unprocessedResourceKeys": []}

    @operation()
    def list_discovered_resources(
        self,
        resource_type: str,
        resource_ids: list[str] | None = None,
        resource_name: str | None = None,
        limit: int | None = None,
        include_deleted_resources: bool = False,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        self._recorder()
        listed = [
            {"resourceType": one["resourceType"], "resourceId": one["resourceId"], "resourceName": one["resourceName"]}
            for (kind, identity), one in sorted(self.current.items())
            if kind == resource_type
            and (not resource_ids or identity in resource_ids)
            and resource_name in (None, one["resourceName"])
        ]
        bound = (resource_type, resource_ids, resource_name)
        return self._page("resourceIdentifiers", listed, limit, next_token, *bound, token_name="nextToken")

    # Rules

    @operation()
    def put_config_rule(self, config_rule: dict[str, Any], tags: list[dict[str, str]] | None = None) -> dict[str, Any]:
        self._recorder()
        given = _input_parameters(config_rule)
        with self._lock:
            name = config_rule.get("ConfigRuleName") or next(
                (
                    one["ConfigRuleName"]
                    for one in list(self.rules.values())
                    if one["ConfigRuleArn"] == config_rule.get("ConfigRuleArn")
                    or one["ConfigRuleId"] == config_rule.get("ConfigRuleId")
                ),
                "",
            )
            asked = {key: value for key, value in config_rule.items() if key not in ("ConfigRuleArn", "ConfigRuleId")}
            _check_types(config_rule["Source"], given)
            MotoConfigBackend.put_config_rule(
                self, asked if name not in self.rules else {**asked, "ConfigRuleName": name}, tags
            )
            made = self.config_rules[name]
            self.rules[name] = {
                **asked,
                "ConfigRuleName": name,
                "ConfigRuleArn": made.config_rule_arn,
                "ConfigRuleId": made.config_rule_id,
                "ConfigRuleState": "ACTIVE",
                "EvaluationModes": config_rule.get("EvaluationModes") or [{"Mode": "DETECTIVE"}],
            }
            self.results.setdefault(name, {})
            self.status.setdefault(name, {"FirstActivatedTime": now(), "FirstEvaluationStarted": False})
            self._schedule(name)
        return {}

    @operation()
    def describe_config_rules(
        self,
        config_rule_names: list[str] | None = None,
        next_token: str | None = None,
        filters: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        return self._page("ConfigRules", self._named(config_rule_names), 25, next_token, config_rule_names)

    @operation()
    def delete_config_rule(self, config_rule_name: str) -> dict[str, Any]:
        self._rule(config_rule_name)
        if config_rule_name in self.remediations:
            raise ResourceInUseException(
                f"A remediation action is associated with the rule {config_rule_name}. Delete it before the rule."
            )
        with self._lock:
            MotoConfigBackend.delete_config_rule(self, config_rule_name)
            for store in (self.rules, self.results, self.status, self.due):
                store.pop(config_rule_name, None)
        return {}

    @operation()
    def start_config_rules_evaluation(self, config_rule_names: list[str] | None = None) -> dict[str, Any]:
        found = self._named(config_rule_names)
        if len(found) > MAX_STARTED:
            raise InvalidParameterValueException(f"At most {MAX_STARTED} rules can be named.")
        with self._lock:
            intervals = [
                self.reevaluation_intervals.get(r["ConfigRuleName"], self.reevaluation_interval) for r in found
            ]
            if now() - self.last_started < max(intervals, default=self.reevaluation_interval):
                raise LimitExceededException(
                    "StartConfigRulesEvaluation can be called once per minute. Try again after some time."
                )
            self.last_started = now()
            for rule in found:
                self._schedule(rule["ConfigRuleName"])
        return {}

    def _schedule(self, name: str) -> None:
        """Evaluate a rule against everything, soon."""
        if name not in self.pending:
            self.pending.append(name)
        watcher.wake()

    def _run_rules(self) -> None:
        with self._lock:
            asked, self.pending = self.pending, []
            late = [name for name, at in list(self.due.items()) if at <= now() and name not in asked]
        for name in [*asked, *late]:
            if rule := self.rules.get(name):
                self._run(rule)

    def _run(self, rule: dict[str, Any]) -> None:
        """Evaluate a rule against all its resources: when it is put, by its frequency, or on request."""
        types = rules.message_types(rule)
        if rules.SCHEDULED in types:
            self.due[rule["ConfigRuleName"]] = now() + rules.frequency(rule)
        if rule["Source"]["Owner"] != "AWS" and rules.SCHEDULED in types:
            event = {
                "awsAccountId": self.account_id,
                "notificationCreationTime": items.timestamp(now()),
                "messageType": rules.SCHEDULED,
                "recordVersion": "1.0",
            }
            self._invoke(rule, event, left=False)
        for key in [k for k in list(self.results.get(rule["ConfigRuleName"], {})) if not self._about(rule, k)]:
            self._record(rule, key, rules.NOT_APPLICABLE, "", now())
        if types & {rules.CHANGE, rules.OVERSIZED} or rule["Source"]["Owner"] == "AWS":
            for item in self._subjects(rule):
                self._evaluate(rule, item, None, left=False)

    def _about(self, rule: dict[str, Any], key: Key) -> bool:
        """Return whether a result is still about a resource in the rule's scope."""
        if key[0] not in items.RECORDED:
            return True  # such as AWS::::Account, which only the rule's function knows
        return any((one["resourceType"], one["resourceId"]) == key for one in self._subjects(rule))

    def _subjects(self, rule: dict[str, Any]) -> list[Item]:
        """Return items of the resources in a rule's scope; a periodic managed rule reads the services themselves."""
        if rule["Source"]["Owner"] == "AWS" and rules.SCHEDULED in rules.message_types(rule):
            seen = self._read(rules.resource_types(rule), now())
            made = [items.item(one, "OK", now(), self.account_id, self.region_name) for one in seen.values()]
        else:
            made = list(self.current.values())
        return [one for one in made if rules.in_scope(rule, one)]

    def _changed(self, item: Item, old: Item | None) -> None:
        """Trigger the rules that a change concerns."""
        deleted = item["configurationItemStatus"] == "ResourceDeleted"
        for rule in list(self.rules.values()):
            was, is_now = rules.in_scope(rule, old), not deleted and rules.in_scope(rule, item)
            if (was or is_now) and rules.message_types(rule) & {rules.CHANGE, rules.OVERSIZED}:
                self._evaluate(rule, item, old, left=was and not is_now and not deleted)

    def _evaluate(self, rule: dict[str, Any], item: Item, old: Item | None, *, left: bool) -> None:
        if rule["Source"]["Owner"] == "AWS":
            self._evaluate_managed(rule, item, left)
            return
        location = f"{next(iter(self.delivery_channels.values())).s3_bucket_name}/" if self.delivery_channels else ""
        kind, event = items.notification(item, old, now(), location)
        if kind in rules.message_types(rule):
            self._invoke(rule, event, left=left)

    def _evaluate_managed(self, rule: dict[str, Any], item: Item, left: bool) -> None:
        name, status = rule["ConfigRuleName"], self.status.get(rule["ConfigRuleName"], {})
        status |= {"FirstEvaluationStarted": True, "LastSuccessfulInvocationTime": now()}
        try:
            verdict = (rules.NOT_APPLICABLE, "") if left else rules.evaluate(rule, item, now())
        except KeyError:
            message = f"The local cloud does not evaluate {rule['Source']['SourceIdentifier']}."
            if status.get("LastErrorMessage") != message:
                logger.warning("Rule %s: %s", name, message)
            status |= {
                "LastFailedEvaluationTime": now(),
                "LastErrorCode": "NotImplemented",
                "LastErrorMessage": message,
            }
            return
        status["LastSuccessfulEvaluationTime"] = now()
        key = item["resourceType"], item["resourceId"]
        self._record(rule, key, *verdict, items.seconds(item["configurationItemCaptureTime"]))

    def _invoke(self, rule: dict[str, Any], event: dict[str, Any], *, left: bool) -> None:
        """Call a custom rule's function asynchronously with the event that Config sends."""
        name, arn = rule["ConfigRuleName"], rule["Source"]["SourceIdentifier"]
        status = self.status.get(name, {})
        status["FirstEvaluationStarted"] = True
        if reason := neighbours.current.function_refusal(arn, self.account_id, self.region_name):
            logger.warning("Rule %s: %s", name, reason)
            status |= {
                "LastFailedInvocationTime": now(),
                "LastErrorCode": "InsufficientPermissions",
                "LastErrorMessage": reason,
            }
            return
        payload = {
            "version": "1.0",
            "invokingEvent": json.dumps(event),
            "ruleParameters": rule.get("InputParameters") or "{}",
            "resultToken": self._issue(name),
            "eventLeftScope": left,
            "executionRoleArn": self._recorder().role_arn if self.recorders else "",
            "configRuleArn": rule["ConfigRuleArn"],
            "configRuleName": name,
            "configRuleId": rule["ConfigRuleId"],
            "accountId": self.account_id,
            "evaluationMode": "DETECTIVE",
        }
        neighbours.current.invoke(arn, self.account_id, self.region_name, payload)
        status["LastSuccessfulInvocationTime"] = now()

    # Results

    def _issue(self, rule_name: str) -> str:
        """Return a signed result token with its rule and the time of its issue."""
        rule = self.rules[rule_name]
        text = json.dumps([self.account_id, self.region_name, rule_name, rule["ConfigRuleId"], now()])
        signed = hmac.new(_key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(signed + text.encode()).decode()

    def _redeem(self, token: str) -> tuple[str, float]:
        """Return (rule name, time of invocation) of a result token."""
        try:
            raw = base64.urlsafe_b64decode(token)
        except ValueError:
            raw = b""
        if not hmac.compare_digest(raw[:32], hmac.new(_key, raw[32:], hashlib.sha256).digest()):
            raise InvalidResultTokenException("The resultToken provided is invalid")
        account, region, name, rule_id, invoked = json.loads(raw[32:])
        if (account, region) != (self.account_id, self.region_name):
            raise InvalidResultTokenException("The resultToken provided is invalid")
        if self.rules.get(name, {}).get("ConfigRuleId") != rule_id:
            raise NoSuchConfigRuleException(name)
        return name, invoked

    @operation()
    def put_evaluations(
        self, result_token: str, evaluations: list[dict[str, Any]] | None = None, test_mode: bool = False
    ) -> dict[str, Any]:
        if len(evaluations or []) > MAX_EVALUATIONS:
            raise InvalidParameterValueException(f"At most {MAX_EVALUATIONS} evaluations can be put.")
        if any(one["ComplianceType"] == "INSUFFICIENT_DATA" for one in evaluations or []):
            raise InvalidParameterValueException("INSUFFICIENT_DATA is not a compliance type of an evaluation.")
        if test_mode and not result_token.strip():
            raise InvalidResultTokenException("The resultToken provided is invalid")
        if test_mode:  # "AWS Config does not record the evaluations", and takes any token
            return {"FailedEvaluations": []}
        name, invoked = self._redeem(result_token)
        for one in evaluations or []:
            key = one["ComplianceResourceType"], one["ComplianceResourceId"]
            ordering = _epoch(one["OrderingTimestamp"])
            self._record(self.rules[name], key, one["ComplianceType"], one.get("Annotation", ""), ordering, invoked)
        self.status[name]["LastSuccessfulEvaluationTime"] = now()
        return {"FailedEvaluations": []}

    def _record(
        self,
        rule: dict[str, Any],
        key: Key,
        compliance: str,
        annotation: str,
        ordering: float,
        invoked: float | None = None,
    ) -> None:
        """Keep a result, unless a later one exists, and send its events. NOT_APPLICABLE removes it."""
        name = rule["ConfigRuleName"]
        with self._lock:
            kept = self.results.get(name)
            if kept is None:  # the rule is gone
                return
            old = kept.get(key)
            if old and old["EvaluationResultIdentifier"]["OrderingTimestamp"] > ordering:
                return
            qualifier = {
                "ConfigRuleName": name,
                "ResourceType": key[0],
                "ResourceId": key[1],
                "EvaluationMode": "DETECTIVE",
            }
            new = {
                "EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier, "OrderingTimestamp": ordering},
                "ComplianceType": compliance,
                "ResultRecordedTime": now(),
                "ConfigRuleInvokedTime": invoked or now(),
                **({"Annotation": annotation} if annotation else {}),
            }
            if compliance == rules.NOT_APPLICABLE:
                kept.pop(key, None)
            else:
                kept[key] = new
        if compliance != (old or {"ComplianceType": rules.NOT_APPLICABLE})["ComplianceType"]:
            self._tell(rule, key, new, old)
        if compliance == rules.NON_COMPLIANT:
            self._remediate(name, key)

    def _still_fails(self, name: str, key: Key) -> bool:
        return self.results.get(name, {}).get(key, {}).get("ComplianceType") == rules.NON_COMPLIANT

    def _tell(self, rule: dict[str, Any], key: Key, new: dict[str, Any], old: dict[str, Any] | None) -> None:
        """Send the event of a change: https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html"""
        detail = {
            "resourceId": key[1],
            "awsRegion": self.region_name,
            "awsAccountId": self.account_id,
            "configRuleName": rule["ConfigRuleName"],
            "recordVersion": "1.0",
            "configRuleARN": rule["ConfigRuleArn"],
            "messageType": "ComplianceChangeNotification",
            "newEvaluationResult": _camel(new),
            **({"oldEvaluationResult": _camel(old)} if old else {}),
            "notificationCreationTime": items.timestamp(now()),
            "resourceType": key[0],
        }
        events.emit("aws.config", "Config Rules Compliance Change", detail, [], self.account_id, self.region_name)

    @operation()
    def get_compliance_details_by_config_rule(
        self,
        config_rule_name: str,
        compliance_types: list[str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        self._rule(config_rule_name)
        found = _of_types(list(self.results[config_rule_name].values()), compliance_types)
        bound = (config_rule_name, compliance_types)
        return self._page("EvaluationResults", found, limit, next_token, *bound, default=10)

    @operation()
    def get_compliance_details_by_resource(
        self,
        resource_type: str | None = None,
        resource_id: str | None = None,
        compliance_types: list[str] | None = None,
        next_token: str | None = None,
        resource_evaluation_id: str | None = None,
    ) -> dict[str, Any]:
        if not resource_type or not resource_id:
            raise InvalidParameterValueException("ResourceType and ResourceId are required.")
        found = [
            kept[resource_type, resource_id]
            for kept in list(self.results.values())
            if (resource_type, resource_id) in kept
        ]
        return self._page(
            "EvaluationResults", _of_types(found, compliance_types), 100, next_token, resource_id, compliance_types
        )

    def _compliance(self, found: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Return the compliance of results together, with the number of non-compliant contributors."""
        kinds = [one["ComplianceType"] for one in found]
        failing = kinds.count(rules.NON_COMPLIANT)
        kind = rules.NON_COMPLIANT if failing else rules.COMPLIANT if kinds else "INSUFFICIENT_DATA"
        count = {"CappedCount": min(failing, MAX_CAPPED), "CapExceeded": failing > MAX_CAPPED}
        return {"ComplianceType": kind, **({"ComplianceContributorCount": count} if failing else {})}

    @operation()
    def describe_compliance_by_config_rule(
        self,
        config_rule_names: list[str] | None = None,
        compliance_types: list[str] | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        found = [
            {
                "ConfigRuleName": one["ConfigRuleName"],
                "Compliance": self._compliance(list(self.results[one["ConfigRuleName"]].values())),
            }
            for one in self._named(config_rule_names)
        ]
        asked = [
            one for one in found if not compliance_types or one["Compliance"]["ComplianceType"] in compliance_types
        ]
        return self._page("ComplianceByConfigRules", asked, 25, next_token, config_rule_names, compliance_types)

    @operation()
    def describe_compliance_by_resource(
        self,
        resource_type: str | None = None,
        resource_id: str | None = None,
        compliance_types: list[str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        if resource_id and not resource_type:
            raise InvalidParameterValueException("ResourceType is required with ResourceId.")
        keys = {key for kept in list(self.results.values()) for key in list(kept)}
        found: list[dict[str, Any]] = [
            {
                "ResourceType": kind,
                "ResourceId": identity,
                "Compliance": self._compliance(
                    kept[kind, identity] for kept in list(self.results.values()) if (kind, identity) in kept
                ),
            }
            for kind, identity in sorted(keys)
            if resource_type in (None, kind) and resource_id in (None, identity)
        ]
        asked = [
            one for one in found if not compliance_types or one["Compliance"]["ComplianceType"] in compliance_types
        ]
        bound = (resource_type, resource_id, compliance_types)
        return self._page("ComplianceByResources", asked, limit, next_token, *bound, default=10)

    @operation()
    def describe_config_rule_evaluation_status(
        self, config_rule_names: list[str] | None = None, next_token: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        found = [
            {
                **{name: rule[name] for name in ("ConfigRuleName", "ConfigRuleArn", "ConfigRuleId")},
                **self.status[rule["ConfigRuleName"]],
            }
            for rule in self._named(config_rule_names)
        ]
        return self._page("ConfigRulesEvaluationStatus", found, limit, next_token, config_rule_names, default=50)


def _input_parameters(config_rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule's parameters: JSON text whose values are all text, as Config requires."""
    try:
        given = json.loads(config_rule.get("InputParameters") or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidParameterValueException(
            f"Invalid json {config_rule['InputParameters']} passed in the InputParameters field"
        )
    for name, value in given.items():
        if not isinstance(value, str) or not value.strip():
            raise InvalidParameterValueException(f"Blank spaces are not acceptable for input parameter: {name}.")
    return given


def _check_types(source: dict[str, Any], given: dict[str, str]) -> None:
    """Check that the numeric parameters of a managed rule are numbers."""
    known = moto_config.MANAGED_RULES_CONSTRAINTS.get(source.get("SourceIdentifier"), {}).get("Parameters", [])
    if source.get("Owner") != "AWS":
        return
    for one in known:
        if one["Type"] == "int" and not given.get(one["Name"], "0").lstrip("-").isdigit():
            raise InvalidParameterValueException(f"The parameter {one['Name']} must be of type int.")


def _epoch(value: Any) -> float:
    return items.seconds(value) if isinstance(value, str) else float(value)


def _of_types(found: Iterable[dict[str, Any]], kinds: list[str] | None) -> list[dict[str, Any]]:
    return [one for one in found if not kinds or one["ComplianceType"] in kinds]


def _camel(value: Any) -> Any:
    """Return a result in the event's format: names begin in lower case, times are text."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _camel(one) for name, one in value.items()}
    return items.timestamp(value) if isinstance(value, float) else value


config_backends = BackendDict(ConfigBackend, "config")


def all_backends() -> list[ConfigBackend]:
    """Return the backends of every account and Region that has used AWS Config."""
    return [backend for account in list(config_backends.values()) for backend in list(account.values())]
