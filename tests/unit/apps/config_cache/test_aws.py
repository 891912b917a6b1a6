"""Signed calls: the signature against botocore's, attempts, and what counts as worth another one."""

from __future__ import annotations

import datetime
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from common import aws_errors
from switchyard_config_cache import aws as subject
from switchyard_config_cache.aws import CallFailed, Client, Credentials, endpoint, signed, trust

from .conftest import Aws, failing

NOW = 1_800_000_000.0
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=200), secret=TEXTS, token=TEXTS | st.just(""), port=st.sampled_from(["", ":4566"]))
def test_a_signature_is_botocores(body: bytes, secret: str, token: str, port: str) -> None:
    host, target = f"secretsmanager.eu-west-1.amazonaws.com{port}", "secretsmanager.GetSecretValue"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    ours = signed(Credentials("AKID", secret, token), "secretsmanager", "eu-west-1", host, headers, body, NOW)
    request = AWSRequest("POST", f"https://{host}/", headers=dict(headers), data=body)
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)):
        SigV4Auth(BotocoreCredentials("AKID", secret, token or None), "secretsmanager", "eu-west-1").add_auth(request)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]
    assert ours.get("X-Amz-Security-Token") == request.headers.get("X-Amz-Security-Token")


@pytest.mark.parametrize(
    ("service", "region", "environment", "expected"),
    [
        ("ssm", "eu-west-1", {}, "https://ssm.eu-west-1.amazonaws.com"),
        ("dynamodb", "cn-north-1", {}, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
        ("ssm", "us-gov-west-1", {}, "https://ssm.us-gov-west-1.amazonaws.com"),
        ("ssm", "us-isob-east-1", {}, "https://ssm.us-isob-east-1.sc2s.sgov.gov"),
        ("ssm", "us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "https://ssm-fips.us-east-1.amazonaws.com"),
        ("ssm", "eu-west-1", {"AWS_ENDPOINT_URL": "http://a"}, "http://a"),
        ("ssm", "eu-west-1", {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SSM": "http://b"}, "http://b"),
        ("secretsmanager", "eu-west-1", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://c"}, "http://c"),
        (
            "ssm",
            "eu-west-1",
            {"AWS_ENDPOINT_URL": "http://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "https://ssm.eu-west-1.amazonaws.com",
        ),
    ],
)
def test_an_endpoint_is_that_of_the_sdks(service: str, region: str, environment: dict[str, str], expected: str) -> None:
    assert endpoint(service, region, environment) == expected


@pytest.mark.parametrize("service", ["ssm", "secretsmanager", "dynamodb"])
@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1"])
def test_an_endpoint_is_botocores(service: str, region: str) -> None:
    import botocore.session

    client = botocore.session.Session().create_client(
        service, region_name=region, aws_access_key_id="a", aws_secret_access_key="b"
    )
    assert client.meta.endpoint_url == endpoint(service, region, {})


def call(aws: Aws, monkeypatch: pytest.MonkeyPatch, timeout: float = 60) -> dict[str, Any]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    client = Client(timeout, sleep=lambda seconds: None)
    return client.call("ssm", "eu-west-1", "AmazonSSM.GetParameters", "1.1", {"Names": ["theme"]})


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ThrottlingException"),
        (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
        (429, "TooManyRequestsException"),
        (500, "InternalServerError"),
        (503, ""),
    ],
)
def test_throttles_and_errors_of_the_service_are_retried(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    aws.answer = failing(status, code, times=2)
    assert call(aws, monkeypatch)["Parameters"] == [{"Name": "theme", "Value": "dark"}]
    aws.answer = failing(status, code)
    aws.calls.clear()
    with pytest.raises(CallFailed) as failed:
        call(aws, monkeypatch)
    assert (failed.value.code, failed.value.transient) == (code.rpartition("#")[2] or f"Status{status}", True)
    assert len(aws.calls) == 3


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException", "InvalidSignatureException"]
)
def test_a_refusal_is_not_retried(aws: Aws, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    aws.answer = failing(400, code)
    with pytest.raises(CallFailed, match="in a test") as failed:
        call(aws, monkeypatch)
    assert (failed.value.code, failed.value.transient, len(aws.calls)) == (code, False, 1)


def test_a_signature_that_expired_during_a_freeze_is_retried(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "Signature expired: 20261128T060000Z is now earlier than 20261128T061000Z"
    answers = iter([(400, {"__type": "InvalidSignatureException", "message": message}), None])
    aws.answer = lambda operation, asked: next(answers)
    assert call(aws, monkeypatch)["Parameters"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_not_json_is_a_failure_of_the_service(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    aws.answer = lambda operation, asked: (200, body)
    with pytest.raises(CallFailed) as failed:
        call(aws, monkeypatch)
    assert failed.value.transient


def test_a_service_that_is_not_reached_is_named(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.server.shutdown()
    aws.server.server_close()
    with pytest.raises(CallFailed, match="ssm was not reached") as failed:
        call(aws, monkeypatch)
    assert (failed.value.code, failed.value.transient) == ("ConnectionRefusedError", True)


def test_a_service_that_does_not_answer_takes_no_more_than_the_timeout(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    aws.answer = lambda operation, asked: (held.wait(60), None)[1]
    with pytest.raises(CallFailed) as failed:
        call(aws, monkeypatch, timeout=0.1)
    held.set()
    assert (failed.value.code, failed.value.transient) == ("TimeoutError", True)


def test_an_attempt_that_hangs_leaves_time_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def hangs(self: Client, service: str, region: str, target: str, version: str, body: bytes, seconds: float) -> Any:
        given.append(seconds)
        raise CallFailed("TimeoutError", "hangs", transient=True)

    monkeypatch.setattr(Client, "_once", hangs)
    with pytest.raises(CallFailed):
        Client(60, sleep=lambda seconds: None).call("ssm", "eu-west-1", "AmazonSSM.GetParameters", "1.1", {})
    assert len(given) == 3
    assert given[0] <= 20
    assert given[1] <= 30


def test_codes_agree_with_the_table_of_all_functions() -> None:
    throttled = aws_errors.CODES[aws_errors.Kind.THROTTLED] & subject._TRANSIENT
    assert {"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"} <= throttled
    for kind in (aws_errors.Kind.DENIED, aws_errors.Kind.GONE, aws_errors.Kind.CONFLICT):
        assert not aws_errors.CODES[kind] & subject._TRANSIENT


def test_certificates_are_checked_against_the_systems_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trust({})
    assert (found.verify_mode, found.check_hostname) == (ssl.CERT_REQUIRED, True)
    with pytest.raises(FileNotFoundError):
        trust({"AWS_CA_BUNDLE": str(tmp_path / "none.pem")})
    nowhere = ssl.DefaultVerifyPaths("", "", "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(subject, "_AUTHORITIES", (str(tmp_path / "none"), str(tmp_path / "some")))
    (tmp_path / "some").write_text("not a certificate")
    with pytest.raises(ssl.SSLError):
        trust({})


def certificate(folder: Path) -> Path:
    """Write a key and a certificate for `localhost` that signs itself. Return their file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    path = folder / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path


def test_aws_is_called_with_tls_and_only_under_its_own_name_and_a_known_authority(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    aws.server.socket = context.wrap_socket(aws.server.socket, server_side=True)
    port = aws.server.server_address[1]
    asked = ("ssm", "eu-west-1", "AmazonSSM.GetParameters", "1.1", {"Names": ["theme"]})
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{port}")
    assert Client(60).call(*asked)["Parameters"] == [{"Name": "theme", "Value": "dark"}]
    refused = []
    for bundle, host in ((str(path), "127.0.0.1"), ("", "localhost")):
        monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://{host}:{port}")
        with pytest.raises(CallFailed, match="ssm was not reached") as failed:
            Client(60, sleep=lambda seconds: None).call(*asked)
        refused.append(failed.value.code)
    assert refused == ["SSLCertVerificationError"] * 2


def test_calls_that_begin_together_load_the_authorities_once(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, loaded = threading.Barrier(4), []

    def slowly() -> ssl.SSLContext:
        loaded.append(1)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(subject, "trust", slowly)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint.replace("http:", "https:"))  # a server without TLS
    client = Client(60, sleep=lambda seconds: None)

    def ask(_: int) -> str:
        begun.wait()
        with pytest.raises(CallFailed) as failed:
            client.call("ssm", "eu-west-1", "AmazonSSM.GetParameters", "1.1", {})
        return failed.value.code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) <= {"SSLError", "SSLEOFError", "ConnectionResetError"}
    assert loaded == [1]
