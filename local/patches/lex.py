"""CloudFormation makes Lex's bots, versions and aliases, and Lex calls functions of this cloud for an alias."""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import lambda_svc

from local.patches.registry import patch
from local.permissions import service_may
from local.services.lexv2models import neighbours

PRINCIPAL = "lexv2.amazonaws.com"
HANDLERS = "ministack.services.cloudformation.provisioners"
Made = tuple[str, dict[str, Any]]


def _backend() -> Any:
    from local.services.lexv2models.models import lexv2models_backends

    return lexv2models_backends[get_account_id()][get_region()]


def _bot(properties: dict[str, Any], bot_id: str = "") -> Made:
    made = _backend().put_bot(properties, bot_id)
    return made, {"Id": made, "Arn": f"arn:aws:lex:{get_region()}:{get_account_id()}:bot/{made}"}


def _version(properties: dict[str, Any]) -> Made:
    version = _backend().create_version(properties)
    return f"{properties['BotId']}|{version}", {"BotVersion": version}


def _alias(properties: dict[str, Any], alias_id: str = "") -> Made:
    made = _backend().put_alias(properties, alias_id)
    return f"{made['BotAliasId']}|{properties['BotId']}", made


LEX: dict[str, dict[str, Any]] = {
    "AWS::Lex::Bot": {
        "create": lambda _logical, properties, _stack: _bot(properties),
        "update": lambda physical, _old, new, _stack: _bot(new, physical),
        "delete": lambda physical, _properties: _backend().delete_bot(physical),
    },
    "AWS::Lex::BotVersion": {  # a change replaces it
        "create": lambda _logical, properties, _stack: _version(properties),
        "delete": lambda physical, _properties: _backend().delete_version(*physical.split("|")),
    },
    "AWS::Lex::BotAlias": {
        "create": lambda _logical, properties, _stack: _alias(properties),
        "update": lambda physical, _old, new, _stack: _alias(new, physical.partition("|")[0]),
        "delete": lambda physical, properties: _backend().delete_alias(properties["BotId"], physical.partition("|")[0]),
    },
}


@patch(HANDLERS, "_RESOURCE_HANDLERS", because="MiniStack's CloudFormation has no resource types of Lex.")
def resource_handlers(handlers: dict[str, Any]) -> dict[str, Any]:
    """Add the types of Lex."""
    handlers.update(LEX)
    return handlers


class Engine(neighbours.Neighbours):
    """Lambda of this cloud."""

    def invoke(self, function_arn: str, alias_arn: str, account: str, region: str, event: dict[str, Any]) -> Any:
        """Return what a function answers, if its policy lets Lex call it for the alias. Raise HookFailed."""
        with request_scope(account, region):
            function, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
            policy = (function or {}).get("policy")
            if not function or not config:
                raise neighbours.HookFailed(f"{function_arn} does not exist.")
            action = "lambda:InvokeFunction"
            if service_may(PRINCIPAL, action, function_arn, policy, alias_arn, account, region):
                raise neighbours.HookFailed(f"Access denied while invoking {function_arn} for {alias_arn}.")
            record = lambda_svc._execution_record_for_config(function, config)
            result = lambda_svc._execute_function_with_config_scope(record, event)
        body = result.get("body")
        if result.get("error"):
            raise neighbours.HookFailed("Received error response from Lambda: Unhandled")
        return json.loads(body) if isinstance(body, (str, bytes)) else body


def start() -> None:
    """Let Lex reach Lambda."""
    neighbours.current = Engine()
