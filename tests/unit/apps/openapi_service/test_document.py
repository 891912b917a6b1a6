"""Files: what is read, and ten and more ways to break one, each refused with its reason."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.openapi_service import document
from apps.openapi_service.errors import Refused

Changed = Callable[[Callable[[dict[str, Any]], Any]], dict[str, Any]]
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


def reasons(text: str) -> str:
    """Return why a file is refused."""
    with pytest.raises(Refused) as caught:
        document.checked(text)
    assert caught.value.reasons
    return "\n".join(caught.value.reasons)


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "nothing": ("", "must be a mapping"),
        "a list": ("[]", "must be a mapping"),
        "no YAML": ("openapi: [", "not YAML"),
        "no JSON": ('{"openapi": ', "not JSON"),
        "a key twice": ("openapi: 3.0.3\nopenapi: 3.0.1", "The key openapi is in one mapping twice"),
        "a key twice in JSON": ('{"a": 1, "a": 2}', "The key a is in one mapping twice"),
        "aliases that grow without end": (BOMB, "too large once its YAML aliases"),
        "a mapping in itself": ("a: &a {b: *a}", "recursive node"),
        "nested without end": ("{" + '"a": {' * 5000 + "}" * 5001, "nested too deeply"),
        "a Python object": ("a: !!python/object/apply:os.system [ls]", "not YAML"),
        "not a number": ("a: .nan", "a number that JSON does not have"),
        "a key that YAML reads as true": ("openapi: 3.0.3\non: 1", "write it in quotes"),
        "OpenAPI 3.1": ("openapi: 3.1.0", "openapi is 3.1.0: write 3.0.3"),
        "Swagger": ("swagger: '2.0'", "openapi is missing"),
        "only a version": ("openapi: 3.0.3", "'info' is a required property"),
        "2 MB": ("a: " + "x" * 2_000_001, "more than 2,000,000 bytes"),
    }.values(),
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_broken_files_are_refused(text: str, said: str) -> None:
    assert said in reasons(text)


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a reference to a file": (
        lambda d: d["components"]["schemas"]["Widget"]["properties"].update(x={"$ref": "other.yaml#/X"}),
        "other.yaml#/X leads out of the file",
    ),
    "a reference to another host": (
        lambda d: d["components"]["schemas"].update(X={"$ref": "http://169.254.169.254/latest"}),
        "leads out of the file",
    ),
    "a reference to nothing": (
        lambda d: d["components"]["schemas"].update(X={"$ref": "#/components/schemas/None"}),
        "#/components/schemas/None leads nowhere",
    ),
    "references in a circle": (
        lambda d: d["components"]["schemas"].update(
            X={"$ref": "#/components/schemas/Y"}, Y={"$ref": "#/components/schemas/X"}
        ),
        "leads nowhere",
    ),
    "no operationId": (lambda d: d["paths"]["/ping"]["get"].pop("operationId"), "operationId must be a name"),
    "an operationId twice": (
        lambda d: d["paths"]["/ping"]["get"].update(operationId="listWidgets"),
        "listWidgets",
    ),
    "operationIds that differ in case": (
        lambda d: d["paths"]["/ping"]["get"].update(operationId="ListWidgets"),
        "operationId listwidgets is used twice",
    ),
    "no statement about callers": (
        lambda d: d.pop("security"),
        "nothing says who may call it",
    ),
    "one of two schemes": (
        lambda d: d["paths"]["/ping"]["get"].update(security=[{"sigv4": []}, {"sigv4": []}]),
        "API Gateway checks one scheme",
    ),
    "no scheme or one": (lambda d: d["paths"]["/ping"]["get"].update(security=[{}]), "write [] for a public"),
    "a scheme that is not there": (
        lambda d: d["paths"]["/ping"]["get"].update(security=[{"oauth": []}]),
        "there is no scheme oauth",
    ),
    "a parameter that is not in the path": (
        lambda d: d["paths"].update({"/a/{x}": {"get": {**d["paths"]["/ping"]["get"], "operationId": "a"}}}),
        "x",
    ),
    "a part of a segment as parameter": (
        lambda d: d["paths"].update({"/a{id}": d["paths"].pop("/widgets/{id}")}),
        "a segment is letters",
    ),
    "a slash at the end": (
        lambda d: d["paths"].update({"/ping/": d["paths"].pop("/ping")}),
        "drops the slash",
    ),
    "a path twice": (
        lambda d: d["paths"].update(
            {
                "/widgets/{other}": {
                    "parameters": [{**d["paths"]["/widgets/{id}"]["parameters"][0], "name": "other"}],
                    "get": {**d["paths"]["/ping"]["get"], "operationId": "other"},
                }
            }
        ),
        "are the same path",
    ),
    "a method that REST APIs do not have": (
        lambda d: d["paths"]["/ping"].update(trace={**d["paths"]["/ping"]["get"], "operationId": "trace"}),
        "a REST API does not have this method",
    ),
    "a body of a GET": (
        lambda d: d["paths"]["/ping"]["get"].update(requestBody=d["paths"]["/widgets"]["post"]["requestBody"]),
        "GET has no body",
    ),
    "a version that is none": (lambda d: d["info"].update(version="next"), "info.version is next"),
    "a version that is a number": (lambda d: d["info"].update(version=1.0), "1.0"),
    "no responses": (lambda d: d["paths"]["/ping"]["get"].pop("responses"), "responses"),
    "a type that is none": (
        lambda d: d["components"]["schemas"]["WidgetId"].update(type="text"),
        "text",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_refused_with_its_place(changed: Changed, name: str) -> None:
    change, said = BREAKS[name]
    assert said in reasons(json.dumps(changed(change)))


def test_every_reason_is_said_up_to_a_limit(changed: Changed) -> None:
    def change(d: dict[str, Any]) -> None:
        d["paths"] = {f"/p{n}": {"get": {"responses": {"200": {"description": "x"}}}} for n in range(60)}
        d.pop("security")

    with pytest.raises(Refused) as caught:
        document.checked(json.dumps(changed(change)))
    assert len(caught.value.reasons) == document.MAXIMUM_REASONS + 1
    assert caught.value.reasons[-1] == "and 95 more"


def test_the_sample_is_accepted_in_both_notations(text: str) -> None:
    found = document.checked(text)
    assert document.checked(json.dumps(found)) == found
    assert found["info"]["version"] == "1.0.0"
    assert "200" in found["paths"]["/ping"]["get"]["responses"]


def test_texts_that_look_like_dates_and_statuses_without_quotes_are_read_as_texts() -> None:
    assert document.read("a: 2024-01-01\nresponses: {200: x}") == {"a": "2024-01-01", "responses": {"200": "x"}}


def test_parameters_of_a_path_are_in_each_operation_and_its_own_come_first(changed: Changed) -> None:
    own = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    found = changed(lambda d: d["paths"]["/widgets/{id}"]["delete"]["parameters"].append(own))
    parameters = {method: one["parameters"] for path, method, one in document.operations(found) if "{" in path}
    assert [one["name"] for one in parameters["get"]] == ["id", "If-None-Match"]
    assert [one["schema"] for one in parameters["delete"] if one["name"] == "id"] == [{"type": "integer"}]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        json.dumps(document.read(text), allow_nan=False)
