"""Answer POST /search: words, vectors, or both."""

import functools
from collections.abc import Mapping
from typing import Any

from common import http, observability, settings

from . import query
from .domain import Domain
from .errors import DomainError, InvalidSearch, PipelineMissing

TRY_AGAIN = "The search is not available. Try again in a moment."
ANSWERED = "search answered"


@functools.cache
def _conf() -> query.Settings:
    return settings.load(query.Settings)


@functools.cache
def _domain() -> Domain:
    return Domain(_conf().endpoint)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a search. The log has its mode and outcome, never its text."""
    log = observability.begin(context)
    try:
        answer = http.answer(200, respond(event, _conf(), _domain()))
    except InvalidSearch as refused:
        answer = http.answer(400, {"message": str(refused), "reason": "invalid", "errors": refused.errors})
    except http.HttpError as refused:
        answer = http.refusal(refused)
        if refused.status == 503:
            answer["headers"]["Retry-After"] = "5"
    log.info(ANSWERED, extra={"status": answer["statusCode"]})
    return answer


def respond(event: Mapping[str, Any], conf: query.Settings, domain: Domain) -> dict[str, Any]:
    """Return the results. Raise InvalidSearch or HttpError."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise http.HttpError(415, "Send the search as application/json.", "media_type")
    search = query.parse(http.json_body(event), conf)
    try:
        answer = domain.call("POST", f"/{conf.index}/_search", query.body(search, conf), attempts=3)
        return query.results(answer, search, conf)
    except PipelineMissing:
        observability.count("PipelineMissing", 1)
        observability.logger().error("search pipeline not applied", extra={"mode": search.mode})
        raise http.HttpError(502, TRY_AGAIN, "pipeline_missing") from None
    except DomainError as error:
        # Not the reason: it can quote the query.
        observability.logger().error("domain refused", extra={"status": error.status, "kind": error.kind})
        if error.transient:
            raise http.HttpError(503, TRY_AGAIN, "unavailable") from None
        raise http.HttpError(502, TRY_AGAIN, "refused") from None
