"""MSK Connect reads a plugin's file with the permissions of its caller."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.patches import kafkaconnect
from local.services.kafkaconnect import neighbours

CREDENTIALS = {"aws_access_key_id": "AKIDOFCALLER", "aws_secret_access_key": "x"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let S3 have one object; return what it was asked, and with which credentials."""
    made: list[Any] = []

    def head_object(**given: str) -> dict[str, Any]:
        made.append(given)
        if given["Key"] != "p.zip":
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")
        return {"ContentLength": 7, "ETag": '"abc"'}

    def client(service: str, region: str, credentials: dict[str, str]) -> Any:
        made.append((service, region, credentials))
        return SimpleNamespace(head_object=head_object)

    monkeypatch.setattr(kafkaconnect, "caller", lambda: ("arn:aws:iam::123456789012:role/deploy", CREDENTIALS))
    monkeypatch.setattr(kafkaconnect, "client", client)
    return made


def test_the_file_is_read_as_the_caller(asked: list[Any]) -> None:
    found = kafkaconnect.Engine().plugin_file("eu-west-1", "plugins", "p.zip", "v1")
    assert found == neighbours.PluginFile(7, "abc")
    assert asked == [("s3", "eu-west-1", CREDENTIALS), {"Bucket": "plugins", "Key": "p.zip", "VersionId": "v1"}]


def test_a_file_that_the_caller_cannot_read_is_refused(asked: list[Any]) -> None:
    with pytest.raises(neighbours.ObjectRefused, match="403 for the object other"):
        kafkaconnect.Engine().plugin_file("eu-west-1", "plugins", "other.zip", "")
    assert asked[1] == {"Bucket": "plugins", "Key": "other.zip"}
