"""The rule's verdict on a web ACL, for every notification of AWS Config and every answer of WAF."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from posture.web_acl_logging import changes, web_acls
from posture.web_acl_logging.errors import EvaluationRefused, MalformedEvent, NotAWebAcl
from tests.unit.posture.web_acl_logging.conftest import World
from tests.unit.posture.web_acl_logging.fakes import ACL, ELSEWHERE, GLOBAL, STREAM, aws_error, notification


def logging(destination: str = STREAM, **more: Any) -> dict[str, Any]:
    return {"ResourceArn": ACL, "LogDestinationConfigs": [destination], **more}


def test_no_logging_is_non_compliant(world: World) -> None:
    assert world.evaluate(notification())["compliance"] == "NON_COMPLIANT"
    (found,) = world.config.evaluations
    assert found == {
        "ComplianceResourceType": "AWS::WAFv2::WebACL",
        "ComplianceResourceId": ACL,
        "ComplianceType": "NON_COMPLIANT",
        "Annotation": "The web ACL does not log.",
        "OrderingTimestamp": found["OrderingTimestamp"],
    }


def test_evaluations_are_ordered_by_what_they_saw(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read before the remediation, reported after it, must count as the older one, although the item is the same."""
    reports: list[Any] = []
    put, get = world.config.put_evaluations, world.waf.get_logging_configuration

    def late_look(ResourceArn: str) -> Any:
        monkeypatch.setattr(world.waf, "get_logging_configuration", get)
        try:
            return get(ResourceArn)
        finally:  # Another evaluation begins and ends before this answer arrives.
            world.waf.logging[ACL] = logging()
            world.evaluate(notification())

    def kept(Evaluations: Any, ResultToken: str) -> Any:
        reports.extend(Evaluations)
        return put(Evaluations, ResultToken)

    monkeypatch.setattr(world.waf, "get_logging_configuration", late_look)
    monkeypatch.setattr(world.config, "put_evaluations", kept)
    world.evaluate(notification())
    by_time = sorted(reports, key=lambda report: report["OrderingTimestamp"])
    assert [report["ComplianceType"] for report in reports] == ["COMPLIANT", "NON_COMPLIANT"]
    assert [report["ComplianceType"] for report in by_time] == ["NON_COMPLIANT", "COMPLIANT"]


def test_gone_since_the_notification(world: World) -> None:
    """Only the tags show it: WAF answers the same for no logging and no web ACL."""
    world.set(EXEMPT_TAGS='{"Logging": "off"}')
    del world.waf.tags[ACL]
    assert world.evaluate(notification())["compliance"] == "NOT_APPLICABLE"


@pytest.mark.parametrize("destination", [STREAM, ELSEWHERE])
def test_logging_anywhere_is_compliant(world: World, destination: str) -> None:
    world.waf.logging[ACL] = logging(destination)
    assert world.evaluate(notification())["compliance"] == "COMPLIANT"


def test_logging_elsewhere_when_the_destination_counts(world: World) -> None:
    world.set(CORRECT_DESTINATION="true")
    world.waf.logging[ACL] = logging(ELSEWHERE)
    assert world.evaluate(notification())["compliance"] == "NON_COMPLIANT"
    world.waf.logging[ACL] = logging(STREAM)
    assert world.evaluate(notification())["compliance"] == "COMPLIANT"
    world.waf.logging[ACL] = logging(ELSEWHERE, ManagedByFirewallManager=True)
    answer = world.evaluate(notification())
    assert (answer["compliance"], "Firewall Manager" in answer["reason"]) == ("COMPLIANT", True)


def test_a_log_group_with_and_without_its_star_is_one(world: World) -> None:
    world.set(CORRECT_DESTINATION="true", DESTINATION_ARN=ELSEWHERE + ":*")
    world.waf.logging[ACL] = logging(ELSEWHERE)
    assert world.evaluate(notification())["compliance"] == "COMPLIANT"


@pytest.mark.parametrize("oversized", [False, True])
@pytest.mark.parametrize("status", ["ResourceDeleted", "ResourceDeletedNotRecorded", "ResourceNotRecorded"])
def test_a_deleted_web_acl_does_not_apply(world: World, status: str, oversized: bool) -> None:
    event = notification(oversized, configurationItemStatus=status, ARN=None)
    assert world.evaluate(event)["compliance"] == "NOT_APPLICABLE"
    assert dict(world.config.calls) == {"put_evaluations": 1}
    assert not world.waf.calls


def test_what_left_the_rules_scope_does_not_apply(world: World) -> None:
    assert world.evaluate(notification(left_scope=True))["compliance"] == "NOT_APPLICABLE"


@pytest.mark.parametrize("status", ["OK", "ResourceDiscovered"])
def test_an_oversized_item_is_judged_by_its_summary(world: World, status: str) -> None:
    event = notification(oversized=True, configurationItemStatus=status)
    assert world.evaluate(event)["compliance"] == "NON_COMPLIANT"
    assert world.config.calls["get_resource_config_history"] == 0


@pytest.mark.parametrize("oversized", [False, True])
def test_an_item_without_arn_is_looked_up(world: World, oversized: bool) -> None:
    world.config.arns["shop"] = ACL
    world.waf.logging[ACL] = logging()
    answer = world.evaluate(notification(oversized, ARN=None, resourceId="shop"))
    assert answer == {"resource_id": "shop", "compliance": "COMPLIANT", "reason": "The web ACL logs."}
    with pytest.raises(NotAWebAcl, match="has no web ACL 'other'"):
        world.evaluate(notification(oversized, ARN=None, resourceId="other"))


def test_scopes(world: World) -> None:
    event = notification(ARN=GLOBAL, resourceId=GLOBAL)
    assert world.evaluate(event)["compliance"] == "NOT_APPLICABLE"
    world.set(SCOPES='["CLOUDFRONT", "REGIONAL"]')
    assert world.evaluate(event)["compliance"] == "NON_COMPLIANT"


def test_exempt_by_arn(world: World) -> None:
    world.set(EXEMPT_ARNS=json.dumps([ACL]))
    assert world.evaluate(notification())["compliance"] == "NOT_APPLICABLE"
    assert not world.waf.calls


def test_exempt_by_tag_on_any_page(world: World) -> None:
    world.set(EXEMPT_TAGS=json.dumps({"Logging": "off", "Stage": "test"}))
    world.waf.tags[ACL] = [("Team", "shop"), ("Logging", "on"), ("Stage", "test")]
    world.waf.tag_page = 1
    answer = world.evaluate(notification(oversized=True))
    assert (answer["compliance"], answer["reason"]) == (
        "NOT_APPLICABLE",
        "The web ACL is exempt by its tag Stage=test.",
    )
    world.waf.tags[ACL].pop()
    assert world.evaluate(notification())["compliance"] == "NON_COMPLIANT"


@pytest.mark.parametrize(
    "code",
    ["ThrottlingException", "AccessDeniedException", "WAFInternalErrorException", "WAFInvalidOperationException"],
)
def test_other_errors_of_waf_are_no_verdict(world: World, code: str) -> None:
    world.waf.faults["get_logging_configuration"] = [aws_error("wafv2", code)]
    with pytest.raises(ClientError, match=code):
        world.evaluate(notification())
    assert world.config.evaluations == []


def test_a_refused_evaluation_raises(world: World) -> None:
    world.config.refuses = True
    with pytest.raises(EvaluationRefused, match="shop"):
        world.evaluate(notification())


def test_two_calls_at_the_least(world: World) -> None:
    world.evaluate(notification())
    assert dict(world.waf.calls) == {"get_logging_configuration": 1}
    assert dict(world.config.calls) == {"put_evaluations": 1}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"invokingEvent": "{", "resultToken": "t"},
        {"invokingEvent": "[]", "resultToken": "t"},
        {"invokingEvent": json.dumps({"messageType": "ScheduledNotification"}), "resultToken": "t"},
        {"invokingEvent": json.dumps({"messageType": "ConfigurationItemChangeNotification"}), "resultToken": "t"},
        notification(configurationItemStatus=None),
        notification(resourceType="AWS::WAF::WebACL"),
        {**notification(), "invokingEvent": None},
    ],
)
def test_other_events_are_refused(world: World, event: Any) -> None:
    with pytest.raises(MalformedEvent):
        world.evaluate(event)
    assert not world.waf.calls
    assert not world.config.calls


@given(
    st.dictionaries(
        st.sampled_from(["invokingEvent", "resultToken", "eventLeftScope"]),
        st.text(alphabet='{}[]":,1n', max_size=9) | st.none(),
    )
)
def test_any_event_is_parsed_or_refused(event: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        changes.parse(event)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b"])
@given(segment=st.sampled_from(["regional", "global"]), name=st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True))
def test_arns_of_every_partition(partition: str, segment: str, name: str) -> None:
    arn = f"arn:{partition}:wafv2:cn-north-1:123456789012:{segment}/webacl/{name}/1b2c3d4e-0000"
    assert web_acls.parse(arn) == web_acls.WebAcl(arn, {"regional": "REGIONAL", "global": "CLOUDFRONT"}[segment])


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:waf::123456789012:webacl/1b2c3d4e",
        "arn:aws:waf-regional:eu-west-1:123456789012:webacl/1b2c3d4e",
        "arn:aws:wafv2:eu-west-1:123456789012:regional/rulegroup/shop/1b2c3d4e",
        "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop",
        ACL + "/more",
        ACL + "\n",
    ],
)
def test_other_arns_are_refused(arn: str) -> None:
    with pytest.raises(NotAWebAcl):
        web_acls.parse(arn)
