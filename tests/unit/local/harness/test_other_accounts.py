"""A scenario's modules for other accounts become part of the stack's root."""

from __future__ import annotations

from pathlib import Path

from local.harness.cloud import Cloud
from local.harness.terraform import Terraform


def test_what_a_scenario_has_in_other_accounts_is_in_its_stack_only(tmp_path: Path) -> None:
    with_streams, without = tmp_path / "a", tmp_path / "b"
    Terraform(Cloud(1), with_streams, {"cross_account_stream": {}})
    Terraform(Cloud(1), without, {"finding_chat": {"slack_channels": {}}})
    names = ["other_accounts_cross_account_stream.tf", "other_accounts_cross_account_stream_override.tf"]
    assert sorted(path.name for path in with_streams.glob("other_accounts_*")) == names
    assert list(without.glob("other_accounts_*")) == []
    text = (with_streams / names[0]).read_text()
    [path] = {line.split('"')[1] for line in text.splitlines() if "source " in line}
    assert (with_streams / path / "main.tf").exists()
