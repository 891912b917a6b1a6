"""Complete sign-ins by one-time code through Cognito's triggers, and attempts that must be refused."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import hmac
import itertools
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import Any, TypeVar

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

CALLBACK = "https://app.example.com/callback"
CODE_SECONDS = 60  # a busy machine may take a while from a code to its answer
ANSWER_AFTER_SECONDS = 1.5
LATER = "Try again later"
TURNS = itertools.count()
T = TypeVar("T")
PASSWORD = "Correct-Horse-7-Battery"
SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret"
CLIENT_SECRET = "partner-client-secret-c0ffee"

seconds = 70
test_seconds = 10
variables: dict[str, Any] = {
    "user_directory": {
        "deletion_protection": False,
        "email": {
            "identity_arn": f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity/example.com",
            "from_address": "Accounts <accounts@example.com>",
            "reply_to_address": "help@example.com",
        },
        "custom_auth": {"code_seconds": CODE_SECONDS},
        "allowed_email_domains": ["example.com", "*.example.org"],
        "attributes": {
            "plan": {},
            "currency": {"client_writable": True, "max": 3},
            "name": {"required": True},
            "subject": {"client_writable": True},
        },
        "first_factors": {"email_otp": True, "passkey": {}},
        "clients": {
            "web": {
                "auth_flows": ["USER_SRP_AUTH", "USER_PASSWORD_AUTH", "CUSTOM_AUTH"],
                "access_token_minutes": 5,
                "id_token_minutes": 10,
                "refresh_token_days": 7,
                "callback_urls": [CALLBACK],
                "oauth_flows": ["code"],
                "oauth_scopes": ["openid", "email"],
                "identity_providers": ["Corporate", "SignInWithApple"],
            },
            "device": {
                "auth_flows": ["USER_AUTH", "USER_PASSWORD_AUTH"],
                "read_attributes": ["email"],
                "refresh_rotation": {"grace_seconds": 0},
            },
            "server": {"secret": True, "auth_flows": ["ADMIN_USER_PASSWORD_AUTH"]},
            "batch": {
                "secret": True,
                "auth_flows": [],
                "oauth_flows": ["client_credentials"],
                "oauth_scopes": ["https://orders.example.com/read"],
            },
        },
        "groups": {"members": {"description": "Users who signed up"}, "staff": {"precedence": 1}},
        "default_groups": ["members"],
        "resource_servers": {"https://orders.example.com": {"name": "Orders", "scopes": {"read": "Read orders"}}},
        "domain": {"prefix": "switchyard-local"},
        "identity_providers": {
            "SignInWithApple": {
                "type": "SignInWithApple",
                "details": {
                    "client_id": "com.example.app.signin",
                    "team_id": "TEAM123456",
                    "key_id": "OLDKEY0001",
                    "authorize_scopes": "email name",
                },
                "attribute_mapping": {"email": "email", "email_verified": "email_verified", "name": "name"},
                "secret_arn": f"{SECRETS}:switchyard-apple-key",
                "link_users": True,
            },
            "Partner": {
                "type": "OIDC",
                "details": {
                    "client_id": "partner",
                    "oidc_issuer": "https://login.example.net",
                    "authorize_scopes": "openid email",
                    "attributes_request_method": "GET",
                },
                "secret_arn": f"{SECRETS}:switchyard-partner",
            },
            "Corporate": {
                "type": "SAML",
                "details": {"MetadataURL": "https://idp.example.com/metadata"},
                "attribute_mapping": {"email": "mail", "name": "displayName", "custom:subject": "uid"},
                "link_users": True,
                "subject_attribute": "custom:subject",
                "trust_email": True,
            },
        },
    }
}


def apple_key() -> str:
    """Return a new key in Apple's format: EC P-256, PKCS #8 PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def prepare(stack: Stack) -> None:
    """Create a verified domain, and secrets as an administrator stores them by hand."""
    ses = stack.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="directory")
    ses.create_email_identity(EmailIdentity="example.com", ConfigurationSetName="directory")
    secrets = stack.client("secretsmanager")
    secrets.create_secret(Name="switchyard-apple-key", SecretString=apple_key())
    secrets.create_secret(Name="switchyard-partner", SecretString=json.dumps({"client_secret": CLIENT_SECRET}))


class Directory:
    """The pool, with the calls of its users and administrators."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.outputs = stack, stack.outputs
        self.pool_id = stack.outputs["user_pool_id"]
        self.clients: dict[str, str] = stack.outputs["client_ids"]
        self.idp = stack.client("cognito-idp")
        self._mailed = len(self._sent())

    def clean(self) -> None:
        """Remove every user, to restore the pool to its state before the run."""
        pages = self.idp.get_paginator("list_users").paginate(UserPoolId=self.pool_id)
        for name in [user["Username"] for page in pages for user in page["Users"]]:
            self.idp.admin_delete_user(UserPoolId=self.pool_id, Username=name)

    def create(self, address: str, **attributes: str) -> str:
        """Create a confirmed user with a verified address. Return the user name."""
        given = {"email": address, "email_verified": "true", "name": "Somebody", **attributes}
        user = self.idp.admin_create_user(
            UserPoolId=self.pool_id,
            Username=address,
            UserAttributes=[{"Name": k, "Value": v} for k, v in given.items()],
            MessageAction="SUPPRESS",
        )["User"]["Username"]
        self.idp.admin_set_user_password(UserPoolId=self.pool_id, Username=user, Password=PASSWORD, Permanent=True)
        return str(user)

    def attributes(self, user: str) -> dict[str, str]:
        """Return a user's attributes, as an administrator reads them."""
        found = self.idp.admin_get_user(UserPoolId=self.pool_id, Username=user)
        return {a["Name"]: a["Value"] for a in found["UserAttributes"]}

    def begin(self, name: str) -> Any:
        """Begin a sign-in by code."""
        return self.idp.initiate_auth(
            ClientId=self.clients["web"], AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": name}
        )

    def answer(self, session: str, name: str, code: str) -> Any:
        """Answer the challenge with a code."""
        return self.idp.respond_to_auth_challenge(
            ClientId=self.clients["web"],
            ChallengeName="CUSTOM_CHALLENGE",
            Session=session,
            ChallengeResponses={"USERNAME": name, "ANSWER": code},
        )

    def password(self, name: str, password: str = PASSWORD) -> Any:
        """Sign in by password."""
        return self.idp.initiate_auth(
            ClientId=self.clients["web"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )

    def sign_up(self, address: str, password: str = PASSWORD, **attributes: str) -> Any:
        """Sign up from the app."""
        given = {"email": address, **attributes}
        return self.idp.sign_up(
            ClientId=self.clients["web"],
            Username=address,
            Password=password,
            UserAttributes=[{"Name": k, "Value": v} for k, v in given.items()],
        )

    def _sent(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.stack.cloud.endpoint}/_ministack/ses/messages", timeout=20) as response:
            sent: list[dict[str, Any]] = json.load(response)["messages"].get(ACCOUNT_ID, [])
        return sent

    def at(self, name: str) -> str:
        """Return an address that no earlier run used: codes are counted by address."""
        return f"{name}-{self.stack.token}@example.com"

    def mails(self, address: str) -> list[dict[str, Any]]:
        """Return the emails sent to an address in this run, oldest first."""
        return [m for m in self._sent()[self._mailed :] if address in m["To"]]

    def code(self, address: str) -> str:
        """Return the newest code that was sent to an address."""
        text = self.mails(address)[-1]["BodyText"]
        found = re.search(r"\b\d{8}\b", text)
        assert found, "an email without a code"
        return found[0]


def refusal(call: Any, *arguments: Any, **options: Any) -> str:
    """Return the error code with which a call is refused, or "" if it succeeds."""
    from botocore.exceptions import ClientError

    try:
        call(*arguments, **options)
    except ClientError as error:
        if LATER in str(error):  # not a refusal
            raise
        return str(error.response["Error"]["Code"])
    return ""


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    part = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def wrong(code: str) -> str:
    """Return another code of the same length."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": "user-directory"},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": "user-directory"},
    {"kind": "reset", "rate": 0.02, "principal": "user-directory"},
]


def run(stack: Stack, report: Report) -> None:
    """Sign in by code and by federation, then try what must be refused."""
    directory = Directory(stack)
    try:
        _run(stack, report, directory)
    finally:
        directory.clean()


def _run(stack: Stack, report: Report, directory: Directory) -> None:
    report.sent = (
        "sign-ins by mailed code, password and SAML;\nsign-ups; forged tokens; a rotated Apple key;\n"
        "10 % of the functions' calls fail"
    )
    ada = directory.create(directory.at("ada"), **{"custom:plan": "free"})
    late = directory.create(directory.at("late"))
    expiring = patiently(lambda one, _: one.begin(one.at("late")), directory, report)
    expires = time.time() + CODE_SECONDS

    tokens = patiently(sign_in_by_code, directory, report, ada)
    patiently(refused_codes, directory, report)
    under_faults(directory, report)
    sign_ups(directory, report)
    attributes(directory, report, ada)
    searches(directory, report)
    federation(directory, report)
    authorizer(directory, report, tokens)
    sign_out(directory, report)
    rotating(directory, report)
    second_factor(directory, report)
    machine(directory, report)
    rotation(directory, report)

    time.sleep(max(0.0, expires - time.time() + 0.5))
    answered = refusal(directory.answer, expiring["Session"], late, directory.code(directory.at("late")))
    report.check("expired code refused", answered, "NotAuthorizedException")
    outage(directory, report)
    permission(directory, report)
    logs(directory, report)


def patiently(part: Callable[..., T], directory: Directory, report: Report, *rest: Any, attempts: int = 4) -> T:
    """Run a part of the scenario, and again from its beginning where a trigger answers "Try again later".

    On a busy machine a trigger may take longer than Cognito waits for it; the sign-in is over then.
    """
    before = len(report.checks)
    try:
        return part(directory, report, *rest)
    except directory.idp.exceptions.UserLambdaValidationException as error:
        if attempts == 1 or LATER not in str(error):
            raise
    del report.checks[before:]
    return patiently(part, directory, report, *rest, attempts=attempts - 1)


def sign_in_by_code(directory: Directory, report: Report, ada: str) -> dict[str, str]:
    """Check a complete sign-in through the triggers. Return its tokens."""
    begun = directory.begin(directory.at("ada"))
    report.check("challenge", begun["ChallengeName"], "CUSTOM_CHALLENGE")
    mail = directory.mails(directory.at("ada"))[-1]
    report.check("mailed from", mail["Source"], "Accounts <accounts@example.com>")
    code = directory.code(directory.at("ada"))
    shown = json.dumps(begun["ChallengeParameters"])
    report.check("code not shown to the client", code in shown or "sealed" in shown, False)
    result = directory.answer(begun["Session"], ada, code)["AuthenticationResult"]
    access, identity = claims(result["AccessToken"]), claims(result["IdToken"])
    issuer = directory.outputs["authorizer"]["issuer"]
    report.check("issuer", {access["iss"], identity["iss"]}, {issuer})
    report.check("token uses", (access["token_use"], identity["token_use"]), ("access", "id"))
    report.check("audience", (access["client_id"], identity["aud"]), (directory.clients["web"],) * 2)
    report.check("lifetimes", (access["exp"] - access["iat"], identity["exp"] - identity["iat"]), (300, 600))
    report.check("subject", access["sub"], ada)
    client = directory.idp.describe_user_pool_client(UserPoolId=directory.pool_id, ClientId=directory.clients["web"])
    settings = client["UserPoolClient"]
    report.check(
        "refresh token's life",
        (settings["RefreshTokenValidity"], settings["TokenValidityUnits"]["RefreshToken"]),
        (7, "days"),
    )
    replayed = refusal(directory.answer, begun["Session"], ada, code)
    report.check("replay of session and code refused", replayed, "NotAuthorizedException")
    return {"id": result["IdToken"], "access": result["AccessToken"]}


def refused_codes(directory: Directory, report: Report) -> None:
    """Check wrong codes, the end after the third, a code of another sign-in, and a user who does not exist."""
    bob_at, carol_at, nobody_at = (directory.at(f"{name}{next(TURNS)}") for name in ("bob", "carol", "nobody"))
    bob = directory.create(bob_at)
    if (left := 3600 - time.time() % 3600) < 60:  # codes are counted by the clock hour
        time.sleep(left)
    step, outcomes = directory.begin(bob_at), []
    code = directory.code(bob_at)
    for answer in [wrong(code), "' OR 1=1 --", "0" * 33]:
        try:
            step = directory.answer(step["Session"], bob, answer)
            outcomes.append(step["ChallengeName"])
        except directory.idp.exceptions.NotAuthorizedException:
            outcomes.append("refused")
    report.check("third failure ends", outcomes, ["CUSTOM_CHALLENGE", "CUSTOM_CHALLENGE", "refused"])
    report.check(
        "and the right code is too late",
        refusal(directory.answer, step["Session"], bob, code),
        "NotAuthorizedException",
    )
    report.check("one email for three attempts", len(directory.mails(bob_at)), 1)

    step = directory.begin(bob_at)
    again = directory.answer(step["Session"], bob, wrong(directory.code(bob_at)))
    passed = directory.answer(again["Session"], bob, directory.code(bob_at))
    report.check("right after one wrong", "AuthenticationResult" in passed)

    first = directory.begin(bob_at)
    older = directory.code(bob_at)
    second = directory.begin(bob_at)
    swapped = directory.answer(second["Session"], bob, older)
    report.check("code of another sign-in", swapped.get("ChallengeName"), "CUSTOM_CHALLENGE")
    report.check("first sign-in goes on", "AuthenticationResult" in directory.answer(first["Session"], bob, older))

    directory.begin(bob_at)
    sent = len(directory.mails(bob_at))
    limited = directory.begin(bob_at)
    report.check("codes an hour", (sent, len(directory.mails(bob_at))), (5, 5))

    directory.create(carol_at)
    steps: dict[str, Any] = {}
    took: dict[str, float] = {}
    for name in [carol_at, nobody_at]:
        started = time.monotonic()
        steps[name] = directory.begin(name)
        took[name] = time.monotonic() - started
    known, unknown = steps.values()
    shapes = [
        (sorted(a), {k: v for k, v in a["ChallengeParameters"].items() if k != "USERNAME"})
        for a in ({k: v for k, v in x.items() if k != "ResponseMetadata"} for x in (known, unknown, limited))
    ]
    report.check("unknown user looks like a known one", shapes[0] == shapes[1] == shapes[2])
    report.check("neither is answered before the time of all", min(took.values()) >= ANSWER_AFTER_SECONDS)
    step, outcomes = unknown, []
    for answer in ["00000000", "11111111", "22222222"]:
        try:
            step = directory.answer(step["Session"], nobody_at, answer)
            outcomes.append(step["ChallengeName"])
        except directory.idp.exceptions.NotAuthorizedException:
            outcomes.append("refused")
    report.check("unknown user fails in the same way", outcomes, ["CUSTOM_CHALLENGE", "CUSTOM_CHALLENGE", "refused"])
    report.check("nothing is sent to it", directory.mails(nobody_at), [])
    report.check(
        "password of an unknown user",
        (
            refusal(directory.password, nobody_at),
            refusal(directory.password, bob_at, "Wrong-Horse-7-Battery"),
        ),
        ("NotAuthorizedException",) * 2,
    )
    directory.idp.admin_disable_user(UserPoolId=directory.pool_id, Username=bob)
    report.check("disabled user", refusal(directory.begin, bob_at), "NotAuthorizedException")


def under_faults(directory: Directory, report: Report) -> None:
    """Check eight sign-ins while one in ten of the functions' calls fails."""
    addresses = [directory.at(f"user{number}") for number in range(8)]
    users = {address: directory.create(address) for address in addresses}
    started = time.time()

    def sign_in(address: str, attempts: int = 4) -> bool:
        """Sign in as a person does: from the beginning again if asked to, or if no email came."""
        before = len(directory.mails(address))
        try:
            step = directory.begin(address)
            if len(directory.mails(address)) > before:
                answered = directory.answer(step["Session"], users[address], directory.code(address))
                return "AuthenticationResult" in answered
        except directory.idp.exceptions.UserLambdaValidationException as error:
            if LATER not in str(error):
                raise
        return attempts > 1 and sign_in(address, attempts - 1)

    with directory.stack.faults(*FAULTS, seed=11), concurrent.futures.ThreadPoolExecutor(2) as pool:
        done = list(pool.map(sign_in, addresses))
    hit = [c for c in directory.stack.cloud.calls(started, "user-directory") if c["fault"]]
    report.check("sign-ins under faults", done.count(True), 8)
    report.check("calls failed on the way", len(hit) > 0)


def sign_ups(directory: Directory, report: Report) -> None:
    """Check which addresses may sign up, and what a new user gets."""
    outcomes = {
        address: refusal(directory.sign_up, address, name="New", **{"custom:currency": "EUR"})
        for address in [
            directory.at("new"),
            "new@team.example.org",
            "new@example.org",
            "new@evil.com",
            "new@example.com.evil.com",
        ]
    }
    refused = "UserLambdaValidationException"
    report.check("domains", list(outcomes.values()), ["", "", refused, refused, refused])
    report.check("required attribute", refusal(directory.sign_up, directory.at("x")), "InvalidParameterException")
    report.check(
        "weak password", refusal(directory.sign_up, directory.at("x"), "password", name="X"), "InvalidPasswordException"
    )
    protected = refusal(directory.sign_up, directory.at("x"), name="X", **{"custom:plan": "paid"})
    report.check("protected attribute at sign-up", protected, "NotAuthorizedException")
    report.check("not before confirmation", refusal(directory.begin, directory.at("new")), "UserNotConfirmedException")
    mail = directory.mails(directory.at("new"))[-1]
    found = re.search(r"\d{6}", mail["BodyText"])
    confirm = {"ClientId": directory.clients["web"], "Username": directory.at("new")}
    bad = refusal(directory.idp.confirm_sign_up, ConfirmationCode="000000", **confirm)
    report.check("wrong confirmation code", bad, "CodeMismatchException")
    calls_fail = {
        "principal": "user-directory",
        "kind": "error",
        "status": 500,
        "service": "cognito-idp",
        "operation": "AdminAddUserToGroup",
        "count": 2,
    }
    with directory.stack.faults(calls_fail):
        directory.idp.confirm_sign_up(ConfirmationCode=found[0] if found else "", **confirm)

        def member() -> bool:
            groups = directory.idp.admin_list_groups_for_user(
                UserPoolId=directory.pool_id, Username=directory.at("new")
            )
            return [g["GroupName"] for g in groups["Groups"]] == ["members"]

        report.check("in its group, though the first attempt failed", wait_until("the group", member, 40))


def attributes(directory: Directory, report: Report, ada: str) -> None:
    """Check which attributes a client may read and write."""
    token = directory.password(directory.at("ada"))["AuthenticationResult"]["AccessToken"]

    def write(name: str, value: str) -> str:
        return refusal(
            directory.idp.update_user_attributes, AccessToken=token, UserAttributes=[{"Name": name, "Value": value}]
        )

    read = {a["Name"]: a["Value"] for a in directory.idp.get_user(AccessToken=token)["UserAttributes"]}
    report.check("client reads the protected attribute", read.get("custom:plan"), "free")
    report.check("and may not write it", write("custom:plan", "paid"), "NotAuthorizedException")
    report.check("nor verify its address", write("email_verified", "true"), "NotAuthorizedException")
    report.check("it writes its own", write("custom:currency", "EUR"), "")
    directory.idp.admin_update_user_attributes(
        UserPoolId=directory.pool_id, Username=ada, UserAttributes=[{"Name": "custom:plan", "Value": "paid"}]
    )
    report.check("the back end writes it", directory.attributes(ada)["custom:plan"], "paid")


def searches(directory: Directory, report: Report) -> None:
    """Check that a search finds exactly the users that match."""

    def find(text: str) -> list[str]:
        pages = directory.idp.get_paginator("list_users").paginate(UserPoolId=directory.pool_id, Filter=text)
        return sorted(a["Value"] for p in pages for u in p["Users"] for a in u["Attributes"] if a["Name"] == "email")

    ada = directory.at("ada")
    report.check("search by value", find(f'email = "{ada}"'), [ada])
    report.check("search by prefix", find('email ^= "user"'), [directory.at(f"user{n}") for n in range(8)])
    by_custom = refusal(directory.idp.list_users, UserPoolId=directory.pool_id, Filter='custom:plan = "paid"')
    report.check("no search by custom attribute", by_custom, "InvalidParameterException")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def http(url: str, form: dict[str, str] | None = None, token: str = "") -> tuple[int, Message, str]:
    """Send a request without following redirects. Return (status, headers, body)."""
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    headers = {"Authorization": token} if token else {}
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def saml(directory: Directory, subject: str, address: str) -> dict[str, Any]:
    """Sign in at the SAML provider. Return the claims of the ID token, or {"error": …}."""
    subject = f"{subject}-{directory.stack.token}"
    endpoint = directory.stack.cloud.endpoint
    query = {
        "response_type": "code",
        "client_id": directory.clients["web"],
        "redirect_uri": CALLBACK,
        "identity_provider": "Corporate",
        "scope": "openid email",
        "state": "s",
    }
    _, headers, _ = http(f"{endpoint}/oauth2/authorize?{urllib.parse.urlencode(query)}")
    relay = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)["RelayState"][0]
    values = "".join(
        f'<Attribute Name="{name}"><AttributeValue>{value}</AttributeValue></Attribute>'
        for name, value in {"mail": address, "displayName": "Somebody", "uid": subject}.items()
    )
    assertion = (
        '<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol">'
        '<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion">'
        f"<Subject><NameID>{subject}</NameID></Subject><AttributeStatement>{values}</AttributeStatement></Assertion></Response>"
    )
    form = {"SAMLResponse": base64.b64encode(assertion.encode()).decode(), "RelayState": relay}
    status, headers, body = http(f"{endpoint}/saml2/idpresponse", form)
    if status != 302:
        return {"error": json.loads(body).get("__type")}
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)["code"][0]
    grant = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": directory.clients["web"],
    }
    _, _, body = http(f"{endpoint}/oauth2/token", grant)
    return claims(json.loads(body)["id_token"])


def federation(directory: Directory, report: Report) -> None:
    """Check that a SAML user signs in as the pool's user with the same verified address, and as no other user."""
    dora = directory.create(directory.at("dora"))
    eve = directory.create(directory.at("eve"), email_verified="false")
    report.check("federated user is the existing one", saml(directory, "Dora-1", directory.at("dora")).get("sub"), dora)
    report.check("again", saml(directory, "Dora-1", directory.at("dora")).get("sub"), dora)
    links = json.loads(directory.attributes(dora)["identities"])
    report.check(
        "linked by the id in its own case",
        [(one["providerName"], one["userId"]) for one in links],
        [("Corporate", f"Dora-1-{directory.stack.token}")],
    )
    report.check(
        "not a user without a verified address",
        saml(directory, "eve-1", directory.at("eve")).get("sub") not in (eve, None),
    )
    blocked = saml(directory, "mallory-1", "mallory@evil.com").get("error", "")
    report.check("federated from another domain", blocked.rpartition("#")[2], "UserLambdaValidationException")


def authorizer(directory: Directory, report: Report, tokens: dict[str, str]) -> None:
    """Check that an API method behind the pool accepts only a valid token."""
    api = directory.stack.client("apigateway")
    rest = api.create_rest_api(name="user-directory-check")["id"]
    try:
        check = api.create_authorizer(
            restApiId=rest,
            name="users",
            type="COGNITO_USER_POOLS",
            providerARNs=directory.outputs["authorizer"]["user_pool_arns"],
            identitySource="method.request.header.Authorization",
        )["id"]
        root = api.get_resources(restApiId=rest)["items"][0]["id"]
        method = {"restApiId": rest, "resourceId": root, "httpMethod": "GET"}
        api.put_method(**method, authorizationType="COGNITO_USER_POOLS", authorizerId=check)
        api.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        api.put_method_response(**method, statusCode="200")
        api.put_integration_response(**method, statusCode="200", responseTemplates={"application/json": "{}"})
        api.create_deployment(restApiId=rest, stageName="check")
        url = f"{directory.stack.cloud.endpoint}/restapis/{rest}/check/_user_request_/"
        statuses = {name: http(url, token=t)[0] for name, t in hostile(tokens["id"]).items()}
        report.check("hostile tokens at the API", statuses, dict.fromkeys(statuses, 401))
        report.check("a valid ID token", http(url, token=tokens["id"])[0], 200)
    finally:
        api.delete_rest_api(restApiId=rest)


def hostile(token: str) -> dict[str, str]:
    """Return tokens, made from a valid one, that must not pass."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    head, body, signature = token.split(".")

    def encode(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def signed(head: str, body: str) -> str:
        key = rsa.generate_private_key(65537, 2048)
        mark = key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{head}.{body}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"

    own = claims(token)
    return {
        "none": "",
        "garbage": "garbage",
        "alg none": f"{encode({'alg': 'none'})}.{body}.",
        "HS256": f"{encode({**json.loads(base64.urlsafe_b64decode(head + '==')), 'alg': 'HS256'})}.{body}.{signature}",
        "another's key": signed(head, body),
        "unknown key id": signed(encode({"alg": "RS256", "kid": "other"}), body),
        "changed claims": f"{head}.{encode({**own, 'cognito:groups': ['staff']})}.{signature}",
        "another issuer": signed(head, encode({**own, "iss": own["iss"] + "x"})),
        "longer life": f"{head}.{encode({**own, 'exp': own['exp'] + 86400})}.{signature}",
        "no signature": f"{head}.{body}.",
        "oversized": f"{head}.{'A' * 20000}.{signature}",
    }


def sign_out(directory: Directory, report: Report) -> None:
    """Check that a global sign-out revokes every device's refresh token."""
    directory.create(directory.at("frank"))
    devices = [directory.password(directory.at("frank"))["AuthenticationResult"] for _ in range(2)]

    def refresh(device: dict[str, str]) -> str:
        parameters = {"REFRESH_TOKEN": device["RefreshToken"]}
        return refusal(
            directory.idp.initiate_auth,
            ClientId=directory.clients["web"],
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters=parameters,
        )

    report.check("refresh before", [refresh(d) for d in devices], ["", ""])
    directory.idp.global_sign_out(AccessToken=devices[0]["AccessToken"])
    report.check("refresh after global sign-out", [refresh(d) for d in devices], ["NotAuthorizedException"] * 2)
    used = [refusal(directory.idp.get_user, AccessToken=d["AccessToken"]) for d in devices]
    report.check("access tokens after it", used, ["NotAuthorizedException"] * 2)
    signing_out = refusal(directory.idp.global_sign_out, AccessToken=devices[0]["AccessToken"])
    report.check("sign-out needs a live token", signing_out, "NotAuthorizedException")
    third = directory.password(directory.at("frank"))["AuthenticationResult"]
    directory.idp.admin_user_global_sign_out(UserPoolId=directory.pool_id, Username=directory.at("frank"))
    report.check("refresh after an administrator's", refresh(third), "NotAuthorizedException")


def rotating(directory: Directory, report: Report) -> None:
    """Check that a refresh token of the client with rotation is good for one refresh, and how the pool is set."""
    directory.create(directory.at("hal"))
    client = directory.clients["device"]
    signed_in = directory.idp.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": directory.at("hal"), "PASSWORD": PASSWORD},
    )["AuthenticationResult"]

    def refresh(token: str) -> str:
        answer = directory.idp.get_tokens_from_refresh_token(ClientId=client, RefreshToken=token)
        return str(answer["AuthenticationResult"]["RefreshToken"])

    second = refresh(signed_in["RefreshToken"])
    report.check("a refresh gives a new refresh token", second != signed_in["RefreshToken"])
    report.check("the old one is refused", refusal(refresh, signed_in["RefreshToken"]), "RefreshTokenReuseException")
    report.check("the new one is good", refusal(refresh, second), "")
    pool = directory.idp.describe_user_pool(UserPoolId=directory.pool_id)["UserPool"]
    report.check(
        "first factors",
        sorted(pool["Policies"]["SignInPolicy"]["AllowedFirstAuthFactors"]),
        ["EMAIL_OTP", "PASSWORD", "WEB_AUTHN"],
    )
    passkeys = directory.idp.get_user_pool_mfa_config(UserPoolId=directory.pool_id)["WebAuthnConfiguration"]
    domain = directory.outputs["domain_url"].removeprefix("https://")
    report.check("passkeys", (passkeys["RelyingPartyId"], passkeys["UserVerification"]), (domain, "required"))


def totp(secret: str) -> str:
    """Return the code that an authenticator app shows now (RFC 6238)."""
    mark = hmac.new(base64.b32decode(secret), int(time.time() // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    first = mark[-1] & 15
    return f"{(int.from_bytes(mark[first : first + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


def second_factor(directory: Directory, report: Report) -> None:
    """Check that a user with an authenticator app is asked for its code."""
    grace = directory.create(directory.at("grace"))
    token = directory.password(directory.at("grace"))["AuthenticationResult"]["AccessToken"]
    secret = directory.idp.associate_software_token(AccessToken=token)["SecretCode"]
    bad = refusal(directory.idp.verify_software_token, AccessToken=token, UserCode="000000")
    directory.idp.verify_software_token(AccessToken=token, UserCode=totp(secret))
    directory.idp.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    asked = directory.password(directory.at("grace"))

    def answer(code: str) -> Any:
        return directory.idp.respond_to_auth_challenge(
            ClientId=directory.clients["web"],
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": grace, "SOFTWARE_TOKEN_MFA_CODE": code},
        )

    report.check("second factor asked for", asked.get("ChallengeName"), "SOFTWARE_TOKEN_MFA")
    refused = (bad, refusal(answer, wrong(totp(secret))))
    report.check("wrong second factor", refused, ("EnableSoftwareTokenMFAException", "CodeMismatchException"))
    report.check("right second factor", "AuthenticationResult" in answer(totp(secret)))


def machine(directory: Directory, report: Report) -> None:
    """Check clients with a secret: a server's sign-in, and a machine's scope."""
    found = {
        name: directory.idp.describe_user_pool_client(UserPoolId=directory.pool_id, ClientId=directory.clients[name])
        for name in ("server", "batch")
    }
    secrets = {name: answer["UserPoolClient"]["ClientSecret"] for name, answer in found.items()}
    parameters = {"USERNAME": directory.at("ada"), "PASSWORD": PASSWORD}
    server = directory.clients["server"]
    mark = hmac.new(secrets["server"].encode(), f"{directory.at('ada')}{server}".encode(), hashlib.sha256).digest()
    begin = {"UserPoolId": directory.pool_id, "ClientId": server, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}
    without = refusal(directory.idp.admin_initiate_auth, AuthParameters=parameters, **begin)
    with_secret = {**parameters, "SECRET_HASH": base64.b64encode(mark).decode()}
    passed = directory.idp.admin_initiate_auth(AuthParameters=with_secret, **begin)
    report.check("server sign-in", (without, "AuthenticationResult" in passed), ("NotAuthorizedException", True))
    form = {
        "grant_type": "client_credentials",
        "client_id": directory.clients["batch"],
        "client_secret": secrets["batch"],
    }
    _, _, body = http(f"{directory.stack.cloud.endpoint}/oauth2/token", form)
    report.check(
        "machine's scope", claims(json.loads(body)["access_token"])["scope"], "https://orders.example.com/read"
    )
    bad = http(f"{directory.stack.cloud.endpoint}/oauth2/token", {**form, "client_secret": "wrong"})[0]
    report.check("machine with a wrong secret", bad in (400, 401))


def rotation(directory: Directory, report: Report) -> None:
    """Check that a new Apple key in the secret replaces the old one in Cognito."""

    def details(name: str) -> dict[str, str]:
        found = directory.idp.describe_identity_provider(UserPoolId=directory.pool_id, ProviderName=name)
        given: dict[str, str] = found["IdentityProvider"]["ProviderDetails"]
        return given

    secrets = directory.stack.client("secretsmanager")
    before = secrets.get_secret_value(SecretId="switchyard-apple-key")["SecretString"]
    old = "OLDKEY0001" if before.startswith("-----BEGIN") else json.loads(before)["key_id"]  # from an earlier run
    report.check("Apple provider", details("SignInWithApple").get("key_id"), old)
    report.check("OIDC provider has its secret", details("Partner").get("client_secret"), CLIENT_SECRET)
    key_id = f"NEW{directory.stack.token.upper()}2"
    new = json.dumps({"private_key": apple_key(), "key_id": key_id})
    secrets.put_secret_value(SecretId="switchyard-apple-key", SecretString=new)
    detail = {
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "PutSecretValue",
        "requestParameters": {"secretId": "switchyard-apple-key"},
    }
    directory.stack.cloud.emit("aws.secretsmanager", "AWS API Call via CloudTrail", detail)
    wait_until("the new key", lambda: details("SignInWithApple").get("key_id") == key_id, 40)
    report.check("rotated key set", details("SignInWithApple").get("key_id"), key_id)


def outage(directory: Directory, report: Report) -> None:
    """Check that an outage behind a trigger reveals nothing about the back end to the client."""
    down = {
        "kind": "error",
        "status": 500,
        "service": "dynamodb",
        "principal": "user-directory",
        "message": "arn:aws:secret",
    }
    with directory.stack.faults(down):
        try:
            directory.begin(directory.at("late"))
            said = ""
        except directory.idp.exceptions.UserLambdaValidationException as error:
            said = error.response["Error"]["Message"]
    wanted = "CreateAuthChallenge failed with error The service is not available. Try again later.."
    report.check("message during an outage", said, wanted)


def permission(directory: Directory, report: Report) -> None:
    """Check that a trigger that the pool may not invoke stops the sign-in."""
    functions, name = directory.stack.client("lambda"), directory.outputs["function_names"]["define_auth_challenge"]
    statement = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"][0]
    functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    try:
        report.check(
            "trigger without permission", refusal(directory.begin, directory.at("late")), "UnexpectedLambdaException"
        )
    finally:
        functions.add_permission(
            FunctionName=name,
            StatementId=statement["Sid"],
            Action="lambda:InvokeFunction",
            Principal="cognito-idp.amazonaws.com",
            SourceArn=directory.outputs["user_pool_arn"],
            SourceAccount=ACCOUNT_ID,
        )


def logs(directory: Directory, report: Report) -> None:
    """Check that no function's log contains codes, addresses or secrets."""
    names = directory.outputs["function_names"].values()
    text = "\n".join(line for name in names for line in directory.stack.logged(name))
    mails = [m for n in range(8) for m in directory.mails(directory.at(f"user{n}"))] + directory.mails(
        directory.at("ada")
    )
    codes = {found for m in mails for found in re.findall(r"\b\d{8}\b", m["BodyText"])}
    leaks = [word for word in [*codes, "@example.com", CLIENT_SECRET, "PRIVATE KEY", PASSWORD] if word in text]
    report.check("functions have logged", "code answered" in text)
    report.check("nothing personal in the logs", leaks, [])
