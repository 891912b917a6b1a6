"""What CodePipeline needs of other services. An engine that has them replaces `current`."""

from __future__ import annotations

from typing import Any

PRINCIPAL = "codepipeline.amazonaws.com"
"""The principal that acts for CodePipeline."""


class Neighbours:
    """A cloud in which every role trusts CodePipeline and may do everything."""

    def session(self, role_arn: str, name: str, pipeline_arn: str) -> dict[str, Any]:
        """Return boto3 credentials of a role. Raise PermissionError if it does not trust CodePipeline."""
        return {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def client(self, service: str, region: str, credentials: dict[str, Any]) -> Any:
        """Return a boto3 client with a role's credentials."""
        import boto3

        return boto3.client(service, region_name=region, **credentials)  # type: ignore[call-overload]

    def rule(self) -> str:
        """Return the ARN of the rule that starts an execution by this request, or ""."""
        return ""


current = Neighbours()
