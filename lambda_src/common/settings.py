"""A function's environment as a typed, frozen dataclass."""

import dataclasses
import json
import os
import types
import typing
from collections.abc import Mapping

T = typing.TypeVar("T")

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a JSON object",
    list: "a JSON list",
}


class SettingsError(Exception):
    """The environment lacks variables or holds malformed ones; the message names all of them."""


def load(cls: type[T], environ: Mapping[str, str] | None = None) -> T:
    """Reads each field of the dataclass `cls` from the variable of the same name in upper case.

    Fields are str, int, float, bool, or dict and list (as JSON), or one of these `| None`. An empty variable
    counts as absent, so that Terraform can pass "" for "not set"; an absent one takes the field's default.
    `cls.__post_init__` may check values and raise ValueError.

    Raises SettingsError with one message for everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    hints = typing.get_type_hints(cls)
    values: dict[str, object] = {}
    missing: list[str] = []
    wrong: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # T is a dataclass by contract
        name = field.name.upper()
        text = environ.get(name, "")
        if text:
            try:
                values[field.name] = _parse(text, hints[field.name])
            except ValueError as error:
                wrong.append(f"{name} must be {error}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            missing.append(name)
    if missing:
        wrong.insert(0, "missing " + ", ".join(missing))
    if not wrong:
        try:
            return cls(**values)
        except ValueError as error:
            wrong.append(str(error))
    raise SettingsError(f"The function's environment is not usable: {'; '.join(wrong)}.")


def _parse(text: str, hint: object) -> object:
    """The value of `text`; ValueError's message says what it should have been."""
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not type(None))
    kind = typing.get_origin(hint) or hint
    if kind is str:
        return text
    try:
        if kind is bool:
            return _BOOLEANS[text.lower()]
        if kind is int or kind is float:
            return kind(text)
        value: object = json.loads(text)
    except (KeyError, ValueError):
        value = None
    if kind in (dict, list) and isinstance(value, kind):
        return value
    raise ValueError(_NAMES[kind])  # type: ignore[index]
