"""Cognito where AWS is stricter than MiniStack: triggers, custom authentication, attributes, pools, providers."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.patches import cognito, cognito_custom_auth, cognito_triggers
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.gateway.test_gateway import Function

PASSWORD = "Correct-horse-9"
TRIGGERS = ["DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse"]
TRIGGERS += ["PreSignUp", "PostConfirmation", "PostAuthentication"]
CODE = """
def handler(event, context):
    source, request = event["triggerSource"], event["request"]
    print(f"{source} {event['userName']} {request.get('userNotFound')}")
    if source.startswith("PreSignUp") and "stranger" in event["userName"]:
        raise ValueError("no strangers")
    if source == "DefineAuthChallenge_Authentication":
        done = any(one["challengeResult"] for one in request["session"])
        event["response"] = {"issueTokens": done, **({} if done else {"challengeName": "CUSTOM_CHALLENGE"})}
    if source == "CreateAuthChallenge_Authentication":
        event["response"] = {"publicChallengeParameters": {"hint": "h"}, "privateChallengeParameters": {"is": "42"}}
    if source == "VerifyAuthChallengeResponse_Authentication":
        event["response"] = {"answerCorrect": request["challengeAnswer"] == "42"}
    return event
"""


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> Function:
    cloud.client("logs").create_log_group(logGroupName="/aws/lambda/trigger")
    return Function(cloud, "trigger", CODE)


class Pool:
    """A pool for one test, with every trigger, and a client that may read `email` and write `email` and `name`."""

    def __init__(self, cloud: Cloud, function: Function, name: str, *, allowed: bool = True) -> None:
        self.cloud, self.function = cloud, function
        self.idp = cloud.client("cognito-idp", attempts=1)
        schema = [{"Name": "name", "Required": True, "Mutable": True, "AttributeDataType": "String"}]
        schema.append({"Name": "plan", "Mutable": True, "AttributeDataType": "String"})
        made = self.idp.create_user_pool(
            PoolName=name, Schema=schema, LambdaConfig=dict.fromkeys(TRIGGERS, function.arn)
        )["UserPool"]
        self.id = made["Id"]
        if allowed:
            function.api.add_permission(
                FunctionName=function.name,
                StatementId=name[-60:].replace("[", "_").replace("]", "_"),
                Action="lambda:InvokeFunction",
                Principal="cognito-idp.amazonaws.com",
                SourceArn=made["Arn"],
            )
        self.client = self.idp.create_user_pool_client(
            UserPoolId=self.id,
            ClientName="c",
            ExplicitAuthFlows=["ALLOW_CUSTOM_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            PreventUserExistenceErrors="ENABLED",
            ReadAttributes=["email"],
            WriteAttributes=["email", "name"],
        )["UserPoolClient"]["ClientId"]

    def add(self, name: str) -> None:
        attributes = [{"Name": "email", "Value": f"{name}@example.com"}, {"Name": "name", "Value": name}]
        common = {"UserPoolId": self.id, "Username": name}
        self.idp.admin_create_user(**common, MessageAction="SUPPRESS", UserAttributes=attributes)
        self.idp.admin_set_user_password(**common, Password=PASSWORD, Permanent=True)

    def sign_in(self, name: str) -> Any:
        parameters = {"USERNAME": name, "PASSWORD": PASSWORD}
        answer = self.idp.initiate_auth(ClientId=self.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
        return answer["AuthenticationResult"]

    def begin(self, name: str) -> Any:
        return self.idp.initiate_auth(ClientId=self.client, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": name})

    def answer(self, session: str, name: str, answer: str) -> Any:
        return self.idp.respond_to_auth_challenge(
            ClientId=self.client,
            ChallengeName="CUSTOM_CHALLENGE",
            Session=session,
            ChallengeResponses={"USERNAME": name, "ANSWER": answer},
        )

    def ran(self, line: str) -> bool:
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        found = [e["message"] for page in pages.paginate(logGroupName="/aws/lambda/trigger") for e in page["events"]]
        return any(line in message for message in found)


@pytest.fixture
def pool(cloud: Cloud, function: Function, request: pytest.FixtureRequest) -> Pool:
    return Pool(cloud, function, request.node.name)


def sign_up(pool: Pool, name: str, *without: str, **more: str) -> Any:
    attributes = {"email": f"{name}@example.com", "name": name, **more}
    given = [{"Name": key, "Value": value} for key, value in attributes.items() if key not in without]
    return pool.idp.sign_up(ClientId=pool.client, Username=name, Password=PASSWORD, UserAttributes=given)


def test_a_trigger_needs_the_functions_permission(cloud: Cloud, function: Function) -> None:
    pool = Pool(cloud, function, "not-allowed", allowed=False)
    denied = "PreSignUp invocation failed due to error AccessDeniedException"
    with pytest.raises(ClientError, match=denied):
        sign_up(pool, "ann")
    with pytest.raises(ClientError, match=denied) as caught:
        pool.add("ann")
    assert caught.value.response["Error"]["Code"] == "UnexpectedLambdaException"


def test_a_trigger_refuses_in_its_own_words(pool: Pool) -> None:
    for call in (lambda: sign_up(pool, "stranger1"), lambda: pool.add("stranger2")):
        with pytest.raises(ClientError, match="PreSignUp failed with error no strangers") as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "UserLambdaValidationException"
    assert pool.ran("PreSignUp_AdminCreateUser stranger2")


def test_confirmation_and_sign_in_run_their_triggers(pool: Pool) -> None:
    sign_up(pool, "bob")
    pool.idp.admin_confirm_sign_up(UserPoolId=pool.id, Username="bob")
    assert wait_until("post confirmation", lambda: pool.ran("PostConfirmation_ConfirmSignUp bob"), 20)
    pool.sign_in("bob")
    assert wait_until("post authentication", lambda: pool.ran("PostAuthentication_Authentication bob"), 20)


def test_a_session_is_good_for_one_answer(pool: Pool) -> None:
    pool.add("cleo")
    session = pool.begin("cleo")["Session"]
    second = pool.answer(session, "cleo", "41")
    assert second["ChallengeName"] == "CUSTOM_CHALLENGE"
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        pool.answer(session, "cleo", "42")
    assert pool.answer(second["Session"], "cleo", "42")["AuthenticationResult"]["IdToken"]


def test_who_exists_stays_hidden(pool: Pool) -> None:
    begun = pool.begin("unknown")
    assert begun["ChallengeParameters"]["hint"] == "h"
    assert wait_until("the trigger", lambda: pool.ran("DefineAuthChallenge_Authentication unknown True"), 20)
    with pytest.raises(ClientError, match="Incorrect username or password"):
        pool.answer(begun["Session"], "unknown", "42")


def test_a_client_writes_what_it_may(pool: Pool) -> None:
    with pytest.raises(ClientError, match="unauthorized attribute"):
        sign_up(pool, "dave", **{"custom:plan": "gold"})
    with pytest.raises(ClientError, match="The attribute name is required"):
        sign_up(pool, "dave", "name")
    pool.add("dave")
    token = pool.sign_in("dave")["AccessToken"]
    with pytest.raises(ClientError, match="unauthorized attribute"):
        pool.idp.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "custom:plan", "Value": "gold"}])
    pool.idp.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "name", "Value": "David"}])


def test_a_client_reads_what_it_may(pool: Pool) -> None:
    pool.add("eve")
    signed_in = pool.sign_in("eve")
    payload = signed_in["IdToken"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["email"] == "eve@example.com"
    assert "name" not in claims
    shown = {a["Name"] for a in pool.idp.get_user(AccessToken=signed_in["AccessToken"])["UserAttributes"]}
    assert "email" in shown
    assert "name" not in shown


def test_only_an_administrator_makes_users_where_the_pool_says_so(pool: Pool) -> None:
    config = dict.fromkeys(TRIGGERS, pool.function.arn)
    only = {"AllowAdminCreateUserOnly": True}
    pool.idp.update_user_pool(UserPoolId=pool.id, LambdaConfig=config, AdminCreateUserConfig=only)
    with pytest.raises(ClientError, match="SignUp is not permitted"):
        sign_up(pool, "fay")


@pytest.mark.parametrize("filter_", ['email = "x', 'custom:plan = "gold"', 'email != "x"'])
def test_a_filter_that_cannot_be_read_is_refused(pool: Pool, filter_: str) -> None:
    with pytest.raises(ClientError, match="Error while parsing filter"):
        pool.idp.list_users(UserPoolId=pool.id, Filter=filter_)
    assert pool.idp.list_users(UserPoolId=pool.id, Filter='email ^= "x"')["Users"] == []


@pytest.mark.parametrize(
    ("service", "condition"),
    [
        ("lambda.amazonaws.com", {"sts:ExternalId": "pool"}),
        ("cognito-idp.amazonaws.com", {"sts:ExternalId": "other"}),
        ("cognito-idp.amazonaws.com", {"sts:ExternalId": "pool", "aws:SourceAccount": "999999999999"}),
    ],
)
def test_a_pool_sends_text_messages_under_a_role_that_trusts_it(
    cloud: Cloud, pool: Pool, service: str, condition: dict[str, str]
) -> None:
    def document(service: str, condition: dict[str, str]) -> str:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        return json.dumps(
            {"Version": "2012-10-17", "Statement": [{**statement, "Condition": {"StringEquals": condition}}]}
        )

    iam, name = cloud.client("iam"), f"sms-{'-'.join((service, *condition.values())).replace('.', '-')}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(service, condition))["Role"]["Arn"]
    sms = {"SnsCallerArn": role, "ExternalId": "pool"}
    with pytest.raises(pool.idp.exceptions.InvalidSmsRoleTrustRelationshipException):
        pool.idp.create_user_pool(PoolName="p", SmsConfiguration=sms)
    good = document("cognito-idp.amazonaws.com", {"sts:ExternalId": "pool", "aws:SourceAccount": ACCOUNT_ID})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=good)
    pool.idp.delete_user_pool(
        UserPoolId=pool.idp.create_user_pool(PoolName="p", SmsConfiguration=sms)["UserPool"]["Id"]
    )


@pytest.mark.parametrize("only", ["verified_email", "verified_phone_number"])
def test_mail_is_a_second_factor_where_accounts_are_recovered_otherwise_too(pool: Pool, only: str) -> None:
    def recovered_by(*names: str) -> str:
        setting = {"RecoveryMechanisms": [{"Name": name, "Priority": n + 1} for n, name in enumerate(names)]}
        made = pool.idp.create_user_pool(PoolName="recovery", AccountRecoverySetting=setting)["UserPool"]
        return str(made["Id"])

    mail = {"EmailMfaConfiguration": {"Message": "{####}", "Subject": "s"}, "MfaConfiguration": "OPTIONAL"}
    one, both = recovered_by(only), recovered_by("verified_email", "verified_phone_number")
    with pytest.raises(pool.idp.exceptions.InvalidParameterException, match="recovery mechanism"):
        pool.idp.set_user_pool_mfa_config(UserPoolId=one, **mail)
    pool.idp.set_user_pool_mfa_config(
        UserPoolId=one, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    assert pool.idp.set_user_pool_mfa_config(UserPoolId=both, **mail)["EmailMfaConfiguration"]
    for pool_id in (one, both):
        pool.idp.delete_user_pool(UserPoolId=pool_id)


TOTP = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
EMAIL = {"EmailMfaConfiguration": {"Message": "{####}", "Subject": "s"}}
SMS = {"SmsMfaConfiguration": {"SmsAuthenticationMessage": "{####}"}}


@pytest.mark.parametrize(
    ("factors", "recovery", "mode", "config", "problem"),
    [
        ([], ["verified_email"], "OFF", TOTP, "can't turn off MFA"),
        ([], ["verified_email"], "ON", {}, "can't disable all MFAs"),
        (["PASSWORD", "EMAIL_OTP"], ["verified_email"], "ON", TOTP, "Only PASSWORD and WEB_AUTHN"),
        (["PASSWORD", "SMS_OTP"], ["verified_email"], "ON", TOTP, "Only PASSWORD and WEB_AUTHN"),
        (["PASSWORD", "WEB_AUTHN"], ["verified_email"], "ON", TOTP, "SINGLE_FACTOR"),
        ([], ["verified_email", "verified_phone_number"], "ON", SMS, "cannot use verified_phone_number"),
        (["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"], ["verified_email"], "OPTIONAL", TOTP, ""),
        ([], ["verified_email", "verified_phone_number"], "OPTIONAL", SMS, ""),
        ([], ["verified_email", "verified_phone_number"], "ON", EMAIL, ""),
        ([], ["verified_email"], "ON", SMS, ""),
        ([], ["admin_only"], "ON", SMS, ""),
        ([], ["verified_email"], "OFF", {"WebAuthnConfiguration": {"RelyingPartyId": "example.com"}}, ""),
    ],
)
def test_second_factors_fit_the_first_ones_and_the_recovery(
    pool: Pool, factors: list[str], recovery: list[str], mode: str, config: dict[str, Any], problem: str
) -> None:
    setting = {"RecoveryMechanisms": [{"Name": name, "Priority": n + 1} for n, name in enumerate(recovery)]}
    policies = {"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": factors}}} if factors else {}
    made = pool.idp.create_user_pool(PoolName="factors", AccountRecoverySetting=setting, **policies)["UserPool"]["Id"]
    try:
        if problem:
            with pytest.raises(pool.idp.exceptions.InvalidParameterException, match=problem):
                pool.idp.set_user_pool_mfa_config(UserPoolId=made, MfaConfiguration=mode, **config)
        else:
            pool.idp.set_user_pool_mfa_config(UserPoolId=made, MfaConfiguration=mode, **config)
    finally:
        pool.idp.delete_user_pool(UserPoolId=made)


@pytest.mark.parametrize(
    ("schema", "good"),
    [
        ({"Name": "updated_at", "AttributeDataType": "String"}, False),
        ({"Name": "birthdate", "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}}, False),
        ({"Name": "birthdate", "StringAttributeConstraints": {"MinLength": "10", "MaxLength": "10"}}, True),
        ({"Name": "updated_at", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "0"}}, True),
        ({"Name": "plan", "StringAttributeConstraints": {"MinLength": "1", "MaxLength": "3"}}, True),
    ],
)
def test_standard_attributes_have_cognitos_types(pool: Pool, schema: dict[str, Any], good: bool) -> None:
    given = {"AttributeDataType": "String", "Mutable": True, **schema}
    if good:
        made = pool.idp.create_user_pool(PoolName="schema", Schema=[given])["UserPool"]["Id"]
        pool.idp.delete_user_pool(UserPoolId=made)
    else:
        with pytest.raises(pool.idp.exceptions.InvalidParameterException, match="You can not change"):
            pool.idp.create_user_pool(PoolName="schema", Schema=[given])


def test_a_pair_is_linked_once(pool: Pool) -> None:
    made = pool.idp.admin_create_user(
        UserPoolId=pool.id, Username="ada", UserAttributes=[{"Name": "email", "Value": "ada@example.com"}]
    )
    link = {
        "UserPoolId": pool.id,
        "DestinationUser": {"ProviderName": "Cognito", "ProviderAttributeValue": made["User"]["Username"]},
        "SourceUser": {
            "ProviderName": "Google",
            "ProviderAttributeName": "Cognito_Subject",
            "ProviderAttributeValue": "1",
        },
    }
    pool.idp.admin_link_provider_for_user(**link)
    with pytest.raises(pool.idp.exceptions.InvalidParameterException, match="already linked"):
        pool.idp.admin_link_provider_for_user(**link)


def test_refresh_tokens_rotate(pool: Pool) -> None:
    rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
    settings = {"UserPoolId": pool.id, "ClientName": "r", "RefreshTokenRotation": rotation}
    for flows in (["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], []):
        with pytest.raises(pool.idp.exceptions.InvalidParameterException, match="ALLOW_REFRESH_TOKEN_AUTH"):
            pool.idp.create_user_pool_client(**settings, ExplicitAuthFlows=flows)
    made = pool.idp.create_user_pool_client(**settings, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"])
    client = made["UserPoolClient"]["ClientId"]
    described = pool.idp.describe_user_pool_client(UserPoolId=pool.id, ClientId=client)["UserPoolClient"]
    assert described["RefreshTokenRotation"] == rotation
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="rob", MessageAction="SUPPRESS")
    pool.idp.admin_set_user_password(UserPoolId=pool.id, Username="rob", Password=PASSWORD, Permanent=True)
    signed_in = pool.idp.initiate_auth(
        ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "rob", "PASSWORD": PASSWORD}
    )["AuthenticationResult"]
    with pytest.raises(pool.idp.exceptions.InvalidParameterException):
        pool.idp.initiate_auth(
            ClientId=client,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": signed_in["RefreshToken"]},
        )

    def refresh(token: str) -> str:
        answer = pool.idp.get_tokens_from_refresh_token(ClientId=client, RefreshToken=token)
        return str(answer["AuthenticationResult"]["RefreshToken"])

    second = refresh(signed_in["RefreshToken"])
    assert second != signed_in["RefreshToken"]
    with pytest.raises(pool.idp.exceptions.RefreshTokenReuseException):
        refresh(signed_in["RefreshToken"])
    assert refresh(second)
    pool.idp.update_user_pool_client(
        UserPoolId=pool.id, ClientId=client, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    plain = pool.idp.get_tokens_from_refresh_token(ClientId=client, RefreshToken=refresh_of(pool, client))
    assert "RefreshToken" not in plain["AuthenticationResult"]


def refresh_of(pool: Pool, client: str) -> str:
    """Sign in. Return the refresh token."""
    answer = pool.idp.initiate_auth(
        ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "rob", "PASSWORD": PASSWORD}
    )
    return str(answer["AuthenticationResult"]["RefreshToken"])


@pytest.mark.parametrize(
    ("sensitive", "source", "name"),
    [
        (False, "PreSignUp_ExternalProvider", "corp_abc"),
        (True, "PreSignUp_ExternalProvider", "Corp_AbC"),
        (False, "PreSignUp_SignUp", "Corp_AbC"),
    ],
)
def test_a_pool_that_ignores_case_gives_triggers_lower_case(
    monkeypatch: pytest.MonkeyPatch, sensitive: bool, source: str, name: str
) -> None:
    from ministack.services import cognito

    monkeypatch.setitem(cognito._user_pools, "eu-west-1_q", {"UsernameConfiguration": {"CaseSensitive": sensitive}})
    names: list[str] = []

    def call_trigger(pool_id: str, trigger: str, event: dict[str, Any]) -> dict[str, Any]:
        names.append(event["userName"])
        return {}

    monkeypatch.setattr(cognito_triggers, "call_trigger", call_trigger)
    cognito_triggers.apply_presignup_trigger("eu-west-1_q", "", "Corp_AbC", {}, source)
    assert names == [name]


def test_a_pool_sends_from_a_verified_address(cloud: Cloud, pool: Pool) -> None:
    source = f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity/sender@pools.example"
    email = {"EmailSendingAccount": "DEVELOPER", "SourceArn": source}
    with pytest.raises(ClientError, match="Email address is not verified"):
        pool.idp.create_user_pool(PoolName="p", EmailConfiguration=email)
    with pytest.raises(ClientError, match="Email address is not verified"):
        pool.idp.update_user_pool(UserPoolId=pool.id, EmailConfiguration=email)
    cloud.client("ses").verify_email_identity(EmailAddress="sender@pools.example")
    pool.idp.create_user_pool(PoolName="p", EmailConfiguration=email)


def test_apples_private_key_is_not_given_back(pool: Pool) -> None:
    details = {"client_id": "c", "team_id": "t", "key_id": "k", "private_key": "secret", "authorize_scopes": "email"}
    common = {"UserPoolId": pool.id, "ProviderName": "SignInWithApple"}
    pool.idp.create_identity_provider(**common, ProviderType="SignInWithApple", ProviderDetails=details)
    found = pool.idp.describe_identity_provider(**common)["IdentityProvider"]["ProviderDetails"]
    assert found["key_id"] == "k"
    assert "private_key" not in found


def test_a_trigger_is_tried_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cognito_triggers, "TRIGGER_SECONDS", 0.05)
    tries: list[int] = []
    refused = threading.Event()

    def slow() -> None:
        tries.append(1)
        refused.wait(10)

    with pytest.raises(cognito_triggers.Refused, match="timed out"):
        cognito_triggers._in_time("PostAuthentication", slow)
    refused.set()
    assert len(tries) == 3
    monkeypatch.setattr(cognito_triggers, "TRIGGER_SECONDS", 5.0)
    assert cognito_triggers._in_time("PostAuthentication", lambda: {"body": 5}) == {"body": 5}


def session() -> dict[str, Any]:
    return {"challenges": [], "pool_id": "p", "client_id": "c", "username": "u", "created": time.time()}


@pytest.mark.parametrize(
    ("function", "rest", "trigger"),
    [
        (cognito_custom_auth.invoke_define_auth_challenge_trigger, [{}], "DefineAuthChallenge"),
        (cognito_custom_auth.invoke_create_auth_challenge_trigger, [{}], "CreateAuthChallenge"),
        (cognito_custom_auth.invoke_verify_auth_challenge_trigger, ["42", {}], "VerifyAuthChallengeResponse"),
    ],
)
def test_a_sign_in_with_a_password_first_calls_the_same_triggers(
    monkeypatch: pytest.MonkeyPatch, function: Any, rest: list[Any], trigger: str
) -> None:
    called: list[tuple[str, str, str]] = []

    def call_trigger(pool_id: str, name: str, event: dict[str, Any]) -> dict[str, Any]:
        called.append((pool_id, name, event["userName"]))
        return {"answer": name}

    monkeypatch.setattr(cognito_custom_auth, "call_trigger", call_trigger)
    assert function("eu-west-1_p", "c", "u", {}, session(), *rest) == ({"response": {"answer": trigger}}, None)
    assert called == [("eu-west-1_p", trigger, "u")]


def test_a_federated_user_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, str, str]] = []

    def call_trigger(pool_id: str, name: str, event: dict[str, Any]) -> dict[str, Any]:
        called.append((name, event["triggerSource"], event["userName"]))
        raise cognito_triggers.Refused("UserLambdaValidationException", "no")

    monkeypatch.setattr(cognito_triggers, "call_trigger", call_trigger)
    made: list[Any] = []
    cognito_triggers.start_federated_profile(
        lambda *given: made.append(given), {}, "eu-west-1_p", {"Username": "Corporate_1"}, "Corporate", "1"
    )
    assert made == [({}, "eu-west-1_p", {"Username": "Corporate_1"}, "Corporate", "1")]
    assert called == [("PostConfirmation", "PostConfirmation_ConfirmSignUp", "Corporate_1")]


@pytest.mark.parametrize(
    ("guests", "logins", "refused"), [(False, {}, True), (True, {}, False), (False, {"cognito-idp": "token"}, False)]
)
def test_guests_get_an_identity_only_where_the_pool_allows_them(
    monkeypatch: pytest.MonkeyPatch, guests: bool, logins: dict[str, str], refused: bool
) -> None:
    monkeypatch.setattr("ministack.services.cognito._identity_pools", {"p": {"AllowUnauthenticatedIdentities": guests}})
    answer = cognito.get_id(lambda data: "identity", {"IdentityPoolId": "p", "Logins": logins})
    assert (answer != "identity") is refused
    if refused:
        assert answer[0] == 400
        assert b"NotAuthorizedException" in answer[2]
