"""Extensions of a layer run with a function, and their failures are the function's."""

from __future__ import annotations

import base64
import functools
import io
import json
import zipfile
from typing import Any

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until

# Registers, answers on a port of the environment, and prints each event. `MODE` says how it fails.
EXTENSION = """#!/bin/sh
exec python3 -I -S "${0%/*}/../code.py"
"""
CODE = """
import http.client, json, os, socket, sys, threading
listening = socket.socket()
listening.bind(("127.0.0.1", 4321))
listening.listen()

def serve():
    while True:
        connection, _ = listening.accept()
        connection.sendall(b"hello from the extension")
        connection.close()

threading.Thread(target=serve, daemon=True).start()
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
name = {"Lambda-Extension-Name": "greeter"}
api.request("POST", "/2020-01-01/extension/register", '{"events": ["INVOKE", "SHUTDOWN"]}', name)
answer = api.getresponse()
answer.read()
identifier = answer.headers["Lambda-Extension-Identifier"]
while True:
    api.request("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": identifier})
    event = json.loads(api.getresponse().read())
    print("extension", event["eventType"], event.get("requestId"), flush=True)
    if event["eventType"] == "SHUTDOWN" or os.environ.get("MODE") == "exits":
        sys.exit(0)
"""
HANDLER = """
import os, socket, time

def handler(event, context):
    if event.get("die"):
        os._exit(1)
    with socket.create_connection(("localhost", 4321)) as connection:
        return [connection.recv(100).decode(), context.aws_request_id]
"""


def packed(files: dict[str, str], mode: int = 0o755) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, text)
    return content.getvalue()


def function(cloud: Cloud, name: str, mode: int = 0o755, **variables: str) -> str:
    """Deploy a function with the extension. Return its name."""
    api = cloud.client("lambda")
    layer = api.publish_layer_version(
        LayerName=name, Content={"ZipFile": packed({"extensions/greeter": EXTENSION, "code.py": CODE}, mode)}
    )
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    api.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": packed({"app.py": HANDLER})},
        Layers=[layer["LayerVersionArn"]],
        Environment={"Variables": variables},
        Timeout=20,
    )
    return name


def invoke(cloud: Cloud, name: str, **event: Any) -> tuple[Any, str]:
    """Return the answer and the end of the log."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    return json.load(answer["Payload"]), base64.b64decode(answer.get("LogResult", "")).decode()


def test_a_function_reaches_its_extension_which_gets_each_call(cloud: Cloud) -> None:
    names = [function(cloud, "one"), function(cloud, "two")]  # both extensions listen on the same port
    for name in names * 2:
        (greeting, request), log = invoke(cloud, name)
        assert greeting == "hello from the extension"
        wait_until("the extension's line", functools.partial(_said, cloud, name, f"extension INVOKE {request}", [log]))


def _said(cloud: Cloud, name: str, line: str, logs: list[str]) -> bool:
    """Return whether a line was logged: the extension runs at the same time, and a later call can have its line."""
    if line not in "".join(logs):
        logs.append(invoke(cloud, name)[1])
    return line in "".join(logs)


def test_an_extension_that_ends_fails_the_call(cloud: Cloud) -> None:
    name = function(cloud, "exits", MODE="exits")
    for _ in range(2):
        answer, _ = invoke(cloud, name)
        assert answer["errorType"] == "Extension.Crash"
        assert "exit code 0" in answer["errorMessage"]


def test_a_layer_without_the_executable_bit_does_not_start(cloud: Cloud) -> None:
    answer, _ = invoke(cloud, function(cloud, "modeless", mode=0o644))
    assert answer["errorType"] == "Extension.LaunchError"


def test_a_function_that_ends_takes_its_environment_along(cloud: Cloud) -> None:
    name = function(cloud, "dies")
    assert invoke(cloud, name)[0][0] == "hello from the extension"
    answer, log = invoke(cloud, name, die=True)
    assert answer["errorType"] == "Runtime.ExitError"
    assert "extension SHUTDOWN" in log
    assert invoke(cloud, name)[0][0] == "hello from the extension"
