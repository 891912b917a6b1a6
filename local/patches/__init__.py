"""Corrections of MiniStack, a module each, in the order in which they are applied."""

from __future__ import annotations

import importlib
from typing import Any

from local.patches.registry import registry

# Modules that correct or extend an engine; each has an `install()`.
CORRECTIONS = (
    "local.patches.iam",
    "local.patches.moto",
    "local.patches.stepfunctions",
    "local.patches.eventbridge",
    "local.patches.cloudwatch_metrics",
    "local.patches.athena",
    "local.patches.cognito_triggers",
    "local.patches.cognito_custom_auth",
    "local.patches.cognito",
    "local.patches.ses",
    "local.patches.cloudwatch_emf",
    "local.patches.dynamodb",
    "local.patches.lambda_dynamodb",
    "local.patches.cognito_verification",
    "local.patches.secretsmanager",
    "local.patches.s3_listing",
    "local.patches.s3_public_access",
    "local.patches.s3_writes",
    "local.patches.ec2",
    "local.patches.waf",
    "local.patches.waf_logging",
    "local.patches.firehose",
    "local.patches.scheduler",
    "local.patches.kms",
    "local.patches.cloudwatch_alarms",
    "local.patches.organizations",
    "local.patches.sns_chatbot",
    "local.patches.lambda_sqs",
    "local.patches.lambda_runtime",
    "local.patches.sns",
)


def install() -> None:
    """Apply every correction; called once, before the first request."""
    for name in CORRECTIONS:
        registry.apply([name])
        for old in ("install", "start"):
            getattr(importlib.import_module(name), old, lambda: None)()


def command(name: str, data: dict[str, Any]) -> Any:
    """Run ``COMMANDS[...]`` of a correction; *name* is ``module/command``, *data* its keyword arguments."""
    module, _, verb = name.partition("/")
    path = f"{__name__}.{module}"
    commands = getattr(importlib.import_module(path), "COMMANDS", {}) if path in CORRECTIONS else {}
    if verb not in commands:
        raise ValueError(f"no engine command {name!r}")
    return commands[verb](**data)
