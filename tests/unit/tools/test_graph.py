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
