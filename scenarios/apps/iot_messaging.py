"""Devices with certificates publish and get commands over MQTT; hostile clients and payloads; faults and kills."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import importlib.util
import json
import queue
import ssl
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION, ROOT, patience

NAME = "switchyard-iot-messaging-"
PREFIX = "switchyard-"
SECRET = "switchyard-scenario/iot-webhook"
KEY = "switchyard-scenario-iot-dashboard"
LOST = "lost"  # its certificate is deactivated
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("sensor-1", "sensor-2", "printer", LOST)}
"""The devices' private keys. They stay here: Terraform gets requests."""


def request_of(key: ec.EllipticCurvePrivateKey, name: str) -> str:
    """Return a certificate signing request (PEM)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


variables: dict[str, Any] = {
    "iot_messaging": {
        "things": {
            name: {"csrs": {"2026": request_of(key, name)}, "active": name != LOST, "attributes": {"room": "lab"}}
            for name, key in KEYS.items()
        },
        "api_key_ids": ["a1b2c3d4e5"],
        "api_key_routes": ["messages"],  # commands must be signed
        "webhook": {"secret_arn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{SECRET}-a1b2c3"},
        "throttle": {"rate_limit": 1000, "burst_limit": 1000},
        "deletion_protection": False,
    }
}


FAULTS: list[dict[str, Any]] = [
    {"kind": kind, "rate": 0.1, "principal": f"{NAME}{function}", **more}
    for function in ("store", "send")
    for kind, more in (("throttle", {}), ("error", {"status": 500}))
]
PAYLOADS: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "not JSON"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8"),
    "NaN": (b'{"sensor_a0": NaN}', "NaN"),
    "a list": (b"[1, 2]", "not a JSON object"),
    "a number of 40 digits": (b'{"n": 1234567890123456789012345678901234567890}', "38 digits"),
    "half an emoji": (b'{"text": "\\ud83d"}', "half a character"),
    "nested 900 times": (b'{"a":' * 900 + b"1" + b"}" * 900, "nested"),
    "9,000 bytes": (b'{"text": "' + b"x" * 9000 + b'"}', "9012 bytes"),
}
"""Payloads that are refused, and a part of the reason."""


def _client_module() -> Any:
    """Return the module of the Python client that the capability ships."""
    path = ROOT / "modules" / "apps" / "iot_messaging" / "device" / "client.py"
    spec = importlib.util.spec_from_file_location("iot_device_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare(stack: Stack) -> dict[str, Any]:
    """Make the secret of a webhook and the API key of a dashboard. Return the variables that name them."""
    secrets, gateway = stack.client("secretsmanager"), stack.client("apigateway")
    try:
        arn = secrets.create_secret(Name=SECRET, SecretString=uuid.uuid4().hex)["ARN"]
    except secrets.exceptions.ResourceExistsException:
        arn = secrets.describe_secret(SecretId=SECRET)["ARN"]
    keys = gateway.get_api_keys(nameQuery=KEY)["items"] or [gateway.create_api_key(name=KEY, enabled=True)]
    made = {"webhook": {"secret_arn": arn}, "api_key_ids": [keys[0]["id"]]}
    return {"iot_messaging": {**variables["iot_messaging"], **made}}


def settings_of(stack: Stack, name: str) -> dict[str, Any]:
    """Return a device's settings, with the local cloud's endpoint in place of AWS's."""
    where = stack.cloud.command("iot/endpoint")
    found: dict[str, Any] = json.loads(stack.outputs["device_settings"][name])
    return found | {"endpoint": where["host"], "port": where["port"], "root_ca": where["ca"]}


def key_file(folder: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    """Write a private key into a device's folder. Return its path."""
    path = folder / "device.key"
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return path


@contextmanager
def device(stack: Stack, name: str, folder: Path, got: list[Any] | None = None) -> Iterator[Any]:
    """Run the shipped client as a device; its commands are appended to `got`."""
    key_file(folder, KEYS[name])
    commands: list[Any] = [] if got is None else got
    running = _client_module().Device(settings_of(stack, name), folder, commands.append)
    running.mqtt.connect_timeout *= patience()
    running.start()
    try:
        wait_until(f"the connection of {name}", running.mqtt.is_connected)
        yield running
    finally:
        running.stop()


def call(
    stack: Stack,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    sign: bool = True,
) -> tuple[int, Any]:
    """Send a request to the API, signed as the account's root unless `sign` is false. Return status and parsed body."""
    api = stack.outputs["url"].split("//")[1].split(".")[0]
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{stack.cloud.endpoint}/restapis/{api}/v1/_user_request_{path}"
    request = AWSRequest(method, url, data=data, headers={"Content-Type": "application/json", **(headers or {})})
    if sign:
        SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(request)
    sent = urllib.request.Request(url, data=data, method=method, headers=dict(request.headers.items()))
    try:
        with urllib.request.urlopen(sent, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def thing(name: str) -> str:
    """Return a thing's name."""
    return f"{PREFIX}{name}"


def send(stack: Stack, name: str, command: Any, query: str = "", key: str = "") -> tuple[int, Any]:
    """Send a command. Return status and answer."""
    headers = {"Idempotency-Key": key} if key else {}
    return call(stack, "POST", f"/things/{thing(name)}/commands{query}", command, headers)


def read(stack: Stack, name: str, query: str = "", key: str | None = None) -> tuple[int, Any]:
    """Read a thing's messages with an API key: the dashboard's, another, or "" for none. Return status and answer."""
    if key is None:
        (found,) = stack.client("apigateway").get_api_keys(nameQuery=KEY, includeValues=True)["items"]
        key = str(found["value"])
    headers = {"x-api-key": key} if key else {}
    return call(stack, "GET", f"/things/{thing(name)}/messages{query}", headers=headers, sign=False)


def stored(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Return the items of a thing's messages."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=stack.outputs["message_table_name"],
            KeyConditionExpression="thing = :thing",
            ExpressionAttributeValues={":thing": {"S": thing(name)}},
        )
    )
    return [item for page in pages for item in page["Items"]]


def readings(stack: Stack, name: str, run: str) -> list[dict[str, Any]]:
    """Return the payloads (as DynamoDB has them) whose member `run` is this one."""
    return [item["payload"]["M"] for item in stored(stack, name) if item["payload"]["M"].get("run", {}).get("S") == run]


def refused(stack: Stack) -> list[dict[str, Any]]:
    """Return and delete what is in the queue of refused messages."""
    sqs, url, found = stack.client("sqs"), stack.outputs["refused_queue_url"], []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def nothing(_client: mqtt.Client) -> None:
    """Do nothing but connect."""


def attempt(
    stack: Stack,
    certificate: str | None,
    key: ec.EllipticCurvePrivateKey | None,
    client_id: str,
    act: Callable[[mqtt.Client], object] = nothing,
    *,
    will: str = "",
    persist: bool = False,
) -> str:
    """Connect as a hostile client, and do something.

    Return "refused" if there is no connection, "closed" if it ends after `act`, "done" if AWS IoT acknowledges, or
    "connected" if there was nothing to do.
    """
    where = stack.cloud.command("iot/endpoint")
    context, events = ssl.create_default_context(cadata=where["ca"]), queue.Queue[str]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=not persist, reconnect_on_failure=False)
    client.connect_timeout = 30 * patience()
    with tempfile.TemporaryDirectory() as folder:
        if certificate and key:
            chain = Path(folder) / "certificate.pem"
            chain.write_text(certificate)
            context.load_cert_chain(chain, key_file(Path(folder), key))
    client.tls_set_context(context)
    if will:
        client.will_set(will, b"{}", qos=1)
    client.on_connect = lambda *event: events.put("refused" if event[3].is_failure else "connected")
    client.on_disconnect = lambda *_: events.put("closed")
    client.on_publish = client.on_subscribe = lambda *_: events.put("done")
    try:
        client.connect(where["host"], where["port"], keepalive=60)
        client.loop_start()
        if events.get(timeout=30 * patience()) != "connected":
            return "refused"
        if act(client) is None:
            return "connected"
        return events.get(timeout=30 * patience())
    except TimeoutError:  # not a refusal
        raise
    except OSError:
        return "refused"
    finally:
        client.disconnect()
        client.loop_stop()


def self_signed(key: ec.EllipticCurvePrivateKey, name: str) -> str:
    """Return a certificate (PEM) that no authority has signed."""
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def sign(secret: str, body: bytes) -> dict[str, str]:
    """Return GitHub's headers of a delivery."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-Hub-Signature-256": f"sha256={digest}",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": str(uuid.uuid4()),
    }


def deliver(stack: Stack, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Deliver a webhook for the printer, without AWS credentials."""
    return call(stack, "POST", f"/things/{thing('printer')}/webhook", body, headers, sign=False)


def push(message: str) -> bytes:
    """Return the body of a push, as GitHub sends it: no two are the same."""
    commit = {"id": uuid.uuid4().hex, "message": message}
    event = {"repository": {"full_name": "a/b"}, "sender": {"login": "ann"}, "head_commit": commit}
    return json.dumps(event).encode()


def run(stack: Stack, report: Report) -> None:
    """Check the specification's acceptance, then sleeping devices, refusals, webhooks, faults and kills."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        one, two = Path(folder) / "one", Path(folder) / "two"
        one.mkdir()
        two.mkdir()
        # Side by side: it waits until a killed request may run again, and until a rotated secret is noticed.
        beside = pool.submit(webhooks, stack, report, two)
        acceptance(stack, report, one)
        sleeping(stack, report, one)
        hostile_clients(stack, report)
        hostile_payloads(stack, report)
        hostile_requests(stack, report)
        faults(stack, report, one)
        beside.result()
    report.sent = (
        "readings and commands over MQTT with client certificates;\n"
        f"{len(clients(stack)) - 1} hostile clients, {len(PAYLOADS)} hostile payloads; signed webhooks;\n"
        "20 % of all calls fail; killed functions"
    )


def acceptance(stack: Stack, report: Report, folder: Path) -> None:
    """Publish a reading, and read it in the table and by the API; send a command, and see it arrive."""
    got: list[Any] = []
    with device(stack, "sensor-1", folder, got) as running:
        wait_until("the status", lambda: b"online" in status_of(stack, "sensor-1"))
        began = time.time()
        running.publish("telemetry", {"time": 123456, "sensor_a0": 30.40, "run": stack.token}).wait_for_publish(30)
        (reading,) = wait_until("the reading", lambda: readings(stack, "sensor-1", stack.token))
        report.check("a reading is in the table, as a number", reading["sensor_a0"], {"N": "30.4"})
        (item,) = [i for i in stored(stack, "sensor-1") if i["payload"]["M"] == reading]
        soon = abs(int(item["expiresAt"]["N"]) - (time.time() + 30 * 86400)) < 3600
        report.check("it expires in 30 days, in seconds", soon)
        # Of other devices, too: each message takes one call.
        report.check("it took no other call", set(calls(stack, "store", began)), {"PutItem"})
        status, answer = send(stack, "sensor-1", {"message": "Hello world!"})
        copy = (status, answer.get("command"))
        report.check("a command is answered with a copy", copy, (200, {"message": "Hello world!"}))
        wait_until("the command", lambda: got)
        report.check("and arrives", list(got), [{"message": "Hello world!"}])
        began = time.time()
        send(stack, "sensor-1", {"message": "again"})
        made = calls(stack, "send", began)  # another process of the function may not know the thing yet
        report.check("a command takes one call", [c for c in made if c != "DescribeThing"], ["Publish"])
        outcome = wait_until("the outcome", lambda: outcomes(stack, str(answer["id"])))
        report.check("its outcome is in the table", outcome, [("result", True)])
        status, page = read(stack, "sensor-1", "?limit=100")
        mine = [m["payload"]["sensor_a0"] for m in page["messages"] if m["payload"].get("run") == stack.token]
        report.check("the API returns the reading", (status, mine), (200, [30.4]))
    settings = [stack.outputs[name]["sensor-1"] for name in ("device_headers", "device_settings")]
    report.check("a device gets its settings", ["BEGIN CERTIFICATE-" in text for text in settings], [True, True])
    report.check("no output has a private key", "PRIVATE KEY" in json.dumps(stack.outputs), False)


def calls(stack: Stack, function: str, since: float) -> list[str]:
    """Return the operations that a function has called since then."""
    role = f"{NAME}{function}-function-{REGION}"
    return [c["operation"] for c in stack.cloud.calls(since=since) if f"/{role}/" in c["principal"]]


def status_of(stack: Stack, name: str) -> bytes:
    """Return the retained status of a device, or b""."""
    data = stack.client("iot-data")
    try:
        payload: bytes = data.get_retained_message(topic=f"switchyard/{thing(name)}/up/status")["payload"]
    except data.exceptions.ResourceNotFoundException:
        return b""
    return payload


def outcomes(stack: Stack, command_id: str) -> list[tuple[str, Any]]:
    """Return kind and `ok` of the messages about a command."""
    return [
        (item["kind"]["S"], item["payload"]["M"]["ok"]["BOOL"])
        for item in stored(stack, "sensor-1")
        if item["payload"]["M"].get("command", {}).get("S") == command_id
    ]


def sleeping(stack: Stack, report: Report, folder: Path) -> None:
    """Send commands to a device that is off; break a connection, and see the will."""
    command, key = {"message": f"wake up {stack.token}"}, f"{stack.token}-retained"
    status, kept = send(stack, "sensor-1", command, "?retain=true", key)
    report.check("a command is retained", (status, kept.get("retained")), (200, True))
    again = send(stack, "sensor-1", command, "?retain=true", key)
    report.check("repeated, it is the same one", again, (200, {**kept, "repeated": True}))
    other = send(stack, "sensor-1", {"message": "x"}, "?retain=true", key)
    report.check("its key fits no other command", other[0], 422)
    got: list[Any] = []
    with device(stack, "sensor-1", folder, got) as running:
        wait_until("the retained command", lambda: command in got)
        wait_until("the status", lambda: b"online" in status_of(stack, "sensor-1"))
        connection = running.mqtt.socket()
        running.mqtt.loop_stop()
        connection.close()  # without DISCONNECT, as after a power failure
        wait_until("the will", lambda: b"offline" in status_of(stack, "sensor-1"))
        report.check("a lost connection publishes the will", b"offline" in status_of(stack, "sensor-1"))
    with device(stack, "sensor-1", folder, got) as running:
        later = f"{stack.token}-later"
        running.mqtt.subscribe(settings_of(stack, "sensor-1")["command_topic"], qos=1)  # delivers it again
        running.publish("telemetry", {"run": later}).wait_for_publish(30)
        wait_until("a later message", lambda: readings(stack, "sensor-1", later))
        report.check("a retained command is carried out once", got.count(command), 1)
        status, answer = call(stack, "DELETE", f"/things/{thing('sensor-1')}/commands")
        report.check("it can be deleted", (status, answer.get("cleared")), (200, True))
        left = [m["topic"] for m in stack.client("iot-data").list_retained_messages()["retainedTopics"]]
        report.check("and is", kept["topic"] in left, False)


def clients(stack: Stack) -> dict[str, tuple[Callable[[], str], str]]:
    """Return clients by what they try, each with the expected outcome; only the last may do what it tries."""
    pem = {name: stack.outputs["certificates"][f"{name}/2026"]["pem"] for name in KEYS}
    mine, other = thing("sensor-2"), thing("sensor-1")
    stranger = ec.generate_private_key(ec.SECP256R1())
    own, status = f"switchyard/{mine}", f"switchyard/{mine}/up/status"

    def as_two(client_id: str = mine, act: Callable[[mqtt.Client], object] = nothing, **more: Any) -> Callable[[], str]:
        return lambda: attempt(stack, pem["sensor-2"], KEYS["sensor-2"], client_id, act, **more)

    def publish(topic: str, payload: bytes = b"", retain: bool = False) -> Callable[[], str]:
        text = payload or json.dumps({"run": f"{stack.token}-hostile"}).encode()
        return as_two(act=lambda client: client.publish(topic, text, qos=1, retain=retain))

    def subscribe(topic: str, **more: Any) -> Callable[[], str]:
        return as_two(act=lambda client: client.subscribe(topic, qos=1), **more)

    return {
        "no certificate": (lambda: attempt(stack, None, None, mine), "refused"),
        "a certificate of its own": (lambda: attempt(stack, self_signed(stranger, mine), stranger, mine), "refused"),
        "a deactivated certificate": (lambda: attempt(stack, pem[LOST], KEYS[LOST], thing(LOST)), "refused"),
        "another thing's client ID": (as_two(other), "refused"),
        "a client ID that is no thing": (as_two(f"{mine}-shadow"), "refused"),
        "a will on another's topic": (as_two(will=f"switchyard/{other}/up/status"), "refused"),
        "another's topic": (publish(f"switchyard/{other}/up/telemetry"), "closed"),
        "its own command": (publish(f"{own}/down/command"), "closed"),
        "a retained reading": (publish(f"{own}/up/telemetry", retain=True), "closed"),
        "200 KB": (publish(f"{own}/up/telemetry", b"x" * 200_000), "closed"),
        "another's commands": (subscribe(f"switchyard/{other}/down/command"), "closed"),
        "everything": (subscribe("#"), "closed"),
        "its own, with a will, persistent": (subscribe(f"{own}/down/command", will=status, persist=True), "done"),
    }


def unexpected(found: Mapping[str, Any], cases: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """Return the outcomes that are not the expected ones, by case."""
    return {name: outcome for name, outcome in found.items() if outcome != cases[name][1]}


def hostile_clients(stack: Stack, report: Report) -> None:
    """Connect with wrong certificates and client IDs, and use wrong topics."""
    cases = clients(stack)
    found = {name: act() for name, (act, _) in cases.items()}
    report.check("hostile clients are refused", unexpected(found, cases), {})
    hostile = [name for name in ("sensor-1", "sensor-2") if readings(stack, name, f"{stack.token}-hostile")]
    report.check("and store nothing", hostile, [])


def hostile_payloads(stack: Stack, report: Report) -> None:
    """Publish what cannot be stored; each is kept with the reason, and the next message arrives."""
    refused(stack)
    odd: dict[str, Any] = {"run": f"{stack.token}-odd", "list": [1.5, {"deep": 2.25}], "text": "😀"}
    publish_all(stack, [*(payload for payload, _ in PAYLOADS.values()), json.dumps(odd).encode()])
    found: list[dict[str, Any]] = []

    def all_kept() -> bool:
        found.extend(refused(stack))
        return len(found) >= len(PAYLOADS)

    wait_until("the refused messages", all_kept)
    originals = {base64.b64decode(one["base64OriginalPayload"]): one["failures"][0]["errorMessage"] for one in found}
    wrong = [name for name, (payload, why) in PAYLOADS.items() if why not in originals.get(payload, "not kept")]
    kept = (wrong, len(found))
    report.check("what is no reading is kept as it was, with the reason", kept, ([], len(PAYLOADS)))
    (item,) = wait_until("the next message", lambda: readings(stack, "sensor-2", odd["run"]))
    report.check("the next message is stored", item["text"], {"S": "😀"})
    report.check("its numbers are exact", item["list"], {"L": [{"N": "1.5"}, {"M": {"deep": {"N": "2.25"}}}]})


def publish_all(stack: Stack, payloads: Sequence[bytes]) -> None:
    """Publish readings as sensor-2, and wait until all are acknowledged."""
    left, done = [len(payloads)], threading.Event()

    def acknowledged(*_: Any) -> None:
        left[0] -= 1
        if not left[0]:
            done.set()

    def act(client: mqtt.Client) -> None:
        client.on_publish = acknowledged
        for payload in payloads:
            client.publish(f"switchyard/{thing('sensor-2')}/up/telemetry", payload, qos=1)
        assert done.wait(60 * patience())

    pem = stack.outputs["certificates"]["sensor-2/2026"]["pem"]
    assert attempt(stack, pem, KEYS["sensor-2"], thing("sensor-2"), act) == "connected"


def hostile_requests(stack: Stack, report: Report) -> None:
    """Send requests that must be refused, and nothing is published."""
    path = f"/things/{thing('sensor-1')}/commands"
    ok, began = {"message": "x"}, time.time()
    cases: dict[str, tuple[int, int]] = {
        "unsigned": (call(stack, "POST", path, ok, sign=False)[0], 403),
        "reading without a key": (read(stack, "sensor-1", key="")[0], 403),
        "reading with a wrong key": (read(stack, "sensor-1", key="x" * 40)[0], 403),
        "no such thing": (send(stack, "nothing", ok)[0], 404),
        "a thing of another stack": (call(stack, "POST", "/things/other-sensor/commands", ok)[0], 404),
        "a name that no thing has": (call(stack, "POST", "/things/sensor.1/commands", ok)[0], 404),
        "no JSON": (call(stack, "POST", path, b"{")[0], 400),
        "a list": (call(stack, "POST", path, [1])[0], 400),
        "nothing": (call(stack, "POST", path, {})[0], 400),
        "larger than the buffer": (send(stack, "sensor-1", {"message": "x" * 2000})[0], 413),
        "half an emoji": (call(stack, "POST", path, b'{"message": "\\ud83d"}')[0], 400),
        "an unknown option": (send(stack, "sensor-1", ok, "?retian=true")[0], 400),
        "a page of another thing": (read(stack, "sensor-1", "?next=WyJhIiwiYiIsImMiXQ%3D%3D")[0], 400),
    }
    found = {name: status for name, (status, _) in cases.items()}
    report.check("hostile requests are refused", unexpected(found, cases), {})
    report.check("and publish nothing", [c for c in calls(stack, "send", began) if c == "Publish"], [])


def persist(act: Callable[[], tuple[int, Any]]) -> Any:
    """Repeat a request while it may succeed later, as its client should. Return the answer."""
    until = time.time() + 120 * patience()
    while True:
        status, answer = act()
        if status == 200:
            return answer
        assert status in (409, 500, 502, 503, 504), (status, answer)
        assert time.time() < until, answer
        time.sleep(0.5)


def faults(stack: Stack, report: Report, folder: Path) -> None:
    """Publish readings and send commands while one call in five fails, and a function is killed."""
    run, got = f"{stack.token}-faults", list[Any]()
    kill = {"kind": "kill", "service": "dynamodb", "operation": "PutItem", "count": 1, "after": True}
    commands = [{"message": f"number {n} {run}"} for n in range(8)]

    def sent(command: dict[str, str]) -> str:
        key = uuid.uuid5(uuid.NAMESPACE_URL, command["message"]).hex
        return str(persist(lambda: send(stack, "sensor-1", command, key=key))["id"])

    with (
        stack.faults(*FAULTS, {**kill, "principal": f"{NAME}store"}, seed=7),
        device(stack, "sensor-1", folder, got) as running,
        ThreadPoolExecutor(4) as pool,
    ):
        for number in range(20):
            running.publish("telemetry", {"run": run, "number": number})
        twice = json.dumps({"id": uuid.uuid4().hex, "run": run, "number": 20})
        for _ in range(2):  # the same bytes, as with QoS 1 after an acknowledgement was lost
            running.mqtt.publish(f"switchyard/{thing('sensor-1')}/up/telemetry", twice, qos=1)
        ids = list(pool.map(sent, commands))
        wait_until("the readings", lambda: len(readings(stack, "sensor-1", run)) >= 21, 90)
        wait_until("the commands", lambda: all(command in got for command in commands))
        wait_until("the outcomes", lambda: all(outcomes(stack, command_id) for command_id in ids), 90)
    numbers = sorted(int(one["number"]["N"]) for one in readings(stack, "sensor-1", run))
    report.check("faults: each reading is stored once", numbers, list(range(21)))
    carried_out = sorted(command["message"] for command in got if run in command["message"])
    report.check("faults: each command is carried out once", carried_out, [c["message"] for c in commands])
    report.check("faults: its outcome is stored once", [len(outcomes(stack, one)) for one in ids], [1] * 8)


def killed_webhook(stack: Stack) -> tuple[int, str]:
    """Kill the webhook's function after it has published. Return the status then, and the ID when it is repeated."""
    secret = stack.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
    body = push("killed")
    kill = {"kind": "kill", "service": "iot", "operation": "Publish", "count": 1, "after": True}
    with stack.faults({**kill, "principal": f"{NAME}webhook"}):
        status, _ = deliver(stack, body, sign(secret, body))
    return status, str(persist(lambda: deliver(stack, body, sign(secret, body)))["id"])


def webhooks(stack: Stack, report: Report, folder: Path) -> None:
    """Deliver pushes, signed and not, repeated, and across a rotation of the secret."""
    secrets, got = stack.client("secretsmanager"), list[Any]()

    def arrived(word: str) -> list[str]:
        return [command["message"] for command in got if word in command["message"]]

    with device(stack, "printer", folder, got):
        status, _ = killed_webhook(stack)
        report.check("a webhook that was killed fails", status >= 500)
        wait_until("its command", lambda: arrived("killed"))
        old, new = secrets.get_secret_value(SecretId=SECRET)["SecretString"], uuid.uuid4().hex
        body = push("Fix\x1b@ the printer " + "x" * 3000)
        status, answer = deliver(stack, body, sign(old, body))
        report.check("a signed webhook is a command", status, 200)
        (text,) = wait_until("the message", lambda: arrived("Fix"))
        report.check("its text has no control characters", text.startswith("push a/b ann Fix @ the printer x"))
        report.check("and is cut to the buffer", text.endswith("x…"))
        replay = deliver(stack, body, sign(old, body))
        report.check("a replay is the same command", replay, (200, {**answer, "repeated": True}))
        forged = {
            "no signature": deliver(stack, body, {})[0],
            "another secret": deliver(stack, body, sign("guess", body))[0],
            "another body": deliver(stack, push("evil"), sign(old, body))[0],
            "SHA-1": deliver(stack, body, {"X-Hub-Signature": "sha1=00"})[0],
        }
        report.check("forged webhooks are refused", set(forged.values()), {401})
        secrets.put_secret_value(SecretId=SECRET, SecretString=new)
        first, second = push("rotated"), push("delayed")

        def accepted() -> bool:
            return deliver(stack, first, sign(new, first))[0] == 200

        wait_until("the rotation to be noticed", accepted, 60, every=1)
        report.check("the secret before is accepted for a day", deliver(stack, second, sign(old, second))[0], 200)
        wait_until("the last message", lambda: arrived("delayed"))
        words = ("killed", "Fix", "rotated", "delayed")
        report.check("each is carried out once", [len(arrived(word)) for word in words], [1, 1, 1, 1])
        report.check("and no forged one", arrived("evil"), [])
