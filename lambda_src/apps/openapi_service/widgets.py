"""The sample service: answers the operations of widgets.yaml, or of a file that changes them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common import aws_errors, clients, http, observability, settings

from . import document
from .contract import Contract, Invalid, Request
from .store import Store, Widget, matches

TRY_AGAIN = http.HttpError(503, "The request was not carried out. Send it again in a moment.", "unavailable")


@dataclass(frozen=True)
class Settings:
    """The environment: the table, and the bucket of the files."""

    table: str
    bucket: str


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


@functools.lru_cache(maxsize=4)
def _contract(key: str) -> Contract:
    answer = clients.client("s3", attempts=4).get_object(Bucket=_conf().bucket, Key=key)
    return Contract(document.read(answer["Body"].read().decode()))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request. The log has outcomes, and nothing that the caller sent."""
    log = observability.begin(context)
    try:
        contract = _contract(event["stageVariables"]["document"])  # the file that the caller's stage is deployed with
        request = contract.request(event)
        answer = respond(request, contract.version, Store(clients.client("dynamodb", attempts=4), _conf().table))
    except Invalid as refused:
        answer = http.answer(400, {"message": str(refused), "reason": refused.reason, "errors": refused.errors})
    except http.HttpError as refused:
        answer = http.refusal(refused)
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None or not (failure.transient or failure.code == "TransactionCanceledException"):
            raise
        log.warning("not carried out", extra={"code": failure.code})
        answer = http.refusal(TRY_AGAIN)
        answer["headers"]["Retry-After"] = "1"
    log.info("request answered", extra={"status": answer["statusCode"]})
    return answer


def respond(request: Request, version: str, store: Store) -> dict[str, Any]:
    """Return the answer to a request that fits the file. Raise HttpError."""
    operations: Mapping[str, Callable[[Request, Store], dict[str, Any]]] = {
        "ping": lambda *_: http.answer(200, {"status": "ok", "version": version}),
        "listWidgets": _list,
        "createWidget": _create,
        "getWidget": _get,
        "replaceWidget": _replace,
        "deleteWidget": _delete,
    }
    operation = operations.get(request.operation)
    if operation is None:
        raise http.HttpError(501, "The sample service does not have this operation.", "no_operation")
    return operation(request, store)


def _list(request: Request, store: Store) -> dict[str, Any]:
    after = request.query.get("next")
    page, last = store.page(int(request.query["limit"]), after)
    return http.answer(200, {"items": [one.shown for one in page], **({"next": last} if last else {})})


def _create(request: Request, store: Store) -> dict[str, Any]:
    made = store.create(request.caller, request.headers["idempotency-key"], request.body)
    return _answer(201, made, Location=f"widgets/{made.shown['id']}")


def _get(request: Request, store: Store) -> dict[str, Any]:
    found = store.get(request.path["id"])
    known = request.headers.get("if-none-match")
    if known is not None and matches(known.replace("W/", ""), found.etag):
        return {"statusCode": 304, "headers": {"ETag": found.etag}, "body": ""}
    return _answer(200, found)


def _replace(request: Request, store: Store) -> dict[str, Any]:
    return _answer(200, store.replace(request.path["id"], request.headers["if-match"], request.body))


def _delete(request: Request, store: Store) -> dict[str, Any]:
    store.delete(request.path["id"], request.headers["if-match"])
    return {"statusCode": 204, "headers": {}, "body": ""}


def _answer(status: int, widget: Widget, **headers: str) -> dict[str, Any]:
    answer = http.answer(status, dict(widget.shown))
    answer["headers"] |= {"ETag": widget.etag, **headers}
    return answer
