"""The secret that an event names, for every form of event that AWS sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from protection.secret_replication.events import secret_id

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf"


def cloudtrail(kind: str, **detail: Any) -> dict[str, Any]:
    return {"source": "aws.secretsmanager", "detail-type": f"AWS {kind} via CloudTrail", "detail": detail}


LABEL = {
    "source": "aws.secretsmanager",
    "detail-type": "Secret Label Updated",
    "resources": [ARN],
    "detail": {"name": "prod/db", "labelUpdated": "AWSCURRENT", "versionId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"},
}
ROTATED = cloudtrail(
    "Service Event",
    eventName="RotationSucceeded",
    requestParameters=None,
    responseElements=None,
    additionalEventData={"SecretId": ARN},
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (LABEL, ARN),
        ({**LABEL, "resources": []}, "prod/db"),
        (ROTATED, ARN),
        (cloudtrail("API Call", requestParameters={"secretId": "prod/db"}, responseElements={"arn": ARN}), ARN),
        (cloudtrail("API Call", requestParameters={"secretId": "prod/db"}, responseElements={"aRN": ARN}), ARN),
        (cloudtrail("API Call", requestParameters={"secretId": "prod/db"}, responseElements=None), "prod/db"),
        (cloudtrail("API Call", requestParameters={"name": "prod/db"}), "prod/db"),
        ({"repair": ARN}, ARN),
    ],
)
def test_the_secret_is_found(event: dict[str, Any], expected: str) -> None:
    assert secret_id(json.dumps(event)) == expected


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        '{"repair": 1}',
        json.dumps({**LABEL, "source": "mine"}),
        json.dumps({**LABEL, "resources": [], "detail": None}),
        json.dumps({**LABEL, "resources": [], "detail": {"name": ""}}),
        json.dumps(cloudtrail("API Call", requestParameters={"secretId": {"x": 1}})),
        json.dumps(cloudtrail("API Call", requestParameters="HIDDEN")),
    ],
)
def test_other_messages_name_no_secret(body: str) -> None:
    assert secret_id(body) is None
