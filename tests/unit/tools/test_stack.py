"""`make stack`: what it writes, and what it does not change."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tools import hcl, package, root, stack
from tools.bootstrap import ROOT, terraform_bin, terraform_env
from tools.deploy import policy

RELEASE = "git::https://github.com/example/switchyard.git//?ref=v1.2.3"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def block(path: Path, kind: str, name: str) -> dict[str, object]:
    found = hcl.loads(path.read_text())[kind]
    return next(dict(body[f'"{name}"']) for body in found if f'"{name}"' in body)


# --- what is written -----------------------------------------------------------------------------------------


def test_a_capability_is_a_plain_module_block(tmp_path: Path) -> None:
    stack.write(tmp_path, ["posture/finding_export"])
    module = block(tmp_path / "finding_export.tf", "module", "finding_export")
    path = os.path.relpath(ROOT / "modules" / "posture" / "finding_export", tmp_path)
    assert {name: value for name, value in module.items() if not name.startswith("__")} == {
        "source": f'"{path}"',
        "context": "${module.context.context}",
    }
    text = (tmp_path / "finding_export.tf").read_text()
    for name, body in root.capabilities()["finding_export"].variables.items():
        default = hcl.default_text(ROOT / "modules" / "posture" / "finding_export", name).split("\n")
        commented = "\n".join(f"  # {line}" for line in [f"{name} = {default[0]}", *default[1:]])
        assert commented in text
        assert hcl.unquote(body["description"]).split()[0] in text
    # Without the comment signs of its arguments, the stack is the same, with its defaults written out.
    (tmp_path / "finding_export.tf").write_text(re.sub(r"(?m)^  # (\w+ += |  .*|\}$)", r"  \1", text))
    written = block(tmp_path / "finding_export.tf", "module", "finding_export")
    assert root.capabilities()["finding_export"].variables.keys() <= written.keys()


def test_shared_files_say_what_the_root_s_say(tmp_path: Path) -> None:
    stack.write(tmp_path, ["finding_export"])
    assert (tmp_path / ".terraform.lock.hcl").read_text() == (ROOT / ".terraform.lock.hcl").read_text()
    declared = hcl.declared(ROOT, "variable")
    written = hcl.declared(tmp_path, "variable")
    assert list(written) == list(stack.SHARED)
    for name, body in written.items():  # modules/context and the provider validate the values
        assert body == {key: value for key, value in declared[name].items() if key != "validation"}
    assert hcl.declared(tmp_path, "output")["context"] == hcl.declared(ROOT, "output")["context"]
    versions = (tmp_path / "versions.tf").read_text()
    assert "  #   use_lockfile = true\n" in versions
    without_comments = re.sub(r"(?m)^ *#.*\n", "", versions)
    assert hcl.loads(without_comments) == hcl.loads((ROOT / "versions.tf").read_text())


def test_every_argument_of_the_context_is_shown(tmp_path: Path) -> None:
    stack.write(tmp_path, ["finding_export"])
    main = (tmp_path / "main.tf").read_text()
    assert "\n  name_prefix = var.name_prefix\n" in main
    for name in hcl.declared(ROOT / "modules" / "context", "variable"):
        assert re.search(rf"(?m)^  (# )?{name} = ", main), name


def test_what_wires_capabilities_is_in_the_stack(tmp_path: Path) -> None:
    stack.write(tmp_path, ["web_acl_logging", "finding_export"])
    assert "api_gateway_logging = false" in (tmp_path / "main.tf").read_text()
    assert "# recorder_name = null" in (tmp_path / "web_acl_logging.tf").read_text()
    stack.write(tmp_path, ["config_recorder", "step_up_auth"])
    assert "api_gateway_logging = true" in (tmp_path / "main.tf").read_text()
    module = block(tmp_path / "web_acl_logging.tf", "module", "web_acl_logging")
    assert module["recorder_name"] == "${module.config_recorder.recorder_name}"
    assert '!= "resources"' in str(block(tmp_path / "config_recorder.tf", "output", "config_recorder")["value"])


def test_what_a_capability_needs_is_a_variable_and_the_plan_test_has_the_readme_s_value(tmp_path: Path) -> None:
    stack.write(tmp_path, ["inactive_users"])
    path = tmp_path / "inactive_users.tf"
    assert block(path, "module", "inactive_users")["user_pool_arns"] == "${var.inactive_users_user_pool_arns}"
    assert "default" not in block(path, "variable", "inactive_users_user_pool_arns")
    test = (tmp_path / "tests" / "plan.tftest.hcl").read_text()
    assert 'inactive_users_user_pool_arns = ["arn:aws:cognito-idp:eu-central-1:' in test
    assert "inactive_users_user_pool_arns = [" in (tmp_path / "README.md").read_text()


def test_arguments_are_written_as_values(tmp_path: Path) -> None:
    arguments = {"inactive_users": {"user_pool_arns": ["${a}"], "inactive_days": 30, "warning": None, "no_such": 1}}
    stack.write(tmp_path, ["inactive_users"], arguments=arguments)
    module = block(tmp_path / "inactive_users.tf", "module", "inactive_users")
    assert module["user_pool_arns"] == ['"$${a}"']
    assert (module["inactive_days"], module["no_such"]) == (30, 1)  # Terraform refuses arguments that do not exist
    assert "warning" not in module
    assert "variable" not in hcl.loads((tmp_path / "inactive_users.tf").read_text())


def test_every_capability_in_one_stack_is_well_formed(tmp_path: Path) -> None:
    stack.write(tmp_path, root.capabilities())
    done = subprocess.run(
        [terraform_bin(), f"-chdir={tmp_path}", "fmt", "-check", "-recursive"],
        env=terraform_env(tmp_path / ".terraform"),
        check=False,
    )
    assert done.returncode == 0
    test = (tmp_path / "tests" / "plan.tftest.hcl").read_text()
    for capability in root.capabilities().values():
        assert f'output "{capability.name}"' in (tmp_path / f"{capability.name}.tf").read_text()
        if "alarm_names" in hcl.declared(capability.folder, "output"):
            assert f"output.{capability.name}.alarm_names" in test
        for name in capability.needed:
            assert stack.example(capability, name)


def test_the_workflow_pins_what_it_uses(tmp_path: Path) -> None:
    stack.write(tmp_path, ["finding_export"])
    text = (tmp_path / ".github" / "workflows" / "terraform.yml").read_text()
    workflow = yaml.safe_load(text)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    runs = " ".join(step.get("run", "") for step in steps)
    for command in ("fmt -check", "terraform validate", "terraform test", "checkov --directory", "terraform plan"):
        assert command in runs
    assert "@" not in re.sub(r"uses: \S+", "", text)  # no placeholder is left
    assert workflow["permissions"] == {}


def test_the_roles_that_deploy_it_have_the_policies_of_its_capabilities(tmp_path: Path) -> None:
    stack.write(tmp_path, ["kms_quota_alarms"])
    folder = tmp_path / "deploy_role"
    assert json.loads((folder / "policies.json").read_text()) == policy.policies(["kms_quota_alarms"])
    assert (folder / ".terraform.lock.hcl").read_text() == (ROOT / ".terraform.lock.hcl").read_text()
    assert "@" not in (folder / "main.tf").read_text()  # no placeholder is left
    assert (
        hcl.loads((folder / "main.tf").read_text())["terraform"]
        == hcl.loads((ROOT / "versions.tf").read_text())["terraform"]
    )
    stack.write(tmp_path, ["order_authorization"])  # one more: its administrator applies the folder again
    both = policy.policies(["kms_quota_alarms", "order_authorization"])
    assert json.loads((folder / "policies.json").read_text()) == both
    assert "var.permissions_boundary_arn" in (tmp_path / "main.tf").read_text()


def test_a_stack_that_needs_too_many_policies_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "POLICIES_PER_ROLE", 1)
    [message] = stack.write(tmp_path, ["kms_quota_alarms"])
    assert "raise the quota" in message


def test_the_workflow_applies_in_a_protected_environment_only(tmp_path: Path) -> None:
    stack.write(tmp_path, ["finding_export"])
    jobs = yaml.safe_load((tmp_path / ".github" / "workflows" / "terraform.yml").read_text())["jobs"]
    assert jobs["apply"]["environment"] == "production"
    assert "github.event_name == 'push'" in jobs["apply"]["if"]
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["plan", "apply"]
    applies = [name for name, job in jobs.items() for step in job["steps"] if "terraform apply" in step.get("run", "")]
    assert applies == ["apply"]
    default = hcl.declared(tmp_path / "deploy_role", "variable")["environment"]["default"]
    assert hcl.unquote(default) == jobs["apply"]["environment"]


def test_zips_are_those_that_package_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []

    def layer(name: str, *_: object) -> package.Artifact:
        named.append(f"layers/{name}")
        return package.Artifact(tmp_path, 0, "", False)

    monkeypatch.setattr(package, "build_layer", layer)
    built = package.build(tmp_path, names=["finding_export", "step_up_auth"])
    named += [a.path.relative_to(tmp_path).with_suffix("").as_posix() for a in built if a.path != tmp_path]
    wanted = stack.zips(stack.Stack(tmp_path, ["finding_export", "step_up_auth", "config_recorder"]))
    assert sorted(wanted) == sorted(named)


# --- written again -------------------------------------------------------------------------------------------


def test_written_again_it_is_the_same(tmp_path: Path) -> None:
    assert stack.write(tmp_path, ["finding_export", "kms_rotation"]) == []
    first = snapshot(tmp_path)
    assert stack.write(tmp_path, ["finding_export"]) == []
    assert stack.write(tmp_path, []) == []
    assert snapshot(tmp_path) == first


def test_a_capability_is_added_and_an_edited_file_kept(tmp_path: Path) -> None:
    stack.write(tmp_path, ["web_acl_logging"])
    edited = (tmp_path / "web_acl_logging.tf").read_text() + "# mine\n"
    (tmp_path / "web_acl_logging.tf").write_text(edited)
    [message] = stack.write(tmp_path, ["config_recorder", "order_authorization"])
    assert (tmp_path / "web_acl_logging.tf").read_text() == edited
    assert message.startswith("web_acl_logging.tf was edited and stays as it is.")
    signed = [line.strip() for line in message.split("\n") if line.strip()[:1] in ("+", "-")]
    assert "+  recorder_name = module.config_recorder.recorder_name" in signed
    assert "mine" not in message
    # Files without edits are updated.
    assert "api_gateway_logging = true" in (tmp_path / "main.tf").read_text()
    assert "output.order_authorization.alarm_names" in (tmp_path / "tests" / "plan.tftest.hcl").read_text()
    assert stack.write(tmp_path, []) == []
    assert (tmp_path / "web_acl_logging.tf").read_text() == edited


def test_a_file_that_was_there_before_is_kept(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("# mine\n")
    (tmp_path / "README.md").write_text("# Ours\n")
    messages = stack.write(tmp_path, ["finding_export"])
    assert (tmp_path / "main.tf").read_text() == "# mine\n"
    assert (tmp_path / "README.md").read_text() == "# Ours\n"
    said = {message.partition(" ")[0]: message for message in messages}
    assert said.keys() == {"main.tf", "README.md"}
    assert 'module "context"' in said["main.tf"]


def test_what_was_deleted_stays_away_until_it_is_asked_for(tmp_path: Path) -> None:
    stack.write(tmp_path, ["finding_export", "kms_rotation"])
    (tmp_path / "finding_export.tf").unlink()
    (tmp_path / ".github" / "workflows" / "terraform.yml").unlink()
    stack.write(tmp_path, ["web_acl_logging"])
    assert not (tmp_path / "finding_export.tf").exists()
    assert not (tmp_path / ".github" / "workflows" / "terraform.yml").exists()
    assert "finding_export" not in (tmp_path / "tests" / "plan.tftest.hcl").read_text()
    stack.write(tmp_path, ["finding_export"])
    assert (tmp_path / "finding_export.tf").exists()


def test_an_edited_file_that_a_later_version_writes_differently_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.write(tmp_path, ["finding_export"])
    (tmp_path / "versions.tf").write_text((tmp_path / "versions.tf").read_text() + "# mine\n")
    monkeypatch.setattr(stack, "BACKEND", "# another text\n")
    [message] = stack.write(tmp_path, [])
    assert message.startswith("versions.tf was edited and stays as it is. It is written differently now")


def test_zips_are_copied_and_renewed(tmp_path: Path) -> None:
    build, folder = tmp_path / "build", tmp_path / "ours"
    for content in (b"one", b"two"):
        for name in ("layers/common", "posture/finding_export"):
            package.write(build / f"{name}.zip", content)
        stack.write(folder, ["finding_export"], build=build)
        assert (folder / "build" / "posture" / "finding_export.zip").read_bytes() == content
    (folder / "build" / "layers" / "common.zip").unlink()
    stack.write(folder, [], build=build)
    assert (folder / "build" / "layers" / "common.zip").exists()


# --- refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "source", "said"),
    [
        (
            ["finding_exprot"],
            None,
            r"There is no capability finding_exprot\. There are: access_analyzer, .*kms_rotation",
        ),
        ([], None, r"Name the capabilities\. There are: access_analyzer, "),
        (["finding_export"], "https://github.com/example/switchyard", r"is not a release\. Write git::https://"),
        (["finding_export"], 'github.com/a/b?ref=$(x)"', r"is not a release"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, names: list[str], source: str | None, said: str) -> None:
    with pytest.raises(stack.StackError, match=said):
        stack.write(tmp_path, names, source)
    assert list(tmp_path.iterdir()) == []


def test_the_repository_itself_is_no_stack(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(stack.StackError, match="own folder"):
        stack.write(ROOT, ["finding_export"])


def test_a_manifest_that_was_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / stack.MANIFEST).write_text("<<<<<<< HEAD")
    with pytest.raises(stack.StackError, match=r"\.switchyard\.json is not JSON"):
        stack.write(tmp_path, ["finding_export"])
    assert [path.name for path in tmp_path.iterdir()] == [stack.MANIFEST]


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.main([str(tmp_path), "finding_exprot"]) == 1
    assert capsys.readouterr().err.startswith("stack: There is no capability finding_exprot.")


# --- a release as the source ---------------------------------------------------------------------------------


def test_a_release_versions_the_modules(tmp_path: Path) -> None:
    stack.write(tmp_path, ["finding_export"], RELEASE)
    module = block(tmp_path / "finding_export.tf", "module", "finding_export")
    base = "git::https://github.com/example/switchyard.git//modules"
    assert module["source"] == f'"{base}/posture/finding_export?ref=v1.2.3"'
    assert f'"{base}/context?ref=v1.2.3"' in (tmp_path / "main.tf").read_text()
    assert "build/\n" in (tmp_path / ".gitignore").read_text()
    assert "run: ./packages.sh" in (tmp_path / ".github" / "workflows" / "terraform.yml").read_text()
    script = (tmp_path / "packages.sh").read_text()
    assert 'release="https://github.com/example/switchyard/releases/download/v1.2.3"' in script
    assert "  posture/finding_export\n" in script
    # The source is kept, and another release replaces it.
    stack.write(tmp_path, ["kms_rotation"])
    assert "?ref=v1.2.3" in (tmp_path / "kms_rotation.tf").read_text()
    stack.write(tmp_path, [], RELEASE.replace("1.2.3", "1.3.0"))
    assert "?ref=v1.3.0" in (tmp_path / "kms_rotation.tf").read_text()


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("github.com/a/b?ref=v1", "https://github.com/a/b/releases/download/v1"),
        ("git::https://x.example/a/b.git//?ref=v1.0", "https://x.example/a/b/releases/download/v1.0"),
        ("git::ssh://git@x.example/a/b.git?ref=v1", "https://x.example/a/b/releases/download/v1"),
    ],
)
def test_a_release_s_files_are_where_its_repository_is(text: str, release: str) -> None:
    source = stack.Source.parse(text)
    assert source.release == release
    assert stack.Source.parse(str(source)) == source


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Yield a folder that a web server on this machine serves, and the server's address."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield folder, f"127.0.0.1:{server.server_port}"
        server.shutdown()


def lie(assets: Path) -> None:
    (assets / "posture-finding_export.zip").write_bytes(b"another")


def omit(assets: Path) -> None:
    text = (assets / "SHA256SUMS").read_text()
    (assets / "SHA256SUMS").write_text(text.replace("posture-finding_export.zip", "x.zip"))


def lose(assets: Path) -> None:
    (assets / "posture-finding_export.zip").unlink()


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (None, ""),
        (lie, "posture-finding_export.zip is not what SHA256SUMS says"),
        (omit, "SHA256SUMS has no posture-finding_export.zip"),
        (lose, "404"),
    ],
)
def test_packages_are_fetched_and_checked(
    tmp_path: Path, releases: tuple[Path, str], break_it: Callable[[Path], None] | None, said: str
) -> None:
    served, address = releases
    folder, assets = tmp_path / "ours", served / "a" / "b" / "releases" / "download" / "v1"
    stack.write(folder, ["finding_export"], f"git::http://{address}/a/b.git//?ref=v1")
    assets.mkdir(parents=True)
    # As .github/workflows/release.yml names them and computes their checksums.
    contents = {"layers-common.zip": b"layer", "posture-finding_export.zip": b"code"}
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    for name, content in contents.items():
        (assets / name).write_bytes(content)
    (assets / "SHA256SUMS").write_text("".join(sums))
    if break_it:
        break_it(assets)
    done = subprocess.run([folder / "packages.sh"], capture_output=True, text=True, check=False)
    fetched = folder / "build" / "posture" / "finding_export.zip"
    if break_it is None:
        assert done.returncode == 0, done.stderr
        assert fetched.read_bytes() == b"code"
        assert (folder / "build" / "layers" / "common.zip").read_bytes() == b"layer"
    else:
        assert done.returncode
        assert said in done.stderr
        assert not fetched.exists()


def test_the_manifest_says_what_was_written(tmp_path: Path) -> None:
    stack.write(tmp_path, ["finding_export"])
    known = json.loads((tmp_path / stack.MANIFEST).read_text())
    assert known["capabilities"] == ["finding_export"]
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in snapshot(tmp_path).items()}
    del hashes[stack.MANIFEST]
    assert known["files"] == hashes


def test_what_uses_a_pool_takes_that_of_the_stack_unless_its_own_is_set() -> None:
    names = ["user_directory", "step_up_auth", "order_authorization", "inactive_users"]
    made = stack.Stack(Path("x"), names)
    assert [made.asked(capability) for capability in made.capabilities] == [[], [], [], []]
    given = {capability.name: made.given(capability) for capability in made.capabilities}
    assert given == {
        "user_directory": {"triggers": "module.inactive_users.sign_in_trigger"},
        "step_up_auth": {"user_pool": "module.user_directory.authorizer"},
        "order_authorization": {
            "user_pool_arn": "module.user_directory.user_pool_arn",
            "client_ids": "module.user_directory.authorizer.audience",
        },
        "inactive_users": {"user_pool_arns": "module.user_directory.authorizer.user_pool_arns"},
    }
    own = stack.Stack(Path("x"), names, arguments={"inactive_users": {"user_pool_arns": ["arn"]}})
    assert [own.given(c) for c in own.capabilities if c.name == "user_directory"] == [{}]
