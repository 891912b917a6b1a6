"""From a batch to its rows: each document once, each page once, whatever fails or ends on the way."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.document_pipeline import document, failsafe
from data.document_pipeline.errors import Unavailable
from scenarios import pdfs
from tests.unit.data.document_pipeline.world import ATTEMPTS, BUCKET, CONTEXT, SOURCE, KillError, World, aws_error


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def processed(world: World) -> dict[str, list[Any]]:
    """Run a batch. Return [status, reason, route, pages] by name."""
    world.batch()
    world.run()
    return {key: [row["status"], row["reason"], row["route"], row["pages"]] for key, row in world.documents().items()}


def test_boundaries_of_pages(world: World) -> None:
    for pages in (1, 2, 10, 11):
        world.put(f"{pages}.pdf", pdfs.document(pdfs.colours(pages, pages)))
    assert processed(world) == {
        "1.pdf": ["PROCESSED", "", "single", 1],
        "2.pdf": ["PROCESSED", "", "small", 2],
        "10.pdf": ["PROCESSED", "", "small", 10],
        "11.pdf": ["PROCESSED", "", "large", 11],
    }
    for key, row in world.documents().items():
        wanted = pdfs.colours(row["pages"], row["pages"])
        assert world.images(row["document_id"]) == wanted
        rows = world.pages(row["document_id"])
        assert [one["page"] for one in rows] == [*range(1, row["pages"] + 1)]
        assert {one["document_id"] for one in rows} == {row["document_id"]}
        assert [one["features"] for one in rows] == [[f"c{colour[0]}"] for colour in wanted]
        assert row["features"] == sorted({f"c{colour[0]}" for colour in wanted}), key
    assert list(world.states.inputs.values()) == [{"document": world.documents()["11.pdf"]["document_id"], "ranges": 2}]


@pytest.mark.parametrize(
    ("size", "pages", "route"),
    [
        (10485760, 1, "single"),
        (10485760, 10, "small"),
        (10485761, 1, "large"),
        (10485761, 10, "large"),
        (1, 11, "large"),
    ],
)
def test_boundaries_of_bytes(size: int, pages: int, route: str) -> None:
    """Field row D2: the size of the source decides, once; no split file is ever measured."""
    new = document.read(document.found("b", "bucket", "key", "e", size))
    found = document.classified(new, pages, False, _config())
    assert (found.route, found.ranges) == (route, -(-pages // 10))
    assert [page for number in range(found.ranges) for page in found.range(number)] == [*range(1, pages + 1)]


def _config() -> Any:
    from data.document_pipeline.settings import Settings

    return Settings("b", "1", "k", "t")


def test_thresholds_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, SMALL_PAGES="2", SMALL_BYTES="2000")
    world.put("three.pdf", pdfs.document(pdfs.colours(3)))
    world.put("heavy.pdf", pdfs.document(pdfs.colours(1), padding=2000))
    assert processed(world) == {
        "three.pdf": ["PROCESSED", "", "large", 3],
        "heavy.pdf": ["PROCESSED", "", "large", 1],
    }


def test_hostile_documents_each_end_and_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, MAXIMUM_PAGES="20", MAXIMUM_BYTES="1000000")
    plain = pdfs.document(pdfs.colours(2))
    world.put("good.pdf", plain)
    world.put("letter.pdf", b"Dear reader")
    world.put("secret.pdf", pdfs.encrypted(plain, "x", "AES-256"))
    world.put("none.pdf", pdfs.document([]))
    world.put("cut.pdf", plain[:-300])
    world.put("no end.pdf", plain.removesuffix(b"%%EOF\n"))
    world.put("long.pdf", pdfs.document(pdfs.colours(21)))
    world.put("heavy.pdf", pdfs.document(pdfs.colours(1), padding=1_000_001))
    world.put("wide.pdf", pdfs.document(pdfs.colours(2), boxes=[b"[0 0 200000 200000]"]))
    world.put("only wide.pdf", pdfs.document(pdfs.colours(1), boxes=[b"[0 0 200000 200000]"]))
    world.put("script.txt", pdfs.document(pdfs.colours(1), catalog=pdfs.SCRIPT))
    world.put("empty.pdf", b"")
    world.put("folder/", b"")
    assert processed(world) == {
        "good.pdf": ["PROCESSED", "", "small", 2],
        "letter.pdf": ["REFUSED", "not_a_pdf", "", 0],
        "secret.pdf": ["REFUSED", "password_required", "", 0],
        "none.pdf": ["REFUSED", "no_pages", "", 0],
        "cut.pdf": ["REFUSED", "truncated", "", 0],
        "no end.pdf": ["PARTIAL", "truncated", "small", 2],
        "long.pdf": ["REFUSED", "too_many_pages", "", 0],
        "heavy.pdf": ["REFUSED", "too_large", "", 0],
        "wide.pdf": ["PARTIAL", "1 of 2 pages failed", "small", 2],
        "only wide.pdf": ["FAILED", "no page could be processed", "single", 1],
        "script.txt": ["PROCESSED", "", "single", 1],
        "empty.pdf": ["REFUSED", "empty", "", 0],
    }
    assert not world.counts["MessagesToFailsafe"]  # what cannot be read is not tried again


@pytest.mark.parametrize("seed", range(3))
def test_each_page_has_one_image_and_one_row_under_faults_and_kills(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """10 % of the calls fail before they work, some after; functions end in the middle of documents."""
    world = World(monkeypatch)
    world.patched.setattr("tests.unit.data.document_pipeline.world.ATTEMPTS", 30)  # here the failsafe has no part
    drawn = random.Random(seed)
    sizes = {f"{pages}.pdf": pages for pages in (1, 7, 10, 23)}
    for name, pages in sizes.items():
        world.put(name, pdfs.document(pdfs.colours(pages, seed)))
    world.batch()
    kills = 6

    def fault(operation: str, arguments: Any) -> None:
        nonlocal kills
        chance = drawn.random()
        if chance < 0.1:
            raise aws_error("ThrottlingException")
        if chance > 0.95 and kills:
            kills -= 1
            raise KillError

    world.fault = fault
    world.lost = lambda operation, arguments: fault(operation, arguments) if drawn.random() < 0.3 else None
    world.run()
    assert {key: row["status"] for key, row in world.documents().items()} == dict.fromkeys(sizes, "PROCESSED")
    for key, row in world.documents().items():
        assert world.images(row["document_id"]) == pdfs.colours(sizes[key], seed)
        rows = world.pages(row["document_id"])
        assert [one["page"] for one in rows] == [*range(1, sizes[key] + 1)]
        items = [part for name, part in world.dynamodb.items if name == row["document_id"]]
        assert sorted(items) == sorted(["document", *(f"page#{page:06d}" for page in range(1, sizes[key] + 1))])
    assert len({row["document_id"] for row in world.documents().values()}) == len(sizes)


def test_calls_of_a_document(world: World) -> None:
    world.put("10.pdf", pdfs.document(pdfs.colours(10)))
    world.batch()
    world.calls.clear()
    world.run()
    # A page has one image and one write of the audit trail; the others belong to the document or its range.
    images, pages = 10, 10
    assert world.calls["put_object"] == images + 3  # the document's row at the beginning and the end, its pages' rows
    assert world.calls["put_item"] == pages + 1
    assert len(world.asked) == pages
    assert world.calls["update_item"] == 3  # classified, range complete, ended


def test_the_same_messages_again_change_nothing(world: World) -> None:
    world.put("3.pdf", pdfs.document(pdfs.colours(3)))
    world.put("letter.pdf", b"Dear reader")
    processed(world)
    before, asked = dict(world.s3.objects), len(world.asked)
    items = json.dumps(world.dynamodb.items, default=str, skipkeys=True)
    world.batch()
    world.run()
    assert (dict(world.s3.objects), len(world.asked)) == (before, asked)
    assert json.dumps(world.dynamodb.items, default=str, skipkeys=True) == items


def test_a_new_version_and_a_new_batch_are_new_documents() -> None:
    one, other, again = (
        document.read(document.found(batch, "b", "k", etag, 1)).id
        for batch, etag in (("x", "1"), ("x", "2"), ("y", "1"))
    )
    assert len({one, other, again}) == 3
    assert document.read(document.found("x", "b", "k", '"1"', 1)).id == one


def test_a_document_that_changes_on_the_way_fails_clearly(world: World) -> None:
    world.put("3.pdf", pdfs.document(pdfs.colours(3)))
    world.batch()
    world._deliver("ingest")
    world.put("3.pdf", pdfs.document(pdfs.colours(3, 9)))
    world.run()
    (row,) = world.documents().values()
    assert row["status"] == "FAILED"
    assert {one["reason"] for one in world.pages(row["document_id"])} == {"changed"}


def test_a_document_that_is_deleted_before_intake_is_refused(world: World) -> None:
    world.put("3.pdf", pdfs.document(pdfs.colours(3)))
    world.batch()
    world.s3.objects.clear()
    world.run()
    assert [row["reason"] for row in world.documents().values()] == ["missing"]


def test_an_event_of_s3_starts_a_document(world: World) -> None:
    world.s3.objects[BUCKET, "incoming/a b+é.pdf"] = body = pdfs.document(pdfs.colours(1))
    thing = {"key": "incoming/a b+é.pdf", "size": len(body), "etag": world.s3.etag(body).strip('"')}
    event = {"time": "2026-11-23T23:59:59Z", "detail": {"bucket": {"name": BUCKET}, "object": thing}}
    world.sqs.queues["ingest"] += [(json.dumps(event), 0)] * 2
    world.run()
    (row,) = world.documents().values()
    assert [row["status"], row["batch"], row["document_key"]] == [
        "PROCESSED",
        "arrivals-2026-11-23",
        "incoming/a b+é.pdf",
    ]


@pytest.mark.parametrize(("key", "documents"), [("incoming/folder/", 0), ("incoming/empty.pdf", 1)])
def test_a_folder_is_no_document_and_an_empty_file_is_one(world: World, key: str, documents: int) -> None:
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 0, "etag": "e"}}
    event = {"time": "2026-11-23T23:59:59Z", "detail": detail}
    world.sqs.queues["ingest"].append((json.dumps(event), 0))
    world.run()
    assert [row["reason"] for row in world.documents().values()] == ["empty"] * documents


def test_without_an_endpoint_images_are_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, model=False)
    world.put("12.pdf", pdfs.document(pdfs.colours(12)))
    assert processed(world) == {"12.pdf": ["PROCESSED", "", "large", 12]}
    (row,) = world.documents().values()
    assert world.images(row["document_id"]) == pdfs.colours(12)
    assert {one["status"] for one in world.pages(row["document_id"])} == {"DONE"}


def test_a_poison_message_is_completed_by_the_failsafe(world: World) -> None:
    world.put("3.pdf", pdfs.document(pdfs.colours(3)))
    tries: Counter[bytes] = Counter()
    good = world.model

    def model(body: bytes) -> bytes:
        tries[body] += 1
        if tries[body] <= ATTEMPTS:
            raise Unavailable("endpoint: status 503")
        return good(body)

    world.model = model
    assert processed(world) == {"3.pdf": ["PROCESSED", "", "small", 3]}
    assert world.counts["MessagesToFailsafe"] == 1


def test_what_the_failsafe_cannot_do_becomes_failed_rows(world: World) -> None:
    world.put("3.pdf", pdfs.document(pdfs.colours(3)))
    good = world.model
    second: list[bytes] = []

    def model(body: bytes) -> bytes:
        if not second and len(world.asked) == 2:
            second.append(body)
        if body in second:
            raise Unavailable("endpoint: status 503")
        return good(body)

    world.model = model
    assert processed(world) == {"3.pdf": ["PARTIAL", "1 of 3 pages failed", "small", 3]}
    (row,) = world.documents().values()
    rows = world.pages(row["document_id"])
    assert [one["status"] for one in rows] == ["DONE", "FAILED", "DONE"]
    assert rows[1]["reason"] == "failed: Unavailable"
    assert Counter(world.asked)[second[0]] == ATTEMPTS + failsafe.TRIES


@pytest.mark.parametrize("operation", ["get_object", "put_object", "send_message_batch", "start_execution"])
def test_a_call_that_never_works_still_ends_documents(world: World, operation: str) -> None:
    """Whatever stays denied: no document waits for ever, except where its row itself cannot be written."""
    world.put("3.pdf", pdfs.document(pdfs.colours(3)))
    world.put("12.pdf", pdfs.document(pdfs.colours(12)))
    world.batch()

    def fault(called: str, arguments: dict[str, Any]) -> None:
        if called == operation and not arguments.get("Key", "").startswith("rows/"):
            raise aws_error("AccessDenied", 403)

    world.fault = fault
    with_limit(world)
    world.fault = lambda *_: None
    world.run()
    assert {row["status"] for row in world.documents().values()} <= {"FAILED", "PARTIAL", "PROCESSED"}
    assert len(world.documents()) == 2


def with_limit(world: World, rounds: int = 12) -> None:
    """Deliver for some rounds: what cannot be sent stays in its queue until the cause is gone."""
    for _ in range(rounds):
        for name in [name for name, messages in world.sqs.queues.items() if messages]:
            world._deliver(name)
    for name, given_ in list(world.states.inputs.items()):
        mapped: Counter[str] = Counter()
        for number in range(given_["ranges"]):
            for _ in range(ATTEMPTS):
                world._item({"document": name, "range": number}, mapped)
    for _ in range(rounds):
        for name in [name for name, messages in world.sqs.queues.items() if messages]:
            world._deliver(name)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_queue_that_keeps_counting_and_one_that_begins_again(world: World, keeps: bool) -> None:
    world.sqs.keeps = keeps
    world.put("1.pdf", pdfs.document(pdfs.colours(1)))
    tries = itertools.count(1)
    good = world.model

    def model(body: bytes) -> bytes:
        if next(tries) < ATTEMPTS + failsafe.TRIES:
            raise Unavailable("endpoint: status 503")
        return good(body)

    world.model = model
    assert processed(world) == {"1.pdf": ["PROCESSED", "", "single", 1]}


def test_a_message_that_ends_even_the_failsafe_is_given_up(world: World) -> None:
    world.put("3.pdf", pdfs.document(pdfs.colours(3)))
    good = world.model

    def model(body: bytes) -> bytes:
        raise KillError

    world.model = model
    assert processed(world) == {"3.pdf": ["FAILED", "no page could be processed", "small", 3]}
    (row,) = world.documents().values()
    assert {one["reason"] for one in world.pages(row["document_id"])} == {"failsafe_ended"}
    assert good is not model


def test_a_map_that_failed_as_a_whole_is_drawn_through_the_queue(world: World) -> None:
    world.put("23.pdf", pdfs.document(pdfs.colours(23)))
    world.batch()
    world._deliver("ingest")
    (name,) = world.states.inputs
    world.states.inputs.clear()
    world.sqs.queues["pages-dlq"].append((json.dumps({"document": name}), 0))
    world.run()
    (row,) = world.documents().values()
    assert [row["status"], row["images"]] == ["PROCESSED", 23]


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"document": "none", "range": 0}',
        '{"document": "none"}',
        "[]",
        "1",
        "no JSON",
        "[" * 100_000,
        '{"document": 1, "range": null}',
    ],
)
@pytest.mark.parametrize("queue", ["ingest", "pages", "images"])
def test_a_message_of_somebody_else_is_dropped_with_an_alarm(world: World, queue: str, body: str) -> None:
    world.sqs.queues[queue].append((body, 0))
    world.run()
    assert world.counts["MessagesDropped"] == 1
    assert not world.documents()


def test_a_range_that_a_document_does_not_have_is_dropped(world: World) -> None:
    world.put("12.pdf", pdfs.document(pdfs.colours(12)))
    world.batch()
    world._deliver("ingest")
    (name,) = world.states.inputs
    world.sqs.queues["pages"] += [(json.dumps({"document": name, "range": number}), 0) for number in (-1, 2, "x")]
    world.run()
    assert [row["status"] for row in world.documents().values()] == ["PROCESSED"]
    assert world.counts["MessagesDropped"] == 1  # "x"; the others came when the document had ended


def test_messages_that_sqs_does_not_take_are_sent_again(world: World) -> None:
    for number in range(25):
        world.put(f"{number}.pdf", b"Dear reader")
    refusals: Counter[str] = Counter()

    def failing(body: str) -> bool:
        refusals[body] += 1
        return refusals[body] < 3

    world.sqs.failing = failing
    assert world.batch()["documents"] == 25
    assert len(world.sqs.queues["ingest"]) == 25
    world.sqs.failing = lambda body: True
    with pytest.raises(Unavailable, match="InternalError"):
        world.batch()


def test_listing_goes_on_where_its_time_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.document_pipeline.listing.PAGES", 2)
    for number in range(20):
        world.put(f"{number:02d}.pdf", b"x")
    assert world.batch() == {"batch": "b", "documents": 20, "after": ""}
    keys = [json.loads(body)["key"] for body, _ in world.sqs.queues["ingest"]]
    assert sorted(keys) == [f"in/{number:02d}.pdf" for number in range(20)]
    assert world.calls["list_objects_v2"] == 7


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.randoms(use_true_random=False))
def test_no_order_of_deliveries_leaves_a_document_open(order: random.Random) -> None:
    with pytest.MonkeyPatch.context() as patched:
        world = World(patched, model=False)
        world.put("12.pdf", pdfs.document(pdfs.colours(12)))
        world.put("2.pdf", pdfs.document(pdfs.colours(2)))
        world.batch()
        world._deliver("ingest")
        items = [
            {"document": name, "range": number}
            for name, execution in world.states.inputs.items()
            for number in range(execution["ranges"])
        ]
        items += [json.loads(body) for body, _ in world.sqs.queues["pages"]]
        world.sqs.queues["pages"].clear()
        items *= 2  # each twice
        order.shuffle(items)
        from data.document_pipeline import render

        for item in items:
            render.handler(item, CONTEXT)
        found = world.documents()
        assert {key: [row["status"], row["images"]] for key, row in found.items()} == {
            "12.pdf": ["PROCESSED", 12],
            "2.pdf": ["PROCESSED", 2],
        }


def test_a_denied_source_is_not_a_refusal(world: World) -> None:
    world.put("1.pdf", pdfs.document(pdfs.colours(1)))
    world.batch()
    denied = True

    def fault(operation: str, arguments: dict[str, Any]) -> None:
        if denied and operation == "get_object" and arguments["Bucket"] == SOURCE:
            raise aws_error("AccessDenied", 403)

    world.fault = fault
    world._deliver("ingest")
    assert not world.documents()
    denied = False
    world.run()
    assert [row["status"] for row in world.documents().values()] == ["PROCESSED"]
