"""A fake Secrets Manager of one account and Region, in memory, as AWS documents it, with a record of calls.

`before` is called ahead of each call with the operation's name: what a test does there happens between two
calls of the code under test.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/11112222-3333-4444-5555-666677778888"
KEY_THERE = "arn:aws:kms:eu-central-1:111122223333:key/99992222-3333-4444-5555-666677778888"


class NotFound(ClientError):
    pass


class Exists(ClientError):
    pass


class Exceptions:
    ResourceNotFoundException = NotFound
    ResourceExistsException = Exists


_CLASSES: dict[str, type[ClientError]] = {
    "ResourceNotFoundException": NotFound,
    "ResourceExistsException": Exists,
}


def error(code: str, message: str = "", status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return _CLASSES.get(code, ClientError)(response, "Operation")


class FakeSecrets:
    exceptions = Exceptions

    def __init__(self, region: str = "eu-west-1", account: str = "111122223333") -> None:
        self.region, self.account = region, account
        self.secrets: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.history: dict[str, list[str]] = {}
        """Versions that became AWSCURRENT, by secret, oldest first."""
        self.before: Callable[[str], None] = lambda operation: None

    # --- calls of the code under test ---

    def describe_secret(self, SecretId: str) -> dict[str, Any]:
        self._call("DescribeSecret")
        secret = self._find(SecretId)
        labels: dict[str, list[str]] = {}
        for label, version in secret["labels"].items():
            labels.setdefault(version, []).append(label)
        names = ("Description", "KmsKeyId", "PrimaryRegion", "OwningService")
        optional = {name: secret[name] for name in names if secret.get(name)}
        if secret["tags"]:
            optional["Tags"] = [{"Key": k, "Value": v} for k, v in secret["tags"].items()]
        if secret["deleted"]:
            optional["DeletedDate"] = secret["changed"]
        if secret["rotates"]:
            optional["RotationEnabled"] = True
        if labels:
            optional["VersionIdsToStages"] = labels
        return {"ARN": secret["arn"], "Name": secret["name"], "LastChangedDate": secret["changed"], **optional}

    def get_secret_value(
        self, SecretId: str, VersionId: str | None = None, VersionStage: str = CURRENT
    ) -> dict[str, Any]:
        self._call("GetSecretValue")
        secret = self._find(SecretId)
        version = VersionId or secret["labels"].get(VersionStage)
        if version not in secret["values"]:
            raise error("ResourceNotFoundException")
        return {"ARN": secret["arn"], "Name": secret["name"], "VersionId": version, **secret["values"][version]}

    def create_secret(
        self,
        Name: str,
        ClientRequestToken: str,
        Tags: list[dict[str, str]],
        Description: str = "",
        KmsKeyId: str | None = None,
        **value: Any,
    ) -> dict[str, Any]:
        self._call("CreateSecret")
        if Name in self.secrets:
            raise error("ResourceExistsException")
        if not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,512}", Name):
            raise error("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters")
        self._room(len(Tags))
        self.add(Name, ClientRequestToken, value, Description, {t["Key"]: t["Value"] for t in Tags}, KmsKeyId)
        return {"ARN": self.secrets[Name]["arn"], "Name": Name, "VersionId": ClientRequestToken}

    def put_secret_value(
        self, SecretId: str, ClientRequestToken: str, VersionStages: list[str], **value: Any
    ) -> dict[str, Any]:
        self._call("PutSecretValue")
        secret = self._find(SecretId)
        values = secret["values"]
        if ClientRequestToken in values and values[ClientRequestToken] != value:
            raise error("ResourceExistsException")
        if ClientRequestToken not in values:  # otherwise, the request is ignored
            values[ClientRequestToken] = value
            for label in VersionStages:
                self._label(secret, label, ClientRequestToken)
        held = [label for label, version in secret["labels"].items() if version == ClientRequestToken]
        return {"ARN": secret["arn"], "VersionId": ClientRequestToken, "VersionStages": held}

    def update_secret_version_stage(
        self,
        SecretId: str,
        VersionStage: str,
        MoveToVersionId: str | None = None,
        RemoveFromVersionId: str | None = None,
    ) -> dict[str, Any]:
        self._call("UpdateSecretVersionStage")
        secret = self._find(SecretId)
        held_by = secret["labels"].get(VersionStage)
        if MoveToVersionId and MoveToVersionId not in secret["values"]:
            raise error("ResourceNotFoundException")
        if held_by not in (RemoveFromVersionId, MoveToVersionId):
            raise error("InvalidParameterException", f"{VersionStage} is attached to {held_by}")
        if RemoveFromVersionId and RemoveFromVersionId != held_by:
            raise error("InvalidParameterException", f"{VersionStage} is not attached to {RemoveFromVersionId}")
        if MoveToVersionId:
            self._label(secret, VersionStage, MoveToVersionId)
        else:
            del secret["labels"][VersionStage]
        return {"ARN": secret["arn"]}

    def update_secret(self, SecretId: str, Description: str) -> dict[str, Any]:
        self._call("UpdateSecret")
        self._find(SecretId)["Description"] = Description
        return {}

    def tag_resource(self, SecretId: str, Tags: list[dict[str, str]]) -> dict[str, Any]:
        self._call("TagResource")
        tags = self._find(SecretId)["tags"]
        self._room(len({*tags, *(t["Key"] for t in Tags)}))
        tags.update({t["Key"]: t["Value"] for t in Tags})
        return {}

    def untag_resource(self, SecretId: str, TagKeys: list[str]) -> dict[str, Any]:
        self._call("UntagResource")
        for key in TagKeys:
            self._find(SecretId)["tags"].pop(key, None)
        return {}

    def list_secrets(
        self,
        MaxResults: int,
        IncludePlannedDeletion: bool = False,
        Filters: list[dict[str, Any]] | None = None,
        NextToken: str = "0",
    ) -> dict[str, Any]:
        self._call("ListSecrets")
        beginnings = tuple(Filters[0]["Values"]) if Filters else ("",)
        by_tag = bool(Filters) and Filters[0]["Key"] == "tag-key"  # type: ignore[index]
        names = sorted(
            name
            for name, secret in self.secrets.items()
            if any(text.startswith(beginnings) for text in (secret["tags"] if by_tag else [name]))
        )
        first = int(NextToken)
        page = []
        for name in names[first : first + MaxResults]:
            entry = self.quietly(lambda name=name: self.describe_secret(name))  # type: ignore[misc]
            entry["SecretVersionsToStages"] = entry.pop("VersionIdsToStages", {})
            page.append(entry)
        more = {"NextToken": str(first + MaxResults)} if first + MaxResults < len(names) else {}
        return {"SecretList": page, **more}

    # --- helpers for tests ---

    def quietly(self, call: Callable[[], Any]) -> Any:
        """Make a call without recording it and without calling `before`."""
        before, self.before = self.before, lambda operation: None
        try:
            return call()
        finally:
            self.before = before
            self.calls.pop()

    def add(
        self,
        name: str,
        version: str | None = "v1",
        value: dict[str, Any] | None = None,
        description: str = "",
        tags: dict[str, str] | None = None,
        key: str | None = None,
    ) -> str:
        """Create a secret with one version (None: without a version) and return its ARN."""
        arn = f"arn:aws:secretsmanager:{self.region}:{self.account}:secret:{name}-AbCdEf"
        self.secrets[name] = {
            "name": name,
            "arn": arn,
            "Description": description,
            "KmsKeyId": key,
            "tags": dict(tags or {}),
            "labels": {},
            "values": {},
            "deleted": False,
            "rotates": False,
            "changed": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        }
        if version:
            self.secrets[name]["values"][version] = value or {"SecretString": f"value of {version}"}
            self._label(self.secrets[name], CURRENT, version)
        return arn

    def put(self, name: str, version: str, label: str = CURRENT, value: dict[str, Any] | None = None) -> None:
        """Put a new version under a label."""
        secret = self.secrets[name]
        secret["values"].setdefault(version, value or {"SecretString": f"value of {version}"})
        self._label(secret, label, version)

    def state(self, name: str) -> dict[str, Any] | None:
        """Return everything that a replica has in common with its source: values by label, description, tags."""
        secret = self.secrets.get(name)
        if secret is None:
            return None
        labels = {k: (v, secret["values"][v]) for k, v in secret["labels"].items() if k != PENDING}
        tags = {k: v for k, v in secret["tags"].items() if k != "switchyard:replica-of"}
        return {"labels": labels, "description": secret["Description"], "tags": tags}

    def _label(self, secret: dict[str, Any], label: str, version: str) -> None:
        old = secret["labels"].get(label)
        secret["labels"][label] = version
        if label == CURRENT and old != version:
            self.history.setdefault(secret["name"], []).append(version)
            if old:
                secret["labels"][PREVIOUS] = old

    def _find(self, secret_id: str) -> dict[str, Any]:
        for secret in self.secrets.values():
            if secret_id in (secret["name"], secret["arn"]):
                return secret
        raise error("ResourceNotFoundException")

    def _room(self, tags: int) -> None:
        if tags > 50:
            raise error("InvalidParameterException", "You can't have more than 50 tags on a secret.")

    def _call(self, operation: str) -> None:
        self.before(operation)
        self.calls.append(operation)
