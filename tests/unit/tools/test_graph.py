"""A plan's cost: what is off costs as much as what is on, so every capability has a budget of graph nodes."""

import shutil
from pathlib import Path

import pytest

from tools import graph
from tools.bootstrap import ROOT, SetupError

BUDGET = 230
CAPABILITIES = [path.parent for path in ROOT.glob("modules/*/*/main.tf") if path.relative_to(ROOT).parts[1] != "blocks"]


STACK = """
provider "aws" {
  region = "eu-central-1"
}

module "context" {
  source = "./modules/context"
}

module "%s" {
  source  = "./modules/%s"
  context = module.context.context
}

output "context" {
  value = module.context
}

output "%s" {
  value = module.%s
}
"""


def stack(folder: Path, domain: str, name: str) -> Path:
    """A root module with the context and one capability, as a user writes it."""
    folder.mkdir()
    (folder / "main.tf").write_text(STACK % (name, f"{domain}/{name}", name, name))
    for file in ("versions.tf", ".terraform.lock.hcl"):
        shutil.copy(ROOT / file, folder)
    (folder / "modules").symlink_to(ROOT / "modules")
    return folder


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
    assert graph.nodes(stack(tmp_path / "root", "posture", "finding_export"), tmp_path / "data") <= 425


@pytest.mark.timeout(120)
def test_a_refused_module_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "a" {\n  source = "./missing"\n}\n')
    with pytest.raises(SetupError, match="terraform init failed"):
        graph.nodes(tmp_path, tmp_path / "data")
