"""Read a function's environment variables into a typed dataclass."""

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
    """Environment variables are missing or malformed. The message names all of them."""


def load(cls: type[T], environ: Mapping[str, str] | None = None) -> T:
    """Read each field of the dataclass `cls` from the environment variable of the same name in upper case.

    The type of a field is str, int, float, bool, dict or list (both as JSON), or one of these `| None`. An empty
    variable counts as absent, so that Terraform can pass "" for "not set". An absent variable leaves the field at its
    default. `cls.__post_init__` can check values and raise ValueError.

    Raise SettingsError with one message for all errors.
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
    """Return the value of `text`. Raise ValueError with a message that states the expected type."""
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
