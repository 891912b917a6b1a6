"""A domain of one's own: books on shelves, as planned by Terraform, checked by Cedar and used through the functions.

tests/identity_order_authorization.tftest.hcl asserts that Terraform plans what tests/fixtures/library.json holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from common import clients
from identity.order_authorization import access, authorizer, list_access, list_orders, routes
from identity.order_authorization.domain import Domain, Unreadable
from identity.order_authorization.tokens import Refused
from local.services import install_all
from tools.bootstrap import ROOT

from .world import POOL, REGION, STAGE, TABLE, World, proxied, schema, signed, statements
from .world import Domain as Planned
from .world import claims_of as toy_claims

LIBRARY = json.loads((ROOT / "tests/fixtures/library.json").read_text())
PLANNED = LIBRARY["planned"]
GIVEN = LIBRARY["domain"]
SHELF, BOOK = GIVEN["container"]["path"], GIVEN["item"]["path"]


def policies() -> list[str]:
    return [text.replace("eu-central-1_Staff", POOL) for text in PLANNED["policies"].values()]


def bearer(user: str, *groups: str) -> str:
    return signed({**toy_claims("nobody"), "sub": f"sub-{user}", "cognito:groups": list(groups)})


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Rita reads shelf 1, and is in the circle of poets; Lena is a librarian."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    caches = (clients.client, access.settings, authorizer.settings, list_orders.settings, routes.web)
    install_all()
    with mock_aws():
        templates = {role: template["statement"] for role, template in GIVEN["templates"].items()}
        made = World(Planned(PLANNED["schema"], templates, policies(), PLANNED["environment"]))
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        for cache in caches:
            cache.cache_clear()
        made.grant("reader", "rita", "1")
        yield made
    for cache in caches:
        cache.cache_clear()


def put(world: World, book: str, **attributes: Any) -> None:
    item = {"ShelfId": {"S": "1"}, "BookId": {"S": book}, **attributes}
    world.table.put_item(TableName=TABLE, Item=item)


def asked(token: str, scope: str) -> dict[str, Any]:
    headers = {"Authorization": [f"Bearer {token}"], "X-Scope": [scope]}
    return {"type": "REQUEST", "methodArn": f"{STAGE}/GET/x", "multiValueHeaders": headers}


def actions(token: str, scope: str) -> set[str]:
    told = authorizer.authorize(asked(token, scope))["context"]["actions"]
    return set(filter(None, told.split(",")))


@pytest.mark.parametrize(
    ("cedar_schema", "texts"),
    [
        (PLANNED["schema"], [*(t["statement"] for t in GIVEN["templates"].values()), *PLANNED["policies"].values()]),
        (schema(), list(statements().values())),
    ],
)
def test_policies_and_templates_are_valid_in_strict_mode(cedar_schema: dict[str, Any], texts: list[str]) -> None:
    result = cedarpy.validate_policies("\n".join(texts), json.dumps(cedar_schema))
    assert [error.error for error in result.errors] == []
    assert result.validation_passed


def test_the_check_would_find_a_misspelt_action() -> None:
    text = 'forbid (principal, action == Library::Action::"ReadBooks", resource);'
    assert not cedarpy.validate_policies(text, json.dumps(PLANNED["schema"])).validation_passed


def test_roles_and_attributes_decide(library: World) -> None:
    put(library, "plain")
    put(library, "rare", Rare={"BOOL": True}, Circle={"S": "poets"})
    put(library, "rarest", Rare={"BOOL": True})
    put(library, "long", Pages={"N": "1001"}, Tags={"SS": ["a", "b"]}, Title={"S": "T"})
    rita = bearer("rita", "poets")
    assert [actions(rita, f"1/{book}") for book in ("plain", "rare", "rarest")] == [{"ReadBook"}, {"ReadBook"}, set()]
    assert actions(bearer("rita"), "1/rare") == set()
    assert actions(rita, "1") == {"ListBooks"}
    assert actions(rita, "2/plain") == set()
    lena = bearer("lena", "librarians")
    assert actions(lena, "1/long") == {"ReadBook"}, "the policy of the domain forbids to remove it"
    assert actions(lena, "1/plain") == {"ReadBook", "RemoveBook"}
    assert actions(lena, "1") == set(PLANNED["environment"]["CONTAINER_ACTIONS"])


def test_the_policy_has_the_domains_routes(library: World) -> None:
    policy = authorizer.authorize(asked(bearer("lena", "librarians"), "1/plain"))
    arns = [arn for statement in policy["policyDocument"]["Statement"] for arn in statement["Resource"]]
    paths = ("GET/shelf/1/book/plain/permissions", "GET/shelf/1/book/plain", "DELETE/shelf/1/book/plain")
    assert arns == [f"{STAGE}/{path}" for path in paths]
    policy = authorizer.authorize(asked(bearer("lena", "librarians"), "1"))
    arns = [arn for statement in policy["policyDocument"]["Statement"] for arn in statement["Resource"]]
    assert f"{STAGE}/PUT/shelf/1/reader/*" in arns


@pytest.mark.parametrize(
    "odd",
    [
        {"Pages": {"S": "1001"}},
        {"Pages": {"N": "1.5"}},
        {"Pages": {"N": "9223372036854775808"}},
        {"Rare": {"S": "true"}},
        {"Tags": {"NS": ["1"]}},
        {"Tags": {"L": [{"N": "1"}]}},
        {"Title": {"N": "1"}},
        {"Circle": {"L": []}},
    ],
)
def test_an_attribute_of_another_type_closes_the_item(library: World, context: Any, odd: dict[str, Any]) -> None:
    """Without it, a `forbid` that depends on it would not apply: not even a librarian is allowed anything."""
    put(library, "good")
    put(library, "odd", **odd)
    lena = bearer("lena", "librarians")
    assert actions(lena, "1/odd") == set()
    event = proxied("GET", f"{SHELF}/books", {"shelf-id": "1"}, bearer=lena)
    page = json.loads(list_orders.handler(event, context)["body"])
    assert ([book["BookId"] for book in page["books"]], page["unreadable"]) == (["good"], 1)


def test_a_forged_token_for_an_unreadable_item_is_refused(library: World) -> None:
    put(library, "odd", Pages={"S": "1"})
    with pytest.raises(Refused):
        actions(bearer("lena")[:-6] + "AAAAAA", "1/odd")


def test_a_list_is_paged_by_the_domains_keys(library: World, context: Any) -> None:
    for number in range(5):
        put(library, f"b{number}", **({"Rare": {"BOOL": True}} if number == 3 else {}))
    found: list[str] = []
    following: str | None = ""
    while following is not None:
        query = {"limit": "2", **({"next": following} if following else {})}
        event = proxied("GET", f"{SHELF}/books", {"shelf-id": "1"}, bearer=bearer("rita"), query=query)
        page = json.loads(list_orders.handler(event, context)["body"])
        found, following = found + [book["BookId"] for book in page["books"]], page["next"]
    assert found == ["b0", "b1", "b2", "b4"]


def test_grants_of_the_domains_role(library: World, context: Any) -> None:
    event = proxied("GET", f"{SHELF}/reader", {"shelf-id": "1"})
    policies_found = access.page(access.settings(), "reader", "1")[0]
    assert [p["resource"] for p in policies_found] == [{"entityType": "Library::Shelf", "entityId": "1"}]
    assert event["resource"] == f"{SHELF}/reader"
    assert access.settings().roles[routes.route_of(event)] == "reader"
    told = proxied("GET", f"{BOOK}/permissions", {}, authorizer={"actions": "ReadBook"})
    assert json.loads(list_access.handler(told, context)["body"]) == {"actions": ["ReadBook"]}


def test_no_attribute_is_no_read(library: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = {**PLANNED["environment"]["DOMAIN"], "attributes": {}}
    monkeypatch.setenv("DOMAIN", json.dumps(bare))
    authorizer.settings.cache_clear()
    calls: list[str] = []
    clients.client("dynamodb").meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    assert actions(bearer("rita"), "1/plain") == {"ReadBook"}
    assert calls == []


SCALARS = st.none() | st.booleans() | st.decimals(allow_nan=False) | st.text() | st.binary() | st.sets(st.text())


@given(st.dictionaries(st.sampled_from(["Circle", "Pages", "Rare", "Tags", "Title", "Other"]), SCALARS))
def test_any_item_is_usable_or_unreadable(item: dict[str, Any]) -> None:
    domain = Domain(**PLANNED["environment"]["DOMAIN"])
    try:
        values = domain.attribute_values(item, "pool")
    except Unreadable:
        return
    kinds = {"circle": dict, "pages": int, "rare": bool, "tags": list, "title": str}
    assert all(type(next(iter(value.values()))) is kinds[name] for name, value in values.items())


def test_the_largest_number_fits() -> None:
    domain = Domain(**PLANNED["environment"]["DOMAIN"])
    assert domain.attribute_values({"Pages": Decimal(2**63 - 1)}, "pool") == {"pages": {"long": 2**63 - 1}}
