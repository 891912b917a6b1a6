"""country_embargo's policy is minimal: the function fails without each statement, and without the sets in one of them.

The calls repair rules and ranges that were emptied, which makes every call of an applied change, without an upload
whose event would call the function too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from scenarios.protection import country_embargo as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import grants, sids, without

pytestmark = only_with("protection/country_embargo")

NEEDED = ["SeeRuleGroup", "SeeIpSets", "UpdateRules", "UpdateIpSets", "ReadDocument", "KeepHistory", "Tell"]
DOCUMENT = {
    "embargoed-countries": [{"code": "BV"}],
    "embargoed-ips": [{"ips": [{"Type": "IPV4", "Value": "192.0.2.0/24"}]}],
}


@pytest.fixture
def stack(stack_of: Any) -> Iterator[scenario.Stack]:
    """A stack that enforces DOCUMENT."""
    found: scenario.Stack = stack_of("country_embargo")
    if subject.countries(found) != ["BV"]:
        subject.applied(found, subject.upload(found, DOCUMENT))
    yield found
    assert "errorMessage" not in repair(found)
    assert (subject.countries(found), subject.ranges(found)["IPV4"]) == (["BV"], ["192.0.2.0/24"])


def role(stack: scenario.Stack) -> str:
    function = stack.outputs["function_names"]["apply"]
    configured = stack.client("lambda").get_function_configuration(FunctionName=function)
    return str(configured["Role"].rpartition("/")[2])


def empty(stack: scenario.Stack) -> None:
    """Remove all rules and ranges, as another principal could."""
    wafv2, group = stack.client("wafv2"), subject.named(stack.outputs["rule_group_arn"])
    found = wafv2.get_rule_group(**group)
    shown = {key: found["RuleGroup"][key] for key in ("VisibilityConfig", "Description")}
    wafv2.update_rule_group(**group, **shown, Rules=[], LockToken=found["LockToken"])
    addresses = subject.named(stack.outputs["ip_set_arns"]["IPV4"])
    found = wafv2.get_ip_set(**addresses)
    described = found["IPSet"]["Description"]
    wafv2.update_ip_set(**addresses, Description=described, Addresses=[], LockToken=found["LockToken"])


def repair(stack: scenario.Stack) -> dict[str, Any]:
    function = stack.outputs["function_names"]["apply"]
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"schedule": True}))
    made: dict[str, Any] = json.load(answer["Payload"])
    return made


@pytest.mark.parametrize("sid", NEEDED)
def test_each_statement_is_needed(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    empty(stack)
    with without(cloud, role(stack), sid):
        assert re.search("AccessDenied|AuthorizationError", repair(stack)["errorMessage"])


def test_every_statement_is_accounted_for(cloud: Cloud, stack: scenario.Stack) -> None:
    """TellMissingFromDenied is not shown: the local S3 says without it, too, that an object is missing."""
    assert set(sids(cloud, role(stack))) == {*NEEDED, "TellMissingFromDenied"}


def test_the_rules_cannot_refer_to_sets_without_a_permission_on_them(cloud: Cloud, stack: scenario.Stack) -> None:
    """AWS WAF asks IAM for each set that new rules refer to, also for the exempt ones."""
    empty(stack)
    whole, name = grants(cloud, role(stack)), role(stack)
    iam = cloud.client("iam")
    for missing in ("-exempt-ipv6", "embargo-ipv4"):
        cut = json.loads(json.dumps(whole))
        for statement in cut["Statement"]:
            if statement["Sid"] == "UpdateRules":
                statement["Resource"] = [arn for arn in statement["Resource"] if missing not in arn]
        iam.put_role_policy(RoleName=name, PolicyName="grants", PolicyDocument=json.dumps(cut))
        try:
            assert "AccessDenied" in repair(stack)["errorMessage"]
        finally:
            iam.put_role_policy(RoleName=name, PolicyName="grants", PolicyDocument=json.dumps(whole))
