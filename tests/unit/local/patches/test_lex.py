"""CloudFormation's types of Lex: made, changed in an order that serves users, and deleted; and who Lex may call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.patches import lex
from local.services.lexv2models import neighbours
from local.services.lexv2models.models import lexv2models_backends
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.services.test_lexv2models import alias_of, properties, version_of

ALIAS = f"arn:aws:lex:{REGION}:{ACCOUNT_ID}:bot-alias/BOT/ALIAS"


@pytest.fixture
def backend() -> Any:
    found = lexv2models_backends[ACCOUNT_ID][REGION]
    found.reset()
    return found


@pytest.fixture(autouse=True)
def _scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lex, "get_account_id", lambda: ACCOUNT_ID)
    monkeypatch.setattr(lex, "get_region", lambda: REGION)


def create(kind: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    made: tuple[str, dict[str, Any]] = lex.LEX[f"AWS::Lex::{kind}"]["create"]("Logical", given, "stack")
    return made


def test_a_stack_is_made_changed_and_deleted(backend: Any) -> None:
    bot, attributes = create("Bot", properties())
    assert attributes == {"Id": bot, "Arn": f"arn:aws:lex:{REGION}:{ACCOUNT_ID}:bot/{bot}"}
    version, one = create("BotVersion", version_of(bot))
    assert (version, one["BotVersion"]) == (f"{bot}|1", "1")
    alias, made = create("BotAlias", alias_of(bot, "1"))
    assert alias == f"{made['BotAliasId']}|{bot}"
    assert made["Arn"] == f"arn:aws:lex:{REGION}:{ACCOUNT_ID}:bot-alias/{bot}/{made['BotAliasId']}"

    # As CloudFormation updates: the draft, a version under another name, the alias, and then the old version.
    same, _ = lex.LEX["AWS::Lex::Bot"]["update"](bot, properties(), properties(), "stack")
    assert same == bot
    second, _ = create("BotVersion", version_of(bot))
    moved, again = lex.LEX["AWS::Lex::BotAlias"]["update"](alias, alias_of(bot, "1"), alias_of(bot, "2"), "stack")
    assert (moved, again) == (alias, made)
    lex.LEX["AWS::Lex::BotVersion"]["delete"](version, version_of(bot))
    assert set(backend.bots[bot].versions) == {"DRAFT", "2"}

    lex.LEX["AWS::Lex::BotAlias"]["delete"](alias, alias_of(bot, "2"))
    lex.LEX["AWS::Lex::BotVersion"]["delete"](second, version_of(bot))
    lex.LEX["AWS::Lex::Bot"]["delete"](bot, properties())
    assert backend.bots == {}


def test_the_types_are_added_to_those_of_cloudformation() -> None:
    assert lex.resource_handlers({"AWS::SQS::Queue": {}}).keys() == {"AWS::SQS::Queue", *lex.LEX}


def policy(source: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "lexv2.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": "*",
        "Condition": {"ArnLike": {"AWS:SourceArn": source}, "StringEquals": {"AWS:SourceAccount": ACCOUNT_ID}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def call(monkeypatch: pytest.MonkeyPatch, function: dict[str, Any] | None, result: dict[str, Any]) -> Any:
    found = (function, {"FunctionArn": "f"} if function else None, "")
    monkeypatch.setattr("ministack.services.lambda_svc._get_func_record_for_ref", lambda arn: found)
    monkeypatch.setattr("ministack.services.lambda_svc._execution_record_for_config", lambda function, config: {})
    monkeypatch.setattr(
        "ministack.services.lambda_svc._execute_function_with_config_scope", lambda record, event: result
    )
    return lex.Engine().invoke("arn:aws:lambda:eu-west-1:123456789012:function:f", ALIAS, ACCOUNT_ID, REGION, {})


def test_a_function_is_called_for_the_alias_that_its_policy_names(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = {"policy": policy(ALIAS)}
    assert call(monkeypatch, allowed, {"body": json.dumps({"a": 1})}) == {"a": 1}
    for function in (None, {"policy": None}, {"policy": policy(ALIAS.replace("ALIAS", "OTHER"))}):
        with pytest.raises(neighbours.HookFailed):
            call(monkeypatch, function, {"body": "{}"})
    with pytest.raises(neighbours.HookFailed, match="Unhandled"):
        call(monkeypatch, allowed, {"error": True, "body": "{}"})
