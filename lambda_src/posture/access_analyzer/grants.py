"""Whether a policy still grants the access of a finding. Pure: no calls.

A finding can be hours older than the policy: Access Analyzer analyzes a changed bucket within 30 minutes, and its
events take up to an hour.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .findings import Finding

# Condition keys that limit which principals or networks a statement allows. A statement with one of them that the
# finding does not state is another grant than the one that was found.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html
LIMITING = (
    "aws:calledvia",
    "aws:principal",
    "aws:source",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "aws:vpcsource",
    "s3:accesspointnetworkorigin",
    "s3:dataaccesspoint",
)


def still_granted(policy: str, finding: Finding) -> bool:
    """Return whether a statement of the policy allows the finding's principal under the finding's conditions.

    Raise AttributeError, TypeError or ValueError if the policy is not a policy document.
    """
    document = json.loads(policy)
    return any(
        statement.get("Effect") == "Allow"
        and any(_covers(statement, kind, value) for kind, value in finding.principal)
        and _same_conditions(statement, dict(finding.condition))
        for statement in _listed(document.get("Statement"))
        if isinstance(statement, dict)
    )


def _covers(statement: Mapping[str, Any], kind: str, value: str) -> bool:
    """Return whether a statement names the principal, its whole account, or everyone."""
    if "NotPrincipal" in statement:
        return True
    given = statement.get("Principal")
    if given == "*":
        return True
    if not isinstance(given, dict):
        return False
    if kind != "AWS":
        return value in _listed(given.get(kind))
    named = {_account_or(one) for one in _listed(given.get("AWS"))}
    # A grant to an account includes its roles and users; a grant to one of them does not include the account.
    return not named.isdisjoint({"*", _account_or(value), _account_of(value)})


def _account_or(principal: Any) -> str:
    """Return the account of an account principal, in whichever form it is written, and other principals unchanged."""
    text = str(principal)
    return _account_of(text) if text.endswith(":root") and text.count(":") == 5 else text


def _account_of(principal: str) -> str:
    return principal.split(":")[4] if principal.count(":") > 4 else principal


def _same_conditions(statement: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    known = {key.lower(): text for key, text in found.items()}
    for key, values in _conditions(statement):
        if key in known:
            if not any(str(value) in known[key] for value in values):
                return False
        elif key.startswith(LIMITING):
            return False
    return True


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for keys in (statement.get("Condition") or {}).values():
        for key, values in keys.items():
            yield key.lower(), _listed(values)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
