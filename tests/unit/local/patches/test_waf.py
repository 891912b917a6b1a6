"""AWS WAF as strict as the service: locks, limits, capacity, references, scope, IAM."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.patches import waf

VISIBLE = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}


@pytest.fixture(scope="module")
def wafv2(cloud: Cloud) -> Any:
    return cloud.client("wafv2")


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def rule(statement: Any, name: str = "r", priority: int = 0) -> dict[str, Any]:
    what = {"Statement": statement, "Action": {"Block": {}}, "VisibilityConfig": VISIBLE}
    return {"Name": name, "Priority": priority, **what}


def geo(*codes: str) -> dict[str, Any]:
    return {"GeoMatchStatement": {"CountryCodes": list(codes)}}


def made_set(wafv2: Any, name: str, version: str = "IPV4", addresses: tuple[str, ...] = ()) -> dict[str, Any]:
    summary = wafv2.create_ip_set(
        Name=name, Scope="REGIONAL", IPAddressVersion=version, Addresses=list(addresses), Description="some set"
    )["Summary"]
    return {"Name": name, "Id": summary["Id"], "Scope": "REGIONAL"}


def made_group(wafv2: Any, name: str, rules: list[Any], capacity: int = 10) -> Any:
    return wafv2.create_rule_group(
        Name=name, Scope="REGIONAL", Capacity=capacity, Rules=rules, VisibilityConfig=VISIBLE
    )["Summary"]


def test_lock_tokens(wafv2: Any) -> None:
    key = made_set(wafv2, "locked")
    token = wafv2.get_ip_set(**key)["LockToken"]
    wafv2.update_ip_set(**key, Addresses=["192.0.2.0/24"], LockToken=token)
    assert refused(wafv2.update_ip_set, **key, Addresses=[], LockToken=token) == "WAFOptimisticLockException"
    assert refused(wafv2.delete_ip_set, **key, LockToken=token) == "WAFOptimisticLockException"
    found = wafv2.get_ip_set(**key)
    assert found["IPSet"]["Addresses"] == ["192.0.2.0/24"]
    assert "Description" not in found["IPSet"]  # the update left it out
    summary = made_group(wafv2, "locked", [])
    key = {"Name": "locked", "Id": summary["Id"], "Scope": "REGIONAL"}
    update = {**key, "VisibilityConfig": VISIBLE, "Rules": [rule(geo("CU"))]}
    wafv2.update_rule_group(**update, LockToken=summary["LockToken"])
    assert refused(wafv2.update_rule_group, **update, LockToken=summary["LockToken"]) == "WAFOptimisticLockException"


def test_addresses(wafv2: Any) -> None:
    key = made_set(wafv2, "six", "IPV6", ("2001:db8::/32",))
    assert wafv2.get_ip_set(**key)["IPSet"]["Addresses"] == ["2001:0db8:0000:0000:0000:0000:0000:0000/32"]
    for version, one in (("IPV4", "0.0.0.0/0"), ("IPV6", "::/0"), ("IPV4", "192.0.2.1"), ("IPV4", "::1/128")):
        arguments = {"Name": "x", "Scope": "REGIONAL", "IPAddressVersion": version, "Addresses": [one]}
        assert refused(wafv2.create_ip_set, **arguments) == "WAFInvalidParameterException"
    with pytest.raises(waf.WafError) as caught:
        waf.addresses("IPV4", ["192.0.2.0/24"] * 10_001)
    assert caught.value.code == "WAFLimitsExceededException"


def test_capacity_and_limits(wafv2: Any) -> None:
    arn = wafv2.get_ip_set(**made_set(wafv2, "counted"))["IPSet"]["ARN"]
    anywhere = {"HeaderName": "X", "FallbackBehavior": "MATCH", "Position": "ANY"}
    in_set = {"IPSetReferenceStatement": {"ARN": arn}}
    forwarded = {"IPSetReferenceStatement": {"ARN": arn, "IPSetForwardedIPConfig": anywhere}}
    either = {"OrStatement": {"Statements": [geo("CU"), {"NotStatement": {"Statement": in_set}}, forwarded]}}

    def capacity(*rules: Any) -> int:
        return int(wafv2.check_capacity(Scope="REGIONAL", Rules=list(rules))["Capacity"])

    assert capacity(rule(either)) == 7
    header: dict[str, Any] = {"RegexString": "^[^,]+$", "FieldToMatch": {"SingleHeader": {"Name": "x-forwarded-for"}}}
    for kind, units in (("NONE", 3), ("LOWERCASE", 13)):
        transformed = header | {"TextTransformations": [{"Priority": 0, "Type": kind}]}
        assert capacity(rule({"RegexMatchStatement": transformed})) == units
    codes = wafv2.meta.service_model.shape_for("CountryCode").enum
    check = wafv2.check_capacity
    for rules in (
        [rule(geo(*codes[:51]))],
        [rule(geo("ZZ"))],
        [rule({"OrStatement": {"Statements": [geo("CU")]}})],
        [rule(geo("CU")), rule(geo("IR"))],
        [{**rule(geo("CU")), "Action": {}}],
    ):
        assert refused(check, Scope="REGIONAL", Rules=rules) == "WAFInvalidParameterException"
    gone = {"IPSetReferenceStatement": {"ARN": arn[:-36] + "00000000-0000-0000-0000-000000000000"}}
    assert refused(check, Scope="REGIONAL", Rules=[rule(gone)]) == "WAFNonexistentItemException"
    with pytest.raises(ClientError, match="exceeded the capacity"):
        made_group(wafv2, "small", [rule(either)], capacity=6)


def test_what_is_referred_to_stays(wafv2: Any) -> None:
    key = made_set(wafv2, "used")
    found = wafv2.get_ip_set(**key)
    group = made_group(wafv2, "using", [rule({"IPSetReferenceStatement": {"ARN": found["IPSet"]["ARN"]}})])
    assert refused(wafv2.delete_ip_set, **key, LockToken=found["LockToken"]) == "WAFAssociatedItemException"
    wafv2.delete_rule_group(Name="using", Id=group["Id"], Scope="REGIONAL", LockToken=group["LockToken"])
    wafv2.delete_ip_set(**key, LockToken=found["LockToken"])


def test_cloudfront_is_in_us_east_1(cloud: Cloud, wafv2: Any) -> None:
    arguments = {"Name": "global", "Scope": "CLOUDFRONT", "IPAddressVersion": "IPV4", "Addresses": []}
    assert refused(wafv2.create_ip_set, **arguments) == "WAFInvalidParameterException"
    summary = cloud.client("wafv2", region="us-east-1").create_ip_set(**arguments)["Summary"]
    assert summary["ARN"].startswith("arn:aws:wafv2:us-east-1:123456789012:global/ipset/global/")


def test_iam_is_asked_about_the_resource() -> None:
    def arn(operation: str, **data: str) -> str:
        return waf.resource_arn(operation, json.dumps(data).encode(), "eu-west-1", "1")

    key = {"Name": "n", "Id": "i", "Scope": "REGIONAL"}
    assert arn("UpdateIPSet", **key) == "arn:aws:wafv2:eu-west-1:1:regional/ipset/n/i"
    assert arn("GetRuleGroup", **key) == "arn:aws:wafv2:eu-west-1:1:regional/rulegroup/n/i"
    assert arn("CreateWebACL", Name="n", Scope="CLOUDFRONT") == "arn:aws:wafv2:us-east-1:1:global/webacl/n/*"
    assert arn("TagResource", ResourceARN="arn:x") == "arn:x"
    assert arn("CheckCapacity", Scope="REGIONAL") == arn("ListIPSets", Scope="REGIONAL") == "*"


def test_rules_are_changed_by_who_may_use_the_sets_that_they_refer_to(cloud: Cloud, wafv2: Any) -> None:
    sets = [made_set(wafv2, name) for name in ("one", "two")]
    arns = [wafv2.get_ip_set(**key)["IPSet"]["ARN"] for key in sets]
    made = made_group(wafv2, "refers", [])
    references = [{"IPSetReferenceStatement": {"ARN": arn}} for arn in arns]
    rules = [rule({"NotStatement": {"Statement": references[0]}}), rule(references[1], "s", 1)]
    iam = cloud.client("iam")
    iam.create_user(UserName="editor")
    key = iam.create_access_key(UserName="editor")["AccessKey"]
    editor = cloud.client(
        "wafv2", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], attempts=1
    )

    def update(*resources: str) -> Any:
        may = {"Effect": "Allow", "Action": "wafv2:UpdateRuleGroup", "Resource": [made["ARN"], *resources]}
        document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        iam.put_user_policy(UserName="editor", PolicyName="p", PolicyDocument=document)
        token = wafv2.get_rule_group(Name="refers", Id=made["Id"], Scope="REGIONAL")["LockToken"]
        key = {"Name": "refers", "Id": made["Id"], "Scope": "REGIONAL", "LockToken": token}
        return editor.update_rule_group(**key, Rules=rules, VisibilityConfig=VISIBLE)

    for resources in ([], arns[:1], arns[1:]):
        with pytest.raises(ClientError, match="not authorized to perform: wafv2:UpdateRuleGroup"):
            update(*resources)
    assert update(*arns)["NextLockToken"]


def test_only_operations_on_rules_refer_to_sets() -> None:
    statement = {"AndStatement": {"Statements": [geo("US"), {"IPSetReferenceStatement": {"ARN": "arn:a"}}]}}
    managed = {"ManagedRuleGroupStatement": {"ScopeDownStatement": {"IPSetReferenceStatement": {"ARN": "arn:b"}}}}
    body = json.dumps({"Rules": [{"Statement": statement}, {"Statement": managed}, {"Statement": statement}]}).encode()
    assert waf.referenced("UpdateWebACL", body) == ["arn:a", "arn:b"]
    assert waf.referenced("GetWebACL", body) == []
    assert waf.referenced("UpdateRuleGroup", b"") == []
