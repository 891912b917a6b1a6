"""The table of AWS error codes, compared with botocore's, and what each capability does with each kind of error."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.retries import standard
from hypothesis import given
from hypothesis import strategies as st

import common
from common import aws_errors
from common.aws_errors import CODES, Failure, Kind
from identity.inactive_users import errors as inactive_users
from posture.access_analyzer import errors as access_analyzer
from posture.finding_export import errors as finding_export
from posture.finding_remediation import errors as finding_remediation
from protection.secret_replication import errors as secret_replication

THROTTLED_CHECKER: Any = standard.ThrottledRetryableChecker
TRANSIENT_CHECKER: Any = standard.TransientRetryableChecker
URL = "https://service.example"
LOST = [
    ConnectionClosedError(endpoint_url=URL),
    ConnectTimeoutError(endpoint_url=URL),
    EndpointConnectionError(endpoint_url=URL),
    ReadTimeoutError(endpoint_url=URL),
]


def client_error(code: str, status: int = 400, message: str = "slow") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Operation")


def test_everything_that_botocore_retries_as_throttled_is_throttled() -> None:
    assert set(THROTTLED_CHECKER._THROTTLED_ERROR_CODES) <= CODES[Kind.THROTTLED]


def test_everything_that_botocore_retries_as_transient_is_transient() -> None:
    for code in TRANSIENT_CHECKER._TRANSIENT_ERROR_CODES:
        assert Failure(code, status=400).transient, code
    for status in TRANSIENT_CHECKER._TRANSIENT_STATUS_CODES:
        assert Failure("Unknown", status=status).transient, status
    for lost in LOST:
        assert isinstance(lost, TRANSIENT_CHECKER._TRANSIENT_EXCEPTION_CLS)
        assert aws_errors.kind(lost) is Kind.UNAVAILABLE


SOURCES = "".join(path.read_text() for path in Path(common.__file__).parents[1].rglob("*.py"))
SERVICES = sorted(set(re.findall(r"client\(\"([a-z0-9-]+)\"", SOURCES)))
THROTTLE = re.compile(r"throttl|TooManyRequests|SlowDown|RequestLimitExceeded|ProvisionedThroughput", re.IGNORECASE)


def modelled(service: str) -> dict[str, dict[str, Any]]:
    """Return the exceptions of a service's API by their error code, from botocore's model."""
    newest = max((Path(botocore.__file__).parent / "data" / service).glob("*/service-2.json.gz"))
    shapes = json.loads(gzip.decompress(newest.read_bytes()))["shapes"]
    return {
        (shape.get("error") or {}).get("code") or name: shape
        for name, shape in shapes.items()
        if shape.get("exception")
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_throttle_of_the_services_in_use_is_known(service: str) -> None:
    """Check the names and the models: throttling by KMS has five codes in calls that other services make."""
    for code, shape in modelled(service).items():
        if THROTTLE.search(code) or (shape.get("retryable") or {}).get("throttling"):
            assert Failure(code, status=400).kind is Kind.THROTTLED, code


@pytest.mark.parametrize("service", SERVICES)
def test_every_access_denied_of_the_services_in_use_is_known(service: str) -> None:
    for code in modelled(service):
        if re.fullmatch(r"AccessDenied(Exception)?|AuthorizationError|UnauthorizedOperation", code):
            assert Failure(code, status=400).kind is Kind.DENIED, code


def test_the_services_in_use_are_found() -> None:
    assert {"cognito-idp", "dynamodb", "kms", "s3", "secretsmanager", "securityhub", "sns", "sqs"} <= set(SERVICES)


def test_s3_and_sqs_name_kms() -> None:
    """Check SQS's query-compatible code and the code that S3 returns if KMS throttles."""
    assert Failure("KMS.ThrottlingException", status=400).kind is Kind.THROTTLED


def test_a_code_has_one_kind() -> None:
    for one, other in itertools.combinations(CODES.values(), 2):
        assert not one & other
    assert Kind.OTHER not in CODES


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in CODES.items() for code in sorted(codes)])
@pytest.mark.parametrize("status", [0, 400, 403, 404, 409, 429, 500, 503])
def test_a_known_code_decides_whatever_the_status(kind: Kind, code: str, status: int) -> None:
    assert aws_errors.kind(client_error(code, status)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.OTHER),
        (403, Kind.OTHER),  # can also mean an expired token, a wrong clock or an archived object
        (404, Kind.GONE),
        (409, Kind.CONFLICT),
        (412, Kind.OTHER),
        (429, Kind.THROTTLED),
        (500, Kind.UNAVAILABLE),
        (599, Kind.UNAVAILABLE),
    ],
)
def test_the_status_decides_for_other_codes(status: int, kind: Kind) -> None:
    assert aws_errors.kind(client_error("SomethingElse", status)) is kind


def test_transient_errors() -> None:
    kinds = {kind for kind, codes in CODES.items() if Failure(min(codes)).transient}
    assert kinds == {Kind.THROTTLED, Kind.UNAVAILABLE}


def test_an_answer_without_parts_is_read() -> None:
    empty: Any = {}
    assert aws_errors.read(ClientError(empty, "Operation")) == Failure("")
    assert aws_errors.name(ClientError(empty, "Operation")) == "ClientError"


@given(st.text(), st.text(), st.integers(100, 599))
def test_any_answer_is_read(code: str, message: str, status: int) -> None:
    assert aws_errors.read(client_error(code, status, message)) == Failure(code, message, status)


def test_names_for_logs_hold_no_message() -> None:
    assert aws_errors.name(client_error("AccessDenied", 403, "secret")) == "AccessDenied"
    assert aws_errors.name(LOST[0]) == "ConnectionClosedError"
    assert aws_errors.name(ValueError("secret")) == "ValueError"


# --- the translator -----------------------------------------------------------------------------------------


class Typed(Exception):
    pass


def test_an_error_is_translated_and_keeps_its_cause() -> None:
    cause = client_error("SlowDown", 503)
    with (
        pytest.raises(Typed, match="SlowDown slow 503") as raised,
        aws_errors.translated(lambda failure: Typed(f"{failure.code} {failure.message} {failure.status}")),
    ):
        raise cause
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize("error", [client_error("Odd"), LOST[0], ValueError(), KeyboardInterrupt()])
def test_an_unexpected_error_passes_unchanged(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, aws_errors.translated(lambda failure: None):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("error", [ValueError(), ParamValidationError(report="x"), Typed(), KeyboardInterrupt()])
def test_other_exceptions_are_not_translated(error: BaseException) -> None:
    def typed(_: Failure) -> Exception:
        raise AssertionError("asked")

    with pytest.raises(type(error)) as raised, aws_errors.translated(typed):
        raise error
    assert raised.value is error


def test_nothing_happens_without_an_error() -> None:
    with aws_errors.translated(lambda _: Typed()):
        pass


# --- what each capability makes of it -----------------------------------------------------------------------

THROTTLED = [client_error(code) for code in sorted(CODES[Kind.THROTTLED])] + [client_error("Odd", 429)]
UNAVAILABLE = [client_error("InternalFailure", status) for status in (500, 502, 503, 504)]
UNAVAILABLE += [client_error("RequestTimeout")]
DENIED = [client_error(code) for code in sorted(CODES[Kind.DENIED])]
ODD = [client_error("ValidationException"), client_error("ExpiredToken", 403)]
TRANSLATORS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "inactive_users": inactive_users.transient,
    "finding_export": lambda: finding_export.translated("trying"),
    "finding_remediation": lambda: finding_remediation.translated("trying"),
    "secret_replication": lambda: secret_replication.translated("trying"),
    "access_analyzer": lambda: access_analyzer.explained("trying"),
}
MADE: dict[str, dict[str, type[Exception] | None]] = {
    "inactive_users": {
        "throttled": inactive_users.Transient,
        "unavailable": inactive_users.Transient,
        "lost": inactive_users.Transient,
        "denied": None,
        "odd": None,
    },
    "finding_export": {
        "throttled": finding_export.Throttled,
        "unavailable": finding_export.ServiceUnavailable,
        "lost": finding_export.ServiceUnavailable,
        "denied": None,  # the missing permission depends on the call
        "odd": None,
    },
    "finding_remediation": {
        "throttled": finding_remediation.Transient,
        "unavailable": finding_remediation.Transient,
        "lost": finding_remediation.Transient,
        "denied": finding_remediation.Failed,
        "odd": finding_remediation.Failed,  # the finding's note must state it
    },
    "secret_replication": {
        "throttled": secret_replication.Transient,
        "unavailable": secret_replication.Transient,
        "lost": secret_replication.Transient,
        "denied": secret_replication.Denied,
        "odd": secret_replication.Rejected,  # with its code and reason, and not retried
    },
    "access_analyzer": {
        "throttled": None,
        "unavailable": None,
        "lost": None,
        "denied": access_analyzer.ShutOffFailed,
        "odd": access_analyzer.ShutOffFailed,  # the notice states it
    },
}
OWN: dict[tuple[str, str], type[Exception]] = {
    # Secrets Manager's quotas do not refill.
    ("secret_replication", "LimitExceededException"): secret_replication.Rejected,
    # The next attempt has a new session.
    **{("secret_replication", code): secret_replication.Transient for code in secret_replication.EXPIRED},
}
ERRORS: dict[str, Sequence[Exception]] = {
    "throttled": THROTTLED,
    "unavailable": UNAVAILABLE,
    "lost": LOST,
    "denied": DENIED,
    "odd": ODD,
}


@pytest.mark.parametrize("capability", TRANSLATORS)
@pytest.mark.parametrize("kind", ERRORS)
def test_every_capability_makes_the_same_of_every_code_of_a_kind(capability: str, kind: str) -> None:
    for error in ERRORS[kind]:
        wanted = OWN.get((capability, aws_errors.name(error))) or MADE[capability][kind] or type(error)
        with pytest.raises(wanted) as raised, TRANSLATORS[capability]():
            raise error
        assert type(raised.value) is wanted, error
        assert (raised.value is error) is (MADE[capability][kind] is None)


@pytest.mark.parametrize("status", [403, 409])
def test_a_remediations_note_distinguishes_refusals_from_conflicts(status: int) -> None:
    wanted: dict[int, type[Exception]] = {403: finding_remediation.Failed, 409: finding_remediation.Transient}
    with pytest.raises(wanted[status], match=r"Odd|Denied"), finding_remediation.translated("trying"):
        raise client_error("Odd", status)
