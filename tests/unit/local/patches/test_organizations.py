"""AWS Organizations from a member's point of view, and delegated administrators."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID

SERVICE = "config.amazonaws.com"


@pytest.fixture(scope="module")
def management(cloud: Cloud) -> Any:
    return cloud.client("organizations")


@pytest.fixture(scope="module")
def members(management: Any) -> list[str]:
    made = [management.create_account(Email=f"{name}@example.com", AccountName=name) for name in ("m", "n")]
    assert [one["CreateAccountStatus"]["State"] for one in made] == ["SUCCEEDED"] * 2
    return [str(one["CreateAccountStatus"]["AccountId"]) for one in made]


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_a_member_sees_the_organization_that_it_is_in(cloud: Cloud, management: Any, members: list[str]) -> None:
    seen = cloud.client("organizations", account=members[0]).describe_organization()["Organization"]
    assert seen["MasterAccountId"] == ACCOUNT_ID
    assert seen["Id"] == management.describe_organization()["Organization"]["Id"]


def test_a_member_may_not_list(cloud: Cloud, members: list[str]) -> None:
    member = cloud.client("organizations", account=members[0])
    for call in (member.list_accounts, member.list_roots, member.list_delegated_administrators):
        assert code(call) == "AccessDeniedException"
    asked = {"AccountId": members[1], "ServicePrincipal": SERVICE}
    assert code(member.register_delegated_administrator, **asked) == "AccessDeniedException"


def test_a_delegated_administrator_lists_until_it_is_none(cloud: Cloud, management: Any, members: list[str]) -> None:
    member, asked = cloud.client("organizations", account=members[0]), {"ServicePrincipal": SERVICE}
    management.register_delegated_administrator(AccountId=members[0], **asked)
    again = code(management.register_delegated_administrator, AccountId=members[0], **asked)
    assert again == "AccountAlreadyRegisteredException"
    assert {one["Id"] for one in member.list_accounts()["Accounts"]} == {ACCOUNT_ID, *members}
    assert member.describe_account(AccountId=members[1])["Account"]["Id"] == members[1]
    (listed,) = management.list_delegated_administrators(**asked)["DelegatedAdministrators"]
    assert listed["Id"] == members[0]
    assert management.list_delegated_administrators(ServicePrincipal="x.amazonaws.com")["DelegatedAdministrators"] == []
    # Only the management account registers administrators.
    others = {"AccountId": members[1], **asked}
    assert code(member.register_delegated_administrator, **others) == "AccessDeniedException"
    management.deregister_delegated_administrator(AccountId=members[0], **asked)
    assert code(member.list_accounts) == "AccessDeniedException"
    assert code(management.deregister_delegated_administrator, AccountId=members[0], **asked) == (
        "AccountNotRegisteredException"
    )


@pytest.mark.parametrize("account", ["999999999999", ACCOUNT_ID])
def test_only_a_member_can_administer(management: Any, members: list[str], account: str) -> None:
    asked = {"AccountId": account, "ServicePrincipal": SERVICE}
    assert code(management.register_delegated_administrator, **asked) == "AccountNotFoundException"
