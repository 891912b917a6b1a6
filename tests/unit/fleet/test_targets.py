"""A file becomes targets: layers, references, what exists once, and every problem with its position."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from fleet import schema, targets
from fleet.document import ProblemsError, read
from fleet.targets import Fleet, Reference
from tools.bootstrap import ROOT

HEAD = """\
name: example
home_region: eu-west-1
state: { bucket: states, region: eu-west-1 }
accounts:
  security: { id: "111122223333" }
  orders: { id: "012345678901", deploy_role: other, external_id: secret }
"""


def fleet(text: str, head: str = HEAD) -> Fleet:
    return targets.resolve(read(head + textwrap.dedent(text)))


def problems(text: str, head: str = HEAD) -> list[tuple[int, str]]:
    """Return the lines, those of *text* from 1 on, and the texts of the problems."""
    with pytest.raises(ProblemsError) as raised:
        fleet(text, head)
    return [(problem.line - head.count("\n"), problem.text) for problem in raised.value.problems]


def test_the_example_is_a_fleet() -> None:
    found = targets.load(Path(ROOT / "fleet/example.yaml"))
    assert list(found.targets)[-1] == "prod/orders/eu-west-1"
    assert len(found.targets) == 4


def test_the_example_of_the_readme_is_a_fleet() -> None:
    [text] = re.findall(r"(?ms)^```yaml\n(.*?)^```", (ROOT / "fleet/README.md").read_text())
    assert len(targets.resolve(read(text)).targets) == 4


# --- layers ------------------------------------------------------------------------------------------------

LAYERS = """\
defaults:
  context: { log_retention_days: 30, tags: { CostCenter: "1", aws-backup: x } }
  capabilities:
    finding_export: { expiration_days: 70, object_mib: 5 }
    access_analyzer: {}
groups:
  strict: { context: { log_retention_days: 365 }, capabilities: { finding_export: { expiration_days: 50 } } }
  quiet: { capabilities: { access_analyzer: false } }
targets:
  - { account: security, environment: prod, regions: [eu-west-1], groups: [strict, quiet] }
  - account: orders
    environment: prod
    regions: [eu-west-1, us-east-1]
    groups: [strict]
    context: { tags: { only: this } }
    capabilities: { finding_export: { expiration_days: null }, country_embargo: ~ }
"""


def test_later_layers_replace_arguments_as_a_whole() -> None:
    found = fleet(LAYERS)
    assert list(found.targets) == ["prod/security/eu-west-1", "prod/orders/eu-west-1", "prod/orders/us-east-1"]
    security, orders = found.targets["prod/security/eu-west-1"], found.targets["prod/orders/us-east-1"]
    assert security.units == {"finding_export": {"expiration_days": 50, "object_mib": 5}}
    assert security.context == {"log_retention_days": 365, "tags": {"CostCenter": "1", "aws-backup": "x"}}
    assert orders.units == {
        "access_analyzer": {},
        "country_embargo": {},
        "finding_export": {"expiration_days": None, "object_mib": 5},
    }
    assert orders.context["tags"] == {"only": "this"}
    assert (orders.account_id, orders.deploy_role, orders.external_id) == ("012345678901", "other", "secret")
    assert (security.deploy_role, security.external_id) == ("switchyard-deploy", None)


# --- what is wrong -----------------------------------------------------------------------------------------


def test_every_problem_is_found_at_once_with_its_line() -> None:
    found = problems(
        """\
        groups:
          a: { capabilities: { finding_exprt: {}, finding_export: { expiraton_days: 3 } } }
        targets:
          - account: security
            environment: Prod
            regions: eu-west-1
            capabilities:
              finding_export: { expiration_days: "3" }
              secret_replication: { targets: { x: { regin: a } } }
            contxt: {}
        """
    )
    assert [line for line, _ in found] == [2, 2, 5, 6, 8, 9, 9, 10]
    text = "\n".join(text for _, text in found)
    assert "groups.a.capabilities has no finding_exprt. It can have: access_analyzer, " in text
    assert "has no expiraton_days. It can have: " in text
    assert "targets.0.regions is eu-west-1, and must be of type array." in text
    assert "expiration_days is 3, and must be of type number." in text
    assert "targets.0.capabilities.secret_replication.targets.x has no regin" in text
    assert "targets.0.capabilities.secret_replication.targets.x needs region." in text


def test_an_id_without_quotation_marks_is_shown_as_written() -> None:
    head = HEAD.replace('"111122223333"', "011111111111").replace('"012345678901"', "222233334444")
    found = problems("targets: []\n", head)
    assert (-1, 'The ID 011111111111 needs quotation marks: "011111111111".') in found
    assert (0, 'The ID 222233334444 needs quotation marks: "222233334444".') in found
    assert any("accounts.orders.id is 222233334444, and must be of type string" in text for _, text in found)


def test_two_names_for_one_account_are_refused() -> None:
    head = HEAD.replace("012345678901", "111122223333")
    assert problems("targets: [{ account: security, environment: a, regions: [eu-west-1] }]\n", head) == [
        (0, "111122223333 is the account security already.")
    ]


def test_unknown_names_are_refused_with_the_nearest() -> None:
    found = problems(
        """\
        groups: { baseline: {} }
        targets:
          - account: securty
            environment: prod
            regions: [eu-wst-1, eu-west-1]
            groups: [baselin]
        """
    )
    assert (3, "There is no account securty. Did you mean security?") in found
    assert any(line == 5 and "There is no Region eu-wst-1. Did you mean eu-w" in text for line, text in found)
    assert (6, "There is no group baselin. Did you mean baseline?") in found


@pytest.mark.parametrize("regions", ["[eu-west-1, eu-west-1]", "[]"])
def test_regions_are_named_once_and_at_least_one(regions: str) -> None:
    [(line, text)] = problems(f"targets: [{{ account: security, environment: a, regions: {regions} }}]\n")
    assert line == 1
    assert text.startswith("targets.0.regions: ")


def test_a_target_is_named_once() -> None:
    entry = "  - { account: security, environment: a, regions: [eu-west-1] }\n"
    found = problems(f"targets:\n{entry}{entry}")
    assert (3, "a/security/eu-west-1 is a target already.") in found


def test_environments_of_one_account_and_region_need_prefixes_of_their_own() -> None:
    text = """\
        targets:
          - { account: security, environment: a, regions: [eu-west-1] }
          - { account: security, environment: b, regions: [eu-west-1, us-east-1]%s }
        """
    [(line, said)] = problems(text % "")
    assert line == 3
    assert "both name their resources switchyard-…" in said
    assert len(fleet(text % ", context: { name_prefix: other }").targets) == 3


def test_required_settings_can_come_from_any_layer_or_from_another_capability() -> None:
    alone = """\
        targets:
          - account: security
            environment: a
            regions: [eu-west-1]
            capabilities:
              inactive_users: {}
        """
    assert problems(alone) == [(6, "inactive_users needs user_pool_arns in a/security/eu-west-1.")]
    both = fleet(textwrap.dedent(alone) + "      user_directory: {}\n")
    [target] = both.targets.values()
    assert targets.wired(target, schema.units()["inactive_users"]) == {
        "user_pool_arns": "module.user_directory.authorizer.user_pool_arns"
    }


# --- outputs of other targets ------------------------------------------------------------------------------

PAIR = """\
targets:
  - account: security
    environment: prod
    regions: [eu-west-1]
    capabilities: { finding_remediation: { member_account_ids: ["012345678901"] } }
  - account: orders
    environment: prod
    regions: [eu-west-1]
    capabilities: { finding_remediation/member_role: { function_role_arns: %s } }
"""


def test_an_output_is_of_the_same_region_and_environment_unless_others_are_named() -> None:
    found = fleet(PAIR % "{ $output: finding_remediation.role_arns, account: security }")
    target = found.targets["prod/orders/eu-west-1"]
    reference = Reference("prod/security/eu-west-1", "finding_remediation", ("role_arns",))
    assert target.units["finding_remediation/member_role"] == {"function_role_arns": reference}
    assert target.needs == ["prod/security/eu-west-1"]
    assert reference.expression == (
        "data.terraform_remote_state.prod_security_eu-west-1.outputs.finding_remediation.role_arns"
    )


def test_an_output_of_the_target_itself_comes_from_its_own_root() -> None:
    found = fleet(PAIR % "{ s3_public: { $output: context.kms_key_arn } }")
    target = found.targets["prod/orders/eu-west-1"]
    [(_, reference)] = target.references()
    assert reference.expression == "module.context.kms_key_arn"
    assert target.needs == []


def test_an_output_can_be_a_part_of_a_value() -> None:
    part = "{ $output: finding_remediation.role_arns.s3_public, account: security }"
    found = fleet(PAIR % f"{{ s3_public: {part} }}")
    [(path, reference)] = found.targets["prod/orders/eu-west-1"].references()
    assert reference.expression.endswith('outputs.finding_remediation.role_arns["s3_public"]')
    assert path[-2:] == ("function_role_arns", "s3_public")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (
            "{ $output: finding_remediation.role_arns, account: securty }",
            "no target prod/securty/eu-west-1. Did you mean",
        ),
        ("{ $output: finding_remediation.rolearns, account: security }", "no output rolearns. It has: "),
        (
            "{ $output: finding_export.bucket_name, account: security }",
            "prod/security/eu-west-1 has no finding_export.",
        ),
        ("{ $output: context.kms_key, account: security }", "context has no output kms_key. It has: "),
        ("{ $output: finding_remediation, account: security }", "must match"),
        (
            "{ $output: finding_remediation.role_arns, acount: security }",
            "has no acount. It can have: $output, account",
        ),
    ],
)
def test_an_output_that_does_not_exist_is_refused(reference: str, said: str) -> None:
    [(line, text)] = problems(PAIR % reference)
    assert line == 9
    assert said in text


def test_targets_that_need_each_other_are_refused() -> None:
    [(_, text)] = problems(
        """\
        targets:
          - account: security
            environment: prod
            regions: [eu-west-1]
            context: { tags: { key: { $output: context.kms_key_arn, account: orders } } }
          - account: orders
            environment: prod
            regions: [eu-west-1]
            context: { tags: { key: { $output: context.kms_key_arn, account: security } } }
        """
    )
    assert "need each other's outputs" in text
    assert "prod/orders/eu-west-1 <- prod/security/eu-west-1" in text or "prod/security/eu-west-1 <- " in text


# --- what exists once --------------------------------------------------------------------------------------


def test_roles_for_other_accounts_land_in_the_home_region() -> None:
    text = (PAIR % "{ s3_public: 'arn:aws:iam::1:role/x' }").replace("[eu-west-1]", "[us-east-1, eu-west-1]")
    found = fleet(text)
    assert "finding_remediation/member_role" in found.targets["prod/orders/eu-west-1"].units
    other = found.targets["prod/orders/us-east-1"]
    assert other.units == {}
    assert other.notes == ["finding_remediation/member_role is in prod/orders/eu-west-1: IAM is global."]


def test_without_a_target_in_the_home_region_they_land_in_the_first() -> None:
    found = fleet((PAIR % "{ s3_public: 'arn:aws:iam::1:role/x' }").replace("[eu-west-1]", "[us-east-1, us-west-2]"))
    assert [key for key, target in found.targets.items() if "finding_remediation/member_role" in target.units] == [
        "prod/orders/us-east-1"
    ]


CLOUDFRONT = """\
targets:
  - account: security
    environment: prod
    regions: [eu-west-1%s]
    capabilities:
      country_embargo: { scope: CLOUDFRONT }
      security_standards: { finding_aggregation: { linking_mode: ALL_REGIONS }, control_parameters: {} }
"""


def test_what_is_for_cloudfront_lands_in_us_east_1_and_what_is_of_the_organization_at_home() -> None:
    found = fleet(CLOUDFRONT % ", us-east-1")
    home, other = found.targets["prod/security/eu-west-1"], found.targets["prod/security/us-east-1"]
    assert set(home.units) == {"security_standards"}
    assert "finding_aggregation" in home.units["security_standards"]
    assert other.units == {"country_embargo": {"scope": "CLOUDFRONT"}, "security_standards": {"control_parameters": {}}}
    assert len(home.notes) == len(other.notes) == 1


def test_a_region_that_something_needs_must_be_a_target() -> None:
    [(line, text)] = problems(CLOUDFRONT % "")
    assert line == 6
    assert text.startswith("country_embargo.scope needs the target prod/security/us-east-1. ")
