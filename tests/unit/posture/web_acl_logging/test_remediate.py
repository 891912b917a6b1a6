"""The changes that the remediation makes to a web ACL, and those that it must not make."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.settings import SettingsError
from posture.web_acl_logging import remediate, web_acls
from posture.web_acl_logging.errors import MalformedEvent, NotAWebAcl
from tests.unit.posture.web_acl_logging.conftest import CONTEXT, World
from tests.unit.posture.web_acl_logging.fakes import ACL, ELSEWHERE, GLOBAL, STREAM, aws_error

FILTER = {
    "DefaultBehavior": "DROP",
    "Filters": [
        {
            "Behavior": "KEEP",
            "Requirement": "MEETS_ANY",
            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
        }
    ],
}
OWN = {
    "ResourceArn": ACL,
    "LogDestinationConfigs": [ELSEWHERE],
    "RedactedFields": [{"UriPath": {}}, {"SingleHeader": {"Name": "x-token"}}],
    "ManagedByFirewallManager": False,
    "LoggingFilter": FILTER,
    "LogType": "WAF_LOGS",
    "LogScope": "CUSTOMER",
}


def test_logging_is_enabled_with_redaction_and_filter(world: World) -> None:
    world.set(REDACTED_HEADERS='["authorization", "cookie"]', LOGGING_FILTER=json.dumps(FILTER))
    assert world.remediate() == {"web_acl": ACL, "outcome": "enabled", "reevaluation": "started"}
    assert world.waf.logging[ACL] == {
        "ResourceArn": ACL,
        "LogDestinationConfigs": [STREAM],
        "RedactedFields": [{"SingleHeader": {"Name": "authorization"}}, {"SingleHeader": {"Name": "cookie"}}],
        "LoggingFilter": FILTER,
    }


def test_without_redaction_and_filter_there_are_none(world: World) -> None:
    world.remediate()
    assert world.waf.logging[ACL] == {"ResourceArn": ACL, "LogDestinationConfigs": [STREAM]}


def test_three_calls_at_the_least(world: World) -> None:
    world.remediate()
    assert dict(world.waf.calls) == {"get_logging_configuration": 1, "put_logging_configuration": 1}
    assert dict(world.config.calls) == {"start_config_rules_evaluation": 1}


def test_the_same_again_changes_nothing(world: World) -> None:
    world.remediate()
    assert world.remediate()["outcome"] == "untouched"
    assert world.waf.calls["put_logging_configuration"] == 1


def test_a_web_acl_that_logs_elsewhere_is_left_untouched(world: World) -> None:
    world.waf.logging[ACL] = OWN
    before = json.dumps(OWN)
    assert world.remediate()["outcome"] == "untouched"
    assert json.dumps(world.waf.logging[ACL]) == before
    assert world.waf.calls["put_logging_configuration"] == 0


def test_a_wrong_destination_is_corrected_and_all_else_kept(world: World) -> None:
    world.set(CORRECT_DESTINATION="true", REDACTED_HEADERS='["cookie"]')
    world.waf.logging[ACL] = OWN
    assert world.remediate()["outcome"] == "corrected"
    kept = {name: value for name, value in OWN.items() if name != "ManagedByFirewallManager"}
    assert world.waf.logging[ACL] == {**kept, "LogDestinationConfigs": [STREAM]}


def test_what_firewall_manager_set_is_left_to_it(world: World) -> None:
    world.set(CORRECT_DESTINATION="true")
    world.waf.logging[ACL] = {**OWN, "ManagedByFirewallManager": True}
    assert world.remediate()["outcome"] == "untouched"


@pytest.mark.parametrize(
    "environment",
    [{"EXEMPT_ARNS": json.dumps([ACL])}, {"EXEMPT_TAGS": '{"Logging": "off"}'}, {"SCOPES": '["CLOUDFRONT"]'}],
)
def test_an_exempt_web_acl_is_left_untouched(world: World, environment: dict[str, str]) -> None:
    world.set(**environment)
    world.waf.tags[ACL] = [("Logging", "off")]
    assert world.remediate() == {"web_acl": ACL, "outcome": "untouched", "reevaluation": "started"}
    assert world.waf.logging == {}


def test_cloudfront(world: World) -> None:
    world.set(SCOPES='["CLOUDFRONT"]')
    assert world.remediate(GLOBAL)["outcome"] == "enabled"


def test_the_id_of_config_instead_of_an_arn(world: World) -> None:
    world.config.arns["shop"] = ACL
    assert world.remediate("shop")["web_acl"] == ACL
    with pytest.raises(NotAWebAcl, match="has no web ACL"):
        world.remediate("unknown")
    world.config.arns["classic"] = "arn:aws:waf::123456789012:webacl/1b2c3d4e"
    with pytest.raises(NotAWebAcl):
        world.remediate("classic")


@pytest.mark.parametrize("event", [{}, {"webAclId": ""}, {"webAclId": 7}, [], {"webAclName": ACL}])
def test_malformed_events_change_nothing(world: World, event: Any) -> None:
    with pytest.raises(MalformedEvent, match="webAclId"):
        remediate.handler(event, CONTEXT)
    assert not world.waf.calls
    assert not world.config.calls


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "WAFInternalErrorException"])
def test_an_error_is_not_taken_for_no_logging(world: World, code: str) -> None:
    world.waf.logging[ACL] = OWN
    world.waf.faults["get_logging_configuration"] = [aws_error("wafv2", code)]
    with pytest.raises(ClientError, match=code):
        world.remediate()
    assert world.waf.calls["put_logging_configuration"] == 0
    assert not world.config.calls


@pytest.mark.parametrize("code", remediate.BUSY)
def test_a_busy_waf_is_waited_for(world: World, code: str) -> None:
    world.waf.faults["put_logging_configuration"] = [aws_error("wafv2", code)] * (remediate.TRIES - 1)
    assert world.remediate()["outcome"] == "enabled"
    world.waf.logging.clear()
    world.waf.faults["put_logging_configuration"] = [aws_error("wafv2", code)] * remediate.TRIES
    with pytest.raises(ClientError, match=code):
        world.remediate()
    assert world.waf.logging == {}


def test_waiting_leaves_time_to_answer(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """All waits together are shorter than the function's time limit (remediation.tf)."""
    monkeypatch.setattr(random, "uniform", max)
    waits: list[float] = []
    world.waf.faults["put_logging_configuration"] = [aws_error("wafv2", remediate.BUSY[0])] * remediate.TRIES
    policy = remediate.Settings(destination_arn=STREAM, scopes=["REGIONAL"], config_rule_name="r")
    with pytest.raises(ClientError):
        remediate.remediate(web_acls.parse(ACL), policy, world.waf, waits.append)
    assert sum(waits) <= 80


def test_logging_that_another_principal_enables_meanwhile_stays(world: World) -> None:
    world.waf.faults["put_logging_configuration"] = [aws_error("wafv2", remediate.BUSY[1])]
    policy = remediate.Settings(destination_arn=STREAM, scopes=["REGIONAL"], config_rule_name="r")
    acl = web_acls.parse(ACL)
    assert remediate.remediate(acl, policy, world.waf, lambda _: world.waf.logging.update({ACL: OWN})) == "untouched"
    assert world.waf.logging[ACL] == OWN


@pytest.mark.parametrize(
    "code", ["WAFLogDestinationPermissionIssueException", "WAFInvalidParameterException", "AccessDeniedException"]
)
def test_other_errors_of_the_put_propagate_at_once(world: World, code: str) -> None:
    world.waf.faults["put_logging_configuration"] = [aws_error("wafv2", code)]
    with pytest.raises(ClientError, match=code):
        world.remediate()
    assert world.waf.calls["put_logging_configuration"] == 1
    assert not world.config.calls


@pytest.mark.parametrize("exempt_tags", ["{}", '{"Logging": "off"}'])
def test_a_web_acl_deleted_meanwhile(world: World, exempt_tags: str) -> None:
    world.set(EXEMPT_TAGS=exempt_tags)
    del world.waf.tags[ACL]
    assert world.remediate() == {"web_acl": ACL, "outcome": "gone", "reevaluation": "none"}


def test_a_missing_destination_is_not_taken_for_a_missing_web_acl(world: World) -> None:
    world.waf.destinations.clear()
    with pytest.raises(ClientError, match="WAFNonexistentItemException"):
        world.remediate()


def test_an_evaluation_under_way_is_tolerated(world: World) -> None:
    world.config.faults["start_config_rules_evaluation"] = [aws_error("config", "LimitExceededException")]
    assert world.remediate()["reevaluation"] == "limited"
    assert world.attempts[-1] == ("config", 2)  # More attempts would wait a minute for that error.


def test_logging_is_enabled_also_if_no_evaluation_can_be_started(world: World, caplog: Any) -> None:
    """Otherwise a notice would say that the logging of a web ACL that logs could not be enabled."""
    world.set(CONFIG_RULE_NAME="other")
    assert world.remediate() == {"web_acl": ACL, "outcome": "enabled", "reevaluation": "failed"}
    assert [getattr(r, "error", None) for r in caplog.records if r.levelname == "ERROR"] == [
        "NoSuchConfigRuleException"
    ]
    world.config.faults["start_config_rules_evaluation"] = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        world.remediate()


def test_a_throttled_evaluation_is_asked_for_again(world: World) -> None:
    throttled = aws_error("config", "ThrottlingException")
    world.config.faults["start_config_rules_evaluation"] = [throttled] * (remediate.TRIES - 1)
    assert world.remediate()["reevaluation"] == "started"
    world.config.faults["start_config_rules_evaluation"] = [throttled] * remediate.TRIES
    assert world.remediate()["reevaluation"] == "failed"
    assert world.config.calls["start_config_rules_evaluation"] == 2 * remediate.TRIES


@pytest.mark.parametrize(
    "arn",
    [
        ACL.replace("123456789012", "\u0661\u0662\u0663456789012"),
        ACL.replace("shop", "sh\u00f6p"),
        ACL.replace("1b2c3d4e", "1b2c3d4\u0665"),
        ACL + "\n",
    ],
)
def test_digits_and_letters_of_other_scripts_are_no_arn(world: World, arn: str) -> None:
    with pytest.raises(NotAWebAcl):
        world.remediate(arn)
    assert not world.waf.calls


@pytest.mark.parametrize(("correct", "metric"), [(False, "WebAclLoggingEnabled"), (True, "WebAclLoggingCorrected")])
def test_each_change_is_counted_once(world: World, capsys: Any, correct: bool, metric: str) -> None:
    if correct:
        world.set(CORRECT_DESTINATION="true")
        world.waf.logging[ACL] = OWN

    def counted() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
        return [{k: v for k, v in line.items() if k.startswith("WebAcl")} for line in lines]

    world.remediate()
    assert counted() == [{metric: [1.0]}]
    world.remediate()
    assert counted() == []


def test_the_handler_waits_between_attempts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    world.waf.faults["put_logging_configuration"] = [aws_error("wafv2", remediate.BUSY[0])] * 2
    world.config.faults["start_config_rules_evaluation"] = [aws_error("config", "ThrottlingException")]
    world.remediate()
    assert [5 <= wait <= 20 for wait in waits[:2]] == [True, True]
    assert [1 <= wait <= 4 for wait in waits[2:]] == [True]


def test_one_item_of_the_history_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest: AWS Config lists the history in reverse order, in pages of 10 unless a limit is given."""
    asked: list[dict[str, Any]] = []
    world.config.arns["shop"] = ACL
    answer = world.config.get_resource_config_history

    def history(**arguments: Any) -> Any:
        asked.append(arguments)
        return answer(**arguments)

    monkeypatch.setattr(world.config, "get_resource_config_history", history)
    world.remediate("shop")
    assert asked == [{"resourceType": "AWS::WAFv2::WebACL", "resourceId": "shop", "limit": 1}]


@pytest.mark.parametrize("scopes", ["[]", '["GLOBAL"]', "REGIONAL"])
def test_an_unusable_environment_is_named(world: World, scopes: str) -> None:
    world.set(SCOPES=scopes)
    with pytest.raises(SettingsError, match="SCOPES"):
        world.remediate()
