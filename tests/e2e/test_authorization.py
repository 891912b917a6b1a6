"""Every policy of the applied stack, with its real ARNs, against AWS's Service Authorization Reference."""

from __future__ import annotations

import pytest

from local.harness.terraform import Terraform
from tools.authorization import Policy, Reference, in_state, missing_dependents, problems


@pytest.fixture(scope="module")
def policies(terraform: Terraform) -> list[Policy]:
    """Return the policies in Terraform's state."""
    return in_state(terraform.state())


def test_no_policy_has_a_problem(policies: list[Policy]) -> None:
    assert {"identity", "trust", "kms", "s3"} <= {policy.kind for policy in policies}
    assert problems(policies, Reference.kept()) == []


def test_each_role_has_what_its_actions_depend_on(policies: list[Policy]) -> None:
    roles: dict[str, list[Policy]] = {}
    for policy in policies:
        if policy.kind == "identity":
            roles.setdefault(policy.role, []).append(policy)
    lacking = {role: missing_dependents(held, Reference.kept()) for role, held in roles.items()}
    assert {role: actions for role, actions in lacking.items() if actions} == {}
