"""Functions read through the real layer: from memory, after rotations, and while AWS fails for less than the bound."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

CHECK = "switchyard-config-cache-check"
ROLE = "config-cache-orders"
PARAMETER, SECRET, TABLE = "/config-cache/limits", "config-cache-db", "config-cache-settings"
KEY = {"pk": {"S": "pKey1"}, "sk": {"S": "sKey1"}}
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": CHECK},
    {"kind": "error", "status": 500, "rate": 0.1, "principal": CHECK},
]
DOWN: list[dict[str, Any]] = [{"kind": "error", "status": 503, "rate": 1.0, "principal": CHECK}]

variables: dict[str, Any] = {}  # `prepare` returns them: they name what it has made

# A function as its developer writes it: the source's paths by hand, and the client of the layer.
CONSUMER = """
import http.client, os
import config_cache

class WrongPassword(Exception):
    pass

def get(path, token=True):
    connection = http.client.HTTPConnection("localhost", 4000)
    headers = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]} if token else {}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return [answer.status, answer.read().decode()]

def connect(password):
    if password == PASSWORD[0]:
        return "connected"
    raise WrongPassword

PASSWORD = [None]

def handler(event, context):
    if "get" in event:
        return get(event["get"], event.get("token", True))
    PASSWORD[0] = event["password"]
    try:
        return config_cache.with_secret("db", connect, refused=WrongPassword)
    except WrongPassword:
        return "refused"
"""


def prepare(stack: Stack) -> dict[str, Any]:
    """Create what an account has already: a key, a parameter, a secret, an item, and the role of a function."""
    key = stack.client("kms").create_key(Description="of the configuration")["KeyMetadata"]["Arn"]
    parameter = {"Name": PARAMETER, "Value": "1", "Type": "SecureString", "KeyId": key}
    stack.client("ssm").put_parameter(**parameter, Overwrite=True)
    secrets = stack.client("secretsmanager")
    try:
        secret = secrets.create_secret(Name=SECRET, SecretString="first", KmsKeyId=key)["ARN"]
    except ClientError:  # a second stack in the same account
        secret = secrets.update_secret(SecretId=SECRET, SecretString="first", KmsKeyId=key)["ARN"]
    with contextlib.suppress(ClientError):
        stack.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in KEY],
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        )
    stack.client("dynamodb").put_item(TableName=TABLE, Item={**KEY, "rate": {"N": "1.5"}})
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    with contextlib.suppress(ClientError):
        stack.client("iam").create_role(
            RoleName=ROLE, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{TABLE}"
    names = {"partition_key": {"name": "pk", "value": "pKey1"}, "sort_key": {"name": "sk", "value": "sKey1"}}
    return {
        "config_cache": {
            "parameters": {"limits": {"parameter": PARAMETER, "kms_key_arn": key, "ttl_seconds": 1}},
            # An hour: they must not expire between two steps, nor in the next run on the same stack.
            "secrets": {"db": {"arn": secret, "kms_key_arn": key, "ttl_seconds": 3600}},
            "items": {
                "settings": {
                    "table_arn": table,
                    **names,
                    "fields": ["rate"],
                    "kms_key_arn": key,
                    "ttl_seconds": 3600,
                }
            },
            "functions": {
                "orders": {"parameters": ["limits"], "secrets": ["db"], "items": ["settings"], "role_name": ROLE}
            },
            "check_schedule_expression": "rate(1 day)",
            "timeout_seconds": 8,  # on a busy machine an attempt of a second would be made twice
        }
    }


def etag(content: str) -> str:
    """Return the tag of a value."""
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def check(stack: Stack, **event: Any) -> dict[str, dict[str, Any]]:
    """Call the check. Return its rows by name, or {"failed": …} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["check"], Payload=json.dumps(event)
    )
    found = json.load(answer["Payload"])
    return {row["name"]: row for row in found["names"]} if "names" in found else {"failed": found}


def calls(stack: Stack, since: float) -> list[str]:
    """Return the operations that the check has called since then, except those of its own log and traces."""
    return sorted(
        call["operation"] for call in stack.cloud.calls(since, CHECK) if call["service"] not in ("logs", "xray")
    )


@contextlib.contextmanager
def consumer(stack: Stack) -> Iterator[Any]:
    """Deploy a developer's function, with what the module gives it. Yield how to call it."""
    packed, wiring, api = io.BytesIO(), stack.outputs["wiring"]["orders"], stack.client("lambda")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CONSUMER)
    name = f"config-cache-orders-{stack.token}"
    api.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=f"arn:aws:iam::{ACCOUNT_ID}:role/{ROLE}",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
        Layers=wiring["layer_arns"],
        Environment={"Variables": wiring["environment"]},
        Timeout=30,
    )

    def call(**event: Any) -> Any:
        return json.load(api.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])

    try:
        yield call
    finally:
        api.delete_function(FunctionName=name)


def run(stack: Stack, report: Report) -> None:
    """Read, rotate, break AWS, and read again."""
    report.sent = (
        "reads by two functions, a rotated secret,\na changed parameter; 20 % of the calls fail,\nthen all of them"
    )
    secrets = stack.client("secretsmanager")
    reads_of_a_developer(stack, report)

    first = wait_until("all names", lambda: found if not errors(found := check(stack)) else {})
    db, settings = first["db"]["etag"], first["settings"]["etag"]
    report.check("values are AWS's", settings, etag('{"rate": 1.5}'))
    began = time.time()
    again = check(stack)
    report.check(
        "no call within the time to live", [name for name in calls(stack, began) if name != "GetParameters"], []
    )
    report.check("the same values", (again["db"]["etag"], again["settings"]["etag"]), (db, settings))

    secrets.put_secret_value(SecretId=SECRET, SecretString=f"rotated {stack.token}")
    report.check("a rotated secret is cached", check(stack)["db"]["etag"], db)
    began = time.time()
    wait_until(
        "the new secret",
        lambda: check(stack, refused={"secrets/db": db})["db"].get("etag") == etag(f"rotated {stack.token}"),
    )
    report.check("refused once, fetched once", calls(stack, began).count("GetSecretValue"), 1)

    known, wrong = {etag(parameter(stack))}, []
    with stack.faults(*FAULTS, seed=2):
        for number in range(10):
            last = f"{number} {stack.token}"
            change(stack, last)
            known.add(etag(last))
            rows = check(stack)
            wrong += [row for row in rows.values() if "error" in row or row is rows.get("failed")]
            wrong += [rows["limits"]] if "limits" in rows and rows["limits"].get("etag") not in known else []
        wait_until("the last value", lambda: check(stack)["limits"].get("etag") == etag(last))
    report.check("nothing wrong served while 20 % of the calls fail", wrong, [])

    with stack.faults(*DOWN):
        change(stack, f"new {stack.token}")
        stale = wait_until("a stale value", lambda: row if (row := check(stack)["limits"]).get("stale") else {})
        report.check("the last value while AWS is down", stale["etag"], etag(last))
        report.check("and no error", errors(check(stack)), [])
    wait_until("the newest value", lambda: check(stack)["limits"].get("etag") == etag(f"new {stack.token}"))
    report.check("the newest value when AWS is back", errors(check(stack)), [])


def parameter(stack: Stack) -> str:
    """Return the value of the parameter."""
    found = stack.client("ssm").get_parameter(Name=PARAMETER, WithDecryption=True)
    return str(found["Parameter"]["Value"])


def change(stack: Stack, value: str) -> None:
    """Give the parameter another value, under the same key."""
    key = stack.client("secretsmanager").describe_secret(SecretId=SECRET)["KmsKeyId"]
    stack.client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="SecureString", KeyId=key, Overwrite=True)


def errors(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows without a value."""
    return [row for row in rows.values() if "etag" not in row]


def reads_of_a_developer(stack: Stack, report: Report) -> None:
    """Read in a function of its own: the source's three paths, what is refused, and a password that was rotated."""
    secrets = stack.client("secretsmanager")
    password = f"password {stack.token}"
    secrets.put_secret_value(SecretId=SECRET, SecretString=password)
    value = parameter(stack)
    with consumer(stack) as call:
        report.check("a parameter", call(get="/parameters?name=limits"), [200, value])
        report.check(
            "a secret, as the source asks for it",
            call(get="/parameters?name=/aws/reference/secretsmanager/db"),
            [200, password],
        )
        report.check("an item", call(get="/dynamodb?name=settings"), [200, '{"rate": 1.5}'])
        report.check("a name that is not configured", call(get="/secrets?name=other")[0], 404)
        report.check("without the token", call(get="/secrets?name=db", token=False)[0], 401)
        report.check("the password works", call(password=password), "connected")
        secrets.put_secret_value(SecretId=SECRET, SecretString=f"new {password}")
        new = wait_until("the new password", lambda: call(password=f"new {password}") == "connected")
        report.check("a refused password is read again", new)
        report.check("a wrong password stays refused", call(password="other"), "refused")
