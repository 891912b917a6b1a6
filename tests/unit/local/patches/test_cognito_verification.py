"""Cognito's user operations at the gateway: verification of a phone, and calls without a signature."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud

PHONE = "+15555550100"


@pytest.fixture
def user(cloud: Cloud, request: pytest.FixtureRequest) -> Any:
    """Return (client without retries, access token) of a user with an unverified phone, in a pool of its own."""
    idp = cloud.client("cognito-idp", attempts=1)
    pool = idp.create_user_pool(PoolName=request.node.name)["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client = idp.create_user_pool_client(UserPoolId=pool, ClientName="c", ExplicitAuthFlows=flows)
    client_id = client["UserPoolClient"]["ClientId"]
    phone = [{"Name": "phone_number", "Value": PHONE}, {"Name": "phone_number_verified", "Value": "false"}]
    idp.admin_create_user(UserPoolId=pool, Username="u", MessageAction="SUPPRESS", UserAttributes=phone)
    idp.admin_set_user_password(UserPoolId=pool, Username="u", Password="Correct-horse-9", Permanent=True)
    password = {"USERNAME": "u", "PASSWORD": "Correct-horse-9"}
    signed_in = idp.initiate_auth(ClientId=client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=password)
    return idp, signed_in["AuthenticationResult"]["AccessToken"]


def verified(idp: Any, token: str) -> str:
    found = idp.get_user(AccessToken=token)["UserAttributes"]
    return str(next(a["Value"] for a in found if a["Name"] == "phone_number_verified"))


def send(idp: Any, token: str) -> None:
    idp.get_user_attribute_verification_code(AccessToken=token, AttributeName="phone_number")


def verify(idp: Any, token: str, code: str) -> None:
    idp.verify_user_attribute(AccessToken=token, AttributeName="phone_number", Code=code)


def test_a_code_verifies_the_phone_once(cloud: Cloud, user: Any) -> None:
    idp, token = user
    send(idp, token)
    code = cloud.notifications(PHONE)[-1]["message"].split()[-1]
    with pytest.raises(ClientError, match="CodeMismatch"):
        verify(idp, token, f"{(int(code) + 1) % 10**6:06d}")
    assert verified(idp, token) == "false"
    verify(idp, token, code)
    assert verified(idp, token) == "true"
    with pytest.raises(ClientError, match="ExpiredCode"):
        verify(idp, token, code)


def test_a_changed_phone_is_not_verified_and_old_codes_are_not_its(cloud: Cloud, user: Any) -> None:
    idp, token = user
    send(idp, token)
    code = cloud.notifications(PHONE)[-1]["message"].split()[-1]
    verify(idp, token, code)
    send(idp, token)
    code = cloud.notifications(PHONE)[-1]["message"].split()[-1]
    idp.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "phone_number", "Value": "+15555550199"}])
    assert verified(idp, token) == "false"
    with pytest.raises(ClientError, match="ExpiredCode"):
        verify(idp, token, code)


def test_five_codes_an_hour(user: Any) -> None:
    idp, token = user
    for _ in range(5):
        send(idp, token)
    with pytest.raises(ClientError, match="LimitExceeded"):
        send(idp, token)


def test_a_bad_token_and_another_attribute_are_refused(user: Any) -> None:
    idp, token = user
    with pytest.raises(ClientError, match="NotAuthorized"):
        send(idp, token[:-4] + "AAAA")
    for name in ("name", "email"):
        with pytest.raises(ClientError, match="InvalidParameter"):
            idp.get_user_attribute_verification_code(AccessToken=token, AttributeName=name)


def test_calls_without_a_signature_are_recorded_and_can_fail(cloud: Cloud, user: Any) -> None:
    """The record has the user pool of their token or app client. Calls for other pools are not affected."""
    idp, token = user
    pool = "test_calls_without_a_signature_are_recorded_and_can_fail"
    other = idp.create_user_pool(PoolName="other")["UserPool"]["Id"]
    client = idp.create_user_pool_client(UserPoolId=other, ClientName="c")["UserPoolClient"]["ClientId"]
    since = time.time()
    idp.get_user(AccessToken=token)
    fault = {"service": "cognito-idp", "principal": f"anonymous/{pool}"}
    with cloud.faults(fault):
        with pytest.raises(ClientError, match="Throttling"):
            idp.get_user(AccessToken=token)
        with pytest.raises(ClientError, match="NotAuthorized"):
            idp.get_user(AccessToken="letmein")
        with pytest.raises(ClientError, match=r"NotAuthorized|UserNotFound"):
            idp.forgot_password(ClientId=client, Username="unknown")
    seen = [(c["operation"], c["principal"], c["fault"]) for c in cloud.calls(since, "anonymous")]
    assert seen == [
        ("GetUser", f"anonymous/{pool}", ""),
        ("GetUser", f"anonymous/{pool}", "throttle"),
        ("GetUser", "anonymous/", ""),
        ("ForgotPassword", "anonymous/other", ""),
    ]


def test_a_pool_can_keep_the_number_until_the_new_one_is_verified(cloud: Cloud, user: Any) -> None:
    """Cognito: AttributesRequireVerificationBeforeUpdate."""
    idp, token = user
    pools = idp.list_user_pools(MaxResults=60)["UserPools"]
    pool = next(p["Id"] for p in pools if p["Name"] == "test_a_pool_can_keep_the_number_until_the_new_one_is_verified")
    send(idp, token)
    verify(idp, token, cloud.notifications(PHONE)[-1]["message"].split()[-1])
    settings = {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}
    idp.update_user_pool(UserPoolId=pool, UserAttributeUpdateSettings=settings)
    new = "+15555550199"
    idp.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "phone_number", "Value": new}])
    shown = {a["Name"]: a["Value"] for a in idp.get_user(AccessToken=token)["UserAttributes"]}
    assert (shown["phone_number"], shown["phone_number_verified"]) == (PHONE, "true")
    verify(idp, token, cloud.notifications(new)[-1]["message"].split()[-1])
    shown = {a["Name"]: a["Value"] for a in idp.get_user(AccessToken=token)["UserAttributes"]}
    assert (shown["phone_number"], shown["phone_number_verified"]) == (new, "true")


def test_e_mail_can_be_a_factor(user: Any) -> None:
    idp, token = user
    for settings, factors, preferred in (
        ({"Enabled": True, "PreferredMfa": True}, ["EMAIL_OTP"], "EMAIL_OTP"),
        ({"Enabled": True, "PreferredMfa": False}, ["EMAIL_OTP"], ""),
        ({"Enabled": False, "PreferredMfa": False}, [], ""),
    ):
        idp.set_user_mfa_preference(AccessToken=token, EmailMfaSettings=settings)
        found = idp.get_user(AccessToken=token)
        assert (found["UserMFASettingList"], found["PreferredMfaSetting"]) == (factors, preferred)
