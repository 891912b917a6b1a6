"""What our services share: operations answered by botocore's model, input validation, paging."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from moto.core.exceptions import ServiceException
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (str, int, float),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


def operation(*, unchecked: Sequence[str] = ()) -> Callable[[Any], Any]:
    """Mark a backend method as an API operation. Of `unchecked` members only type and length are validated."""

    def mark(method: Any) -> Any:
        method.unchecked = frozenset(unchecked)
        return method

    return mark


def problems(
    shape: Any, value: Any, path: str = "", unchecked: frozenset[str] = frozenset(), deep: bool = True
) -> Iterator[str]:
    """Yield how `value` violates a botocore shape: type, required and unknown members, enum, pattern, range."""
    kind = shape.type_name
    fits = isinstance(value, _TYPES.get(kind, (object,))) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        yield f"{path} should be {kind}"
        return
    if (size := _size(kind, value)) is not None:
        if size < shape.metadata.get("min", size):
            yield f"{path} should NOT be less than {shape.metadata['min']}{_UNITS.get(kind, '')}"
        if size > shape.metadata.get("max", size):
            yield f"{path} should NOT be more than {shape.metadata['max']}{_UNITS.get(kind, '')}"
    if deep and kind in _CONTENTS:
        yield from _CONTENTS[kind](shape, value, path, unchecked)


_UNITS = {"string": " characters", "list": " items", "map": " items"}


def _size(kind: str, value: Any) -> float | None:
    """Return the number that a shape's minimum and maximum limit."""
    if kind in {"integer", "long", "float", "double"}:
        return float(value)
    return len(value) if kind in _UNITS else None


def _structure(shape: Any, value: Any, path: str, unchecked: frozenset[str]) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{path or 'request'} should have required property '{name}'"
    for name, member in value.items():
        where = f"{path}.{name}" if path else name
        if name not in shape.members:
            yield f"{where} is not a known parameter"
        elif member is not None:
            yield from problems(shape.members[name], member, where, deep=name not in unchecked)


def _list(shape: Any, value: Any, path: str, _: frozenset[str]) -> Iterator[str]:
    for index, item in enumerate(value):
        yield from problems(shape.member, item, f"{path}[{index}]")


def _map(shape: Any, value: Any, path: str, _: frozenset[str]) -> Iterator[str]:
    for key, item in value.items():
        yield from problems(shape.value, item, f"{path}.{key}")


def _string(shape: Any, value: Any, path: str, _: frozenset[str]) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{path} should be one of {', '.join(shape.enum)}, not '{value}'"
    if (pattern := shape.metadata.get("pattern")) and not _pattern(pattern).search(value):
        yield f'{path} should match pattern "{pattern}"'


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern of a model. One that only Java supports matches everything."""
    try:
        return re.compile(text)
    except re.error:
        return re.compile("")


_CONTENTS = {"structure": _structure, "list": _list, "map": _map, "string": _string}


def not_implemented(service: str, name: str) -> tuple[int, dict[str, str], str]:
    """Return the answer to an operation that is not implemented: immediate, with a status that no SDK retries."""
    message = f"The local cloud does not implement {service}:{name}."
    headers = {"Content-Type": "application/json", "x-amzn-errortype": "NotImplemented"}
    return (
        501,
        headers,
        json.dumps({"__type": "NotImplemented", "Code": "NotImplemented", "message": message}),
    )


class SerializationError(ServiceException):
    """A request body that violates the protocol."""

    code = "SerializationException"


class Response(BaseResponse):
    """Answers the `@operation` methods of a backend class, as botocore describes them.

    Subclass with `backend_class=` and define `backend` and `invalid_input` (the error for a malformed
    request). Operations that the backend does not mark fall through to moto's methods, else answer 501.
    """

    invalid_input: ClassVar[type[ServiceException]]

    def __init_subclass__(cls, backend_class: type | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in dir(backend_class):
            if hasattr(getattr(backend_class, name), "unchecked"):
                setattr(cls, name, _method(name))

    @property
    def backend(self) -> Any:
        """Return the backend of the request's account and Region."""
        raise NotImplementedError

    def _get_action(self) -> str:
        """Return the action by path and method (or target) only: moto would also search the body for "Action="."""
        return self._get_action_from_method_and_request_uri(self.normalized_request)

    def call_action(self) -> Any:
        """Answer the request: (status, headers, body)."""
        action = self._get_action()
        if not action or not hasattr(self, camelcase_to_underscores(action)):
            return not_implemented(self.boto3_service_name, action or f"{self.method} {self.path}")
        return super().call_action()

    def arguments(self, unchecked: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the request's members, validated, with snake_case names."""
        shape = get_service_model(self.boto3_service_name).operation_model(self._get_action()).input_shape
        if shape is None:
            return {}
        try:
            body = json.loads(self.body) if self.body else {}
        except ValueError:
            raise SerializationError("The request body is not JSON") from None
        if not isinstance(body, dict):
            raise SerializationError("The request body is not a JSON object")
        given = {**body, **self.uri_match}
        for name, member in shape.members.items():
            if member.serialization.get("location") == "querystring":
                values = self.normalized_request.args.getlist(member.serialization.get("name", name))
                if values:
                    given[name] = _from_query(member, values)
        given = {name: value for name, value in given.items() if value is not None}
        found = list(problems(shape, given, unchecked=unchecked))
        if found:
            raise self.invalid_input("Invalid parameter: " + "; ".join(found[:5]))
        return {camelcase_to_underscores(name): value for name, value in given.items()}


def _method(name: str) -> Callable[[Any], Any]:
    def method(self: Response) -> tuple[int, dict[str, str], str]:
        backend = self.backend
        call = getattr(backend, name)
        answer = json.dumps(call(**self.arguments(call.unchecked)))
        return 200, {"Content-Type": "application/json"}, answer

    method.__name__ = name
    return method


def _from_query(shape: Any, values: list[str]) -> Any:
    if shape.type_name == "list":
        return values
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(values[0].lower(), values[0])
    if shape.type_name in ("integer", "long"):
        return int(values[0]) if re.fullmatch(r"-?\d+", values[0]) else values[0]
    return values[0]


class TokenError(Exception):
    """A NextToken that does not continue its walk. The message says why."""


@dataclass
class _Walk:
    items: Sequence[Any]
    expires: float


class Pager:
    """Pages through results that are computed once, at the start of a walk, and kept behind its token.

    A token can be used again (a client retries a lost answer) until `lifetime` seconds after its issue, only
    with the parameters of the call that began the walk. A finished walk is kept for `grace` seconds.
    """

    grace = 60.0

    def __init__(self, lifetime: Callable[[], float]) -> None:
        self.lifetime = lifetime
        self.walks: dict[str, _Walk] = {}
        self._key = secrets.token_bytes(32)

    def page(
        self, parameters: Any, compute: Callable[[], Sequence[Any]], limit: int, token: str | None
    ) -> tuple[list[Any], str | None]:
        """Return one page and the token of the next. Raise `TokenError` for an invalid token."""
        now = time.time()
        for name in [name for name, walk in list(self.walks.items()) if walk.expires <= now]:
            self.walks.pop(name, None)
        bound = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:32]
        if token is None:
            items = compute()
            if len(items) <= limit:
                return list(items), None
            name, offset = secrets.token_hex(12), 0
            walk = self.walks[name] = _Walk(items, now + self.lifetime())
        else:
            name, offset = self._read(token, bound, now)
            if name not in self.walks:
                raise TokenError("NextToken has expired")
            walk = self.walks[name]
        end = offset + limit
        more = end < len(walk.items)
        walk.expires = now + (self.lifetime() if more else min(self.grace, self.lifetime()))
        return list(walk.items[offset:end]), self._issue(name, end, now, bound) if more else None

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()

    def _issue(self, name: str, offset: int, now: float, bound: str) -> str:
        text = base64.urlsafe_b64encode(f"{name}:{offset}:{now!r}:{bound}".encode()).decode()
        return f"{text}.{self._sign(text)}"

    def _read(self, token: str, bound: str, now: float) -> tuple[str, int]:
        text, _, signature = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(text).encode()):
            raise TokenError("NextToken is not valid")
        name, offset, issued, issued_for = base64.urlsafe_b64decode(text).decode().split(":")
        if issued_for != bound:
            raise TokenError("NextToken was issued for another request: parameters, account and Region must not change")
        if now - float(issued) >= self.lifetime():
            raise TokenError("NextToken has expired")
        return name, int(offset)
