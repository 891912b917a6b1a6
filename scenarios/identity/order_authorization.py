"""Orders of toy stores: what each user may see and do, the number of decision calls, and refused requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shlex
import string
import time
from typing import Any

from local.harness.scenario import Report, Stack
from local.settings import REGION
from tools.bootstrap import ROOT

PASSWORD = "Correct-horse-battery-5"
USERS = {
    "ada": ["order-admins"],
    "julian": ["soft-toy"],
    "petra": ["board-game"],
    "morgan": [],
    "nobody": [],
}
DEPARTMENTS = ("board-game", "soft-toy")
READS = ["GetOrder", "GetOrderBoxSize", "GetOrderLabel", "GetOrderReceipt"]
ORDER_ACTIONS = ["DeleteOrder", *READS, "ReRouteOrder", "SetOrderShipped"]
FUNCTIONS = "switchyard-orders"
ORIGIN = "https://shop.example.com"
README = ROOT / "modules/identity/order_authorization/README.md"

tour = True
variables: dict[str, Any] = {}


def prepare(stack: Stack) -> dict[str, Any]:
    """Create a company's user pool with two app clients: one for this API and one of another product."""
    cognito = stack.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="toy-store-staff")["UserPool"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    clients = [
        cognito.create_user_pool_client(UserPoolId=pool["Id"], ClientName=name, ExplicitAuthFlows=flows)[
            "UserPoolClient"
        ]["ClientId"]
        for name in ("orders", "newsletter")
    ]
    for group in {"order-admins", *DEPARTMENTS}:
        cognito.create_group(UserPoolId=pool["Id"], GroupName=group)
    for name, groups in USERS.items():
        cognito.admin_create_user(UserPoolId=pool["Id"], Username=name, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool["Id"], Username=name, Password=PASSWORD, Permanent=True)
        for group in groups:
            cognito.admin_add_user_to_group(UserPoolId=pool["Id"], Username=name, GroupName=group)
    return {
        "order_authorization": {
            "user_pool_arn": pool["Arn"],
            "client_ids": clients[:1],
            "cors_origin": ORIGIN,
            "deletion_protection": False,
        }
    }


class Shop:
    """The deployed API, its users and its orders."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.cloud = stack, stack.cloud
        cognito = stack.client("cognito-idp")
        pools = cognito.list_user_pools(MaxResults=60)["UserPools"]
        self.pool_id = next(pool["Id"] for pool in pools if pool["Name"] == "toy-store-staff")
        listed = cognito.list_user_pool_clients(UserPoolId=self.pool_id, MaxResults=60)["UserPoolClients"]
        self.clients = {client["ClientName"]: client["ClientId"] for client in listed}
        self.tokens = {name: self.sign_in(name)["AccessToken"] for name in USERS}

    def sign_in(self, name: str, client: str = "orders") -> dict[str, str]:
        """Return a user's tokens, from a real sign-in."""
        tokens: dict[str, str] = self.stack.client("cognito-idp").initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.clients[client],
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]
        return tokens

    def stock(self, store: str, count: int) -> None:
        """Put orders into a store, with departments in turn."""
        table = self.stack.client("dynamodb")
        for number in range(count):
            item = {
                "StoreId": {"S": store},
                "OrderId": {"S": f"{number:03d}"},
                "Department": {"S": DEPARTMENTS[number % 2]},
                "Status": {"S": "PACKING"},
                "Warehouse": {"S": "north"},
                "BoxSize": {"S": "M"},
                "Total": {"N": "19.90"},
            }
            table.put_item(TableName=self.stack.outputs["table_name"], Item=item)

    def call(self, user: str, method: str, path: str, body: Any = None, **options: str) -> tuple[int, Any]:
        """Call the API as a user; `token` and `scope` override what the user's client would send."""
        parts = path.split("?")[0].split("/")
        scope = f"{parts[2]}/{parts[4]}" if parts[3] == "order" else parts[2]
        headers = {
            "Authorization": f"Bearer {options.get('token', self.tokens.get(user, ''))}",
            "X-Order-Scope": options.get("scope", scope),
        }
        status, _, answer = self.cloud.request(method, self.stack.outputs["api_url"] + path, headers, body)
        return status, answer

    def decisions(self, since: float, function: str) -> int:
        """Return how many decision calls a function made."""
        calls = self.cloud.calls(since, f"{FUNCTIONS}-{function}")
        return sum("IsAuthorized" in call["operation"] for call in calls)


def run(stack: Stack, report: Report) -> None:
    """Grant, list, act and ask; then forge tokens, misuse the cache, and make the decision service fail."""
    shop = Shop(stack)
    stores = {"1": 20, "2": 20, "3": 31}
    for store, count in stores.items():
        shop.stock(store, count)
    report.sent = (
        f"{len(USERS)} users signed in,\n{sum(stores.values())} orders in {len(stores)} stores,\n"
        "14 actions, forged tokens,\none decision call in ten failing"
    )
    walk_through(shop, report)
    access(shop, report)
    browser(shop, report)
    odd_orders(shop, report)
    listing(shop, report)
    acting(shop, report)
    cache(shop, report)
    naive(shop, report)
    hostile(shop, report)
    failing(shop, report)


def walk_through(shop: Shop, report: Report) -> None:
    """Run the commands of the README's walk-through, from the first administrator to the first grant, in its order."""
    text = README.read_text().partition("## From the first administrator to the first grant")[2].partition("\n## ")[0]
    lines = [line for block in text.split("```")[1::2] for line in block.replace("\\\n", " ").splitlines()[1:]]
    known = {
        "pool": shop.pool_id,
        "client": shop.clients["orders"],
        "table": shop.stack.outputs["table_name"],
        "url": shop.stack.outputs["api_url"],
        "password": PASSWORD,
    }
    answers: list[Any] = []
    for line in (line for line in lines if line.strip() and not line.startswith(("#", "pool=", "read "))):
        name, equals, command = line.partition("=$(")
        words = shlex.split(string.Template(command.rstrip(")") if equals else line).substitute(known))
        if words[0] == "curl":
            answers.append(_curl(shop, words[1:]))
            continue
        answer = _aws(shop, words[1:])
        if equals:
            known[name] = answer["AuthenticationResult"]["AccessToken"]
    (granted, grant), (listed, page), (asked, told) = answers
    report.check("walk-through: the first grant", (granted, list(grant)), (200, ["policy-id"]))
    report.check("walk-through: the list", (listed, [order["OrderId"] for order in page["orders"]]), (200, ["17"]))
    report.check("walk-through: what is allowed", (asked, told["actions"]), (200, ORDER_ACTIONS))


def _aws(shop: Shop, words: list[str]) -> dict[str, Any]:
    """Do what a command of the AWS CLI does: `service operation --name value …`. What exists already stays."""
    client = shop.stack.client(words[0])
    operation = words[1].replace("-", "_")
    members = client.meta.service_model.operation_model(
        client.meta.method_to_api_mapping[operation]
    ).input_shape.members
    names = {name.lower(): name for name in members}
    request: dict[str, Any] = {}
    for position, word in enumerate(words):
        if not word.startswith("--") or word in ("--query", "--output"):
            continue
        name = names[word[2:].replace("-", "")]
        value = words[position + 1] if position + 1 < len(words) and not words[position + 1].startswith("--") else ""
        match members[name].type_name:
            case "boolean":
                request[name] = True
            case "map" | "structure":
                pairs = (pair.split("=", 1) for pair in value.split(","))
                request[name] = json.loads(value) if value.startswith("{") else dict(pairs)
            case _:
                request[name] = value
    try:
        answer: dict[str, Any] = getattr(client, operation)(**request)
    except client.exceptions.ClientError as error:
        if not error.response["Error"]["Code"].endswith("ExistsException"):
            raise
        return {}
    return answer


def _curl(shop: Shop, words: list[str]) -> tuple[int, Any]:
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    url = next(word for word in words if word.startswith("https://"))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    status, _, answer = shop.cloud.request(method, url, headers)
    return status, answer


def browser(shop: Shop, report: Report) -> None:
    """Check that a page of the origin may send what it needs, and read answers and refusals."""
    url = shop.stack.outputs["api_url"] + "/store/1/order/001/re_route"
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    status, told, _ = shop.cloud.request("OPTIONS", url, asks)
    told = {name.lower(): value for name, value in told.items()}
    allowed = [told.get(f"access-control-allow-{name}") for name in ("origin", "methods", "headers")]
    report.check(
        "preflight request",
        (status, allowed),
        (204, [ORIGIN, "OPTIONS,POST", "Authorization,Content-Type,X-Order-Scope"]),
    )
    scoped = {"Origin": ORIGIN, "X-Order-Scope": "1/001"}
    bearer = {"Authorization": f"Bearer {shop.tokens['ada']}"}
    url = shop.stack.outputs["api_url"] + "/store/1/order/001"
    read = []
    for headers in ({**scoped, **bearer}, scoped):
        status, told, _ = shop.cloud.request("GET", url, headers)
        read.append((status, {name.lower(): value for name, value in told.items()}.get("access-control-allow-origin")))
    report.check("answer and refusal may be read", read, [(200, ORIGIN), (401, ORIGIN)])


def odd_orders(shop: Shop, report: Report) -> None:
    """Check that an order with a set, and one with an odd department, leave a list as it is."""
    table = shop.stack.client("dynamodb")
    for order, odd in (("set", {"Tags": {"SS": ["b", "a"]}}), ("odd", {"Department": {"N": "1"}})):
        item = {"StoreId": {"S": "4"}, "OrderId": {"S": order}, **odd}
        table.put_item(TableName=shop.stack.outputs["table_name"], Item=item)
    status, page = shop.call("ada", "GET", "/store/4/orders")
    seen = (status, [order.get("Tags") for order in page.get("orders", [])], page.get("unreadable"))
    report.check("an order with a set, and one that policies cannot use", seen, (200, [["a", "b"]], 1))
    report.check("nothing is allowed on that one", shop.call("ada", "GET", "/store/4/order/odd")[0], 403)
    status, _ = shop.call("ada", "GET", f"/store/4/orders?limit={'9' * 4301}")
    report.check("a limit of thousands of digits", status, 400)


def access(shop: Shop, report: Report) -> None:
    """Check grants: admins appoint managers, managers appoint pack associates; repeated and withdrawn grants."""
    manager = shop.call("ada", "PUT", "/store/1/store_manager/morgan")
    report.check("admin makes a manager", manager[0], 200)
    again = shop.call("ada", "PUT", "/store/1/store_manager/morgan")
    report.check("once more is the same grant", again, manager)
    made = shop.call("morgan", "PUT", "/store/1/pack_associate/julian")
    report.check("manager makes a pack associate", made[0], 200)
    shop.call("morgan", "PUT", "/store/1/pack_associate/petra")
    shop.call("ada", "PUT", "/store/3/pack_associate/julian")
    seen: list[str] = []
    following: str | None = ""
    while following is not None:
        path = "/store/1/pack_associate?limit=1" + (f"&next={following}" if following else "")
        _, page = shop.call("morgan", "GET", path)
        seen += page["employees"]
        following = page["next"]
    report.check("pack associates, page by page", sorted(seen), ["julian", "petra"])
    report.check("unknown employee", shop.call("ada", "PUT", "/store/1/pack_associate/ghost")[0], 404)
    report.check("a pack associate grants nothing", shop.call("julian", "PUT", "/store/1/store_manager/julian")[0], 403)
    removed = [shop.call("morgan", "DELETE", "/store/1/pack_associate/petra") for _ in range(2)]
    report.check("withdrawn once", [body.get("removed") for _, body in removed], [1, 0])


def listing(shop: Shop, report: Report) -> None:
    """Check that lists hold the orders that each user may see, with one decision call per 30 orders."""
    started = time.time()
    status, body = shop.call("julian", "GET", "/store/1/orders")
    departments = {order["Department"] for order in body.get("orders", [])}
    report.check(
        "Julian lists Soft Toy only", (status, len(body.get("orders", [])), departments), (200, 10, {"soft-toy"})
    )
    report.check("20 orders, decision calls", shop.decisions(started, "list"), 1)
    started = time.time()
    _, body = shop.call("ada", "GET", "/store/3/orders")
    report.check("31 orders, decision calls", (len(body["orders"]), shop.decisions(started, "list")), (31, 2))
    report.check("manager lists all", len(shop.call("morgan", "GET", "/store/1/orders")[1]["orders"]), 20)
    report.check("not another store", shop.call("julian", "GET", "/store/2/orders")[0], 403)
    report.check("a user without grants may not list", shop.call("nobody", "GET", "/store/1/orders")[0], 403)


def acting(shop: Shop, report: Report) -> None:
    """Check that the actions reported as allowed are those that succeed."""
    own, other = "/store/1/order/001", "/store/1/order/000"
    told = {
        "julian, own department": shop.call("julian", "GET", f"{own}/permissions")[1].get("actions"),
        "julian, other department": shop.call("julian", "GET", f"{other}/permissions")[1].get("actions"),
        "morgan": shop.call("morgan", "GET", f"{own}/permissions")[1].get("actions"),
        "nobody": shop.call("nobody", "GET", f"{own}/permissions")[1].get("actions"),
    }
    expected = {
        "julian, own department": [*READS, "SetOrderShipped"],
        "julian, other department": [],
        "morgan": ORDER_ACTIONS,
        "nobody": [],
    }
    report.check("allowed actions", told, expected)
    report.check("pack associate cancels: 403", shop.call("julian", "DELETE", own)[0], 403)
    report.check(
        "pack associate ships", shop.call("julian", "PUT", f"{own}/status/shipped")[1].get("Status"), "SHIPPED"
    )
    re_route = {"warehouse": "south"}
    status, body = shop.call("morgan", "POST", "/store/1/order/003/re_route", re_route)
    report.check("manager re-routes", (status, body.get("Warehouse")), (200, "south"))
    status, body = shop.call("morgan", "DELETE", "/store/1/order/003")
    report.check("manager cancels", (status, body.get("Status")), (200, "CANCELLED"))
    report.check("a shipped order stays", shop.call("morgan", "DELETE", own)[0], 409)
    report.check("bad body refused", shop.call("morgan", "POST", f"{other}/re_route", {"to": "south"})[0], 400)


def cache(shop: Shop, report: Report) -> None:
    """Check that three views of an order take one authorizer run, and that no cached decision fits another order."""
    started = time.time()
    views = [shop.call("julian", "GET", f"/store/1/order/005{view}")[0] for view in ("", "/label", "/receipt")]
    report.check("order, label and receipt", views, [200, 200, 200])
    report.check("their authorizer runs", shop.decisions(started, "authorizer"), 1)
    path = "/store/1/order/006"
    crossed = [
        shop.call("julian", "GET", path, scope="1/005")[0],  # warm: allowed for 005
        shop.call("morgan", "GET", path, scope="1/007")[0],  # cold, though morgan may see both
        shop.call("julian", "GET", "/store/1/order/005")[0],
        shop.call("morgan", "GET", path)[0],
    ]
    report.check("another order's decision is of no use", crossed, [403, 403, 200, 200])
    scopes = [shop.call("julian", "GET", path, scope=s)[0] for s in ("1/*", "*", "1/005/x", "../1", "")]
    report.check("malformed scopes", scopes, [401] * 5)


def naive(shop: Shop, report: Report) -> None:
    """Check that single decisions equal those of the batch."""
    avp, config = shop.stack.client("verifiedpermissions"), shop.stack.outputs
    differing, asked = [], 0
    for user in USERS:
        for number in range(0, 20, 5):
            order = f"{number:03d}"
            batch = shop.call(user, "GET", f"/store/1/order/{order}/permissions")[1]["actions"]
            department = {"entityType": "Orders::Group", "entityId": f"{shop.pool_id}|{DEPARTMENTS[number % 2]}"}
            resource = {"entityType": "Orders::Order", "entityId": f"1/{order}"}
            entity = {
                "identifier": resource,
                "parents": [{"entityType": "Orders::Store", "entityId": "1"}],
                "attributes": {"department": {"entityIdentifier": department}},
            }
            one_by_one = [
                action
                for action in ORDER_ACTIONS
                if avp.is_authorized_with_token(
                    policyStoreId=config["policy_store_id"],
                    accessToken=shop.tokens[user],
                    action={"actionType": "Orders::Action", "actionId": action},
                    resource=resource,
                    entities={"entityList": [entity]},
                )["decision"]
                == "ALLOW"
            ]
            asked += len(ORDER_ACTIONS)
            if one_by_one != batch:
                differing.append((user, order, one_by_one, batch))
    report.check(f"batch decides as {asked} single calls do", differing, [])


def _encode(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def _header(token: str) -> dict[str, Any]:
    part = token.split(".")[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return header


def forgeries(shop: Shop) -> dict[str, str]:
    """Return tokens that must not be accepted, made from Morgan's valid one."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    good = shop.tokens["morgan"]
    header, claims, signature = _header(good), _claims(good), good.split(".")[2]
    mine = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def signed(claims: dict[str, Any], header: dict[str, Any] = header) -> str:
        text = f"{_encode(header)}.{_encode(claims)}"
        made = mine.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"

    symmetric = f"{_encode({**header, 'alg': 'HS256'})}.{_encode(claims)}"
    mac = hmac.new(b"key", symmetric.encode(), hashlib.sha256).digest()
    real = shop.sign_in("morgan")
    return {
        "alg none": f"{_encode({'alg': 'none'})}.{_encode(claims)}.",
        "alg none, signature kept": f"{_encode({**header, 'alg': 'none'})}.{_encode(claims)}.{signature}",
        "HS256": f"{symmetric}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        "wrong key": signed(claims),
        "tampered kid": signed(claims, {**header, "kid": "bWluZQ=="}),
        "kid that is a path": signed(claims, {**header, "kid": "../../dev/null"}),
        "changed claims": f"{good.split('.')[0]}.{_encode({**claims, 'cognito:groups': ['order-admins']})}.{signature}",
        "wrong client": shop.sign_in("morgan", "newsletter")["AccessToken"],
        "expired": signed({**claims, "exp": int(time.time()) - 1}),
        "id token": real["IdToken"],
        "refresh token": real["RefreshToken"],
        "other issuer": signed({**claims, "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{REGION}_Other"}),
        "oversized": signed({**claims, "padding": "x" * 9000}),
        "not a token": "x.y.z",
        "nested a thousand deep": f"{'W' * 1200}.{_encode(claims)}.x",
        "empty": "",
    }


def hostile(shop: Shop, report: Report) -> None:
    """Check that every forged token is refused, and that obviously invalid ones cost no decision call."""
    started = time.time()
    tokens = forgeries(shop)
    answers = {name: shop.call("", "GET", "/store/1/order/001", token=token)[0] for name, token in tokens.items()}
    report.check(f"{len(tokens)} hostile tokens", answers, dict.fromkeys(tokens, 401))
    asked = shop.decisions(started, "authorizer")
    report.check("those that reached Verified Permissions", asked, 3)  # wrong key, tampered kid, changed claims
    url = shop.stack.outputs["api_url"] + "/store/1/order/001"
    bare = shop.cloud.request("GET", url)[0], shop.cloud.request("GET", url, {"X-Order-Scope": "1/001"})[0]
    report.check("no token, no scope", bare, (401, 401))


def failing(shop: Shop, report: Report) -> None:
    """Check that failed calls are retried, and that nothing is allowed without a decision."""
    faults: list[dict[str, Any]] = [
        {"kind": "throttle", "rate": 0.05, "principal": FUNCTIONS},
        {"kind": "error", "status": 500, "rate": 0.05, "principal": FUNCTIONS},
    ]
    with shop.stack.faults(*faults, seed=4):
        got = [shop.call("julian", "GET", f"/store/1/order/{number:03d}")[0] for number in range(8, 20)]
    report.check("right with one call in ten failing", got, [403, 200] * 6)
    down = {
        "principal": FUNCTIONS,
        "service": "verifiedpermissions",
        "kind": "error",
        "status": 400,
        "code": "AccessDeniedException",
    }
    with shop.stack.faults(down):
        closed = [
            shop.call("ada", "GET", "/store/2/order/000")[0],
            shop.call("ada", "GET", "/store/2/orders")[0],
        ]
    report.check("no decision, no access", closed, [500, 500])
