"""Requests that are repeated: the first one is carried out, the others get its answer. With Powertools' idempotency."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from common import clients, http

from .things import unavailable

Answer = dict[str, Any]

RUNNING_MILLISECONDS = 10_000
"""After this time, a request that was cut off may run again: earlier than the function's timeout ends."""


def once(context: Any, table: str, key: str, body: str, work: Callable[[], Answer], seconds: int) -> Answer:
    """Return what `work` returns, or returned for an earlier request with this key, then with "repeated": true.

    `context` is Lambda's. `seconds` is for how long a request is remembered. Raise HttpError if the key belongs to a
    request with another body, or if that request is running. An exception of `work` forgets the request. `work` runs
    again if the function was killed in between, so it must be safe to repeat.
    """
    from aws_lambda_powertools.utilities import idempotency
    from aws_lambda_powertools.utilities.idempotency import exceptions

    def repeated(response: Any, _record: Any) -> Any:
        return {**response, "repeated": True}

    config = idempotency.IdempotencyConfig(
        event_key_jmespath="key",
        payload_validation_jmespath="body",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=seconds,
        hash_function="sha256",
        response_hook=repeated,  # type: ignore[arg-type]  # its protocol names the parameters
    )
    left = min(context.get_remaining_time_in_millis(), RUNNING_MILLISECONDS)
    config.register_lambda_context(SimpleNamespace(get_remaining_time_in_millis=lambda: left))  # type: ignore[arg-type]
    store = idempotency.DynamoDBPersistenceLayer(
        table_name=table,
        key_attr="requestId",
        expiry_attr="expiresAt",
        in_progress_expiry_attr="inProgressUntil",
        boto3_client=clients.client("dynamodb"),
    )

    def run(request: dict[str, str]) -> Answer:  # noqa: ARG001 - Powertools reads the argument
        return work()

    remembered = idempotency.idempotent_function(
        run, data_keyword_argument="request", persistence_store=store, config=config, key_prefix="request"
    )
    try:
        answer: Answer = remembered(request={"key": key, "body": body})
    except exceptions.IdempotencyValidationError:
        raise http.HttpError(422, "This Idempotency-Key belongs to another request.", "key_reused") from None
    except exceptions.IdempotencyAlreadyInProgressError:
        raise http.HttpError(409, "This request is running. Send it again in a moment.", "in_progress") from None
    except exceptions.IdempotencyPersistenceLayerError as error:
        cause = error.__cause__
        raise unavailable(cause if isinstance(cause, Exception) else error) from error
    return answer
