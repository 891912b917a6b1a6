"""A user pool's tokens and hostile ones, sent to the API: challenged, stepped up, denied; the factor is guarded."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import hmac
import json
import struct
import time
import urllib.error
import urllib.request
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import REGION

PASSWORD = "Correct-horse-9"
PHONE = "+15555550100"
ADMIN_SCOPE = "aws.cognito.signin.user.admin"
FUNCTION = "step-up-auth-"
HOSTILE = 14
POOL = "customers"
USERS = ("ann", "bob", "carl", "dan", "erin", "fay", "gus", "stranger", "victim", "hana", "pending")
WINDOW = 900  # factors.ATTEMPT_WINDOW
SESSION = 900  # seconds for which a step-up is valid

variables: dict[str, Any] = {}  # the pool's id is in all of them: see prepare

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": FUNCTION},
    {"kind": "error", "status": 500, "rate": 0.05, "principal": FUNCTION},
    {"kind": "error", "status": 500, "rate": 0.1, "service": "cognito-idp", "principal": f"anonymous/{POOL}"},
]


def prepare(stack: Stack) -> dict[str, Any]:
    """Create a user pool. Return the root variables that name it."""
    pool, client = make_pool(stack)
    base = stack.cloud.endpoint
    return {
        "step_up_auth": {
            "issuer_url": f"https://cognito-idp.{REGION}.amazonaws.com/{pool}",
            "jwks_url": f"{base}/{pool}/.well-known/jwks.json",  # the local cloud is not at the issuer's address
            "client_ids": [client],
            "sample": True,
            "deletion_protection": False,
            "web_client": {
                "authorize_url": f"{base}/oauth2/authorize",
                "token_url": f"{base}/oauth2/token",
                "client_id": client,
                "cognito_url": f"{base}/",
            },
        }
    }


def make_pool(stack: Stack) -> tuple[str, str]:
    """Create a pool with optional MFA, and a client for the web and for passwords. Return both ids."""
    idp = stack.client("cognito-idp")
    pool = idp.create_user_pool(PoolName=POOL, MfaConfiguration="OFF")["UserPool"]["Id"]
    idp.set_user_pool_mfa_config(
        UserPoolId=pool, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    return pool, make_client(idp, pool)


def pool_of(stack: Stack) -> str:
    """Return the pool's id."""
    pools = stack.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    return next(str(pool["Id"]) for pool in pools if pool["Name"] == POOL)


def clean(stack: Stack) -> None:
    """Remove the users of a run."""
    idp, pool = stack.client("cognito-idp"), pool_of(stack)
    for name in USERS:
        with contextlib.suppress(idp.exceptions.UserNotFoundException):
            idp.admin_delete_user(UserPoolId=pool, Username=name)


def make_client(idp: Any, pool: str) -> str:
    """Create a public app client of the pool. Return its id."""
    answer = idp.create_user_pool_client(
        UserPoolId=pool,
        ClientName="web",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        AllowedOAuthFlows=["code"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=["openid", ADMIN_SCOPE],
        CallbackURLs=["https://example.com/"],
        SupportedIdentityProviders=["COGNITO"],
    )
    return str(answer["UserPoolClient"]["ClientId"])


def totp(secret: str, steps: int = 0) -> str:
    """Return the code that an authenticator app shows (RFC 6238), `steps` of 30 s from now."""
    counter = struct.pack(">Q", int(time.time() // 30) + steps)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    first = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[first : first + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


class User:
    """A user of the pool, signed in."""

    def __init__(
        self, stack: Stack, name: str, phone: str = "", verified: bool = True, client: str = "", email: str = ""
    ) -> None:
        self.stack, self.name, self.secret, self.contact = stack, name, "", email or phone
        self.idp = stack.client("cognito-idp")
        self.pool = pool_of(stack)
        clients = self.idp.list_user_pool_clients(UserPoolId=self.pool)["UserPoolClients"]
        self.client_id = client or clients[0]["ClientId"]
        attributes = [{"Name": "phone_number", "Value": phone}] if phone else []
        flags = [{"Name": "phone_number_verified", "Value": str(verified).lower()}] if phone else []
        if email:
            flags = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        self.idp.admin_create_user(
            UserPoolId=self.pool, Username=name, MessageAction="SUPPRESS", UserAttributes=attributes + flags
        )
        self.idp.admin_set_user_password(UserPoolId=self.pool, Username=name, Password=PASSWORD, Permanent=True)
        self.sign_in()

    def sign_in(self) -> None:
        """Get a new token, with the software token's code if the pool requests it."""
        answer = self.idp.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self.name, "PASSWORD": PASSWORD},
        )
        if answer.get("ChallengeName") == "SOFTWARE_TOKEN_MFA":
            answer = self.idp.respond_to_auth_challenge(
                ClientId=self.client_id,
                ChallengeName="SOFTWARE_TOKEN_MFA",
                Session=answer["Session"],
                ChallengeResponses={"USERNAME": self.name, "SOFTWARE_TOKEN_MFA_CODE": totp(self.secret)},
            )
        result = answer["AuthenticationResult"]
        self.token, self.id_token = result["AccessToken"], result["IdToken"]

    @property
    def claims(self) -> dict[str, Any]:
        """Return the claims of the access token."""
        part = self.token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return claims

    def enrol(self) -> None:
        """Set up a software token and sign in with it."""
        self.secret = self.idp.associate_software_token(AccessToken=self.token)["SecretCode"]
        self.idp.verify_software_token(AccessToken=self.token, UserCode=totp(self.secret))
        self.idp.set_user_mfa_preference(
            AccessToken=self.token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        self.sign_in()

    def call(self, route: str, body: Any = None, token: str | None = None) -> tuple[int, dict[str, Any]]:
        """Send a request to the API. Return its status and body."""
        return request(self.stack, route, self.token if token is None else token, body)

    def step_up(self, operation: str = "/transfer", code: str = "") -> tuple[int, str]:
        """Step up. Return the status of the answer to the challenge, and the challenge's type."""
        method = self.call("POST /initiate-auth", {"operation": operation})[1].get("challengeType", "")
        sent = {"challengeType": method, "code": code or (totp(self.secret) if self.secret else self.message())}
        return self.call("POST /respond-to-challenge", sent)[0], method

    def message(self) -> str:
        """Return the code in the latest message to the user's phone or address, or no code if there is none."""
        found = self.stack.cloud.notifications(self.contact)
        return str(found[-1]["message"].split()[-1]) if found else ""

    def session(self, group: str = "default") -> dict[str, Any]:
        """Return the session item of the token, or {} if there is none."""
        key = {"jti": {"S": self.claims["jti"]}, "group": {"S": group}}
        table = self.stack.outputs["session_table_name"]
        item: dict[str, Any] = self.stack.client("dynamodb").get_item(TableName=table, Key=key).get("Item", {})
        return item

    def state(self, group: str = "default") -> str:
        """Return the state of the token's session."""
        return str(self.session(group).get("state", {}).get("S", "none"))


def request(stack: Stack, route: str, token: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    """Send a request to the deployed API. Return its status and JSON body."""
    method, path = route.split(" ")
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    sent = urllib.request.Request(base_url(stack) + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def base_url(stack: Stack) -> str:
    """Return the URL at which the local cloud serves the API. On AWS, it is the output `url`."""
    api = stack.outputs["url"].split("//")[1].split(".")[0]
    stage = stack.outputs["url"].rstrip("/").rsplit("/", 1)[-1]
    return f"{stack.cloud.endpoint}/restapis/{api}/{stage}/_user_request_"


def set_state(stack: Stack, path: str, state: str, group: str = "default") -> None:
    """Change what an operation requires, as an operator does at run time."""
    item = {"id": {"S": path}, "stepUpState": {"S": state}, "group": {"S": group}}
    stack.client("dynamodb").put_item(TableName=stack.outputs["setting_table_name"], Item=item)


def drop_state(stack: Stack, name: str) -> None:
    """Remove a setting that is not Terraform's."""
    stack.client("dynamodb").delete_item(TableName=stack.outputs["setting_table_name"], Key={"id": {"S": name}})


def end_session(stack: Stack, user: User) -> None:
    """Expire a session but keep its item, as DynamoDB deletes items up to days late."""
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["session_table_name"],
        Key={"jti": {"S": user.claims["jti"]}, "group": {"S": "default"}},
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
    )


def register_page(stack: Stack) -> str:
    """Register the local cloud's URL of the web client as the pool's callback URL, and return it."""
    idp, page, pool = stack.client("cognito-idp"), base_url(stack) + "/", pool_of(stack)
    found = request(stack, "GET /config.json", "")[1]["clientId"]
    client = idp.describe_user_pool_client(UserPoolId=pool, ClientId=found)["UserPoolClient"]
    kept = ("ExplicitAuthFlows", "AllowedOAuthFlows", "AllowedOAuthScopes", "SupportedIdentityProviders")
    idp.update_user_pool_client(
        UserPoolId=pool,
        ClientId=found,
        CallbackURLs=[page],
        AllowedOAuthFlowsUserPoolClient=True,
        **{name: client[name] for name in kept},
    )
    return page


def factor_changed(stack: Stack, user: User, name: str = "AssociateSoftwareToken", **more: Any) -> None:
    """Send CloudTrail's event of a call that was just made with a user's token."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    detail = {"eventSource": "cognito-idp.amazonaws.com", "eventName": name, "eventTime": now, **more}
    sub = {"additionalEventData": {"sub": user.claims["sub"]}}
    stack.cloud.emit("aws.cognito-idp", "AWS API Call via CloudTrail", {**detail, **sub})


def hostile_tokens(stack: Stack, user: User, other: str) -> dict[str, str]:
    """Return tokens that must be refused, by their defect. *other* is another client of the pool."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    head, payload, signature = user.token.split(".")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    genuine = json.loads(base64.urlsafe_b64decode(head + "=="))

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
        text = f"{part(header)}.{part(claims)}"
        mac = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    n = key.public_key().public_numbers().n.to_bytes(256, "big")
    own = {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(n).rstrip(b"=").decode(), "kid": "mine"}
    jwks = stack.client("cognito-idp").meta.endpoint_url + f"/{user.pool}/.well-known/jwks.json"
    published = urllib.request.urlopen(jwks, timeout=10).read()
    confused = f"{part({**genuine, 'alg': 'HS256'})}.{payload}"
    mac = hmac.new(published, confused.encode(), hashlib.sha256).digest()
    stranger = User(stack, "stranger", client=other)
    return {
        "no token": "",
        "not a token": "letmein",
        "alg none": f"{part({**genuine, 'alg': 'none'})}.{payload}.",
        "HMAC with the public keys": f"{confused}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        "another's key": signed(genuine, user.claims),
        "key in the header": signed({**genuine, "kid": "mine", "jwk": own}, user.claims),
        "unknown key id": signed({**genuine, "kid": "mine"}, user.claims),
        "key id as a path": signed({**genuine, "kid": "../../dev/null"}, user.claims),
        "changed claims": f"{head}.{part({**user.claims, 'username': 'admin'})}.{signature}",
        "changed signature": f"{head}.{payload}.{signature[:-4]}AAAA",
        "no signature": f"{head}.{payload}.",
        "another client's": stranger.token,
        "ID token": user.id_token,
        "oversized": f"{head}.{payload}.{signature}{'A' * 9000}",
    }


def run(stack: Stack, report: Report) -> None:
    """Check the acceptance statements of the specification, in order, then the defects that it lists."""
    try:
        _run(stack, report)
    finally:
        clean(stack)


def _run(stack: Stack, report: Report) -> None:
    ann, bob = User(stack, "ann"), User(stack, "bob")
    ann.enrol()
    bob.enrol()
    acceptance(stack, report, ann)
    tokens(stack, report, ann)
    groups(stack, report, bob)
    methods(stack, report)
    factor_guard(stack, report, bob)
    faults(stack, report)
    page = urllib.request.urlopen(base_url(stack) + "/", timeout=10)
    policy = page.headers["content-security-policy"]
    report.check("web client", (page.status, policy.startswith("default-src 'none'")), (200, True))
    report.sent = (
        f"{HOSTILE} hostile tokens to four routes;\nusers with and without factors,\nstolen tokens;\n"
        "10 % of the functions' calls fail"
    )


def acceptance(stack: Stack, report: Report, ann: User) -> None:
    """Check a step-up from the first refusal to the end of the session."""
    report.check("an open operation is allowed", ann.call("GET /info")[0], 200)
    stack.client("dynamodb").delete_item(TableName=stack.outputs["setting_table_name"], Key={"id": {"S": "/info"}})
    report.check("and when it is not listed", ann.call("GET /info")[0], 200)
    set_state(stack, "/info", "STEP_UP_NOT_REQUIRED")
    report.check("first transfer", (ann.call("POST /transfer")[0], ann.state()), (401, "STEP_UP_REQUIRED"))
    before = ann.session()
    report.check("wrong code", ann.step_up(code=wrong_code(ann))[0], 401)
    after = {k: v for k, v in ann.session().items() if not k.startswith("challenge")}
    report.check("and the session is as it was", after, before)
    kinds: list[Any] = [[], {}, 1]
    never = [ann.call("POST /respond-to-challenge", {"challengeType": kind, "code": "123456"})[0] for kind in kinds]
    report.check("a challenge of a hostile type", never, [400] * 3)
    report.check("no step-up where none is needed", ann.call("POST /initiate-auth", {"operation": "/info"})[0], 409)
    began = time.time()
    code = totp(ann.secret)
    report.check("right code", ann.step_up(code=code), (200, "SOFTWARE_TOKEN_STEP_UP"))
    holds = began - 1 <= int(ann.session()["expiresAt"]["N"]) - SESSION <= time.time() + 1
    report.check("completed, for the shorter of token and session", (ann.state(), holds), ("STEP_UP_COMPLETED", True))
    since = time.time()
    report.check("transfer with the same token", ann.call("POST /transfer")[0], 200)
    reads = [c["operation"] for c in stack.cloud.calls(since, f"{FUNCTION}authorizer")]
    report.check("for two table reads", reads, ["BatchGetItem", "GetItem"])
    report.check("the code is used up", ann.step_up(code=code)[0], 401)  # the app may show the next by now
    set_state(stack, "* /transfer", "STEP_UP_DENY")  # an operator's item, which Terraform does not know
    report.check("deny wins over a completed session, at once", ann.call("POST /transfer")[0], 403)
    report.check("and no step-up opens it", ann.call("POST /initiate-auth", {"operation": "POST /transfer"})[0], 403)
    drop_state(stack, "* /transfer")
    set_state(stack, "GET /transfer", "STEP_UP_DENY")
    report.check("a denial of another method leaves it open", ann.call("POST /transfer")[0], 200)
    drop_state(stack, "GET /transfer")
    set_state(stack, "POST /transfer", "STEP_UP_DENY")
    report.check("that of its method closes it", ann.call("POST /transfer")[0], 403)
    drop_state(stack, "POST /transfer")
    set_state(stack, "/transfer", "STEP_UP_NOT_REQUIRED")
    end_session(stack, ann)
    report.check("no longer required: no challenge", ann.call("POST /transfer")[0], 200)
    set_state(stack, "/transfer", "STEP_UP_REQUIRED")
    ended = (ann.call("POST /transfer")[0], ann.state())
    report.check("session over, though not deleted yet", ended, (401, "STEP_UP_REQUIRED"))


def wrong_code(user: User) -> str:
    """Return six digits that differ from all codes that the user's app shows around now."""
    near = {totp(user.secret, steps) for steps in (-2, -1, 0, 1, 2)}
    return next(code for code in (f"{n}" * 6 for n in range(10)) if code not in near)


def groups(stack: Stack, report: Report, bob: User) -> None:
    """Check that one step-up unlocks its group only."""
    bob.call("POST /transfer")
    report.check("second user steps up", bob.step_up()[0], 200)
    set_state(stack, "/info", "STEP_UP_REQUIRED", "reports")
    report.check("another group stays closed", bob.call("GET /info")[0], 401)
    set_state(stack, "/info", "STEP_UP_REQUIRED")
    report.check("the same group is open", bob.call("GET /info")[0], 200)
    set_state(stack, "/info", "STEP_UP_NOT_REQUIRED")


def tokens(stack: Stack, report: Report, ann: User) -> None:
    """Check that every route refuses all tokens except genuine access tokens of the client."""
    other = make_client(ann.idp, ann.pool)
    hostile = hostile_tokens(stack, ann, other)
    answer = {"challengeType": "SOFTWARE_TOKEN_STEP_UP", "code": "123456"}
    for route in ("GET /info", "POST /transfer", "POST /initiate-auth", "POST /respond-to-challenge"):
        body = answer if route.endswith("challenge") else None
        answers = {what: request(stack, route, token, body)[0] for what, token in hostile.items()}
        let_in = {what: status for what, status in answers.items() if status != 401}
        report.check(f"hostile tokens refused at {route}", (len(hostile), let_in), (HOSTILE, {}))
    ann.idp.delete_user_pool_client(UserPoolId=ann.pool, ClientId=other)


def methods(stack: Stack, report: Report) -> None:
    """Check which method each user is asked for, and that a factor enrolled with the same token does not count."""
    carl = User(stack, "carl", phone=PHONE)
    carl.call("POST /transfer")
    report.check("verified phone: step-up by SMS", carl.step_up(), (200, "SMS_STEP_UP"))
    report.check("then the transfer", carl.call("POST /transfer")[0], 200)
    end_session(stack, carl)
    report.check("renewed after its end, though not deleted yet", carl.step_up(), (200, "SMS_STEP_UP"))
    report.check("and the transfer again", carl.call("POST /transfer")[0], 200)
    edit_profile(stack, report, carl)
    dan, erin = User(stack, "dan", phone="+15555550101", verified=False), User(stack, "erin")
    for user, what in ((dan, "unverified phone"), (erin, "no factor")):
        user.call("POST /transfer")
        answer = user.call("POST /initiate-auth")[1]
        report.check(f"{what}: nothing to ask for", answer["challengeType"], "MAYBE_SOFTWARE_TOKEN_STEP_UP")
    secret = erin.idp.associate_software_token(AccessToken=erin.token)["SecretCode"]
    for method in ("MAYBE_SOFTWARE_TOKEN_STEP_UP", "SOFTWARE_TOKEN_STEP_UP"):
        answer = {"challengeType": method, "code": totp(secret)}
        report.check(f"enrolled with the token: {method}", erin.call("POST /respond-to-challenge", answer)[0], 401)
    thief = User(stack, "victim", phone=PHONE)
    thief.call("POST /transfer")
    method = thief.call("POST /initiate-auth")[1]["challengeType"]
    own = "+15555550666"
    thief.idp.update_user_attributes(AccessToken=thief.token, UserAttributes=[{"Name": "phone_number", "Value": own}])
    thief.idp.get_user_attribute_verification_code(AccessToken=thief.token, AttributeName="phone_number")
    code = stack.cloud.notifications(own)[-1]["message"].split()[-1]
    status = thief.call("POST /respond-to-challenge", {"challengeType": method, "code": code})[0]
    report.check("phone changed after the challenge", (method, status), ("SMS_STEP_UP", 401))
    email(stack, report)
    pending_number(stack, report)


def email(stack: Stack, report: Report) -> None:
    """Check e-mail as a second factor, for a user who chose it."""
    hana = User(stack, "hana", email="hana@example.com")
    hana.call("POST /transfer")
    told = hana.call("POST /initiate-auth")[1]["challengeType"]
    report.check("a verified address alone is no factor", told, "MAYBE_SOFTWARE_TOKEN_STEP_UP")
    hana.idp.set_user_mfa_preference(AccessToken=hana.token, EmailMfaSettings={"Enabled": True, "PreferredMfa": True})
    report.check("e-mail as second factor", hana.step_up(), (200, "EMAIL_STEP_UP"))
    report.check("opens the transfer", hana.call("POST /transfer")[0], 200)


def pending_number(stack: Stack, report: Report) -> None:
    """Check that in a pool that keeps a number until a new one is verified, the code of the new one opens nothing."""
    thief = User(stack, "pending", phone=PHONE)
    settings = {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}
    thief.idp.update_user_pool(UserPoolId=thief.pool, UserAttributeUpdateSettings=settings, MfaConfiguration="OPTIONAL")
    thief.call("POST /transfer")
    method = thief.call("POST /initiate-auth")[1]["challengeType"]
    own = "+15555550777"
    thief.idp.update_user_attributes(AccessToken=thief.token, UserAttributes=[{"Name": "phone_number", "Value": own}])
    shown = {a["Name"]: a["Value"] for a in thief.idp.get_user(AccessToken=thief.token)["UserAttributes"]}
    code = stack.cloud.notifications(own)[-1]["message"].split()[-1]
    status, told = thief.call("POST /respond-to-challenge", {"challengeType": method, "code": code})
    kept = (shown["phone_number"], shown["phone_number_verified"])
    report.check("Cognito still shows the old number, as verified", kept, (PHONE, "true"))
    report.check("the new number's code is refused", (status, told.get("reason")), (403, "factor_changed"))
    report.check("and opened nothing", thief.call("POST /transfer")[0], 401)
    none: dict[str, Any] = {"AttributesRequireVerificationBeforeUpdate": []}
    thief.idp.update_user_pool(UserPoolId=thief.pool, UserAttributeUpdateSettings=none, MfaConfiguration="OPTIONAL")


def edit_profile(stack: Stack, report: Report, carl: User) -> None:
    """Check that an edit of the profile revokes nothing, though CloudTrail reports it as a change of the phone."""
    time.sleep(1.1)  # the number was known in an earlier second than that of the edit
    carl.idp.update_user_attributes(AccessToken=carl.token, UserAttributes=[{"Name": "nickname", "Value": "Carlo"}])
    since = time.time()
    factor_changed(stack, carl, "UpdateUserAttributes")

    def looked() -> bool:
        return any(c["operation"] == "ListUsers" for c in stack.cloud.calls(since, f"{FUNCTION}factor-change"))

    wait_until("the guard", looked, 20)
    report.check(
        "an edited profile revokes nothing", (carl.call("POST /transfer")[0], carl.state()), (200, "STEP_UP_COMPLETED")
    )


def factor_guard(stack: Stack, report: Report, bob: User) -> None:
    """Check the guard against a stolen token, and against guessing."""
    bob.idp.associate_software_token(AccessToken=bob.token)
    factor_changed(stack, bob)
    wait_until("the guard", lambda: bob.state() == "STEP_UP_REQUIRED", 20)
    report.check("factor changed: the step-up is revoked", bob.call("POST /transfer")[0], 401)
    status, told = bob.call("POST /initiate-auth")
    report.check("and this sign-in can no longer step up", (status, told.get("reason")), (403, "factor_changed"))
    name = next(n for n in stack.outputs["alarm_names"] if n.endswith("auth-factor-changes"))

    def alarm() -> bool:
        found = stack.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        return bool(found["StateValue"] == "ALARM")

    report.check("alarm", wait_until("the alarm", alarm, 30))
    gus = User(stack, "gus", phone=PHONE)
    gus.call("POST /transfer")
    method = gus.call("POST /initiate-auth")[1]["challengeType"]
    wrong = {"challengeType": method, "code": "000000" if gus.message() != "000000" else "111111"}
    if (left := WINDOW - time.time() % WINDOW) < 20:  # attempts are counted in windows of clock time
        time.sleep(left)
    answers = [gus.call("POST /respond-to-challenge", wrong)[0] for _ in range(6)]
    right = gus.call("POST /respond-to-challenge", {"challengeType": method, "code": gus.message()})[0]
    report.check("guessing ends, also for the right code", (answers, right), ([401] * 5 + [429], 429))


def faults(stack: Stack, report: Report) -> None:
    """Check that with one call in ten failing, only users with a completed step-up get access, and they all do."""
    fay, began = User(stack, "fay", phone=PHONE), time.time()
    with stack.faults(*FAULTS, seed=11):
        first = {fay.call("POST /transfer")[0] for _ in range(10)}
        report.check("faults: no access without a step-up", first, {401})
        done = False
        for _ in range(4):  # the API reports a failed answer, and the user tries again
            done = done or fay.step_up()[0] == 200
        report.check("faults: step-up", done)
        report.check("faults: access after the step-up", {fay.call("POST /transfer")[0] for _ in range(20)}, {200})
    failed = [c for c in stack.cloud.calls(began, FUNCTION) if c["fault"]]
    report.check("faults were injected", len(failed) > 0)
