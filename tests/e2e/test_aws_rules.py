"""The applied stack, with all that is known only then, against AWS's own rules as cfn-lint has them."""

from __future__ import annotations

from local.harness.terraform import Terraform
from tools import aws_rules


def test_aws_would_take_every_value_and_document(terraform: Terraform) -> None:
    result = aws_rules.check(terraform.state(), applied=True)
    assert result.problems == []
    assert {"document of aws_iam_role", "document of aws_iam_role_policy"} <= result.checked.keys()
