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


def test_a_resource_waits_for_what_it_needs_and_for_what_that_needs() -> None:
    dot = """digraph {
        "[root] module.a.aws_x.b (expand)" -> "[root] module.a.var.c (expand)"
        "[root] module.a.var.c (expand)" -> "[root] aws_y.d (expand)"
    }"""
    assert graph.waits(dot, "module.a.aws_x.b", "aws_y.d")
    assert not graph.waits(dot, "aws_y.d", "module.a.aws_x.b")


@pytest.mark.timeout(120)
def test_buckets_log_once_the_log_bucket_takes_logs(tmp_path: Path) -> None:
    """S3 refuses PutBucketLogging to a bucket that it does not find; the provider does not repeat it."""
    stack.write(tmp_path / "stack", ["finding_export"])
    dot = graph.plan(tmp_path / "stack", tmp_path / "data")
    for bucket in ("module.context.module.packages", "module.finding_export.module.bucket"):
        for needed in ("aws_s3_bucket.access_logs", "aws_s3_bucket_policy.access_logs"):
            assert graph.waits(dot, f"{bucket}.aws_s3_bucket_logging.this", f"module.context.{needed}")


@pytest.mark.timeout(120)
def test_capabilities_stay_within_their_budget(tmp_path: Path) -> None:
    assert len(CAPABILITIES) >= 15
    assert graph.nodes(ROOT, tmp_path) <= BUDGET * len(CAPABILITIES)


@pytest.mark.timeout(120)
def test_a_stack_of_one_capability_is_small(tmp_path: Path) -> None:
    stack.write(tmp_path / "stack", ["finding_export"])
    assert graph.nodes(tmp_path / "stack", tmp_path / "data") <= 425


@pytest.mark.timeout(120)
def test_a_refused_module_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "a" {\n  source = "./missing"\n}\n')
    with pytest.raises(SetupError, match="terraform init failed"):
        graph.nodes(tmp_path, tmp_path / "data")
