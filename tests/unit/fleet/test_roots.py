"""Roots are plain Terraform JSON with the file's values byte for byte, and the record guards what exists."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet import roots, targets
from fleet.document import read
from fleet.roots import FleetError, Record, specification
from fleet.targets import Fleet
from tools import terraform_test
from tools.bootstrap import ROOT, init_env, main, terraform_bin, terraform_env

TAGS = {"CostCenter": "1", "aws-backup": "x", "a.b/c": "y", "_X": "z", "//": "n", "%{x}": "${y}", "camelCase": "ä"}
FILE: dict[str, Any] = {
    "name": "example",
    "home_region": "eu-west-1",
    "state": {"bucket": "states", "region": "eu-west-1"},
    "accounts": {
        "security": {"id": "111122223333", "external_id": "e2"},
        "orders": {"id": "012345678901", "deploy_role": ""},
    },
    "groups": {"all": {"capabilities": {"config_recorder": {}, "security_standards": {}}, "context": {"tags": TAGS}}},
    "targets": [
        {"account": "security", "environment": "prod", "regions": ["us-east-1", "eu-west-1"], "groups": ["all"]},
        {
            "account": "orders",
            "environment": "prod",
            "regions": ["us-gov-west-1"],
            "groups": ["all"],
            "capabilities": {
                "finding_export": {},
                "secret_rotation_rules": None,
                "step_up_auth": {
                    "issuer_url": {"$output": "context.kms_key_arn", "account": "security", "region": "us-east-1"},
                    "client_ids": ["a"],
                },
            },
        },
    ],
}


@pytest.fixture(autouse=True, scope="module")
def _environment() -> None:
    assert main(["fleet"]) == 0


def fleet(content: Any = FILE, **changes: Any) -> Fleet:
    return targets.resolve(read(json.dumps({**content, **changes})))


def without(account: str) -> Fleet:
    kept = [entry for entry in FILE["targets"] if entry["account"] != account]
    return fleet(targets=kept)


def test_a_root_has_what_its_target_needs(tmp_path: Path) -> None:
    found = fleet()
    gov = specification(found, found.targets["prod/orders/us-gov-west-1"], tmp_path)
    assert gov["provider"] == {"region": "us-gov-west-1", "allowed_account_ids": ["012345678901"]}
    assert gov["backend"] == {
        "bucket": "states",
        "region": "eu-west-1",
        "key": "example/prod/orders/us-gov-west-1.tfstate",
        "encrypt": True,
        "use_lockfile": True,
    }
    assert gov["states"]["prod_security_us-east-1"]["key"] == "example/prod/security/us-east-1.tfstate"
    assert set(gov["modules"]) == {
        "context",
        "config_recorder",
        "finding_export",
        "secret_rotation_rules",
        "security_standards",
        "step_up_auth",
    }
    step_up = gov["modules"]["step_up_auth"]["arguments"]
    assert step_up["issuer_url"] == (
        "${data.terraform_remote_state.prod_security_us-east-1.outputs.context.kms_key_arn}"
    )
    assert gov["modules"]["security_standards"]["arguments"]["recorder_name"] == (
        "${module.config_recorder.recorder_name}"
    )
    assert gov["modules"]["context"]["arguments"]["api_gateway_logging"] is True, "step_up_auth has a REST API"
    assert gov["outputs"]["config_recorder"].startswith("${{ for name, value in module.config_recorder")
    security = specification(found, found.targets["prod/security/us-east-1"], tmp_path)
    assert security["provider"]["assume_role"] == [
        {
            "role_arn": "arn:aws:iam::111122223333:role/switchyard-deploy",
            "session_name": "switchyard-fleet",
            "external_id": "e2",
        }
    ]
    assert security["modules"]["context"]["arguments"]["api_gateway_logging"] is False


def test_a_service_linked_role_belongs_to_the_account_and_to_no_target(tmp_path: Path) -> None:
    record = roots.write(fleet(), tmp_path)
    assert record.targets["prod/security/eu-west-1"].after == ["account/security/iam"]
    assert record.targets["prod/security/eu-west-1"].needs == []
    role = {"aws_iam_service_linked_role": {"config_recorder": {"aws_service_name": "config.amazonaws.com"}}}
    for account, region in (("security", "eu-west-1"), ("orders", "us-gov-west-1")):
        own = written(tmp_path, f"account/{account}/iam")
        assert (own["resource"], own["provider"]["aws"][0]["region"]) == (role, region)
        assert own["terraform"]["backend"]["s3"]["key"] == f"example/account/{account}/iam.tfstate"
    for region in ("us-east-1", "eu-west-1"):
        root = written(tmp_path, f"prod/security/{region}")
        assert root["module"]["config_recorder"]["role_arn"] == (
            "arn:aws:iam::111122223333:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
        )
        assert "data" not in root
    # It leaves with the last target that needs it, and is not created where the account has it.
    record = roots.write(without("orders"), tmp_path)
    assert [key for key, target in record.targets.items() if target.removed] == [
        "account/orders/iam",
        "prod/orders/us-gov-west-1",
    ]
    there = {"all": {"capabilities": {"config_recorder": {"role_arn": "arn:aws:iam::111122223333:role/x"}}}}
    record = roots.write(fleet(targets=FILE["targets"][:1], groups=there), tmp_path / "other")
    assert list(record.targets) == ["prod/security/us-east-1", "prod/security/eu-west-1"]


def written(directory: Path, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / key / roots.MAIN).read_text())
    return found


def test_what_is_written_is_plain_and_equal_everywhere(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "deep" / "er" / "other"
    source = "git::https://github.com/example/switchyard//?ref=v1.2.3"
    for directory in (one, other):
        roots.write(fleet(source=source), directory)
    files = {path.relative_to(one): path.read_bytes() for path in sorted(one.rglob("*")) if path.is_file()}
    assert files == {path.relative_to(other): path.read_bytes() for path in other.rglob("*") if path.is_file()}
    for path, content in files.items():
        for place in (str(ROOT), str(tmp_path), str(Path.home()), "/tmp/"):
            assert place.encode() not in content, path
    root = written(one, "prod/security/us-east-1")
    assert root["module"]["context"]["tags"] == {**{k: v for k, v in TAGS.items() if k != "%{x}"}, "%%{x}": "$${y}"}
    assert root["module"]["context"]["source"] == (
        "git::https://github.com/example/switchyard//modules/context?ref=v1.2.3"
    )
    assert root["module"]["context"]["build_dir"] == "../../../build"
    assert (one / "packages.sh").stat().st_mode & 0o111
    assert b"posture/finding_export" in files[Path("packages.sh")]


def test_terraform_reads_what_is_written(tmp_path: Path) -> None:
    roots.write(fleet(), tmp_path)
    folders = [tmp_path / key for key in Record.read(tmp_path).targets]

    def terraform(folder: Path, environment: dict[str, str], *command: str) -> None:
        done = subprocess.run(
            [terraform_bin(), f"-chdir={folder}", *command, "-no-color"],
            env={**environment, "TF_DATA_DIR": str(folder / ".terraform")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    initialize = ("init", "-backend=false", "-lockfile=readonly")
    env = terraform_env(folders[0] / ".terraform", checked=True)
    terraform(folders[0], init_env(env), *initialize)
    with terraform_test.shared_provider(env) as environment:
        for folder in folders:
            terraform(folder, environment, *initialize)
            terraform(folder, environment, "validate")


def test_nothing_temporary_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roots, "_TEMPORARY", tmp_path / "temporary")
    killed = tmp_path / "temporary" / "999999999-x"
    (killed / "jsii-kernel-x").mkdir(parents=True)
    other = tmp_path / "temporary" / f"{os.getppid()}-y"
    other.mkdir()
    roots.write(without("orders"), tmp_path / "roots")
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == [other.name], "that of a process that runs"


def test_an_error_of_the_composition_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="CDK Terrain failed"):
        roots.compose([{"name": "a b", "key": "x"}])


# --- the record --------------------------------------------------------------------------------------------


def test_a_target_that_leaves_stays_until_it_is_destroyed(tmp_path: Path) -> None:
    roots.write(fleet(), tmp_path)
    before = (tmp_path / "prod/orders/us-gov-west-1" / roots.MAIN).read_bytes()
    record = roots.write(without("orders"), tmp_path)
    assert {key for key, target in record.targets.items() if target.removed} == {
        "account/orders/iam",
        "prod/orders/us-gov-west-1",
    }
    assert Record.read(tmp_path) == record
    assert (tmp_path / "prod/orders/us-gov-west-1" / roots.MAIN).read_bytes() == before
    assert not any(target.removed for target in roots.write(fleet(), tmp_path).targets.values()), "it came back"


def test_another_id_under_an_account_is_refused(tmp_path: Path) -> None:
    roots.write(fleet(), tmp_path)
    accounts = {**FILE["accounts"], "orders": {"id": "444455556666"}}
    with pytest.raises(FleetError, match=r"orders was 012345678901 when account/orders/iam .* 444455556666 now"):
        roots.write(fleet(accounts=accounts), tmp_path)


@pytest.mark.parametrize("change", [{"name": "other"}, {"state": {"bucket": "other", "region": "eu-west-1"}}])
def test_other_states_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    roots.write(fleet(), tmp_path)
    with pytest.raises(FleetError, match="states of these roots are in states, under example"):
        roots.write(fleet(**change), tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "x"}'])
def test_a_broken_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / roots.RECORD).write_text(text)
    with pytest.raises(FleetError, match="is not readable"):
        Record.read(tmp_path)


# --- values ------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def unescaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$${", "${").replace("%%{", "%{")
    if isinstance(value, dict):
        return {unescaped(key): unescaped(item) for key, item in value.items()}
    return [unescaped(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_no_value_of_the_file_is_an_expression(value: Any) -> None:
    text = json.dumps(roots.escaped(value))
    assert "${" not in text.replace("$${", "")
    assert "%{" not in text.replace("%%{", "")
    if not any(mark in json.dumps(value) for mark in ("$${", "%%{")):
        assert unescaped(roots.escaped(value)) == value
