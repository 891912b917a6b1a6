"""Applying documents: changes, invariants, and behaviour under faults, races and killed processes."""

import contextlib
import dataclasses
import io
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ResponseStreamingError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protection.country_embargo import apply
from protection.country_embargo.apply import Trigger
from protection.country_embargo.document import MAX_BYTES, parse
from protection.country_embargo.errors import Contended, DocumentMissing, InvalidDocument
from protection.country_embargo.rules import countries_of

from .documents import anything, document, nearly, network, valid
from .fakes import CODES, KEY, SETTINGS, Aws, KillError, aws_error

A = document(["CU", "IR"], ["192.0.2.0/24"], ["2001:db8::/32"])
B = document(["CU", "SY"], ["198.51.100.0/24"])

TERRAFORM, SCHEDULE = Trigger.TERRAFORM, Trigger.SCHEDULE

SETTLED = settings(deadline=None, max_examples=60)  # no deadline, because a busy machine is slow


def ready(first: Any = A) -> Aws:
    aws = Aws()
    aws.upload(first)
    aws.run()
    return aws


def enforced(aws: Aws) -> tuple[set[str], set[str]]:
    return set(countries_of(aws.rules)), {network(one) for found in aws.sets.values() for one in found}


def wanted(value: Any) -> tuple[set[str], set[str]]:
    embargo = parse(json.dumps(value).encode())
    return set(embargo.countries), set(embargo.ranges)


def in_kind(aws: Aws) -> str:
    return "\n".join(one["message"] for one in aws.notices)


# --- properties


@given(valid)
@SETTLED
def test_a_valid_document_is_enforced_whole(value: Any) -> None:
    assert enforced(ready(value)) == wanted(value)


@given(st.binary(max_size=100) | (nearly() | anything).map(lambda value: json.dumps(value).encode()))
@SETTLED
def test_an_invalid_document_changes_nothing(body: bytes) -> None:
    try:
        parse(body)
    except InvalidDocument:
        pass
    else:
        assume(False)
    aws = ready()
    before = aws.in_force()
    aws.upload(body)
    with pytest.raises(InvalidDocument):
        aws.run()
    assert aws.in_force() == before
    assert not [name for name in aws.calls if "RuleGroup" in name or "IPSet" in name]  # WAF is not even read


@given(valid)
@SETTLED
def test_applying_twice_equals_once(value: Any) -> None:
    aws = ready(value)
    before, reported = aws.in_force(), list(aws.notices)
    aws.upload(value)
    assert aws.run()["status"] == "unchanged"
    assert aws.in_force() == before
    assert aws.notices == reported
    assert sorted(aws.calls) == ["GetIPSet", "GetIPSet", "GetObject", "GetObject", "GetRuleGroup"]


@given(valid, valid)
@SETTLED
def test_applying_a_then_b_equals_applying_b(first: Any, second: Any) -> None:
    aws = ready(first)
    aws.upload(second)
    aws.run()
    assert aws.in_force() == ready(second).in_force()


@given(valid, valid, st.integers(0, 2**32))
@SETTLED
def test_faults_and_lost_processes_lose_neither_the_change_nor_its_notice(first: Any, second: Any, seed: int) -> None:
    """Every tenth call fails before or after it took effect, or kills the process, and Lambda retries."""
    aws, rng = ready(first), random.Random(seed)
    aws.upload(second)

    def fault(operation: str, number: int) -> None:
        kind = rng.random()
        if kind < 0.03:
            raise KillError
        if kind < 0.06 and operation.startswith("Update"):
            raise aws_error("WAFOptimisticLockException")
        if kind < 0.1:
            raise aws_error("InternalFailure", 500)

    aws.hook = aws.lost = fault
    for _ in range(60):
        try:
            aws.run()
            break
        except (KillError, Exception):  # noqa: BLE001 - Lambda also catches everything
            continue
    assert enforced(aws) == wanted(second)
    added = wanted(second)[0] - wanted(first)[0]
    assert all(code in in_kind(aws) for code in added)
    applied = aws.objects("applied.json")[0]
    assert (set(applied["countries"]), set(applied["ranges"])) == wanted(second)
    assert len(aws.objects("history/")) >= (1 if first == second else 2) or wanted(first) == wanted(second)


@given(
    st.lists(st.sampled_from([A, B, document(["KP"]), document(v4=["203.0.113.0/24"])]), min_size=1, max_size=4),
    st.integers(0, 2**32),
)
@SETTLED
def test_newer_documents_that_arrive_meanwhile_win(later: list[Any], seed: int) -> None:
    """Other uploads, and complete invocations for them, happen between the calls of a slow invocation."""
    aws, rng, waiting = ready(), random.Random(seed), list(later)
    aws.upload(B)

    def meanwhile(operation: str, number: int) -> None:
        if waiting and rng.random() < 0.3:
            aws.upload(waiting.pop(0))
            hook, aws.hook = aws.hook, lambda *_: None
            calls = list(aws.calls)
            aws.run()
            aws.calls[:] = calls
            aws.hook = hook

    aws.hook = meanwhile
    aws.run()
    latest = json.loads(aws.versions[KEY][-1][1] or b"")
    assert enforced(aws) == wanted(latest)


# --- scenarios


def test_changes_are_reported_and_kept() -> None:
    aws = ready()
    version = aws.upload(B)
    answer = aws.run()
    assert answer["changes"] == {"countries": {"added": 1, "removed": 1}, "ranges": {"added": 1, "removed": 2}}
    assert aws.notices[-1]["subject"] == "Embargo changed: +1 -1 countries, +1 -2 ranges"
    assert "countries added (1): SY" in aws.notices[-1]["message"]
    record = aws.objects("history/")[-1]
    assert record["document_version"] == version
    assert record["changes"]["countries"] == {"added": ["SY"], "removed": ["IR"]}
    assert record["changes"]["ranges"]["removed"] == ["192.0.2.0/24", "2001:db8::/32"]


def test_calls_of_a_change_are_the_fewest() -> None:
    """Count the calls: document, state; accepted; three items, the update; record, notice, state and version check."""
    aws = ready()
    aws.upload(document(["CU", "IR", "SY"], ["192.0.2.0/24"], ["2001:db8::/32"]))
    aws.run()
    assert aws.calls == [
        *["GetObject", "GetObject", "PutObject", "GetRuleGroup", "GetIPSet", "GetIPSet", "UpdateRuleGroup"],
        *["PutObject", "Publish", "PutObject", "HeadObject"],
    ]


def test_descriptions_survive() -> None:
    """An update without them would remove them, and Terraform would see drift."""
    assert ready().descriptions == {"group": "rules", "IPV4": "four", "IPV6": "six"}
    assert set(ready().bodies) == {"legal"}


def test_a_move_between_the_lists_leaves_no_gap() -> None:
    """Items that only grow are updated first."""
    aws = ready(document(["CU", "IR"]))
    aws.upload(document(["CU"], ["192.0.2.0/24"]))
    aws.run()
    assert [name for name in aws.calls if name.startswith("Update")] == ["UpdateIPSet", "UpdateRuleGroup"]
    aws.upload(document(["CU", "IR"]))
    aws.run()
    assert [name for name in aws.calls if name.startswith("Update")] == ["UpdateRuleGroup", "UpdateIPSet"]


@pytest.mark.parametrize("code", ["WAFOptimisticLockException", "WAFUnavailableEntityException"])
def test_lost_locks_are_retried_with_a_new_token(code: str) -> None:
    aws = ready()
    aws.upload(B)
    left = [3]

    def hook(operation: str, number: int) -> None:
        if operation == "UpdateRuleGroup" and left[0]:
            left[0] -= 1
            aws.tokens["group"] += 1  # another principal's change
            raise aws_error(code)

    aws.hook = hook
    aws.run()
    assert enforced(aws) == wanted(B)


def test_endless_contention_is_an_error() -> None:
    aws = ready()
    aws.upload(B)

    def hook(operation: str, number: int) -> None:
        if operation == "UpdateRuleGroup":
            raise aws_error("WAFOptimisticLockException")

    aws.hook = hook
    with pytest.raises(Contended):
        aws.run()


def test_other_errors_are_not_swallowed() -> None:
    aws = ready()
    aws.upload(B)

    def hook(operation: str, number: int) -> None:
        if operation == "UpdateRuleGroup":
            raise aws_error("WAFNonexistentItemException")

    aws.hook = hook
    with pytest.raises(Exception, match="WAFNonexistentItemException"):
        aws.run()


def test_changes_by_others_are_repaired_and_reported() -> None:
    aws = ready()
    aws.sets["IPV4"] = ["203.0.113.0/24"]
    answer = aws.run()
    assert enforced(aws) == wanted(A)
    assert answer["repaired"]["ranges"] == {"added": 1, "removed": 1}
    assert aws.notices[-1]["subject"] == "Embargo repaired: +0 -0 countries, +1 -1 ranges"
    assert "changed by another principal: ranges removed (1): 203.0.113.0/24" in aws.notices[-1]["message"]


def test_a_new_action_reaches_the_rules_and_is_reported() -> None:
    aws = ready()
    assert aws.run(dataclasses.replace(SETTINGS, action="COUNT"), trigger=TERRAFORM)["status"] == "applied"
    assert {name for rule in aws.rules for name in rule["Action"]} == {"Count"}
    assert "'action': 'COUNT'" in aws.notices[-1]["message"]


def test_no_document() -> None:
    """Terraform and the schedule can call before there is a document; an event of a missing one raises an error."""
    aws = Aws()
    for trigger in (TERRAFORM, SCHEDULE):
        assert aws.run(trigger=trigger) == {"status": "no document"}
    with pytest.raises(DocumentMissing):
        aws.run()
    assert aws.rules == []


def test_a_deleted_document_changes_nothing() -> None:
    aws = ready()
    before = aws.in_force()
    aws.delete()
    for trigger in (Trigger.UPLOAD, SCHEDULE):
        with pytest.raises(DocumentMissing):
            aws.run(trigger=trigger)
    assert aws.run(trigger=TERRAFORM)["status"] == "unchanged"
    assert aws.in_force() == before
    assert len(aws.notices) == 1
    assert "DeleteMarker" not in json.dumps(aws.notices)


def spoil(aws: Aws, how: str) -> type[Exception] | None:
    """Make the latest document valid, refused or missing, and return the error that a schedule raises for it."""
    if how == "deleted":
        aws.delete()
        return DocumentMissing
    if how == "refused":
        aws.upload(b"{")
        return InvalidDocument
    return None


@pytest.mark.parametrize("how", ["valid", "refused", "deleted"])
def test_the_schedule_repairs_what_is_in_force_whatever_was_uploaded_since(how: str) -> None:
    aws = ready()
    before = aws.in_force()
    expected = spoil(aws, how)
    aws.rules, aws.sets["IPV4"] = [], ["203.0.113.0/24"]
    with pytest.raises(expected) if expected else contextlib.nullcontext():
        aws.run(trigger=SCHEDULE)
    assert aws.in_force() == before
    assert "repaired, changed by another principal: countries added (2): CU, IR" in in_kind(aws)


@pytest.mark.parametrize("how", ["valid", "refused", "deleted"])
def test_a_new_action_takes_effect_whatever_was_uploaded_since(how: str) -> None:
    """To lift an embargo in a hurry, COUNT must not wait for a better document."""
    aws = ready()
    spoil(aws, how)
    config = dataclasses.replace(SETTINGS, action="COUNT")
    if how == "refused":
        with pytest.raises(InvalidDocument):
            aws.run(config, trigger=TERRAFORM)
    else:
        assert aws.run(config, trigger=TERRAFORM)["status"] == "applied"
    assert {name for rule in aws.rules for name in rule["Action"]} == {"Count"}
    assert enforced(aws) == wanted(A)


def test_enforcing_the_last_embargo_again_does_not_undo_a_newer_one() -> None:
    """While a scheduled call repairs, a corrected document is uploaded and completely applied."""
    for at in range(12):
        aws = ready()
        aws.upload(b"{")
        aws.rules = []

        def meanwhile(operation: str, number: int, aws: Aws = aws, at: int = at) -> None:
            if number == at:
                aws.hook = lambda *_: None
                aws.upload(B)
                calls = list(aws.calls)
                aws.run()
                aws.calls[:] = calls

        aws.hook = meanwhile
        with contextlib.suppress(InvalidDocument):
            aws.run(trigger=SCHEDULE)
        assert aws.hook is meanwhile or enforced(aws) == wanted(B), at


def test_enforcing_the_last_embargo_again_does_not_undo_one_that_a_slow_call_applies() -> None:
    """The slow call has read a valid document before the one that is refused was uploaded."""
    aws = ready()
    aws.upload(b"{")

    def meanwhile(operation: str, number: int) -> None:
        if operation == "GetRuleGroup":
            aws.hook = lambda *_: None
            refused = aws.versions[KEY].pop()
            aws.upload(B)
            calls = list(aws.calls)
            aws.run()
            aws.calls[:] = calls
            aws.versions[KEY].append(refused)

    aws.hook = meanwhile
    with pytest.raises(InvalidDocument):
        aws.run(trigger=SCHEDULE)
    assert enforced(aws) == wanted(B)


@pytest.mark.parametrize("lost", ["Publish", "UpdateIPSet", "GetRuleGroup"])
def test_an_accepted_embargo_is_kept_even_if_no_notice_of_it_can_be_sent(lost: str) -> None:
    """Otherwise, a repair after the next, refused document would go back to the embargo before it."""
    aws = ready()
    aws.upload(B)

    def cut_off(operation: str, number: int) -> None:
        if operation == lost:
            raise aws_error("AuthorizationError")

    aws.hook = cut_off
    with pytest.raises(Exception, match="AuthorizationError"):
        aws.run()
    aws.hook = lambda operation, number: None
    aws.upload(b"{")
    with pytest.raises(InvalidDocument):
        aws.run(trigger=SCHEDULE)
    assert enforced(aws) == wanted(B)
    assert "countries added (1): SY" in in_kind(aws)


def test_other_changes_of_the_rules_are_repaired_and_reported() -> None:
    """A principal that makes the rules only count changes no entry."""
    aws = ready()
    for rule in aws.rules:
        rule["Action"] = {"Count": {}}
    answer = aws.run(trigger=SCHEDULE)
    assert (answer["status"], answer["rewritten"]) == ("applied", True)
    assert {name for rule in aws.rules for name in rule["Action"]} == {"Block"}
    assert "rules rewritten: another principal" in aws.notices[-1]["message"]
    assert aws.objects("history/")[-1]["rewritten"] is True
    assert aws.run(trigger=SCHEDULE)["status"] == "unchanged"


LIMITED = dataclasses.replace(SETTINGS, change_limits={"countries": 1, "addresses_percent": 1})


def test_too_large_a_change_is_refused_and_a_higher_limit_accepts_it() -> None:
    aws = ready()
    before = aws.in_force()
    aws.upload(B)
    for trigger in (Trigger.UPLOAD, SCHEDULE, TERRAFORM):
        with pytest.raises(InvalidDocument, match="changes 2 countries at once; the limit is 1"):
            aws.run(LIMITED, trigger=trigger)
    assert aws.in_force() == before
    assert [one["subject"] for one in aws.notices][1:] == ["Embargo document REFUSED"]
    assert aws.run(SETTINGS, trigger=TERRAFORM)["status"] == "applied"
    assert enforced(aws) == wanted(B)


def test_a_repair_is_no_change() -> None:
    """The limits compare with the last notice: an emptied rule group is filled again, however much that is."""
    aws = ready()
    aws.rules, aws.sets = [], {"IPV4": [], "IPV6": []}
    assert aws.run(LIMITED, trigger=SCHEDULE)["status"] == "applied"
    assert enforced(aws) == wanted(A)


def test_a_refusal_is_reported_once_per_version() -> None:
    aws = ready()
    aws.upload(b"{")
    for _ in range(3):
        with pytest.raises(InvalidDocument):
            aws.run()
    assert [one["subject"] for one in aws.notices][1:] == ["Embargo document REFUSED"]
    assert "not JSON" in aws.notices[-1]["message"]
    assert aws.objects("refused/")[0]["problems"] == ["The document is not JSON (line 1, column 2)."]


@pytest.mark.parametrize(("lost", "reported"), [("Publish", 1), ("PutObject", 2)])
def test_an_interrupted_refusal_is_still_reported(lost: str, reported: int) -> None:
    aws = ready()
    aws.upload(b"{")

    def cut_off(operation: str, number: int) -> None:
        if operation == lost:
            raise aws_error("ServiceUnavailable")

    aws.hook = cut_off
    with pytest.raises(Exception, match="ServiceUnavailable"):
        aws.run()
    aws.hook = lambda operation, number: None
    for _ in range(2):
        with pytest.raises(InvalidDocument):
            aws.run()
    assert [one["subject"] for one in aws.notices][1:] == ["Embargo document REFUSED"] * reported


def test_too_large_a_document_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = ready()
    aws.upload(b"{}")

    def get_object(**_: Any) -> Any:
        return {"ContentLength": MAX_BYTES + 1, "VersionId": "big", "Body": None}

    monkeypatch.setattr(aws, "get_object", get_object)
    with pytest.raises(InvalidDocument, match="the maximum is"):
        aws.run()


def test_a_body_lost_half_way_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated body does not count as an invalid document."""
    aws = ready()
    aws.upload(B)
    whole, cut = aws.get_object, [2]

    class Cut(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise ResponseStreamingError(error="reset")

    def get_object(**arguments: Any) -> Any:
        answer = whole(**arguments)
        if cut[0]:
            cut[0] -= 1
            answer["Body"] = Cut()
        return answer

    monkeypatch.setattr(aws, "get_object", get_object)
    aws.run()
    assert enforced(aws) == wanted(B)


def test_notices_of_huge_changes_fit_and_records_are_whole() -> None:
    v4 = [f"{n >> 8}.{n & 255}.0.0/16" for n in range(256, 10256)]
    v6 = [f"2001:{n:x}::/32" for n in range(10000)]
    aws = ready(document(CODES, v4, v6))
    assert "and 19,900 more" in aws.notices[0]["message"]
    assert len(aws.objects("history/")[0]["changes"]["ranges"]["added"]) == 20000


# --- events


@pytest.mark.parametrize("key", ["embargo.json", "lists/a b+c&ö=%20.json"])
def test_events_of_other_objects_are_ignored(key: str) -> None:
    """S3's own events contain the URL-encoded key, EventBridge's events the plain key."""
    from urllib.parse import quote_plus

    def eventbridge(key: str, bucket: str = "embargo") -> dict[str, Any]:
        return {"detail": {"bucket": {"name": bucket}, "object": {"key": key}}}

    def s3(key: str) -> dict[str, Any]:
        return {"Records": [{"s3": {"bucket": {"name": "embargo"}, "object": {"key": quote_plus(key, safe="/")}}}]}

    own: list[dict[str, Any]] = [eventbridge(key), s3(key), {"configuration": {}}, {"schedule": True}, {}]
    for event in own:
        assert apply.concerns(event, "embargo", key)
    for event in (eventbridge("other"), s3("other"), eventbridge(key, "other")):
        assert not apply.concerns(event, "embargo", key)


CONTEXT = SimpleNamespace(aws_request_id="r")


def test_handler(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply.handler({"configuration": {}}, CONTEXT) == {"status": "no document"}
    aws.upload(A)
    event = {"detail": {"bucket": {"name": "embargo"}, "object": {"key": KEY}}}
    assert apply.handler(event, CONTEXT)["status"] == "applied"
    assert apply.handler({"detail": {"bucket": {"name": "x"}, "object": {"key": KEY}}}, CONTEXT) == {
        "status": "ignored"
    }
    aws.upload(b"")
    with pytest.raises(InvalidDocument):
        apply.handler(event, CONTEXT)
    assert "EmbargoDocumentsRefused" in capsys.readouterr().out


def test_repairs_are_counted_for_the_alarm(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.upload(A)
    apply.handler({}, CONTEXT)
    aws.rules[0]["Action"] = {"Count": {}}
    assert "EmbargoRepairs" not in capsys.readouterr().out
    apply.handler({"schedule": True}, CONTEXT)
    assert "EmbargoRepairs" in capsys.readouterr().out
    aws.sets["IPV4"] = []
    apply.handler({}, CONTEXT)
    assert "EmbargoRepairs" in capsys.readouterr().out
    apply.handler({"schedule": True}, CONTEXT)
    assert "EmbargoRepairs" not in capsys.readouterr().out
    aws.rules = []  # a new rule group
    apply.handler({"configuration": {}}, CONTEXT)
    assert "EmbargoRepairs" not in capsys.readouterr().out
    assert enforced(aws) == wanted(A)


def test_terraform_waits_for_new_permissions(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM is eventually consistent: the first call of a new role can be denied for some seconds."""
    monkeypatch.setattr("common.propagation.PAUSE", 0.0)
    aws.upload(A)
    left = [2]

    def denied(operation: str, number: int) -> None:
        if operation == "GetRuleGroup" and left[0]:
            left[0] -= 1
            raise aws_error("AccessDeniedException")

    aws.hook = denied
    assert apply.handler({"configuration": {}}, CONTEXT)["status"] == "applied"
    left[0] = 1
    with pytest.raises(Exception, match="AccessDenied"):
        apply.handler({}, CONTEXT)
