"""Posted findings become NOTIFIED, and no other change is made, on the local cloud's Security Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from common import clients, observability
from local.services import install_all
from posture.finding_chat import notified
from tests.unit.local.services.hub_case import PRODUCT, asff, client, load

CONTEXT = SimpleNamespace(aws_request_id="request", function_name="notified")


class Counted:
    """A client whose calls are counted, and fail on demand."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self.calls: list[str] = []
        self.failing: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hub, name)

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        if code := self.failing.get(operation):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    def get_paginator(self, operation: str) -> Any:
        self._called(operation)
        return self._hub.get_paginator(operation)

    def batch_update_findings(self, **request: Any) -> Any:
        self._called("batch_update_findings")
        return self._hub.batch_update_findings(**request)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        counted = Counted(client())
        counted.enable_security_hub(EnableDefaultStandards=False)
        monkeypatch.setattr(clients, "client", lambda service: counted if service == "securityhub" else None)
        yield counted


def message(number: int, *findings: dict[str, Any]) -> dict[str, str]:
    detail = {"findings": list(findings) or [asff(number)]}
    return {"messageId": f"m{number}", "body": json.dumps({"detail-type": "Imported", "detail": detail})}


def call(*records: dict[str, str]) -> list[str]:
    answer = notified.handler({"Records": list(records)}, CONTEXT)
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def states(hub: Any) -> dict[str, str]:
    return {f["Id"]: f["Workflow"]["Status"] for f in hub.get_findings(MaxResults=100)["Findings"]}


def test_all_messages_and_all_findings_of_each(hub: Any) -> None:
    load(hub, *(asff(number) for number in range(5)))
    assert call(message(0), message(1, asff(1), asff(2)), message(3)) == []
    assert states(hub) == {f"finding-{n}": "NOTIFIED" if n < 4 else "NEW" for n in range(5)}


@pytest.mark.parametrize("status", ["RESOLVED", "SUPPRESSED", "NOTIFIED"])
def test_an_analysts_change_in_the_meantime_stays(hub: Any, status: str) -> None:
    load(hub, asff(1))
    done = {"Status": status}
    note = {"Text": "mine", "UpdatedBy": "analyst"}
    hub.batch_update_findings(FindingIdentifiers=[{"Id": "finding-1", "ProductArn": PRODUCT}], Workflow=done, Note=note)
    hub.calls.clear()
    assert call(message(1)) == []
    (found,) = hub.get_findings()["Findings"]
    assert (found["Workflow"]["Status"], found["Note"]["Text"]) == (status, "mine")
    assert "batch_update_findings" not in hub.calls


def test_a_note_stays(hub: Any) -> None:
    load(hub, asff(1, Note={"Text": "mine", "UpdatedBy": "analyst", "UpdatedAt": "2026-01-01T00:00:00Z"}))
    call(message(1))
    (found,) = hub.get_findings()["Findings"]
    assert (found["Workflow"]["Status"], found["Note"]["Text"]) == ("NOTIFIED", "mine")


def test_the_same_id_of_another_product_is_left_alone(hub: Any) -> None:
    other = PRODUCT.replace("product/123456789012/default", "product/aws/guardduty").replace("123456789012:", ":")
    load(hub, asff(1), asff(1, ProductArn=other))
    assert call(message(1)) == []
    found = {f["ProductArn"]: f["Workflow"]["Status"] for f in hub.get_findings()["Findings"]}
    assert found == {PRODUCT: "NOTIFIED", other: "NEW"}


def test_a_finding_that_no_longer_exists_counts_as_done(hub: Any) -> None:
    assert call(message(1)) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "{}",
        '{"detail": null}',
        '{"detail": {"findings": 1}}',
        '{"detail": {"findings": [{}]}}',
    ],
)
def test_malformed_messages_fail_alone(hub: Any, body: str) -> None:
    load(hub, asff(1))
    assert call({"messageId": "bad", "body": body}, message(1)) == ["bad"]
    assert states(hub) == {"finding-1": "NOTIFIED"}


@pytest.mark.parametrize(
    "odd", [{}, None, 1, {"Id": "x"}, {"Id": 1, "ProductArn": PRODUCT}, {"Id": "", "ProductArn": ""}]
)
def test_the_readable_findings_of_a_message_are_set_and_the_message_fails(hub: Any, odd: Any) -> None:
    load(hub, asff(1), asff(2))
    body = json.dumps({"detail": {"findings": [asff(1), odd, asff(2)]}})
    assert call({"messageId": "odd", "body": body}) == ["odd"]
    assert states(hub) == {"finding-1": "NOTIFIED", "finding-2": "NOTIFIED"}


@pytest.mark.parametrize("operation", ["get_findings", "batch_update_findings"])
def test_a_refused_call_fails_the_batch_and_the_next_try_succeeds(hub: Any, operation: str) -> None:
    load(hub, asff(1), asff(2))
    hub.failing = {operation: "AccessDeniedException"}
    with pytest.raises(ClientError, match=operation):
        call(message(1), message(2))
    assert set(states(hub).values()) == {"NEW"}
    hub.failing = {}
    assert call(message(1), message(2)) == []
    assert set(states(hub).values()) == {"NOTIFIED"}


def refusing(hub: Any, monkeypatch: pytest.MonkeyPatch, code: str) -> list[tuple[str, int]]:
    """Make Security Hub refuse finding-2. Return the metrics counted from now on."""
    counted: list[tuple[str, int]] = []
    monkeypatch.setattr(observability, "count", lambda name, value: counted.append((name, value)))
    refused = {
        "FindingIdentifier": {"Id": "finding-2", "ProductArn": PRODUCT},
        "ErrorCode": code,
        "ErrorMessage": "x",
    }
    update = hub._hub.batch_update_findings

    def some(**request: Any) -> Any:
        request["FindingIdentifiers"] = [i for i in request["FindingIdentifiers"] if i["Id"] != "finding-2"]
        return {**update(**request), "UnprocessedFindings": [refused]}

    monkeypatch.setattr(hub._hub, "batch_update_findings", some)
    return counted


def test_unprocessed_findings_fail_their_messages_only(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load(hub, asff(1), asff(2))
    counted = refusing(hub, monkeypatch, "ConcurrentUpdateError")
    assert call(message(1), message(2)) == ["m2"]
    assert states(hub) == {"finding-1": "NOTIFIED", "finding-2": "NEW"}
    assert counted == [("FindingsNotified", 1)], "only what was set"


def test_finding_deleted_between_the_read_and_the_update_is_not_tried_again(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(hub, asff(1), asff(2))
    counted = refusing(hub, monkeypatch, "FindingNotFound")
    assert call(message(1), message(2)) == []
    assert counted == [("FindingsNotified", 1)]


def test_a_message_that_is_malformed_and_refused_is_named_once(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load(hub, asff(1), asff(2))
    refusing(hub, monkeypatch, "InternalFailure")
    body = json.dumps({"detail": {"findings": [asff(1), asff(2), {}]}})
    assert call({"messageId": "m", "body": body}) == ["m"]


def test_api_calls_are_the_fewest(hub: Any) -> None:
    """20 values per filter and 100 findings per update: 5 reads and 1 write for a full batch, each finding once."""
    load(hub, *(asff(number) for number in range(100)))
    hub.calls.clear()
    assert call(*(message(number) for number in range(100)), message(0)) == []
    assert sorted(hub.calls) == ["batch_update_findings", *["get_findings"] * 5]
    hub.calls.clear()
    assert call(message(1)) == []
    assert hub.calls == ["get_findings"]


def test_metric_counts_what_was_set(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[str, int]] = []
    monkeypatch.setattr(observability, "count", lambda name, value: counted.append((name, value)))
    load(hub, asff(1), asff(2))
    call(message(1), message(2))
    call(message(1))
    assert counted == [("FindingsNotified", 2)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    workflows=st.lists(st.sampled_from(["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"]), min_size=1, max_size=45),
    data=st.data(),
)
def test_any_batch_sets_exactly_the_new_ones(hub: Any, workflows: list[str], data: st.DataObject) -> None:
    load(
        hub,
        *(asff(n, Workflow={"Status": status}, UpdatedAt="2026-01-01T00:00:00Z") for n, status in enumerate(workflows)),
    )
    for number, status in enumerate(workflows):
        hub.batch_update_findings(
            FindingIdentifiers=[{"Id": f"finding-{number}", "ProductArn": PRODUCT}], Workflow={"Status": status}
        )
    posted = data.draw(st.lists(st.integers(0, len(workflows) + 3), max_size=60))
    assert call(*(message(number) for number in posted)) == []
    found = states(hub)
    for number, status in enumerate(workflows):
        assert found[f"finding-{number}"] == ("NOTIFIED" if number in posted and status == "NEW" else status)
