"""The document's format: the schema, its implementation, and the checks that go beyond a schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protection.country_embargo import schema
from protection.country_embargo.document import MAX_BYTES, MAX_RANGES, Embargo, enforceable, parse
from protection.country_embargo.errors import InvalidDocument

from .documents import anything, document, nearly, network, valid
from .fakes import CODES

MODULE = Path(__file__).parents[4] / "modules" / "protection" / "country_embargo"


def problems(body: Any) -> str:
    with pytest.raises(InvalidDocument) as caught:
        parse(body if isinstance(body, bytes) else json.dumps(body).encode())
    return " ".join(caught.value.problems)


def test_schema_is_a_schema_and_the_modules() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.load())
    assert schema.FILE.read_bytes() == (MODULE / "embargo.schema.json").read_bytes()
    assert sorted(schema.load()["$defs"]["code"]["enum"]) == CODES  # the codes that WAF accepts: ISO 3166-1 and XK


def test_example_is_valid_and_labelled() -> None:
    body = (MODULE / "examples" / "embargo.json").read_bytes()
    jsonschema.validate(json.loads(body), schema.load())
    assert parse(body).countries == {"BV"}
    assert "EXAMPLE" in json.loads(body)["note"]


def test_source_architectures_document_is_valid() -> None:
    """A document with the source architecture's keys, capitalization and sixteen countries is valid."""
    codes = ["IQ", "IR", "LB", "BY", "BI", "LY", "CD", "CU", "CF", "ZW", "SS", "VE", "SD", "SY", "UA", "SO"]
    made = {
        "embargoed-countries": [{"name": code, "code": code} for code in codes],
        "embargoed-ips": [{"name": "North Korea", "ips": [{"Type": "IPV4", "Value": "175.45.176.0/22"}]}],
    }
    assert parse(json.dumps(made).encode()) == Embargo(frozenset(codes), frozenset({"175.45.176.0/22"}))


@given(st.one_of(valid, nearly(), anything))
@settings(deadline=None)
def test_results_agree_with_jsonschema(value: Any) -> None:
    ours = not list(schema.problems(value))
    assert ours == jsonschema.Draft202012Validator(schema.load()).is_valid(value)


def test_a_schema_with_unknown_keywords_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.json").write_text('{"properties": {"a": {"minimum": 1}}}')
    monkeypatch.setattr(schema, "FILE", tmp_path / "s.json")
    schema.load.cache_clear()
    try:
        with pytest.raises(ValueError, match="minimum"):
            schema.load()
    finally:
        schema.load.cache_clear()


@given(valid)
@settings(deadline=None)
def test_valid_documents_are_read_whole(value: dict[str, Any]) -> None:
    embargo = parse(json.dumps(value).encode())
    assert embargo.countries == {country["code"] for country in value["embargoed-countries"]}
    given_ranges = {network(one["Value"]) for group in value["embargoed-ips"] for one in group["ips"]}
    assert embargo.ranges == given_ranges == embargo.of_version("IPV4") | embargo.of_version("IPV6")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | anything.map(lambda v: json.dumps(v).encode()))
@settings(deadline=None)
def test_nothing_but_invalid_document_is_raised(body: bytes) -> None:
    assert problems(body)


def test_byte_order_mark_is_taken() -> None:
    assert parse(b"\xef\xbb\xbf" + json.dumps(document(["CU"])).encode()).countries == {"CU"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The document is empty."),
        (b" \n", "The document is empty."),
        (b"{", "not JSON (line 1"),
        (b"[" * 200_000, "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"embargoed-countries": [], "embargoed-countries": [], "embargoed-ips": []}', "twice"),
        (b'{"note": NaN}', "NaN"),
        (b"1" * 5000, "not JSON"),
        (b" " * (MAX_BYTES + 1), "the maximum is"),
        (document(), "names no country and no range"),
        ({"embargoed-countries": [{"code": "CU"}]}, "has no embargoed-ips"),
        ({"embargoed-country": [], **document(["CU"])}, 'unknown key "embargoed-country"; the keys are'),
        (document(["cu"]), 'embargoed-countries[0].code is "cu"'),
        (document(["ZZ"]), "ISO 3166-1"),
        (document(["CU", "IR", "CU"]), "CU more than once"),
        (document(v4=["1.2.3.4/0"]), "prefix length of 1 to 32"),
        (document(v6=["::/0"]), "prefix length of 1 to 128"),
        (document(v6=["::ffff:192.0.2.0/120"]), "contains IPv4 addresses: write the range as IPv4"),
        (document(v6=["0:0:0:0:0:ffff:1.2.3.4/128"]), "contains IPv4 addresses"),
        (document(v4=["1.2.3.4"]), "embargoed-ips[0].ips[0].Value"),
        (document(v4=["1.2.3.4/33"]), "IPv4 CIDR"),
        (document(v4=["1.2.3.0/24\n"]), "not a CIDR"),
        (document(v4=["2001:db8::/32"]), "IPv4 CIDR"),
        (document(v6=["1.2.3.0/24"]), "IPv6 CIDR"),
        (document(v6=["1:2::3::/64"]), "not a CIDR"),
        (document(v6=[":" * 100_000 + "/8"]), "longer than 50"),
        (document(v4=["10.0.0.1/8", "10.9.9.9/8"]), "10.0.0.0/8, is already in embargoed-ips[0].ips[0]"),
        (document(v6=["2001:db8::/32", "2001:DB8:0::1/32"]), "already"),
        (document(v4=[f"{n >> 8}.{n & 255}.0.0/16" for n in range(256, 257 + MAX_RANGES)]), "10,001 ranges of IPV4"),
        ({"embargoed-countries": [{"code": True}], "embargoed-ips": []}, "code is true"),
        ({**document(["CU"]), "note": "\ud800" * 3000}, "longer than 2000"),
    ],
)
def test_invalid(body: Any, said: str) -> None:
    assert said in problems(body)


def test_limits_are_met_exactly() -> None:
    v4 = [f"{n >> 8}.{n & 255}.0.0/16" for n in range(256, 256 + MAX_RANGES)]
    v6 = [f"2001:{n:x}::/32" for n in range(MAX_RANGES)]
    embargo = parse(json.dumps(document(CODES, v4, v6)).encode())
    assert (len(embargo.countries), len(embargo.ranges)) == (250, 2 * MAX_RANGES)


def test_problems_are_few() -> None:
    with pytest.raises(InvalidDocument) as caught:
        enforceable(document(["ZZ"] * 250))
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "There are more problems."
