"""Which grants of a bucket reach outsiders, statement by statement."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ministack.services.s3 import _statement_is_public

from local.services.accessanalyzer.exceptions import ValidationException
from local.services.accessanalyzer.filters import check, matches
from local.services.accessanalyzer.grants import AccessPoint, Bucket, Grant, Zone, grants

OWN, MEMBER, OUTSIDER, ORGANIZATION = "111111111111", "222222222222", "999999999999", "o-example000"
ACCOUNT, ORG = Zone(frozenset({OWN})), Zone(frozenset({OWN, MEMBER}), ORGANIZATION)
RESTRICTED = frozenset({"RestrictPublicBuckets"})
POINT = f"arn:aws:s3:eu-west-1:{OWN}:accesspoint/app"
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def allow(principal: Any, effect: str = "Allow", action: Any = "s3:GetObject", **fields: Any) -> dict[str, Any]:
    resource = fields.pop("Resource", "arn:aws:s3:::b/*")
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **fields}


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


def root(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def bucket(*statements: dict[str, Any], **fields: Any) -> Bucket:
    return Bucket("b", OWN, "eu-west-1", "owner", json.dumps({"Statement": list(statements)}), **fields)


def found(subject: Bucket, zone: Zone = ACCOUNT) -> list[tuple[str, str, bool]]:
    return [(g.source, g.principal[1], g.public) for g in grants(subject, zone, _statement_is_public)]


@pytest.mark.parametrize(
    ("statement", "zone", "expected"),
    [
        (allow("*"), ACCOUNT, [("POLICY", "*", True)]),
        (allow({"AWS": "*"}), ORG, [("POLICY", "*", True)]),
        (allow(root(OUTSIDER)), ACCOUNT, [("POLICY", OUTSIDER, False)]),
        (allow({"AWS": OUTSIDER}), ACCOUNT, [("POLICY", OUTSIDER, False)]),
        (
            allow({"AWS": f"arn:aws:iam::{OUTSIDER}:role/r"}),
            ACCOUNT,
            [("POLICY", f"arn:aws:iam::{OUTSIDER}:role/r", False)],
        ),
        (allow({"CanonicalUser": "abc"}), ACCOUNT, [("POLICY", "abc", False)]),
        (allow(root(OWN)), ACCOUNT, []),
        (allow({"Service": "logging.s3.amazonaws.com"}), ACCOUNT, []),
        (allow(root(MEMBER)), ACCOUNT, [("POLICY", MEMBER, False)]),
        (allow(root(MEMBER)), ORG, []),
        (
            allow("*", **when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION)),
            ACCOUNT,
            [("POLICY", "*", False)],
        ),
        (allow("*", **when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION)), ORG, []),
        (allow("*", **when("StringEquals", "aws:PrincipalOrgID", "o-other00000")), ORG, [("POLICY", "*", False)]),
        (
            allow("*", **when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION)),
            ORG,
            [("POLICY", "*", True)],
        ),
        (allow("*", **when("StringEquals", "aws:PrincipalAccount", [OWN])), ACCOUNT, []),
        (
            allow("*", **when("StringEquals", "aws:PrincipalAccount", [OWN, OUTSIDER])),
            ACCOUNT,
            [("POLICY", "*", False)],
        ),
        (allow("*", **when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{OWN}:role/*")), ACCOUNT, []),
        (allow("*", **when("StringEquals", "aws:SourceVpc", "vpc-1")), ACCOUNT, [("POLICY", "*", False)]),
        (allow("*", **when("Bool", "aws:SecureTransport", "true")), ACCOUNT, [("POLICY", "*", True)]),
        (allow("*", **when("StringEquals", "s3:DataAccessPointAccount", OWN)), ACCOUNT, []),
        (allow("*", **when("ArnLike", "s3:DataAccessPointArn", f"{POINT[:-3]}*")), ACCOUNT, []),
        (
            allow("*", **when("StringEquals", "s3:DataAccessPointAccount", OUTSIDER)),
            ACCOUNT,
            [("S3_ACCESS_POINT_ACCOUNT", "*", True)],
        ),
    ],
)
def test_one_statement(statement: dict[str, Any], zone: Zone, expected: list[tuple[str, str, bool]]) -> None:
    assert found(bucket(statement), zone) == expected


def test_conditions_and_actions_are_reported() -> None:
    statements = [
        allow(root(OUTSIDER), **when("StringEquals", "aws:SourceVpc", "vpc-1")),
        allow(root(OUTSIDER), action=["s3:PutObject"], **when("StringEquals", "aws:SourceVpc", "vpc-1")),
    ]
    (grant,) = grants(bucket(*statements), ACCOUNT, _statement_is_public)
    assert grant == Grant(
        "POLICY",
        ("AWS", OUTSIDER),
        (("aws:SourceVpc", "vpc-1"),),
        frozenset({"s3:GetObject", "s3:PutObject"}),
        public=False,
    )


@pytest.mark.parametrize(
    ("denial", "stays"),
    [
        (allow("*", "Deny"), False),
        (allow("*", "Deny", "s3:*"), False),
        (allow("*", "Deny", "s3:PutObject"), True),
        (allow("*", "Deny", Resource="arn:aws:s3:::b/private/*"), True),
        (allow(root(OUTSIDER), "Deny"), False),
        (allow(root(MEMBER), "Deny"), True),
        (allow("*", "Deny", **when("Bool", "aws:SecureTransport", "false")), True),
        (allow("*", "Deny", **when("StringNotEquals", "aws:PrincipalAccount", OWN)), False),
        (allow("*", "Deny", **when("StringNotEquals", "aws:PrincipalAccount", [OWN, OUTSIDER])), True),
        (
            allow(
                "*",
                "Deny",
                Condition={
                    "StringNotEquals": {"aws:PrincipalAccount": OWN},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            ),
            False,
        ),
    ],
)
def test_denials(denial: dict[str, Any], stays: bool) -> None:
    assert bool(found(bucket(allow(root(OUTSIDER)), denial))) == stays


def test_acls() -> None:
    acl = (("URI", ALL_USERS, "READ"), ("ID", "owner", "FULL_CONTROL"), ("ID", "stranger", "WRITE"))
    subject = bucket(acl=acl)
    assert found(subject) == [("BUCKET_ACL", "*", True), ("BUCKET_ACL", "stranger", False)]
    assert found(bucket(acl=acl, block=frozenset({"IgnorePublicAcls"}))) == [("BUCKET_ACL", "stranger", False)]
    assert grants(subject, ACCOUNT, _statement_is_public)[0].actions >= {"s3:ListBucket"}


def point(*statements: dict[str, Any], block: frozenset[str] = frozenset()) -> AccessPoint:
    return AccessPoint(POINT, json.dumps({"Statement": list(statements)}), block)


def test_access_points_are_distinguished() -> None:
    subject = bucket(allow(root(OUTSIDER)), access_points=(point(allow(root(OUTSIDER))),))
    found = grants(subject, ACCOUNT, _statement_is_public)
    assert [(g.source, g.detail) for g in found] == [
        ("POLICY", ""),
        ("S3_ACCESS_POINT", POINT),
    ]


def test_block_public_access_overrides_policies() -> None:
    public, named = allow("*"), allow(root(OUTSIDER))
    assert found(bucket(public, named, block=RESTRICTED)) == []  # a public policy then serves no outside principal
    assert found(bucket(named, block=RESTRICTED)) == [("POLICY", OUTSIDER, False)]
    assert found(bucket(access_points=(point(public),), block=RESTRICTED)) == []
    assert found(bucket(access_points=(point(public, block=RESTRICTED),))) == []
    assert found(bucket(public, access_points=(point(block=RESTRICTED),))) == [("POLICY", "*", True)]


def test_a_foreign_access_point_is_public_until_blocked() -> None:
    statement = allow("*", **when("StringEquals", "s3:DataAccessPointAccount", OUTSIDER))
    assert found(bucket(statement)) == [("S3_ACCESS_POINT_ACCOUNT", "*", True)]
    assert found(bucket(statement, block=RESTRICTED)) == [("S3_ACCESS_POINT_ACCOUNT", OUTSIDER, False)]


FINDING = {"resource": "arn:aws:s3:::b", "isPublic": True, "principal": {"AWS": "*"}, "condition": {}}


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"resource": {"eq": ["x", "arn:aws:s3:::b"]}}, True),
        ({"resource": {"eq": ["x"]}}, False),
        ({"resource": {"neq": ["x"]}}, True),
        ({"resource": {"contains": [":b"]}}, True),
        ({"isPublic": {"eq": ["true"]}}, True),
        ({"isPublic": {"eq": ["false"]}}, False),
        ({"principal.AWS": {"eq": ["*"]}}, True),
        ({"principal.Federated": {"exists": False}}, True),
        ({"condition.aws:SourceVpc": {"exists": True}}, False),
        ({"error": {"exists": False}}, True),
        ({"resource": {"contains": [":b"]}, "isPublic": {"neq": ["true"]}}, False),
    ],
)
def test_criteria(criteria: dict[str, Any], expected: bool) -> None:
    check(criteria, archive_rule=True)
    assert matches(FINDING, criteria) == expected


NOTHING: list[dict[str, Any]] = [
    {},
    {"colour": {"eq": ["x"]}},
    {"status": {"eq": ["ACTIVE"]}},
    {"resource": {}},
    {"resource": {"eq": []}},
]


@pytest.mark.parametrize("criteria", NOTHING)
def test_criteria_that_say_nothing(criteria: dict[str, Any]) -> None:
    with pytest.raises(ValidationException):
        check(criteria, archive_rule=True)
