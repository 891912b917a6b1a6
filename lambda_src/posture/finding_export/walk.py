"""Walk over all findings, oldest first: paced, one page ahead, through throttling and lost page tokens."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from common import observability
from common.aws_errors import Failure
from common.pacing import Pacer

from .errors import HubNotEnabled, InvalidFilter, ResumeNotPossible, TokenRefused, Transient, translated
from .filters import Filters, clipped
from .state import State

PAGE = 100
MAX_STALLS = 10
_OLDEST_FIRST = [{"Field": "CreatedAt", "SortOrder": "asc"}]

CHUNK_CUT_SHORT = "chunk ended early, because Security Hub throttles or fails"
RESUMED = "page token rejected, continuing from the last position"

Page = dict[str, Any]


def walk(
    securityhub: Any, state: State, pacer: Pacer, time_is_up: Callable[[], bool]
) -> Iterator[list[dict[str, Any]]]:
    """Yield the findings by page, without those already exported. Set `state.done` when there are no more.

    Keep `state.token`, `clip` and `position` at the page yielded, so that a chunk may end after any page. Fetch the
    next page while the caller works on this one. Take at least one page, then end when `time_is_up()` or when
    Security Hub keeps failing (Transient): the pages taken until then are kept.

    Raise HubNotEnabled, InvalidFilter, ResumeNotPossible, and Transient on the first page.
    """
    pages = stalls = 0
    with ThreadPoolExecutor(max_workers=1) as worker:

        def submit(token: str | None) -> "Future[Page] | None":
            """Fetch the next page, unless no finding can be left. One at a time: memory holds two pages at most."""
            filters = clipped(state.filters, state.clip)
            return worker.submit(_fetch, securityhub, pacer, filters, token) if filters is not None else None

        pending = submit(state.token)
        while pending:
            try:
                page = pending.result()
            except Transient as error:
                if not pages:
                    raise
                observability.logger().warning(CHUNK_CUT_SHORT, extra={"cause": type(error).__name__, "pages": pages})
                return
            except TokenRefused:
                stalls += 1
                if stalls > MAX_STALLS:
                    raise ResumeNotPossible(
                        f"Security Hub refused its own page tokens {stalls} times in a row; start again."
                    ) from None
                state.clip, state.token = state.position.resume_from(), None
                observability.logger().warning(RESUMED, extra={"created_at": state.clip, "pages": pages})
                pending = submit(None)
                continue
            pages += 1
            state.token = page.get("NextToken")
            ended = not state.token or time_is_up()
            pending = None if ended else submit(state.token)
            findings = [finding for finding in page["Findings"] if state.position.take(finding)]
            if findings:
                stalls = 0
                yield findings
    state.done = not state.token


def keep_every_attribute(securityhub: Any) -> None:
    """Make `get_findings` return findings as the service wrote them, with attributes newer than this boto3.

    botocore drops attributes that its model of the API does not have, and the runtime's boto3 is months old. The
    page is also parsed once instead of twice.
    """
    name = "before-parse.securityhub.GetFindings"
    securityhub.meta.events.register(name, _take_findings, unique_id="keep-every-attribute")


def _take_findings(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] != 200:
        return
    page = json.loads(response_dict["body"])
    customized_response_dict["Findings"] = page.pop("Findings", [])
    response_dict["body"] = json.dumps(page).encode()


def _fetch(securityhub: Any, pacer: Pacer, filters: Filters, token: str | None) -> Page:
    """Return one page. Report its retries to the pacer, which adapts the pace."""

    def known(failure: Failure) -> Exception | None:
        if failure.code == "InvalidAccessException":
            return HubNotEnabled(
                f"Security Hub refuses to answer ({failure.message}); enable it in this account and Region, and "
                "export where the administrator account aggregates its findings."
            )
        if failure.code == "InvalidInputException" and token:
            return TokenRefused(failure.message)  # The same filters were accepted when the walk began.
        if failure.code == "InvalidInputException":
            return InvalidFilter(f"Security Hub refuses the filters: {failure.message}")
        return None

    arguments: dict[str, Any] = {"NextToken": token} if token else {}
    pacer.wait()
    with translated("reading findings from Security Hub", known):
        page: Page = securityhub.get_findings(Filters=filters, SortCriteria=_OLDEST_FIRST, MaxResults=PAGE, **arguments)
    pacer.report(page)
    return page
