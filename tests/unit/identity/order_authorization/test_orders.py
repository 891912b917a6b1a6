"""The functions behind the authorizer: list, read and change orders, grant, list grants."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from common import clients
from identity.order_authorization import access, grant_access, list_access, list_orders, orders
from identity.order_authorization import routes as routes_module

from .conftest import Calls, decider
from .world import POOL, TABLE, World, proxied, routes, token


def next_of(value: Any) -> str:
    """Return a `next` token with a value of the caller's choice."""
    return base64.urlsafe_b64encode(json.dumps({"Id": value}).encode()).decode()


STORE, ORDER = "/store/{store-id}", "/store/{store-id}/order/{order-id}"


def body(answer: dict[str, Any], status: int = 200) -> Any:
    assert answer["statusCode"] == status, answer
    return json.loads(answer["body"])


def listed(context: Any, user: str, store: str = "1", **query: str) -> dict[str, Any]:
    event = proxied("GET", f"{STORE}/orders", {"store-id": store}, bearer=token(user), query=query)
    page: dict[str, Any] = body(list_orders.handler(event, context))
    return page


def test_a_list_holds_what_one_may_get(world: World, context: Any) -> None:
    page = listed(context, "julian")
    assert [order["OrderId"] for order in page["orders"]] == [f"{n:03d}" for n in range(1, 20, 2) if n % 7 != 6]
    assert {order["Department"] for order in page["orders"]} == {"soft-toy"}
    assert page["orders"][0]["Total"] == 19.9
    assert len(listed(context, "morgan")["orders"]) == 20
    assert listed(context, "julian", "2")["orders"] == []
    assert listed(context, "ada", "9") == {"orders": [], "next": None}


@pytest.mark.parametrize(("count", "decision_calls"), [(20, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3)])
def test_thirty_orders_a_decision_call(
    world: World, context: Any, calls: Calls, count: int, decision_calls: int
) -> None:
    world.stock("5", count)
    world.grant("store_manager", "morgan", "5")
    page = listed(context, "morgan", "5")
    assert (len(page["orders"]), page["next"]) == (count, None)
    assert calls.count("BatchIsAuthorizedWithToken") == decision_calls
    assert [order["OrderId"] for order in page["orders"]] == sorted(order["OrderId"] for order in page["orders"])


def test_a_long_list_is_paged(world: World, context: Any) -> None:
    world.stock("5", 95)
    world.grant("pack_associate", "julian", "5")
    found, following, pages = [], "", 0
    while following is not None:
        page = listed(context, "julian", "5", limit="40", **({"next": following} if following else {}))
        found += [order["OrderId"] for order in page["orders"]]
        following, pages = page["next"], pages + 1
    assert found == [f"{n:03d}" for n in range(1, 95, 2) if n % 7 != 6]
    assert pages == 3


BAD_LIMITS = ["0", "91", "x", "\u0663", "9" * 4301, "090"]
BAD_TOKENS = ["!", "\u0661", "e30=", "W10=", "bnVsbA==", "MQ==", "eyJPcmRlcklkIjogMX0="]
BAD_IDS: list[Any] = ["\ud800", "x" * 1025, "", [], {}, None, 1]


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": limit} for limit in BAD_LIMITS),
        *({"next": token} for token in BAD_TOKENS),
        *({"next": next_of(value)} for value in BAD_IDS),
    ],
)
def test_bad_paging_is_reported(world: World, context: Any, query: dict[str, str]) -> None:
    event = proxied("GET", f"{STORE}/orders", {"store-id": "1"}, bearer=token("ada"), query=query)
    body(list_orders.handler(event, context), 400)


def test_a_list_decides_for_the_token_not_for_the_authorizer(world: World, context: Any) -> None:
    event = proxied("GET", f"{STORE}/orders", {"store-id": "1"}, bearer=token("julian", exp=1))
    body(list_orders.handler(event, context), 401)
    event["headers"] = {}
    body(list_orders.handler(event, context), 401)


def test_no_decision_is_no_list(world: World, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "InternalServerException", "Message": ""}}, "x")

    monkeypatch.setattr(decider(), "batch_is_authorized_with_token", fail)
    with pytest.raises(ClientError):
        listed(context, "ada")


def do(context: Any, method: str, last: str = "", order: str = "001", **options: Any) -> dict[str, Any]:
    parameters = {"store-id": "1", "order-id": order}
    return orders.handler(proxied(method, ORDER + last, parameters, **options), context)


def test_reading_an_order(world: World, context: Any) -> None:
    assert body(do(context, "GET"))["Status"] == "PACKING"
    assert set(body(do(context, "GET", "/label"))) == {"OrderId", "StoreId", "Recipient", "Warehouse"}
    assert body(do(context, "GET", "/receipt"))["Total"] == 19.9
    assert set(body(do(context, "GET", "/box_size"))) == {"OrderId", "BoxSize"}
    body(do(context, "GET", order="999"), 404)


def test_changing_an_order(world: World, context: Any) -> None:
    route = {"warehouse": "south"}
    assert body(do(context, "POST", "/re_route", body=route))["Warehouse"] == "south"
    assert body(do(context, "PUT", "/status/shipped"))["Status"] == "SHIPPED"
    assert body(do(context, "PUT", "/status/shipped"))["Status"] == "SHIPPED"
    assert body(do(context, "DELETE"), 409) == {"message": "The order is shipped"}
    body(do(context, "POST", "/re_route", body=route), 409)
    assert body(do(context, "DELETE", order="002"))["Status"] == "CANCELLED"
    assert body(do(context, "DELETE", order="002"))["Status"] == "CANCELLED"
    body(do(context, "PUT", "/status/shipped", order="002"), 409)
    body(do(context, "DELETE", order="999"), 404)
    key = {"StoreId": {"S": "1"}, "OrderId": {"S": "999"}}
    assert "Item" not in world.table.get_item(TableName=TABLE, Key=key)


@pytest.mark.parametrize("given", [None, [], "x", {}, {"warehouse": ""}, {"warehouse": 1}, {"warehouse": "a b"}])
def test_a_warehouse_is_checked_again(world: World, context: Any, given: Any) -> None:
    body(do(context, "POST", "/re_route", body=given), 400)


def test_permissions_are_the_authorizers_and_cost_no_call(world: World, context: Any, calls: Calls) -> None:
    for resource in (f"{ORDER}/permissions", f"{STORE}/permissions"):
        event = proxied("GET", resource, {}, authorizer={"actions": "GetOrder,SetOrderShipped"})
        assert body(list_access.handler(event, context)) == {"actions": ["GetOrder", "SetOrderShipped"]}
        assert body(list_access.handler(proxied("GET", resource, {}), context)) == {"actions": []}
    assert calls == []


@pytest.mark.parametrize("added", [{"expires": str(int(time.time()) - 1)}, {"expires": ""}, None])
def test_a_cached_policy_does_not_outlive_its_token(world: World, context: Any, calls: Calls, added: Any) -> None:
    event = proxied("GET", ORDER, {"store-id": "1", "order-id": "001"}, authorizer=added)
    if added is None:  # called without an authorizer
        event["requestContext"] = {}
    body(orders.handler(event, context), 401)
    assert calls == []


def test_every_route_of_an_order_has_an_answer(world: World, context: Any) -> None:
    for route in routes()["order_actions"].values():
        method, _, resource = route.partition(" ")
        given = {"warehouse": "w"} if "re_route" in resource else None
        event = proxied(method, resource, {"store-id": "1", "order-id": "003"}, body=given)
        assert orders.handler(event, context)["statusCode"] in (200, 409), route


# An odd order among others


def put(world: World, order: str, **attributes: Any) -> None:
    world.table.put_item(TableName=TABLE, Item={"StoreId": {"S": "1"}, "OrderId": {"S": order}, **attributes})


ODD = {"Tags": {"SS": ["b", "a"]}, "Weights": {"NS": ["2", "1.5"]}, "Seal": {"B": b"\x00\xff"}, "Marks": {"BS": [b"x"]},
       "Deep": {"M": {"list": {"L": [{"SS": ["z"]}, {"NULL": True}]}}}}  # fmt: skip


def test_an_order_with_every_type_of_attribute(world: World, context: Any) -> None:
    put(world, "odd", **ODD)
    shown = {
        "Tags": ["a", "b"],
        "Weights": [1.5, 2],
        "Seal": "AP8=",
        "Marks": ["eA=="],
        "Deep": {"list": [["z"], None]},
    }
    listed_one = next(order for order in listed(context, "morgan")["orders"] if order["OrderId"] == "odd")
    read = body(do(context, "GET", order="odd"))
    changed = body(do(context, "PUT", "/status/shipped", order="odd"))
    for answer in (listed_one, read, changed):
        assert {name: answer[name] for name in shown} == shown


@pytest.mark.parametrize(
    ("order", "department"),
    [
        ("odd", {"SS": ["soft-toy"]}),
        ("odd", {"N": "1"}),
        ("odd", {"BOOL": True}),
        ("odd", {"S": "x" * 129}),
        ("o d/d", {"S": "soft-toy"}),
        ("x" * 65, {"S": "soft-toy"}),
        ("x" * 300, {"S": "soft-toy"}),
    ],
)
def test_an_order_that_policies_cannot_use_is_counted_and_the_rest_listed(
    world: World, context: Any, order: str, department: dict[str, Any]
) -> None:
    put(world, order, Department=department)
    page = listed(context, "morgan")
    assert (len(page["orders"]), page["unreadable"]) == (20, 1)
    assert "unreadable" not in listed(context, "morgan", limit="5")


@pytest.mark.parametrize("department", [{"NULL": True}, {"S": ""}])
def test_an_absent_department_is_none(world: World, context: Any, department: dict[str, Any]) -> None:
    put(world, "odd", Department=department)
    assert len(listed(context, "morgan")["orders"]) == 21
    assert "odd" not in {order["OrderId"] for order in listed(context, "julian")["orders"]}


def test_a_quota_that_is_reached_is_429(world: World, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "x")

    monkeypatch.setattr(decider(), "batch_is_authorized_with_token", fail)
    event = proxied("GET", f"{STORE}/orders", {"store-id": "1"}, bearer=token("ada"))
    body(list_orders.handler(event, context), 429)


def test_pages_of_the_origin_may_read_every_answer(world: World, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "Access-Control-Allow-Origin"
    assert name not in do(context, "GET")["headers"]
    monkeypatch.setenv("CORS_ORIGIN", "https://shop.example.com")
    routes_module.web.cache_clear()
    answers = [do(context, "GET"), do(context, "GET", order="999"), do(context, "POST", "/re_route", body=[])]
    answers.append(list_orders.handler(proxied("GET", f"{STORE}/orders", {"store-id": "1"}, bearer="x"), context))
    assert [a["statusCode"] for a in answers] == [200, 404, 400, 401]
    assert {a["headers"][name] for a in answers} == {"https://shop.example.com"}


# Grants


@pytest.fixture
def staff(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Create a real (moto) pool and let the functions use it. Return the users' ids by name."""
    cognito = boto3.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="staff")["UserPool"]["Id"]
    monkeypatch.setenv("USER_POOL_ID", pool)
    access.settings.cache_clear()
    subs = {"pool": pool}
    for name in ("julian", "petra", "morgan"):
        made = cognito.admin_create_user(UserPoolId=pool, Username=name)["User"]
        subs[name] = next(a["Value"] for a in made["Attributes"] if a["Name"] == "sub")
    return subs


def employee(context: Any, method: str, role: str, name: str, store: str = "1") -> dict[str, Any]:
    event = proxied(method, f"{STORE}/{role}/{{employee-id}}", {"store-id": store, "employee-id": name})
    return grant_access.handler(event, context)


def employees(context: Any, role: str, **query: str) -> dict[str, Any]:
    event = proxied("GET", f"{STORE}/{role}", {"store-id": "1"}, query=query)
    page: dict[str, Any] = body(list_access.handler(event, context))
    return page


def test_granting_twice_is_granting_once(world: World, staff: dict[str, str], context: Any, calls: Calls) -> None:
    first = body(employee(context, "PUT", "pack_associate", "julian"))
    assert first["policy-id"]
    assert body(employee(context, "PUT", "pack_associate", "julian")) == first
    assert calls.count("CreatePolicy") == 1
    other = body(employee(context, "PUT", "store_manager", "julian"))
    assert other != first
    made = world.avp.get_policy(policyStoreId=world.store_id, policyId=first["policy-id"])
    assert made["definition"]["templateLinked"] == {
        "policyTemplateId": world.templates["pack_associate"],
        "principal": {"entityType": "Orders::User", "entityId": f"{staff['pool']}|{staff['julian']}"},
        "resource": {"entityType": "Orders::Store", "entityId": "1"},
    }
    body(employee(context, "PUT", "pack_associate", "ghost"), 404)


def test_withdrawing(world: World, staff: dict[str, str], context: Any) -> None:
    config = access.settings()
    user = config.store.user(staff["julian"])
    for _ in range(2):  # the result of two first grants at the same instant
        linked = {
            "policyTemplateId": world.templates["pack_associate"],
            "principal": user,
            "resource": config.store.container("1"),
        }
        world.avp.create_policy(policyStoreId=world.store_id, definition={"templateLinked": linked})
    employee(context, "PUT", "store_manager", "julian")
    assert employees(context, "pack_associate")["employees"] == ["julian"]
    assert body(employee(context, "DELETE", "pack_associate", "julian")) == {"removed": 2}
    assert body(employee(context, "DELETE", "pack_associate", "julian")) == {"removed": 0}
    assert employees(context, "store_manager")["employees"] == ["julian"]
    again = body(employee(context, "PUT", "pack_associate", "julian"))
    assert world.avp.get_policy(policyStoreId=world.store_id, policyId=again["policy-id"])


def test_listing_pages_through_all_grants(world: World, staff: dict[str, str], context: Any) -> None:
    for name in ("julian", "petra", "morgan"):
        employee(context, "PUT", "pack_associate", name)
    boto3.client("cognito-idp").admin_delete_user(UserPoolId=staff["pool"], Username="petra")
    found: list[str] = []
    following: str | None = ""
    pages = 0
    while following is not None:
        page = employees(context, "pack_associate", limit="2", **({"next": following} if following else {}))
        found, following, pages = found + page["employees"], page["next"], pages + 1
    assert sorted(found) == ["julian", "morgan"]  # neither petra nor users of the other pool
    assert employees(context, "pack_associate")["former"] == [staff["petra"]]
    assert pages == 3  # five grants on the store, two a page
    event = proxied("GET", f"{STORE}/store_manager", {"store-id": "1"}, query={"next": "eyJQYWdlIjogIngifQ=="})
    body(list_access.handler(event, context), 400)


def test_existing_grants_are_found_behind_the_first_page(world: World, staff: dict[str, str], context: Any) -> None:
    """The source reads one page only, and grants again."""
    first = body(employee(context, "PUT", "pack_associate", "julian"))
    pages: list[dict[str, Any]] = []
    api = clients.client("verifiedpermissions")
    real = api.list_policies

    def one_empty_page_first(**request: Any) -> Any:
        pages.append(request)
        if "nextToken" not in request:
            return {"policies": [], "nextToken": "more"}
        request.pop("nextToken")
        return real(**request)

    api.list_policies = one_empty_page_first
    try:
        assert body(employee(context, "PUT", "pack_associate", "julian")) == first
    finally:
        api.list_policies = real
    assert len(pages) == 2
    assert POOL  # the fixture's pool is not the pool of the grants


def test_a_user_name_is_decoded(world: World, staff: dict[str, str], context: Any, calls: Calls) -> None:
    """API Gateway passes path parameters of a REST API as they were sent."""
    boto3.client("cognito-idp").admin_create_user(UserPoolId=staff["pool"], Username="ann@example.com")
    made = body(employee(context, "PUT", "pack_associate", "ann%40example.com"))
    assert employees(context, "pack_associate")["employees"] == ["ann@example.com"]
    assert body(employee(context, "PUT", "pack_associate", "ann@example.com")) == made


def test_the_grant_of_a_user_who_is_gone_is_withdrawn_by_sub(world: World, staff: dict[str, str], context: Any) -> None:
    body(employee(context, "PUT", "pack_associate", "petra"))
    boto3.client("cognito-idp").admin_delete_user(UserPoolId=staff["pool"], Username="petra")
    assert employees(context, "pack_associate")["former"] == [staff["petra"]]
    body(employee(context, "PUT", "pack_associate", staff["petra"]), 404)
    assert body(employee(context, "DELETE", "pack_associate", staff["petra"])) == {"removed": 1}
    assert employees(context, "pack_associate")["former"] == []
