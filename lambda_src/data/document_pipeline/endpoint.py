"""The model's endpoint: SageMaker, or HTTP, such as an API of API Gateway in front of SageMaker.

It gets the image (`image/png`), or where it is ({"document_id", "page", "bucket", "key"}), and answers a JSON object.
The field `features` of it names what was found: a list of names, or an object of name and true, false or a score.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

from common import aws_errors, clients

from .errors import PageFailed, Unavailable
from .settings import Settings

RESULT_BYTES = 65_536
RETRIED = (408, 425, 429, 500, 502, 503, 504)
FINAL = frozenset({400, 413, 415, 422})
"""Statuses that speak of the page. Others, such as 401 or 404, speak of the endpoint: another attempt may succeed."""
ATTEMPTS = 5


def ask(config: Settings, body: bytes, kind: str) -> tuple[str, tuple[str, ...]]:
    """Return the answer as JSON, and the features in it. Raise PageFailed, Unavailable."""
    call = _sagemaker if config.endpoint["kind"] == "sagemaker" else _http
    return answer(call(config.endpoint, body, kind), str(config.endpoint["features"]))


def answer(text: bytes, field: str) -> tuple[str, tuple[str, ...]]:
    """Return an answer as compact JSON, and its features. Raise PageFailed if it is not a JSON object."""
    if len(text) > RESULT_BYTES:
        raise PageFailed("answer_too_large", f"More than {RESULT_BYTES:,} bytes.")
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise PageFailed("answer_not_usable", f"{type(error).__name__}: {error}") from None
    if not isinstance(value, dict):
        raise PageFailed("answer_not_usable", "It is not a JSON object.")
    found = value.get(field, [])
    names = [name for name, present in found.items() if present] if isinstance(found, dict) else found
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PageFailed("answer_not_usable", f"{field} is neither a list of names nor an object.")
    return json.dumps(value, separators=(",", ":")), tuple(sorted(set(names)))


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _sagemaker(endpoint: Mapping[str, Any], body: bytes, kind: str) -> bytes:
    try:
        found = clients.client("sagemaker-runtime", ATTEMPTS).invoke_endpoint(
            EndpointName=endpoint["target"], Body=body, ContentType=kind, Accept="application/json"
        )
        text: bytes = found["Body"].read(RESULT_BYTES + 1)
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None:
            raise
        status = (getattr(error, "response", None) or {}).get("OriginalStatusCode")  # of the container, in a ModelError
        if status in FINAL:
            raise PageFailed("endpoint_refused", f"The model answers {status}.") from error
        raise Unavailable(f"SageMaker: {failure.code}") from error
    return text


def _http(endpoint: Mapping[str, Any], body: bytes, kind: str) -> bytes:
    import urllib3

    headers = {"Content-Type": kind, "Accept": "application/json"}
    if endpoint.get("secret_arn"):
        headers["Authorization"] = _secret(endpoint["secret_arn"])
    try:
        found = _pool().request(
            "POST", endpoint["target"], body=body, headers=headers, timeout=float(endpoint["timeout_seconds"]),
            redirect=False, preload_content=False,
        )  # fmt: skip
        text = found.read(RESULT_BYTES + 1)
        found.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"endpoint: {type(error).__name__}") from error
    if found.status in FINAL:
        raise PageFailed("endpoint_refused", f"The endpoint answers {found.status}.")
    if found.status == 401:
        _secret.cache_clear()  # it may have been rotated
    if found.status != 200:
        raise Unavailable(f"endpoint: status {found.status}")
    return bytes(text)


@functools.cache
def _pool() -> Any:
    import urllib3  # a dependency of botocore, which is loaded in any case

    # The pause doubles, plus a part by chance: calls that were throttled together must not return together.
    retry = urllib3.Retry(
        ATTEMPTS - 1,
        redirect=0,
        status_forcelist=RETRIED,
        allowed_methods=None,
        backoff_factor=0.5,
        backoff_jitter=0.5,
        backoff_max=20,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    return urllib3.PoolManager(retries=retry)


@functools.cache
def _secret(arn: str) -> str:
    with aws_errors.translated(lambda failure: Unavailable(f"secret of the endpoint: {failure.code}")):
        return str(clients.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
