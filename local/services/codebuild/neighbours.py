"""What CodeBuild needs of other services. An engine that has them replaces `current`."""

from __future__ import annotations

from typing import Any

PRINCIPAL = "codebuild.amazonaws.com"
"""The principal that acts for CodeBuild."""


class Neighbours:
    """A cloud in which every role trusts CodeBuild and may do everything."""

    def session(self, role_arn: str, name: str, project_arn: str) -> dict[str, Any]:
        """Return boto3 credentials of a role. Raise PermissionError if it does not trust CodeBuild for the project."""
        return {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def client(self, service: str, region: str, credentials: dict[str, Any]) -> Any:
        """Return a boto3 client with a role's credentials."""
        import boto3

        return boto3.client(service, region_name=region, **credentials)  # type: ignore[call-overload]

    def may(self, credentials: dict[str, Any], action: str, arn: str, account: str, region: str) -> bool:
        """Return whether the role may do what no API of the SDK does."""
        return True

    def failed(self, project: str, account: str, region: str) -> None:
        """Count a failed build in CloudWatch."""


current = Neighbours()
