"""What the local cloud is given: the stack that `make stack` writes, or another root module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.harness.cloud import Cloud, LocalCloudError
from local.harness.terraform import Terraform
from tools.stack import StackError


@pytest.fixture
def cloud() -> Cloud:
    """Return a cloud that nothing here calls."""
    return Cloud(1)


def given(folder: Path) -> Any:
    return json.loads((folder / "demo.auto.tfvars.json").read_text())


def test_a_stack_has_what_is_switched_on(tmp_path: Path, cloud: Cloud) -> None:
    variables = {
        "alarm_emails": ["a@example.com"],
        "finding_export": {"prefix": "${x}/", "kms_key_arn": None},
        "kms_rotation": None,
        "config_recorder": {},
    }
    Terraform(cloud, tmp_path, variables)
    assert given(tmp_path).keys() == {"alarm_emails", "build_dir"}
    text = (tmp_path / "finding_export.tf").read_text()
    assert '  prefix = "$${x}/"\n' in text
    assert "# kms_key_arn = null\n" in text
    assert (tmp_path / "config_recorder.tf").exists()
    assert not (tmp_path / "kms_rotation.tf").exists()
    assert f'address = "{cloud.endpoint}/_switchyard/state{tmp_path}"' in (tmp_path / "demo_override.tf").read_text()


def test_a_folder_is_used_again_for_another_stack(tmp_path: Path, cloud: Cloud) -> None:
    Terraform(cloud, tmp_path, {"finding_export": {}, "web_acl_logging": {}, "config_recorder": {}})
    assert "module.config_recorder.recorder_name" in (tmp_path / "web_acl_logging.tf").read_text()
    Terraform(cloud, tmp_path, {"web_acl_logging": {"scopes": ["CLOUDFRONT"]}})
    assert not (tmp_path / "finding_export.tf").exists()
    assert '  scopes = ["CLOUDFRONT"]' in (tmp_path / "web_acl_logging.tf").read_text()
    assert "config_recorder" not in (tmp_path / "web_acl_logging.tf").read_text()


def test_a_capability_that_does_not_exist_is_refused(tmp_path: Path, cloud: Cloud) -> None:
    with pytest.raises(StackError, match="There is no capability finding_exprot"):
        Terraform(cloud, tmp_path, {"finding_exprot": {}})


def test_another_root_module_is_used_as_it_is(tmp_path: Path, cloud: Cloud) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "main.tf").write_text('variable "build_dir" {}\nvariable "a" {}\n')
    Terraform(cloud, tmp_path / "applied", {"a": 1}, root)
    assert (tmp_path / "applied" / "main.tf").read_text() == (root / "main.tf").read_text()
    assert (tmp_path / "applied" / "modules" / "context" / "main.tf").exists()
    assert given(tmp_path / "applied")["a"] == 1


class KeptState(Cloud):
    """A cloud that keeps one state."""

    def __init__(self, **state: Any) -> None:
        super().__init__(1)
        self.kept, self.asked = state, ""

    def control(self, method: str, path: str, data: Any = None, **query: Any) -> Any:
        self.asked = f"{method} {path}"
        return self.kept


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "a root"
    made.mkdir()
    (made / "main.tf").write_text('variable "build_dir" {}\n')
    return made


def test_state_and_outputs_are_those_that_the_cloud_keeps(tmp_path: Path, root: Path) -> None:
    cloud = KeptState(outputs={"key": {"value": {"arn": "a"}, "type": "dynamic"}}, resources=[])
    terraform = Terraform(cloud, tmp_path / "x y", {}, root)
    assert terraform.outputs() == {"key": {"arn": "a"}}
    assert cloud.asked == f"GET state{tmp_path}/x%20y"


def test_what_a_destroy_leaves_is_named(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [
        {"module": "module.a", "mode": "managed", "type": "aws_sqs_queue", "name": "this"},
        {"mode": "managed", "type": "aws_iam_role", "name": "mine"},
    ]
    cloud, ran = KeptState(resources=left), []
    terraform = Terraform(cloud, tmp_path / "applied", {}, root)
    monkeypatch.setattr(terraform, "_run", lambda *arguments: ran.append(arguments))
    with pytest.raises(LocalCloudError, match=r"left module.a aws_sqs_queue.this, aws_iam_role.mine$"):
        terraform.destroy()
    cloud.kept["resources"] = []
    terraform.destroy()
    assert [arguments[0] for arguments in ran] == ["destroy"] * 2
    assert ["-refresh=false" in arguments for arguments in ran] == [False, False], "what changed since is read"
