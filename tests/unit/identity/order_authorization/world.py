"""A shop in this process: the policy store as Terraform creates it, on the Cedar engine, with signed tokens."""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import re
import time
from typing import Any

import boto3
import hcl2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.services.verifiedpermissions.models import verifiedpermissions_backends
from tools.bootstrap import ROOT

REGION, ACCOUNT, POOL, CLIENT = "eu-west-1", "123456789012", "eu-west-1_Staff", "orders-client"
ISSUER = f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}"
TABLE = "orders"
DEPARTMENTS = ("board-game", "soft-toy")
USERS = {"ada": ["order-admins"], "julian": ["soft-toy"], "petra": ["board-game"], "morgan": [], "nobody": []}
MODULE = ROOT / "modules/identity/order_authorization"


def _unquote(text: str) -> str:
    return text.removeprefix('"').removesuffix('"')


@functools.cache
def routes() -> dict[str, dict[str, str]]:
    """Return the toy store's locals of routes.tf that are plain maps: order and store actions, and store roles."""
    found = hcl2.loads((MODULE / "routes.tf").read_text())["locals"][0]
    return {
        name: {_unquote(key): _unquote(value) for key, value in found[name].items() if not key.startswith("__")}
        for name in ("order_actions", "store_actions", "store_roles")
    }


def schema() -> dict[str, Any]:
    """Return the toy store's schema; tests/identity_order_authorization.tftest.hcl asserts the same shape."""
    applies: dict[str, Any] = {"principalTypes": ["User"], "context": {"type": "Record", "attributes": {}}}
    kinds = {"Order": ("order_actions", "OrderActions"), "Store": ("store_actions", "StoreActions")}
    actions: dict[str, Any] = {"OrderActions": {}, "StoreActions": {}}
    for resource, (name, group) in kinds.items():
        for action in routes()[name]:
            member = {"memberOf": [{"id": group}], "appliesTo": {**applies, "resourceTypes": [resource]}}
            actions[action] = member
    department = {"type": "Entity", "name": "Group", "required": False}
    return {
        "Orders": {
            "entityTypes": {
                "Group": {},
                "Store": {},
                "User": {"memberOfTypes": ["Group"], "shape": {"type": "Record", "attributes": {}}},
                "Order": {
                    "memberOfTypes": ["Store"],
                    "shape": {"type": "Record", "attributes": {"department": department}},
                },
            },
            "actions": actions,
        }
    }


def statements() -> dict[str, str]:
    """Return the toy store's templates of routes.tf, rendered as Terraform renders them."""
    text = (MODULE / "routes.tf").read_text()
    found = dict(
        re.findall(r"(\w+) = \{\n\s+description = [^\n]*\n\s+statement   = <<-EOT\n(.*?)\n\s+EOT", text, re.DOTALL)
    )
    listed = re.search(r"pack_associate_actions = \[(.*?)\]", text)
    assert listed
    named = ", ".join(f"Orders::Action::{name.strip()}" for name in listed[1].split(","))
    return {name: re.sub(r"\$\{join\(.*?\)\}", named, body) for name, body in found.items()}


@functools.cache
def toy_store() -> dict[str, Any]:
    """Return the toy store as the functions know it; tests/identity_order_authorization.tftest.hcl asserts the same."""
    store, order, all_routes = "/store/{store-id}", "/store/{store-id}/order/{order-id}", routes()
    return {
        "DOMAIN": {
            "namespace": "Orders",
            "container": "Store",
            "item": "Order",
            "container_key": "StoreId",
            "item_key": "OrderId",
            "container_parameter": "store-id",
            "scope_header": "X-Order-Scope",
            "attributes": {"department": {"from": "Department", "type": "Group"}},
        },
        "ITEM_ACTIONS": all_routes["order_actions"],
        "CONTAINER_ACTIONS": all_routes["store_actions"],
        "PERMISSION_ROUTES": {"item": f"GET {order}/permissions", "container": f"GET {store}/permissions"},
        "ROLES": {all_routes["store_actions"][action]: role for action, role in all_routes["store_roles"].items()},
        "LISTS": {all_routes["store_actions"]["ListOrders"]: "GetOrder"},
    }


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@functools.cache
def key() -> rsa.RSAPrivateKey:
    """Return the pool's signing key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwks(_: str = "") -> dict[str, Any]:
    """Return the key set that the pool publishes."""
    numbers = key().public_key().public_numbers()
    return {
        "keys": [{"kty": "RSA", "alg": "RS256", "kid": "pool-key", "n": _number(numbers.n), "e": _number(numbers.e)}]
    }


def signed(claims: dict[str, Any], header: dict[str, Any] | None = None, by: rsa.RSAPrivateKey | None = None) -> str:
    """Return a token of `claims`, signed with the pool's key unless another key is given."""
    head = {"alg": "RS256", "kid": "pool-key", **(header or {})}
    text = f"{_encode(json.dumps(head).encode())}.{_encode(json.dumps(claims).encode())}"
    return f"{text}.{_encode((by or key()).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def claims_of(user: str, **changed: Any) -> dict[str, Any]:
    """Return the claims of a user's access token."""
    groups = {"cognito:groups": USERS[user]} if USERS.get(user) else {}
    claims = {"sub": f"sub-{user}", "iss": ISSUER, "client_id": CLIENT, "token_use": "access", "username": user}
    return {**claims, "exp": int(time.time()) + 3600, **groups, **changed}


def token(user: str, **changed: Any) -> str:
    """Return a user's access token."""
    return signed(claims_of(user, **changed))


ADMINS = f'permit (principal in Orders::Group::"{POOL}|order-admins", action, resource);'


@dataclasses.dataclass(frozen=True)
class Domain:
    """What Terraform plans for a domain: Cedar's schema, templates and policies, and the functions' environment."""

    schema: dict[str, Any]
    templates: dict[str, str]
    policies: list[str]
    environment: dict[str, Any]


class World:
    """A policy store with a domain's schema, templates and static policies, an identity source, and a table."""

    def __init__(self, domain: Domain | None = None) -> None:
        self.domain = domain or Domain(schema(), statements(), [ADMINS], toy_store())
        names = self.domain.environment["DOMAIN"]
        verifiedpermissions_backends[ACCOUNT][REGION].verifier.fetch = jwks
        self.avp = boto3.client("verifiedpermissions", region_name=REGION)
        self.table = boto3.client("dynamodb", region_name=REGION)
        self.store_id = self.avp.create_policy_store(validationSettings={"mode": "STRICT"})["policyStoreId"]
        self.avp.put_schema(policyStoreId=self.store_id, definition={"cedarJson": json.dumps(self.domain.schema)})
        self.templates = {
            name: self.avp.create_policy_template(policyStoreId=self.store_id, statement=text)["policyTemplateId"]
            for name, text in self.domain.templates.items()
        }
        for text in self.domain.policies:
            self.avp.create_policy(policyStoreId=self.store_id, definition={"static": {"statement": text}})
        self.avp.create_identity_source(
            policyStoreId=self.store_id,
            principalEntityType=f"{names['namespace']}::User",
            configuration={
                "cognitoUserPoolConfiguration": {
                    "userPoolArn": f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{POOL}",
                    "clientIds": [CLIENT],
                    "groupConfiguration": {"groupEntityType": f"{names['namespace']}::Group"},
                }
            },
        )
        self.table.create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": names["container_key"], "KeyType": "HASH"},
                {"AttributeName": names["item_key"], "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": names[key], "AttributeType": "S"} for key in ("container_key", "item_key")
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def stock(self, store: str, count: int) -> None:
        """Add orders 000, 001, ..., of departments in turn; every seventh order has none."""
        items = []
        for number in range(count):
            item: dict[str, Any] = {
                "StoreId": {"S": store},
                "OrderId": {"S": f"{number:03d}"},
                "Status": {"S": "PACKING"},
                "Total": {"N": "19.90"},
            }
            if number % 7 != 6:
                item["Department"] = {"S": DEPARTMENTS[number % 2]}
            items.append({"PutRequest": {"Item": item}})
        for first in range(0, count, 25):
            self.table.batch_write_item(RequestItems={TABLE: items[first : first + 25]})

    def grant(self, role: str, user: str, store: str) -> str:
        """Link a template to a user and a store."""
        names = self.domain.environment["DOMAIN"]
        linked = {
            "policyTemplateId": self.templates[role],
            "principal": {"entityType": f"{names['namespace']}::User", "entityId": f"{POOL}|sub-{user}"},
            "resource": {"entityType": f"{names['namespace']}::{names['container']}", "entityId": store},
        }
        made = self.avp.create_policy(policyStoreId=self.store_id, definition={"templateLinked": linked})
        return str(made["policyId"])

    def environment(self) -> dict[str, str]:
        """Return the functions' environment, as main.tf sets it."""
        return {
            "CLIENT_IDS": json.dumps([CLIENT]),
            "ITEMS_TABLE": TABLE,
            "ORDERS_TABLE": TABLE,
            "POLICY_STORE_ID": self.store_id,
            "TEMPLATE_IDS": json.dumps(self.templates),
            "USER_POOL_ID": POOL,
            **{name: json.dumps(value) for name, value in self.domain.environment.items()},
        }


STAGE = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api123/v1"


def asked(bearer: str, scope: str, path: str = "/GET/anything") -> dict[str, Any]:
    """Return a REQUEST event of API Gateway for the authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": STAGE + path,
        "multiValueHeaders": {"Authorization": [f"Bearer {bearer}"], "X-Order-Scope": [scope]},
    }


def proxied(
    method: str,
    resource: str,
    parameters: dict[str, str],
    *,
    bearer: str = "",
    query: dict[str, str] | None = None,
    body: Any = None,
    authorizer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a proxy event of API Gateway, with the authorizer's context."""
    added = {"expires": str(int(time.time()) + 60), "actions": "", **(authorizer or {})}
    return {
        "httpMethod": method,
        "resource": resource,
        "pathParameters": parameters,
        "queryStringParameters": query,
        "headers": {"Authorization": f"Bearer {bearer}"},
        "body": None if body is None else json.dumps(body),
        "requestContext": {"authorizer": added},
    }
