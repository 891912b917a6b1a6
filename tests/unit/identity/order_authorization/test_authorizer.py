"""One call decides all related actions; the policy depends on the cache key alone; forged tokens are refused."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from common.observability import logger
from identity.order_authorization import authorizer
from identity.order_authorization.tokens import Refused, examine

from .conftest import Calls, decider
from .world import CLIENT, DEPARTMENTS, ISSUER, POOL, STAGE, USERS, World, asked, claims_of, jwks, routes, signed, token

READS = {"GetOrder", "GetOrderBoxSize", "GetOrderLabel", "GetOrderReceipt"}


def resources(policy: dict[str, Any], effect: str) -> set[str]:
    statements = policy["policyDocument"]["Statement"]
    return {arn.removeprefix(STAGE) for s in statements if s["Effect"] == effect for arn in s["Resource"]}


def may(policy: dict[str, Any], arn: str) -> bool:
    """Return the result that API Gateway derives from a policy: a deny wins, and no statement denies."""

    def names(effect: str) -> bool:
        patterns = [r for s in policy["policyDocument"]["Statement"] if s["Effect"] == effect for r in s["Resource"]]
        return any(re.fullmatch(re.escape(p).replace(r"\*", ".*").replace(r"\?", "."), arn) for p in patterns)

    return names("Allow") and not names("Deny")


def actions(world: World, user: str, scope: str) -> set[str]:
    told = authorizer.authorize(asked(token(user), scope))["context"]["actions"]
    return set(filter(None, told.split(",")))


def test_the_personas_of_the_source(world: World) -> None:
    assert actions(world, "julian", "1/001") == READS | {"SetOrderShipped"}  # soft toy, his
    assert actions(world, "julian", "1/000") == set()  # board game
    assert actions(world, "julian", "2/001") == set()  # another store
    assert actions(world, "julian", "1/006") == set()  # no department
    assert actions(world, "julian", "1") == {"ListOrders"}
    assert actions(world, "morgan", "1/000") == set(routes()["order_actions"])
    assert actions(world, "morgan", "1") == set(routes()["store_actions"])
    assert actions(world, "morgan", "2") == set()
    assert actions(world, "ada", "2/001") == set(routes()["order_actions"])
    assert actions(world, "nobody", "1/001") == set()


def test_one_decision_call_for_all_related_actions(world: World, calls: Calls, context: Any) -> None:
    policy = authorizer.handler(asked(token("julian"), "1/001"), context)
    assert calls == ["GetItem", "BatchIsAuthorizedWithToken"]
    assert policy["principalId"] == "sub-julian"
    assert resources(policy, "Allow") == {
        "/GET/store/1/order/001",
        "/GET/store/1/order/001/label",
        "/GET/store/1/order/001/receipt",
        "/GET/store/1/order/001/box_size",
        "/PUT/store/1/order/001/status/shipped",
        "/GET/store/1/order/001/permissions",
    }
    assert resources(policy, "Deny") == {"/DELETE/store/1/order/001", "/POST/store/1/order/001/re_route"}
    calls.clear()
    policy = authorizer.handler(asked(token("morgan"), "1"), context)
    assert calls == ["BatchIsAuthorizedWithToken"]
    assert "/PUT/store/1/pack_associate/*" in resources(policy, "Allow")


def test_batch_decides_as_single_calls_do(world: World) -> None:
    """Every user, order and action of a store, and every action on the store itself."""
    differing, asked_for = [], 0
    for user in USERS:
        bearer = token(user)
        for number in range(20):
            order = f"{number:03d}"
            entity: dict[str, Any] = {
                "identifier": {"entityType": "Orders::Order", "entityId": f"1/{order}"},
                "parents": [{"entityType": "Orders::Store", "entityId": "1"}],
            }
            if number % 7 != 6:
                group = {"entityType": "Orders::Group", "entityId": f"{POOL}|{DEPARTMENTS[number % 2]}"}
                entity["attributes"] = {"department": {"entityIdentifier": group}}
            single = {a for a in routes()["order_actions"] if naive(world, bearer, a, entity["identifier"], [entity])}
            asked_for += len(routes()["order_actions"])
            if single != actions(world, user, f"1/{order}"):
                differing.append((user, order))
        store = {"entityType": "Orders::Store", "entityId": "1"}
        single = {a for a in routes()["store_actions"] if naive(world, bearer, a, store, [])}
        asked_for += len(routes()["store_actions"])
        if single != actions(world, user, "1"):
            differing.append((user, "store"))
    assert differing == []
    assert asked_for == 5 * (20 * 7 + 7)


def naive(world: World, bearer: str, action: str, resource: dict[str, str], entities: list[dict[str, Any]]) -> bool:
    answer = world.avp.is_authorized_with_token(
        policyStoreId=world.store_id,
        accessToken=bearer,
        action={"actionType": "Orders::Action", "actionId": action},
        resource=resource,
        entities={"entityList": entities},
    )
    return bool(answer["decision"] == "ALLOW")


def test_the_policy_is_a_function_of_the_cache_key(world: World) -> None:
    """The cached policy is the same for every path that fills the cache, and allows nothing outside its scope."""
    bearer = token("morgan")
    paths = ["/GET/store/1/order/000", "/GET/store/1/order/001", "/DELETE/store/2/order/001", "/GET/x"]
    policies = [authorizer.authorize(asked(bearer, "1/001", path)) for path in paths]
    assert all(policy == policies[0] for policy in policies)
    assert may(policies[0], f"{STAGE}/GET/store/1/order/001/label")
    for path in ("/GET/store/1/order/002", "/GET/store/1/order/0011", "/GET/store/11/order/001", "/GET/store/1/orders"):
        assert not may(policies[0], STAGE + path)


@pytest.mark.parametrize("scope", ["", "*", "1/*", "1/00?", "1/001/x", "../1", "1/", "/", "1/001\n", "$1", "1 /1", "é"])
def test_a_scope_that_is_none_is_refused(world: World, calls: Calls, scope: str) -> None:
    with pytest.raises(Refused):
        authorizer.authorize(asked(token("ada"), scope))
    assert calls == []


@pytest.mark.parametrize("name", ["Authorization", "X-Order-Scope"])
def test_one_header_of_each(world: World, calls: Calls, name: str) -> None:
    """Of several values, API Gateway may use another for the cache key than the authorizer for its decision."""
    event = asked(token("ada"), "1/001")
    event["multiValueHeaders"][name] *= 2
    with pytest.raises(Refused):
        authorizer.authorize(event)
    event["multiValueHeaders"] = {"authorization": event["multiValueHeaders"]["Authorization"][:1]}
    with pytest.raises(Refused):
        authorizer.authorize(event)
    assert calls == []


MINE = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encoded(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    return f"{encoded(header)}.{encoded(claims_of('morgan'))}.{signature}"


# name: (token, whether it is refused before Verified Permissions is called)
HOSTILE: dict[str, tuple[str, bool]] = {
    "alg none": (unsigned({"alg": "none", "kid": "pool-key"}), True),
    "alg none with a signature": (unsigned({"alg": "none", "kid": "pool-key"}, "c2ln"), True),
    "alg HS256": (unsigned({"alg": "HS256", "kid": "pool-key"}, "c2ln"), True),
    "alg rs256": (signed(claims_of("morgan"), {"alg": "rs256"}), True),
    "no alg": (unsigned({"kid": "pool-key"}, "c2ln"), True),
    "no kid": (signed(claims_of("morgan"), {"kid": None}), True),
    "kid that is a path": (signed(claims_of("morgan"), {"kid": "../../dev/null"}), True),
    "kid that is an object": (signed(claims_of("morgan"), {"kid": {"x": 1}}), True),
    "oversized": (token("morgan", padding="x" * 9000), True),
    "wrong client": (token("morgan", client_id="newsletter"), True),
    "no client": (token("morgan", client_id=None), True),
    "id token": (token("morgan", token_use="id", aud=CLIENT), True),
    "expired": (token("morgan", exp=int(time.time()) - 1), True),
    "expiry as text": (token("morgan", exp="9999999999"), True),
    "expiry true": (token("morgan", exp=True), True),
    "other pool": (token("morgan", iss=ISSUER + "2"), True),
    "other host": (token("morgan", iss=f"https://evil.example/{POOL}"), True),
    "claims are a list": (f"{encoded({'alg': 'RS256', 'kid': 'k'})}.{encoded([1])}.c2ln", True),
    "deeply nested": (f"{encoded({'alg': 'RS256', 'kid': 'k'})}.{'W1tb' * 1500}.c2ln", True),
    "two parts": ("a.b", True),
    "four parts": (token("morgan") + ".x", True),
    "empty": ("", True),
    "wrong key": (signed(claims_of("morgan"), by=MINE), False),
    "tampered kid": (signed(claims_of("morgan"), {"kid": "other-key"}), False),
    "signature cut": (token("morgan").rpartition(".")[0] + ".AAAA", False),
    "key in the header": (signed(claims_of("morgan"), {"jwk": jwks()["keys"][0], "kid": "mine"}, MINE), False),
}


@pytest.mark.parametrize(("name", "expected"), [(name, early) for name, (_, early) in HOSTILE.items()])
def test_hostile_tokens(world: World, calls: Calls, context: Any, name: str, expected: bool) -> None:
    with pytest.raises(Refused, match=r"^Unauthorized$"):  # the message for which API Gateway returns 401
        authorizer.handler(asked(HOSTILE[name][0], "1/001"), context)
    assert ("BatchIsAuthorizedWithToken" not in calls) is expected


def test_hostile_tokens_are_refused_by_the_engine_too(world: World) -> None:
    """Security does not depend on the early checks: Verified Permissions refuses all of these tokens too."""
    let_in = []
    for name, (text, _) in HOSTILE.items():
        with contextlib.suppress(ClientError, ParamValidationError):
            if naive(world, text, "ListOrders", {"entityType": "Orders::Store", "entityId": "1"}, []):
                let_in.append(name)
    # The length is a limit of the authorizer alone: a token of 9 KB does not fit into API Gateway's headers.
    assert let_in == ["oversized"]
    assert len(HOSTILE) == 26


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException", "AccessDeniedException"])
def test_no_decision_is_no_access(world: World, context: Any, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "BatchIsAuthorizedWithToken")

    monkeypatch.setattr(decider(), "batch_is_authorized_with_token", fail)
    with pytest.raises(ClientError):  # API Gateway returns 500 and caches nothing
        authorizer.handler(asked(token("ada"), "1/001"), context)


def test_answers_to_other_questions_are_not_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    api = decider()
    real = api.batch_is_authorized_with_token

    def shuffled(**request: Any) -> Any:
        answer = real(**request)
        return {**answer, "results": answer["results"][::-1]}

    monkeypatch.setattr(api, "batch_is_authorized_with_token", shuffled)
    with pytest.raises(RuntimeError):
        authorizer.authorize(asked(token("julian"), "1/001"))


def test_logs_hold_no_token(
    world: World, context: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    for handler in logger()._logger.handlers:
        monkeypatch.setattr(handler, "stream", written)  # not setStream: the one of an earlier test may be closed
    good = token("julian")
    authorizer.handler(asked(good, "1/001"), context)
    with pytest.raises(Refused):
        authorizer.handler(asked(HOSTILE["wrong key"][0], "1/001"), context)
    out = capsys.readouterr().out + written.getvalue()
    assert '"reason":"verification"' in out
    assert "TokensRefused" in out
    for part in (*good.split("."), *HOSTILE["wrong key"][0].split("."), "sub-julian"):
        assert part not in out


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        examine(text, ISSUER, [CLIENT], time.time())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.dictionaries(st.text(), s)))
def test_any_claims_are_refused(claims: Any) -> None:
    text = f"{encoded({'alg': 'RS256', 'kid': 'k'})}.{encoded(claims)}.c2ln"
    with pytest.raises(Refused):
        examine(text, ISSUER, [CLIENT], time.time())
