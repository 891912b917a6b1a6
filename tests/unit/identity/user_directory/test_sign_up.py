"""Which addresses may sign up, which users are linked, and groups."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from identity.user_directory import aws, post_confirmation, sign_up
from identity.user_directory.shown import Unavailable

DOMAINS = ["example.com", "*.example.org"]


@pytest.mark.parametrize("address", ["a@example.com", "A.B+c@Example.COM", "x@a.example.org", "x@b.a.example.org"])
def test_allowed(address: str) -> None:
    assert sign_up.allowed(address, DOMAINS)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com",
        "@example.com",
        "a@",
        "a@evil.com",
        "a@example.com.evil.com",
        "a@notexample.com",
        "a@evil-example.com",
        "a@example.org",
        "a@evilexample.org",
        "a@evil.com@example.com",
        "a@example.com@evil.com",
        '"a@evil.com"@example.com',
        "a@example.com\n@evil.com",
        "a@example.com ",
        " a@example.com",
        "a@example.com\x00",
        "a@example.com.",
        "a@éxample.com",
        "a@exаmple.com",  # noqa: RUF001 - a Cyrillic letter
        "a@[127.0.0.1]",
        "a@xyz@privaterelay.appleid.com",
        "x@privaterelay.appleid.com",
        "a" * 65 + "@example.com",
        "a<b>@example.com",
        "a%0a@example.com\r\nbcc: x@evil.com",
    ],
)
def test_not_allowed(address: str) -> None:
    assert not sign_up.allowed(address, DOMAINS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SignInWithApple_000123.ab.99", ("SignInWithApple", "000123.ab.99")),
        ("signinwithapple_000123", ("SignInWithApple", "000123")),
        ("corp_eu_jane_doe", ("corp_eu", "jane_doe")),
        ("corp_jane", ("corp", "jane")),
        ("corp_", None),
        ("stranger_1", None),
        ("corp", None),
    ],
)
def test_identity(name: str, expected: tuple[str, str] | None) -> None:
    assert sign_up.identity_of(name, {"SignInWithApple": {}, "corp": {}, "corp_eu": {}}) == expected


def user(address: str = "ada@example.com", verified: str = "true", **more: Any) -> dict[str, Any]:
    attributes = [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": verified}]
    return {"Username": "u1", "Enabled": True, "UserStatus": "CONFIRMED", "Attributes": attributes, **more}


class Pool:
    """A pool whose ListUsers returns pages of one, and that keeps links."""

    def __init__(self, *users: dict[str, Any], error: Exception | None = None) -> None:
        self.users, self.error, self.groups = users, error, set[str]()
        self.links: list[dict[str, Any]] = []
        self.filters: list[str] = []
        self.added: list[dict[str, Any]] = []
        self.later: list[dict[str, Any]] = []

    def list_users(self, Filter: str, PaginationToken: str = "0", **_: Any) -> dict[str, Any]:
        self.filters.append(Filter)
        place = int(PaginationToken)
        page: dict[str, Any] = {"Users": list(self.users[place : place + 1])}
        if place + 1 < len(self.users):
            page["PaginationToken"] = str(place + 1)
        return page

    def admin_link_provider_for_user(self, **link: Any) -> None:
        if self.error:
            raise self.error
        self.links.append(link)

    def admin_add_user_to_group(self, **member: Any) -> None:
        if self.error and member["GroupName"] not in self.groups:
            raise self.error
        self.added.append(member)

    def invoke(self, **call: Any) -> None:
        self.later.append(call)


def refused(code: str, operation: str = "AdminLinkProviderForUser") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "SourceUser is already linked"}}, operation)


def external(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, context: Any, rules: Any, name: str = "Corp_jane", **attributes: str
) -> dict[str, Any]:
    monkeypatch.setattr(aws, "client", lambda *_: pool)
    monkeypatch.setenv("PROVIDERS", json.dumps({"Corp": rules}))
    event = {
        "triggerSource": "PreSignUp_ExternalProvider",
        "userPoolId": "p",
        "userName": name,
        "request": {"userAttributes": {"email": "ada@example.com", **attributes}},
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False},
    }
    return sign_up.handler(event, context)["response"]  # type: ignore[no-any-return]


LINK, TRUST = {"link": True, "trusted": False}, {"link": True, "trusted": True}


@pytest.mark.parametrize(
    ("rules", "attributes"), [(LINK, {"email_verified": "true"}), (TRUST, {}), (TRUST, {"email_verified": "false"})]
)
def test_linked(rules: Any, attributes: dict[str, str], monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    pool = Pool(user("other@example.com"), user("Ada@Example.com"))
    response = external(pool, monkeypatch, context, rules, **attributes)
    (made,) = pool.links
    assert made["DestinationUser"] == {"ProviderName": "Cognito", "ProviderAttributeValue": "u1"}
    assert made["SourceUser"] == {
        "ProviderName": "Corp",
        "ProviderAttributeName": "Cognito_Subject",
        "ProviderAttributeValue": "jane",
    }
    assert response == {"autoConfirmUser": False, "autoVerifyEmail": True}


@pytest.mark.parametrize(
    ("users", "rules", "attributes"),
    [
        pytest.param([user()], LINK, {}, id="provider does not say verified"),
        pytest.param([user()], LINK, {"email_verified": "false"}, id="provider says not verified"),
        pytest.param([user()], {"link": False, "trusted": True}, {"email_verified": "true"}, id="linking is off"),
        pytest.param(
            [user(verified="false")], TRUST, {}, id="local address not verified: takeover by pre-registration"
        ),
        pytest.param([user(), user(Username="u2")], TRUST, {}, id="two candidates"),
        pytest.param([], TRUST, {}, id="nobody"),
        pytest.param([user(Enabled=False)], TRUST, {}, id="disabled user"),
        pytest.param([user(UserStatus="UNCONFIRMED")], TRUST, {}, id="unconfirmed user"),
        pytest.param([user(UserStatus="EXTERNAL_PROVIDER")], TRUST, {}, id="another federated user"),
        pytest.param([user("ada@example.co")], TRUST, {}, id="another address"),
        pytest.param([user('x" or email ^= "')], TRUST, {"email": 'x" or email ^= "'}, id="filter injection"),
        pytest.param([user("")], TRUST, {"email": ""}, id="no address"),
    ],
)
def test_not_linked(
    users: list[dict[str, Any]], rules: Any, attributes: dict[str, str], monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    pool = Pool(*users)
    external(pool, monkeypatch, context, rules, **attributes)
    assert pool.links == []
    assert all(text == 'email = "ada@example.com"' for text in pool.filters)


@pytest.mark.parametrize(
    "code",
    [
        "AliasExistsException",  # of another user, or a federated user of its own
        "InvalidParameterException",  # the pair is linked: https://github.com/boto/boto3/issues/4163
        "LimitExceededException",  # five links
        "UserNotFoundException",  # the owner was deleted meanwhile
        "ResourceNotFoundException",
    ],
)
def test_link_that_is_refused_for_good_refuses_no_sign_in(
    code: str, monkeypatch: pytest.MonkeyPatch, context: Any, capsys: Any
) -> None:
    assert external(Pool(user(), error=refused(code)), monkeypatch, context, TRUST)["autoVerifyEmail"] is True
    logged = capsys.readouterr().out
    assert sign_up.NOT_LINKED in logged
    assert code in logged
    assert "ada@" not in logged


@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException", "InternalErrorException"])
def test_link_that_may_succeed_later_stops_the_sign_in(
    code: str, monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    error = refused(code)
    error.response["ResponseMetadata"] = {"HTTPStatusCode": 500 if code.startswith("Internal") else 400}  # type: ignore[typeddict-item]
    with pytest.raises(Unavailable):  # the user who is made now could not be linked later
        external(Pool(user(), error=error), monkeypatch, context, TRUST)


def test_error_in_our_code_is_no_refused_link(monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    with pytest.raises(Unavailable):
        external(Pool(user(), error=KeyError("x")), monkeypatch, context, TRUST)


def linked(provider: str, subject: str) -> dict[str, Any]:
    made = user()
    text = json.dumps([{"userId": subject, "providerName": provider, "providerType": "SAML", "primary": False}])
    made["Attributes"].append({"Name": "identities", "Value": text})
    return made


@pytest.mark.parametrize(
    ("provider", "subject", "calls"), [("Corp", "jane", 0), ("Corp", "eve", 1), ("Other", "jane", 1)]
)
def test_pair_that_is_linked_is_not_linked_again(
    provider: str, subject: str, calls: int, monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    pool = Pool(linked(provider, subject))
    external(pool, monkeypatch, context, TRUST)
    assert len(pool.links) == calls


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", "{}", "null", "[{}]"])
def test_identities_that_cannot_be_read_are_none(text: str, monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    owner = user()
    owner["Attributes"].append({"Name": "identities", "Value": text})
    pool = Pool(owner)
    external(pool, monkeypatch, context, TRUST)
    assert len(pool.links) == 1


SUBJECT = {**TRUST, "subject": "custom:subject"}


def test_subject_in_its_own_case(monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    """A pool that ignores case lowers the trigger's user name, and compares the subject of a link exactly."""
    pool = Pool(user())
    external(pool, monkeypatch, context, SUBJECT, "corp_aaikzqf_x", **{"custom:subject": "AAIkzqF_X"})
    assert pool.links[0]["SourceUser"]["ProviderAttributeValue"] == "AAIkzqF_X"
    assert pool.links[0]["SourceUser"]["ProviderName"] == "Corp"


@pytest.mark.parametrize("given", [{}, {"custom:subject": ""}, {"custom:subject": "another"}])
def test_no_link_for_another_subject(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch, context: Any, capsys: Any
) -> None:
    pool = Pool(user())
    external(pool, monkeypatch, context, SUBJECT, "corp_aaikzqf", **given)
    assert (pool.links, pool.filters) == ([], [])
    assert sign_up.OTHER_SUBJECT in capsys.readouterr().out


@pytest.mark.parametrize("source", ["PreSignUp_SignUp", "PreSignUp_ExternalProvider"])
def test_blocked_domain(source: str, monkeypatch: pytest.MonkeyPatch, context: Any, capsys: Any) -> None:
    monkeypatch.setenv("DOMAINS", json.dumps(DOMAINS))
    event: dict[str, Any] = {
        "triggerSource": source,
        "userPoolId": "p",
        "userName": "x",
        "request": {"userAttributes": {"email": "mallory@evil.com"}},
        "response": {},
    }
    with pytest.raises(sign_up.SignUpRefused) as refused:
        sign_up.handler(event, context)
    assert "mallory" not in str(refused.value) + capsys.readouterr().out
    assert sign_up.handler({**event, "triggerSource": "PreSignUp_AdminCreateUser"}, context)["response"] == {}


def test_sign_up_never_confirms_by_itself(monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    event: dict[str, Any] = {
        "triggerSource": "PreSignUp_SignUp",
        "userPoolId": "p",
        "userName": "x",
        "request": {"userAttributes": {"email": "a@example.com", "email_verified": "true"}},
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False},
    }
    assert sign_up.handler(event, context)["response"] == {"autoConfirmUser": False, "autoVerifyEmail": False}


def confirmation(**more: Any) -> dict[str, Any]:
    request = {"userAttributes": {"email": "ada@example.com"}}
    return {
        "triggerSource": "PostConfirmation_ConfirmSignUp",
        "userPoolId": "p",
        "userName": "u1",
        "request": request,
        "response": {},
        **more,
    }


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPS", '["a", "b"]')


def test_joins_groups(groups: None, monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    pool = Pool()
    monkeypatch.setattr(aws, "client", lambda *_: pool)
    event = confirmation()
    assert post_confirmation.handler(event, context) is event
    assert [m["GroupName"] for m in pool.added] == ["a", "b"]


def test_reset_password_joins_nothing(groups: None, monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    pool = Pool()
    monkeypatch.setattr(aws, "client", lambda *_: pool)
    post_confirmation.handler(confirmation(triggerSource="PostConfirmation_ConfirmForgotPassword"), context)
    assert pool.added == []


def test_missing_group_keeps_nobody_out_of_the_others(
    groups: None, monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    pool = Pool(error=refused("ResourceNotFoundException", "AdminAddUserToGroup"))
    pool.groups = {"b"}
    monkeypatch.setattr(aws, "client", lambda *_: pool)
    post_confirmation.handler(confirmation(), context)
    assert [m["GroupName"] for m in pool.added] == ["b"]
    (call,) = pool.later
    with pytest.raises(Unavailable):
        post_confirmation.handler(json.loads(call["Payload"]), context)
    assert [m["GroupName"] for m in pool.added] == ["b", "b"]


def test_failure_is_tried_again_by_itself(groups: None, monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    pool = Pool(error=ClientError({"Error": {"Code": "TooManyRequestsException", "Message": ""}}, "x"))
    monkeypatch.setattr(aws, "client", lambda *_: pool)
    event = confirmation()
    assert post_confirmation.handler(event, context) is event  # the user is confirmed and must not see an error
    (call,) = pool.later
    assert (call["FunctionName"], call["InvocationType"]) == ("the-function", "Event")
    again = json.loads(call["Payload"])
    assert "email" not in json.dumps(again)
    with pytest.raises(Unavailable):  # Lambda retries this call, and keeps it in the dead-letter queue
        post_confirmation.handler(again, context)
    assert len(pool.later) == 1
