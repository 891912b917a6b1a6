"""Verified Permissions of the local cloud: STRICT validation, templates, limits, tokens, errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all
from tests.unit.identity.order_authorization.world import (
    CLIENT,
    POOL,
    REGION,
    World,
    claims_of,
    jwks,
    key,
    schema,
    signed,
    statements,
    token,
)

STORE = {"entityType": "Orders::Store", "entityId": "1"}
LIST = {"actionType": "Orders::Action", "actionId": "ListOrders"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    install_all()
    with mock_aws():
        yield World()


def error(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_statements_are_validated_against_the_schema(world: World) -> None:
    def refused(statement: str) -> str:
        definition = {"static": {"statement": statement}}
        code, message = error(world.avp.create_policy, policyStoreId=world.store_id, definition=definition)
        assert code == "ValidationException"
        return message

    assert "nope" in refused("permit (principal, action, resource) when { resource.nope };")
    assert "Ordres" in refused('permit (principal, action == Ordres::Action::"GetOrder", resource);')
    assert "exactly one" in refused("permit (principal, action, resource); permit (principal, action, resource);")
    assert "slots" in refused("permit (principal == ?principal, action, resource);")
    refused("permit principal")
    # The source's template: an attribute that its schema does not declare.
    refused('permit (principal, action, resource) when { principal["custom:department"] == resource.department };')
    template = {"policyStoreId": world.store_id, "statement": "permit (principal, action, resource);"}
    assert error(world.avp.create_policy_template, **template)[0] == "ValidationException"


def test_without_validation_anything_that_parses_is_taken(world: World) -> None:
    store = world.avp.create_policy_store(validationSettings={"mode": "OFF"})["policyStoreId"]
    statement = {"static": {"statement": "permit (principal, action, resource) when { resource.nope };"}}
    assert world.avp.create_policy(policyStoreId=store, definition=statement)["effect"] == "Permit"


def test_a_schema_has_one_namespace_and_known_types(world: World) -> None:
    two = json.dumps({**schema(), "Other": {"entityTypes": {}, "actions": {}}})
    for text in (two, "{", json.dumps({"N": {"entityTypes": {"U": {"memberOfTypes": ["None"]}}, "actions": {}}})):
        refused = error(world.avp.put_schema, policyStoreId=world.store_id, definition={"cedarJson": text})
        assert refused[0] == "ValidationException"
    assert json.loads(world.avp.get_schema(policyStoreId=world.store_id)["schema"]) == schema()


def ask(world: World, bearer: str, number: int = 1, **changed: Any) -> Any:
    request = {"action": LIST, "resource": STORE}
    return world.avp.batch_is_authorized_with_token(
        **{"policyStoreId": world.store_id, "accessToken": bearer, "requests": [request] * number, **changed}
    )


def test_a_template_decides_for_whom_it_is_linked(world: World) -> None:
    def decision(user: str) -> Any:
        return ask(world, token(user))["results"][0]

    assert decision("julian")["decision"] == "DENY"
    policy = world.grant("pack_associate", "julian", "1")
    assert decision("julian") == {
        "request": {"action": LIST, "resource": STORE},
        "decision": "ALLOW",
        "determiningPolicies": [{"policyId": policy}],
        "errors": [],
    }
    assert decision("petra")["decision"] == "DENY"
    world.avp.update_policy_template(
        policyStoreId=world.store_id,
        policyTemplateId=world.templates["pack_associate"],
        statement=statements()["pack_associate"].replace('Orders::Action::"ListOrders", ', ""),
    )
    assert decision("julian")["decision"] == "DENY"
    world.avp.delete_policy_template(policyStoreId=world.store_id, policyTemplateId=world.templates["pack_associate"])
    assert error(world.avp.get_policy, policyStoreId=world.store_id, policyId=policy)[0] == "ResourceNotFoundException"


def test_a_forbid_wins(world: World) -> None:
    assert ask(world, token("ada"))["results"][0]["decision"] == "ALLOW"
    forbid = 'forbid (principal, action, resource == Orders::Store::"1");'
    world.avp.create_policy(policyStoreId=world.store_id, definition={"static": {"statement": forbid}})
    assert ask(world, token("ada"))["results"][0]["decision"] == "DENY"


def test_thirty_decisions_in_a_batch(world: World) -> None:
    assert len(ask(world, token("ada"), 30)["results"]) == 30
    with pytest.raises(ClientError, match="30"):
        ask(world, token("ada"), 31)


def test_a_batch_has_one_principal_or_one_resource(world: World) -> None:
    def requests(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
        return [
            {
                "principal": {"entityType": "Orders::User", "entityId": user},
                "action": LIST,
                "resource": {**STORE, "entityId": store},
            }
            for user, store in pairs
        ]

    call = world.avp.batch_is_authorized
    assert len(call(policyStoreId=world.store_id, requests=requests(("a", "1"), ("a", "2")))["results"]) == 2
    assert len(call(policyStoreId=world.store_id, requests=requests(("a", "1"), ("b", "1")))["results"]) == 2
    mixed = error(call, policyStoreId=world.store_id, requests=requests(("a", "1"), ("b", "2")))
    assert mixed[0] == "ValidationException"


def test_requests_must_fit_the_schema(world: World) -> None:
    get = {"actionType": "Orders::Action", "actionId": "GetOrder"}
    with pytest.raises(ClientError, match="GetOrder"):
        ask(world, token("ada"), requests=[{"action": get, "resource": STORE}])
    wrong = {"identifier": {"entityType": "Orders::Order", "entityId": "1"}, "attributes": {"colour": {"string": "x"}}}
    with pytest.raises(ClientError, match="schema"):
        ask(world, token("ada"), entities={"entityList": [wrong]})
    user = {"identifier": {"entityType": "Orders::User", "entityId": f"{POOL}|sub-ada"}}
    with pytest.raises(ClientError, match="principals"):
        ask(world, token("ada"), entities={"entityList": [user]})


def test_keys_are_kept_and_fetched_again_for_a_new_key_id(world: World) -> None:
    from local.services.verifiedpermissions.models import verifiedpermissions_backends
    from tests.unit.identity.order_authorization.world import ACCOUNT

    fetched = []

    def fetch(issuer: str) -> dict[str, Any]:
        fetched.append(issuer)
        rolled = [{**jwks()["keys"][0], "kid": "next-key"}] if len(fetched) > 1 else []
        return {"keys": [*jwks()["keys"], *rolled]}

    verifier = verifiedpermissions_backends[ACCOUNT][REGION].verifier
    verifier._keys.clear()
    verifier.fetch = fetch
    for _ in range(3):
        ask(world, token("ada"))
    assert len(fetched) == 1
    ask(world, signed(claims_of("ada"), {"kid": "next-key"}, key()))
    assert len(fetched) == 2


def test_an_identity_token_goes_into_its_own_parameter(world: World) -> None:
    identity = token("ada", token_use="id", aud=CLIENT, client_id=None)
    asked = {"policyStoreId": world.store_id, "requests": [{"action": LIST, "resource": STORE}]}
    answer = world.avp.batch_is_authorized_with_token(**asked, identityToken=identity)
    assert answer["results"][0]["decision"] == "ALLOW"
    assert answer["principal"] == {"entityType": "Orders::User", "entityId": f"{POOL}|sub-ada"}
    assert "token_use" in error(world.avp.batch_is_authorized_with_token, **asked, accessToken=identity)[1]
    expired = token("ada", exp=int(time.time()) - 1)
    assert "expired" in error(world.avp.batch_is_authorized_with_token, **asked, accessToken=expired)[1]


def test_a_creation_with_the_same_client_token_happens_once(world: World) -> None:
    request = {
        "policyStoreId": world.store_id,
        "clientToken": "once",
        "definition": {"static": {"statement": "permit (principal, action, resource);"}},
    }
    first = world.avp.create_policy(**request)["policyId"]
    assert world.avp.create_policy(**request)["policyId"] == first
    other = {**request, "definition": {"static": {"statement": "forbid (principal, action, resource);"}}}
    assert error(world.avp.create_policy, **other)[0] == "ConflictException"


def test_policies_are_filtered_and_paged(world: World) -> None:
    ids = {world.grant("pack_associate", user, "1") for user in ("a", "b", "c")}
    world.grant("pack_associate", "a", "2")
    world.grant("store_manager", "a", "1")
    wanted = {
        "policyTemplateId": world.templates["pack_associate"],
        "policyType": "TEMPLATE_LINKED",
        "resource": {"identifier": STORE},
    }
    found: list[Any] = []
    options: dict[str, Any] = {}
    while True:
        page = world.avp.list_policies(policyStoreId=world.store_id, filter=wanted, maxResults=2, **options)
        found += page["policies"]
        if "nextToken" not in page:
            break
        options = {"nextToken": page["nextToken"]}
    assert {policy["policyId"] for policy in found} == ids
    wanted["principal"] = {"identifier": {"entityType": "Orders::User", "entityId": f"{POOL}|sub-a"}}
    assert len(world.avp.list_policies(policyStoreId=world.store_id, filter=wanted)["policies"]) == 1


def test_what_is_not_there(world: World) -> None:
    code, _ = error(world.avp.get_policy_store, policyStoreId="PSnone")
    assert code == "ResourceNotFoundException"
    world.avp.delete_policy(policyStoreId=world.store_id, policyId="SPnone")  # no error, as in the service
    with pytest.raises(ClientError, match="not implement"):
        world.avp.create_policy_store_alias(aliasName="policy-store-alias/x", policyStoreId=world.store_id)


def test_a_protected_store_is_not_deleted(world: World) -> None:
    made = world.avp.create_policy_store(validationSettings={"mode": "STRICT"}, deletionProtection="ENABLED")
    assert error(world.avp.delete_policy_store, policyStoreId=made["policyStoreId"])[0] == "InvalidStateException"
    world.avp.update_policy_store(
        policyStoreId=made["policyStoreId"], validationSettings={"mode": "STRICT"}, deletionProtection="DISABLED"
    )
    world.avp.delete_policy_store(policyStoreId=made["policyStoreId"])
    assert made["policyStoreId"] not in {s["policyStoreId"] for s in world.avp.list_policy_stores()["policyStores"]}
