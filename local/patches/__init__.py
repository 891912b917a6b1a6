"""Corrections of MiniStack, a file for each service and subject; `python -m local patches` lists them."""

from __future__ import annotations

from importlib import import_module

from local.patches.registry import Patch, registry

MODULES = (
    "iam_requests",
    "iam_resources",
    "iam",
    "moto",
    "stepfunctions",
    "eventbridge",
    "cloudwatch_metrics",
    "cloudfront",
    "apigateway",
    "apigateway_import",
    "apigateway_stages",
    "athena",
    "cognito_triggers",
    "cognito_custom_auth",
    "cognito",
    "cognito_rotation",
    "ses",
    "ses_sending",
    "ses_receiving",
    "cloudwatch_emf",
    "dynamodb",
    "lambda_dynamodb",
    "cognito_verification",
    "secretsmanager",
    "s3_listing",
    "s3_public_access",
    "s3_writes",
    "ec2",
    "ecr",
    "alb",
    "ecs",
    "web_identity",
    "waf",
    "waf_logging",
    "firehose",
    "firehose_kafka",
    "scheduler",
    "kms",
    "cloudwatch_alarms",
    "cloudwatch_access",
    "cloudwatch_composites",
    "logs_queries",
    "tagging",
    "organizations",
    "accessanalyzer_buckets",
    "config_resources",
    "kafkaconnect",
    "sns_chatbot",
    "quicksight",
    "lex",
    "ssm",
    "pipelines",
    "kinesis",
    "lambda_kinesis",
    "lambda_kafka",
    "lambda_async",
    "lambda_sqs",
    "lambda_extensions",
    "lambda_runtime",
    "sns",
    "iot",
    "opensearch",
)
"""In the order in which they are applied: of two corrections with one target, the later wraps the earlier."""

_PATHS = [f"{__name__}.{name}" for name in MODULES]


def declared() -> list[Patch]:
    """Return every correction, in the order in which it is applied."""
    return registry.of(_PATHS)


def install() -> None:
    """Apply every correction, before the first request, and start what runs with them. Raise PatchError.

    A module that starts a thread, or hands something of its own to another module, does so in `start()`.
    """
    registry.apply(_PATHS)
    for path in _PATHS:
        if start := getattr(import_module(path), "start", None):
            start()
