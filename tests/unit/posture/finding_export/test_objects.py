"""Objects: bytes, sizes, keys, headers, deletion of surplus objects, and messages of denied requests."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from posture.finding_export.errors import (
    DestinationDenied,
    DestinationMissing,
    ServiceUnavailable,
    Throttled,
)
from posture.finding_export.objects import Compressor, Destination, Writer, record

from .fakes import DT, aws_error, finding

KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/1"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_bucket(Bucket="bucket-b", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def noise(number: int, size: int) -> bytes:
    """Return a line that does not compress."""
    blocks = range(size // 32)
    return b"".join(hashlib.sha256(b"%d-%d" % (number, block)).digest() for block in blocks) + b"\n"


def test_record_is_one_line_whatever_the_finding_holds() -> None:
    given = finding(1, Title="a\nb\u2028c\ud800\U0001f512", Nested={"x": [1, 2.5, None]})
    line = record(given, "run", "2026-11-20T00:00:00.000Z")
    assert line.endswith(b"\n")
    assert len(line.decode("ascii").splitlines()) == 1
    assert json.loads(line) == {**given, "ExportRunId": "run", "ExportedAt": "2026-11-20T00:00:00.000Z"}


def test_same_lines_same_bytes_without_time_or_name() -> None:
    bodies = []
    for _ in range(2):
        compressor = Compressor()
        for number in range(100):
            compressor.add(record(finding(number), "run", "now"))
        bodies.append(bytes(compressor.finish()))
    assert bodies[0] == bodies[1]
    assert bodies[0][:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    assert gzip.decompress(bodies[0]).count(b"\n") == 100


def test_buffer_and_objects_stay_within_the_limit() -> None:
    limit, line = 200_000, 5_000
    sizes: list[int] = []
    content = bytearray()

    def put(part: int, body: bytearray) -> None:
        assert part == 7 + len(sizes)
        sizes.append(len(body))
        content.extend(gzip.decompress(body))

    writer = Writer(put, 7, limit)
    written = bytearray()
    for number in range(500):
        writer.add(noise(number, line))
        written += noise(number, line)
        assert writer._compressor is None or writer._compressor.size < limit
    writer.flush()
    writer.flush()
    assert len(sizes) == writer.part - 7 > 10
    assert max(sizes) < limit + 100_000
    assert min(sizes[:-1]) >= limit
    assert content == written


def test_nothing_added_nothing_put() -> None:
    writer = Writer(lambda part, body: pytest.fail("an empty object"), 0, 1)
    writer.flush()
    assert writer.part == 0


def test_put_as_a_gzip_file(s3: Any) -> None:
    Destination(s3, "bucket-b", "findings/").put("findings/k.gz", b"x")
    head = s3.head_object(Bucket="bucket-b", Key="findings/k.gz")
    assert head["ContentType"] == "application/gzip"
    assert "ContentEncoding" not in head
    assert "SSEKMSKeyId" not in head, "the bucket's own default stays in force"


def test_put_with_key_and_owner(s3: Any) -> None:
    Destination(s3, "bucket-b", "", "123456789012", KEY_ARN).put("k", b"x")
    head = s3.head_object(Bucket="bucket-b", Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY_ARN)


def test_owner_goes_with_every_call() -> None:
    seen: list[dict[str, Any]] = []

    class S3:
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> dict[str, Any]:
                seen.append(arguments)
                return {"Contents": [{"Key": f"dt={DT}/run-000001.ndjson.gz"}]}

            return call

    destination = Destination(S3(), "bucket-b", "", "123456789012")
    destination.put("k", b"x")
    assert destination.delete_surplus(DT, "run", 1) == 1
    assert [call["ExpectedBucketOwner"] for call in seen] == ["123456789012"] * 3


def test_keys() -> None:
    assert Destination(None, "bucket-b", "findings/").run_key(DT, "run", 12) == f"findings/dt={DT}/run-000012.ndjson.gz"


def test_surplus_is_deleted_and_nothing_else(s3: Any) -> None:
    destination = Destination(s3, "bucket-b", "findings/")
    own = [destination.run_key(DT, "run-1", part) for part in range(5)]
    others = [destination.run_key(DT, run, 3) for run in ("run", "run-10", "run-1-1", "run-1-000003", "run-1x")]
    others += [destination.run_key("2026-11-19", "run-1", 3), f"findings/dt={DT}/run-1-000004.ndjson.gz.tmp"]
    for key in own + others:
        destination.put(key, b"x")
    assert destination.delete_surplus(DT, "run-1", 2) == 3
    left = {entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket-b")["Contents"]}
    assert left == {*own[:2], *others}
    assert destination.delete_surplus(DT, "run-1", 0) == 2


def test_surplus_of_more_than_a_page(s3: Any) -> None:
    destination = Destination(s3, "bucket-b", "")
    for part in range(1105):
        s3.put_object(Bucket="bucket-b", Key=destination.run_key(DT, "run", part), Body=b"")
    assert destination.delete_surplus(DT, "run", 1) == 1104
    assert s3.list_objects_v2(Bucket="bucket-b")["KeyCount"] == 1


class Refusing:
    """An S3 where every call raises, or returns, the given answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            if name == "list_objects_v2" and isinstance(self.answer, dict):
                return {"Contents": [{"Key": f"dt={DT}/run-000000.ndjson.gz"}]}
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call


NOT_AUTHORIZED = "User: x is not authorized to perform: kms:GenerateDataKey on resource: y because no policy"


@pytest.mark.parametrize(
    ("error", "kind", "parts"),
    [
        (aws_error("s3", "NoSuchBucket"), DestinationMissing, ["Bucket bucket-b does not exist"]),
        (
            aws_error("s3", "AccessDenied", "Access Denied"),
            DestinationDenied,
            [
                "Bucket bucket-b refuses s3:PutObject",
                f"kms:GenerateDataKey on key {KEY_ARN}",
                "account 111122223333 owns it",
            ],
        ),
        (
            aws_error("s3", "AccessDenied", NOT_AUTHORIZED),
            DestinationDenied,
            [f"Key {KEY_ARN}", "bucket bucket-b", "role kms:GenerateDataKey on it"],
        ),
        (
            aws_error("s3", "KMS.DisabledException", "off"),
            DestinationDenied,
            [KEY_ARN, "KMS.DisabledException"],
        ),
        (aws_error("s3", "SlowDown", status=503), Throttled, ["SlowDown", "writing to bucket bucket-b"]),
        (aws_error("s3", "KMS.ThrottlingException"), Throttled, ["KMS.ThrottlingException"]),
        (aws_error("s3", "InternalError", status=500), ServiceUnavailable, ["HTTP 500"]),
    ],
)
def test_refused_put(error: Exception, kind: type[Exception], parts: list[str]) -> None:
    with pytest.raises(kind) as caught:
        Destination(Refusing(error), "bucket-b", "", "111122223333", KEY_ARN).put("k", b"x")
    for part in parts:
        assert part in str(caught.value)


def test_unexpected_errors_pass_unchanged() -> None:
    error = aws_error("s3", "PermanentRedirect", status=301)
    with pytest.raises(type(error)) as caught:
        Destination(Refusing(error), "bucket-b", "").put("k", b"x")
    assert caught.value is error


def test_refused_listing_names_the_permission() -> None:
    error = aws_error("s3", "AccessDenied", "Access Denied")
    with pytest.raises(DestinationDenied, match="refuses s3:ListBucket") as caught:
        Destination(Refusing(error), "bucket-b", "", None, KEY_ARN).delete_surplus(DT, "run", 0)
    assert "kms" not in str(caught.value)


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", DestinationDenied), ("InternalError", ServiceUnavailable)])
def test_a_key_that_is_not_deleted_is_an_error(code: str, kind: type[Exception]) -> None:
    errors = {"Errors": [{"Key": f"dt={DT}/run-000000.ndjson.gz", "Code": code, "Message": "no"}]}
    with pytest.raises(kind):
        Destination(Refusing(errors), "bucket-b", "").delete_surplus(DT, "run", 0)
