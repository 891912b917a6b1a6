"""Groups and sampling rules of X-Ray; traces are filtered by what their segments say.

Source: X-Ray API reference; quotas in https://docs.aws.amazon.com/general/latest/gr/xray.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from moto.core.base_backend import BackendDict
from moto.xray.models import XRayBackend as MotoXRayBackend

from local.services.base import operation

from .exceptions import InvalidRequestException, ResourceNotFoundException, RuleLimitExceededException
from .filters import KEY, FilterError, Test, parse

Data = dict[str, Any]
GROUPS = 25
RULES = 25
ANNOTATIONS = 50
"""Annotations of a trace that X-Ray indexes."""


class XRayBackend(MotoXRayBackend):
    """Groups, sampling rules and traces of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.groups: dict[str, Data] = {}
        self.rules: dict[str, Data] = {}
        self.tags: dict[str, list[Data]] = {}

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:xray:{self.region_name}:{self.account_id}:{kind}/{name}"

    def _group(self, name: str | None, arn: str | None) -> Data:
        found = next((one for one in self.groups.values() if name == one["GroupName"] or arn == one["GroupARN"]), None)
        if found is None:
            raise InvalidRequestException("Group not found")
        return found

    @operation()
    def create_group(
        self,
        group_name: str,
        filter_expression: str = "",
        insights_configuration: Data | None = None,
        tags: list[Data] | None = None,
    ) -> Data:
        """Create a group."""
        if group_name in self.groups:
            raise InvalidRequestException(f"Group {group_name} already exists")
        if len(self.groups) >= GROUPS:
            raise InvalidRequestException("Group limit exceeded")
        _test(filter_expression)
        arn = self._arn("group", f"{group_name}/{len(self.groups):032X}")
        insights = {"InsightsEnabled": False, "NotificationsEnabled": False, **(insights_configuration or {})}
        self.groups[group_name] = {
            "GroupName": group_name,
            "GroupARN": arn,
            "FilterExpression": filter_expression,
            "InsightsConfiguration": insights,
        }
        self.tags[arn] = list(tags or ())
        return {"Group": self.groups[group_name]}

    @operation()
    def get_group(self, group_name: str | None = None, group_arn: str | None = None) -> Data:
        """Return a group."""
        return {"Group": self._group(group_name, group_arn)}

    @operation()
    def get_groups(self, next_token: str | None = None) -> Data:
        """Return all groups, in one page."""
        return {"Groups": list(self.groups.values())}

    @operation()
    def update_group(
        self,
        group_name: str | None = None,
        group_arn: str | None = None,
        filter_expression: str | None = None,
        insights_configuration: Data | None = None,
    ) -> Data:
        """Change a group."""
        group = self._group(group_name, group_arn)
        if filter_expression is not None:
            _test(filter_expression)
            group["FilterExpression"] = filter_expression
        group["InsightsConfiguration"].update(insights_configuration or {})
        return {"Group": group}

    @operation()
    def delete_group(self, group_name: str | None = None, group_arn: str | None = None) -> Data:
        """Delete a group."""
        group = self._group(group_name, group_arn)
        del self.groups[group["GroupName"]]
        self.tags.pop(group["GroupARN"], None)
        return {}

    @operation()
    def create_sampling_rule(self, sampling_rule: Data, tags: list[Data] | None = None) -> Data:
        """Create a sampling rule."""
        name = sampling_rule.get("RuleName")
        if not name or name in self.rules:
            raise InvalidRequestException(f"Rule {name} already exists" if name else "RuleName is missing")
        if len(self.rules) >= RULES:
            raise RuleLimitExceededException("Rule limit exceeded")
        arn = self._arn("sampling-rule", name)
        now = time.time()
        rule = {"Attributes": {}, **sampling_rule, "RuleARN": arn}
        self.rules[name] = {"SamplingRule": rule, "CreatedAt": now, "ModifiedAt": now}
        self.tags[arn] = list(tags or ())
        return {"SamplingRuleRecord": self.rules[name]}

    @operation()
    def get_sampling_rules(self, next_token: str | None = None) -> Data:
        """Return all sampling rules, in one page."""
        return {"SamplingRuleRecords": list(self.rules.values())}

    def _rule(self, name: str | None, arn: str | None) -> Data:
        for one in self.rules.values():
            if one["SamplingRule"]["RuleName"] == name or one["SamplingRule"]["RuleARN"] == arn:
                return one
        raise InvalidRequestException("Rule not found")

    @operation()
    def update_sampling_rule(self, sampling_rule_update: Data) -> Data:
        """Change a sampling rule."""
        record = self._rule(sampling_rule_update.get("RuleName"), sampling_rule_update.get("RuleARN"))
        record["SamplingRule"].update(sampling_rule_update)
        record["ModifiedAt"] = time.time()
        return {"SamplingRuleRecord": record}

    @operation()
    def delete_sampling_rule(self, rule_name: str | None = None, rule_arn: str | None = None) -> Data:
        """Delete a sampling rule."""
        record = self._rule(rule_name, rule_arn)
        del self.rules[record["SamplingRule"]["RuleName"]]
        self.tags.pop(record["SamplingRule"]["RuleARN"], None)
        return {"SamplingRuleRecord": record}

    def _tags(self, arn: str) -> list[Data]:
        if arn not in self.tags:
            raise ResourceNotFoundException(f"{arn} does not exist")
        return self.tags[arn]

    @operation()
    def list_tags_for_resource(self, resource_arn: str, next_token: str | None = None) -> Data:
        """Return the tags of a group or rule."""
        return {"Tags": self._tags(resource_arn)}

    @operation()
    def tag_resource(self, resource_arn: str, tags: list[Data]) -> Data:
        """Set tags of a group or rule."""
        new = {one["Key"] for one in tags}
        self.tags[resource_arn] = [one for one in self._tags(resource_arn) if one["Key"] not in new] + tags
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags of a group or rule."""
        self.tags[resource_arn] = [one for one in self._tags(resource_arn) if one["Key"] not in tag_keys]
        return {}

    @operation()
    def get_trace_summaries(self, start_time: float, end_time: float, filter_expression: str = "", **_: Any) -> Data:
        """Return the traces of that time that a filter finds."""
        test = _test(filter_expression)
        found = []
        for identity, segments in self._traces():
            began = min(one["start_time"] for one in segments)
            summary = summarized(segments)
            if start_time <= began <= end_time and test(summary):
                annotations = {
                    key: [{"AnnotationValue": _value(one)} for one in values]
                    for key, values in summary["annotations"].items()
                }
                found.append(
                    {
                        "Id": identity,
                        "ResponseTime": summary["responsetime"],
                        "HasFault": summary["fault"],
                        "HasError": summary["error"],
                        "HasThrottle": summary["throttle"],
                        "Annotations": annotations,
                    }
                )
        return {"TraceSummaries": found, "TracesProcessedCount": len(found), "ApproximateTime": time.time()}

    def _traces(self) -> Iterator[tuple[str, list[Data]]]:
        for identity, trace in list(self._segment_collection._traces.items()):
            segments = [json.loads(segment.raw) for segment in trace["segments"]]
            if segments and all("end_time" in one for one in segments):
                yield identity, segments


def _value(value: Any) -> Data:
    kind = "BooleanValue" if isinstance(value, bool) else "StringValue" if isinstance(value, str) else "NumberValue"
    return {kind: value}


def _test(expression: str) -> Test:
    if not expression:
        return lambda trace: True
    try:
        return parse(expression)
    except FilterError as error:
        raise InvalidRequestException(str(error)) from None


def summarized(segments: list[Data]) -> Data:
    """Return what filters see of a trace: the first 50 annotations of valid keys, flags, services, response time."""
    every = list(_with_subsegments(segments))
    annotations: dict[str, list[Any]] = {}
    for one in every:
        for key, value in (one.get("annotations") or {}).items():
            if KEY.fullmatch(key) and (key in annotations or len(annotations) < ANNOTATIONS):
                annotations.setdefault(key, []).append(value)
    flag: Callable[[str], bool] = lambda name: any(bool(one.get(name)) for one in every)  # noqa: E731
    return {
        "annotations": annotations,
        "services": [one.get("name") for one in every],
        "fault": flag("fault"),
        "error": flag("error"),
        "throttle": flag("throttle"),
        "responsetime": max(one["end_time"] for one in segments) - min(one["start_time"] for one in segments),
    }


def _with_subsegments(segments: list[Data]) -> Iterator[Data]:
    for one in segments:
        yield one
        yield from _with_subsegments(one.get("subsegments") or [])


xray_backends = BackendDict(XRayBackend, "xray")
