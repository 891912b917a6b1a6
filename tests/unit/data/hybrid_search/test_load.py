"""Documents: every one is indexed or named, whatever the lines, the batches and the answers are like."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.hybrid_search import documents, load
from data.hybrid_search.errors import DomainError, NotAnObject, Unfinished

from .world import LOAD, World


def lines(*items: Any) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def one(item: Any) -> documents.Document | documents.Failure:
    return documents.read(1, item if isinstance(item, bytes) else json.dumps(item).encode(), "caption")


@given(st.integers(0, 350), st.integers(1, 120), st.integers(50, 3000))
@hypothesis_settings(max_examples=60, deadline=None)
def test_batches_lose_no_document(count: int, most: int, size: int) -> None:
    made = [documents.Document(n, str(n), {"caption": "x" * (n % 40)}) for n in range(count)]
    batches = list(documents.batches(made, most, size))
    assert [document for batch in batches for document in batch] == made
    assert all(0 < len(batch) <= most for batch in batches)
    assert all(len(batch) == 1 or sum(len(d.encoded()) for d in batch) <= size for batch in batches)


def test_the_last_partial_batch_is_sent(world: World) -> None:
    report = world.load(lines(*({"id": str(n), "brand": "Acme"} for n in range(250))))
    sizes = [data.count(b"\n") // 2 for _, path, data in world.loader.calls if path.endswith("_bulk")]
    assert (sizes, report.indexed, len(world.cluster.indexes["products"].documents)) == ([100, 100, 50], 250, 250)


def test_a_second_load_changes_nothing(world: World) -> None:
    content = lines({"id": "a", "caption": "red boots"}, {"caption": "no id of its own"})
    world.load(content)
    before = dict(world.cluster.indexes["products"].documents)
    assert world.load(content).indexed == 2
    assert world.cluster.indexes["products"].documents == before


def test_blank_text_is_left_out_and_the_document_is_kept(world: World) -> None:
    report = world.load(
        lines({"caption": "red boots"}, {"caption": " "}, {"image_s3_url": "s3://b/k"}, {"caption": None})
    )
    assert (report.indexed, report.without_text, report.failed) == (4, 3, 0)
    stored = world.cluster.indexes["products"].documents.values()
    assert sorted("caption" in document for document in stored) == [False, False, False, True]
    assert sum("caption_embedding" in document for document in stored) == 1


def test_the_domain_itself_refuses_blank_text_with_status_200(world: World) -> None:
    """What would become of it without the loader: the whole document is lost, and the call succeeds."""
    answer = world.loader.call("POST", "/products/_bulk", b'{"index":{"_id":"1"}}\n{"caption":" "}\n')
    assert answer["errors"] is True
    assert answer["items"][0]["index"]["status"] == 400
    assert world.cluster.indexes["products"].documents == {}


HOSTILE: list[tuple[Any, str]] = [
    (b"{", "not a JSON object"),
    (b"[]", "not a JSON object"),
    (b'"text"', "not a JSON object"),
    (b"null", "not a JSON object"),
    (b'{"caption": NaN}', "not a JSON object"),
    (b'{"caption": "\\ud83d"}', "not a JSON object"),
    (b'{"\\ud83d": 1}', "not a JSON object"),
    (b'{"caption": "\xff"}', "not a JSON object"),
    (b'{"n": ' + b"9" * 5000 + b"}", "not a JSON object"),
    (b"[" * 100_000, "not a JSON object"),
    ({"id": ""}, "The id"),
    ({"id": "x" * 513}, "The id"),
    ({"id": "\u00e9" * 257}, "The id"),
    ({"id": True}, "The id"),
    ({"id": 1.5}, "The id"),
    ({"id": ["a"]}, "The id"),
    ({"caption": 5}, "caption must be text"),
    ({"caption": ["a"]}, "caption must be text"),
    ({"caption": {"a": 1}}, "caption must be text"),
]


@pytest.mark.parametrize(("item", "reason"), HOSTILE)
def test_what_is_no_document_is_named(item: Any, reason: str) -> None:
    found = one(item)
    assert isinstance(found, documents.Failure)
    assert reason in found.reason


def test_what_only_the_model_and_highlights_may_write_is_removed() -> None:
    found = one({"id": 7, "caption": "a\x02b\x03c\td", "caption_embedding": [1.0]})
    assert isinstance(found, documents.Document)
    assert (found.key, found.source) == ("7", {"caption": "abc\td"})


@given(st.binary(max_size=300))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_line_is_a_document_or_a_failure(line: bytes) -> None:
    found = one(line)
    if isinstance(found, documents.Document):
        json.loads(found.encoded().split(b"\n")[1])


def test_one_bad_line_does_not_end_the_run(world: World) -> None:
    content = b'{"id": "1"}\n\n  \n{broken\n' + b"x" * (documents.LONGEST_LINE + 5) + b'\n{"id": "2"}'
    report = world.load(content)
    assert (report.lines, report.indexed, report.failed) == (4, 2, 2)
    assert [failure["line"] for failure in report.failures] == [4, 5]


def test_gzip(world: World) -> None:
    content = gzip.compress(lines({"id": "1"}, {"id": "2"}))
    assert world.load(content, "documents/a.jsonl.gz").indexed == 2
    cut = world.load(content[:-12], "documents/b.jsonl.gz")
    assert (cut.failed, "gzip" in cut.failures[0]["reason"]) == (1, True)
    plain = world.load(b"no gzip", "documents/c.jsonl.gz")
    assert (plain.indexed, plain.failed) == (0, 1)


def item(key: str, status: int) -> dict[str, Any]:
    error = {} if status < 300 else {"error": {"type": "kind", "reason": f"why {key}"}}
    return {"index": {"_id": key, "status": status, **error}}


class Answers:
    """A domain that answers each bulk with the next statuses."""

    def __init__(self, *statuses: list[int]) -> None:
        self.statuses, self.sent = list(statuses), list[bytes]()

    def call(self, _method: str, _path: str, content: bytes) -> dict[str, Any]:
        self.sent.append(content)
        keys = [json.loads(line)["index"]["_id"] for line in content.splitlines()[::2]]
        return {"errors": True, "items": [item(k, s) for k, s in zip(keys, self.statuses.pop(0), strict=True)]}


def test_items_are_read_one_by_one_and_what_can_succeed_later_is_repeated() -> None:
    batch = [documents.Document(n, str(n), {}) for n in range(1, 6)]
    domain, report, slept = Answers([201, 429, 400, 503, 200], [201, 500], [201]), load.Report("k"), list[float]()
    load.index(batch, domain, LOAD, report, sleep=slept.append)  # type: ignore[arg-type]
    assert (report.indexed, report.failed, len(slept)) == (4, 1, 2)
    assert report.failures == [{"line": 3, "key": "3", "reason": "400 kind: why 3"}]
    assert [content.count(b"index") for content in domain.sent] == [5, 2, 1]


def test_an_item_that_stays_throttled_is_named() -> None:
    domain, report = Answers(*[[429]] * load.ATTEMPTS), load.Report("k")
    load.index([documents.Document(1, "1", {})], domain, LOAD, report, sleep=lambda _: None)  # type: ignore[arg-type]
    assert (report.indexed, report.failed, report.failures[0]["reason"]) == (0, 1, "429 kind: why 1")


def test_the_list_of_failures_ends_and_the_count_does_not() -> None:
    report = load.Report("k")
    for number in range(load.LISTED + 5):
        report.fail(documents.Failure(number, "", ""))
    assert (report.failed, len(report.failures)) == (load.LISTED + 5, load.LISTED)


def test_a_refusal_of_the_whole_bulk_is_no_success(world: World) -> None:
    world.loader.fail = lambda *_: DomainError(403, "AccessDenied", "")
    with pytest.raises(DomainError):
        world.load(lines({"id": "1"}))


def test_throttled_bulks_are_repeated(world: World) -> None:
    failures = iter([DomainError(429, "", ""), DomainError(0, "", ""), DomainError(503, "", "")])
    world.loader.fail = lambda *_: next(failures, None)
    assert world.load(lines({"id": "1"})).indexed == 1


def test_an_object_that_is_too_long_says_where_it_ended(world: World) -> None:
    left = iter([900.0, 10.0])
    report = load.Report("documents/long.jsonl")
    body = io.BytesIO(lines(*({"id": str(n)} for n in range(250))))
    with pytest.raises(Unfinished, match="before line 101"):
        load.load(body, world.loader, LOAD, report, lambda: next(left))
    assert (report.indexed, report.complete) == (100, False)


EVENT = {"detail": {"bucket": {"name": "bucket"}, "object": {"key": "documents/a b.jsonl"}}}


def test_the_object_of_an_event() -> None:
    assert load.object_key(EVENT, LOAD) == "documents/a b.jsonl"
    assert load.object_key({"key": "documents/a"}, LOAD) == "documents/a"


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        {"key": 5},
        {"key": "reports/a"},
        {"detail": {}},
        {"detail": {"bucket": {"name": "other"}, "object": {"key": "documents/a"}}},
        {"detail": {"bucket": {"name": "bucket"}, "object": {"key": "reports/a"}}},
        {"detail": {"bucket": None, "object": None}},
    ],
)
def test_other_events_are_refused(event: Any) -> None:
    with pytest.raises(NotAnObject):
        load.object_key(event, LOAD)


class Bucket:
    """S3 with one object."""

    def __init__(self, content: bytes) -> None:
        self.content, self.reports = content, dict[str, Any]()

    def get_object(self, **asked: Any) -> dict[str, Any]:
        assert asked["ExpectedBucketOwner"] == LOAD.bucket_owner
        if asked["Key"] != "documents/a.jsonl":
            from botocore.exceptions import ClientError

            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.content)}

    def put_object(self, **asked: Any) -> None:
        self.reports[asked["Key"]] = json.loads(asked["Body"])


class Context:
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def handled(world: World, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    bucket = Bucket(lines({"id": "1", "caption": "red boots"}, {"id": "2", "price": "cheap"}))
    monkeypatch.setattr(load, "_conf", lambda: LOAD)
    monkeypatch.setattr(load, "_domain", lambda: world.loader)
    monkeypatch.setattr("common.clients.client", lambda _: bucket)
    return bucket


def test_the_handler_writes_a_report_and_counts_failures(handled: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    answer = load.handler(EVENT | {"detail": EVENT["detail"] | {"object": {"key": "documents/a.jsonl"}}}, Context())
    assert handled.reports == {"reports/a.jsonl.json": answer}
    assert (answer["indexed"], answer["failed"], answer["complete"]) == (1, 1, True)
    assert "failed to parse field [price]" in answer["failures"][0]["reason"]
    assert '"DocumentsFailed":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_a_run_that_fails_leaves_a_report_that_is_not_complete(handled: Bucket, world: World) -> None:
    world.loader.fail = lambda *_: DomainError(403, "AccessDenied", "")
    with pytest.raises(DomainError):
        load.handler({"key": "documents/a.jsonl"}, Context())
    assert handled.reports["reports/a.jsonl.json"]["complete"] is False


def test_a_missing_object_is_named(handled: Bucket) -> None:
    with pytest.raises(NotAnObject, match="documents/gone"):
        load.handler({"key": "documents/gone"}, Context())
    assert handled.reports == {}
