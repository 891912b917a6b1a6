"""A plan's cost: a capability that is off costs as much as one that is on, so each has a budget of graph nodes."""

from pathlib import Path

import pytest

from tools import graph, stack
from tools.bootstrap import ROOT, SetupError

BUDGET = 230
CAPABILITIES = [path.parent for path in ROOT.glob("modules/*/*/main.tf") if path.relative_to(ROOT).parts[1] != "blocks"]


def test_nodes_are_counted_once() -> None:
    dot = """digraph {
        "[root] var.a (expand)" [label = "var.a", shape = "note"]
        "[root] var.a (expand)" -> "[root] provider[\\"registry.terraform.io/hashicorp/aws\\"]"
        "[root] local.b (expand)" -> "[root] var.a (expand)"
    }"""
    assert graph.count(dot) == 3


@pytest.fixture(scope="module")
def finding_export(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The graph of a stack of one capability."""
    folder = tmp_path_factory.mktemp("graph")
    stack.write(folder / "stack", ["finding_export"])
    return graph.plan(folder / "stack", folder / "data")


def test_buckets_log_once_the_log_bucket_takes_logs(finding_export: str) -> None:
    """S3 refuses PutBucketLogging to a bucket that it does not find; the provider does not repeat it."""
    for bucket in ("module.context.module.packages", "module.finding_export.module.bucket"):
        for needed in ("aws_s3_bucket.access_logs", "aws_s3_bucket_policy.access_logs"):
            assert graph.waits(finding_export, f"module.context.{needed}", f"{bucket}.aws_s3_bucket_logging.this")


def test_capabilities_stay_within_their_budget(tmp_path: Path) -> None:
    assert len(CAPABILITIES) >= 15
    assert graph.nodes(ROOT, tmp_path) <= BUDGET * len(CAPABILITIES)


def test_a_stack_of_one_capability_is_small(finding_export: str) -> None:
    assert graph.count(finding_export) <= 430


def test_waiting_goes_over_any_number_of_nodes() -> None:
    dot = """
        "[root] module.b.aws_b.this (expand)" -> "[root] module.b.var.a (expand)"
        "[root] module.b.var.a (expand)" -> "[root] module.a.aws_a.this (expand)"
        "[root] module.c.aws_b.this (expand)" -> "[root] module.c.local.a (expand)"
    """
    assert graph.waits(dot.replace("module.c.local.a", "module.b.var.a"), "aws_a.this", "aws_b.this")
    assert not graph.waits(dot, "aws_a.this", "aws_b.this"), "one of them does not wait"
    assert not graph.waits(dot, "aws_b.this", "aws_a.this")
    assert not graph.waits("", "aws_a.this", "aws_b.this"), "there is none"


def test_custom_actions_wait_for_security_hub(tmp_path: Path) -> None:
    """Otherwise Security Hub refuses them in the first apply: "Account … is not subscribed to AWS Security Hub"."""
    stack.write(tmp_path / "stack", ["finding_chat", "finding_remediation", "security_standards"])
    dot = graph.plan(tmp_path / "stack", tmp_path / "data")
    for capability in ("finding_chat", "finding_remediation"):
        target = f"module.{capability}.aws_securityhub_action_target.this"
        assert graph.waits(dot, "module.security_standards.aws_securityhub_account.this", target), capability


def test_a_refused_module_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "a" {\n  source = "./missing"\n}\n')
    with pytest.raises(SetupError, match="terraform init failed"):
        graph.nodes(tmp_path, tmp_path / "data")
