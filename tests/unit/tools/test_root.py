"""The root module matches the modules, and refuses settings that they do not have."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tools import hcl, root, wiring
from tools.bootstrap import ROOT, terraform_bin, terraform_env

CAPABILITIES = root.capabilities()


@pytest.fixture
def variables(tmp_path: Path) -> Path:
    """Return a root module of the variables alone: their validations need no provider."""
    domains = {c.domain for c in CAPABILITIES.values()}
    members = {domain: [c for c in CAPABILITIES.values() if c.domain == domain] for domain in domains}
    text = "".join(
        root.settings_hcl(domain, of) + "".join(root.variable_hcl(c, CAPABILITIES) for c in of)
        for domain, of in members.items()
    )
    (tmp_path / "main.tf").write_text(text)
    return tmp_path


def refusals(folder: Path, **values: object) -> list[str]:
    """Return the errors of `terraform plan`."""
    (folder / "given.auto.tfvars.json").write_text(json.dumps(values))
    command = [terraform_bin(), f"-chdir={folder}", "plan", "-input=false", "-json"]
    env = terraform_env(folder / ".terraform")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    # Terraform adds the place of the rule.
    return [m["diagnostic"]["detail"].split("\n\n")[0] for m in said if m["type"] == "diagnostic"]


def test_the_files_are_up_to_date() -> None:
    assert root.main(["--check"]) == 0


def test_check_names_a_stale_file_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(root, "files", lambda: {"posture.tf": "new\n"})
    monkeypatch.setattr(root, "ROOT", tmp_path)
    assert root.main(["--check"]) == 1
    assert "posture.tf is not up to date; run `make docs`" in capsys.readouterr().err
    assert not (tmp_path / "posture.tf").exists()
    assert root.main([]) == 0
    assert (tmp_path / "posture.tf").read_text() == "new\n"
    assert root.main(["--check"]) == 0


@pytest.mark.parametrize("name", CAPABILITIES)
def test_the_root_passes_each_variable(name: str) -> None:
    capability = CAPABILITIES[name]
    content = hcl.loads((ROOT / f"{capability.domain}.tf").read_text())
    module = next(block[f'"{name}"'] for block in content["module"] if f'"{name}"' in block)
    assert module["source"] == f'"./{capability.path}"'
    declared = set(hcl.declared(ROOT / capability.path, "variable"))
    assert {argument for argument in module if not argument.startswith("__")} == declared | {"source", "count"}
    defaults = {default.argument: default for default in capability.defaults}
    for argument in declared - {"context"} - capability.edges.keys() - defaults.keys():
        assert module[argument] == f"${{try(var.{name}.{argument}, null)}}"
    for argument, default in defaults.items():
        assert module[argument].startswith(f"${{var.{default.source} != null && ")
        value = f"module.{default.source}[0].{default.output}"
        assert module[argument].endswith(f" ? {value} : try(var.{name}.{argument}, null)}}")
    for argument, edge in capability.edges.items():
        assert module[argument] == f"${{one(module.{edge.source}[*].{edge.output})}}"


def test_what_is_wired_exists() -> None:
    for edge in wiring.EDGES:
        assert edge.argument in CAPABILITIES[edge.of].variables
        assert edge.output in hcl.declared(CAPABILITIES[edge.source].folder, "output")
    for default in wiring.DEFAULTS:
        assert default.argument in CAPABILITIES[default.of].settings
        assert default.output.split(".")[0] in hcl.declared(CAPABILITIES[default.source].folder, "output")
        assert f"{default.of}.{default.argument}" in default.unless
        for path in default.unless:
            name, _, setting = path.partition(".")
            assert setting in CAPABILITIES[name].settings
    for name, arguments in wiring.ONE_OF.items():
        assert set(arguments) <= set(CAPABILITIES[name].settings)
    for name, block in wiring.BLOCKS.items():
        assert block.hidden_output in hcl.declared(CAPABILITIES[name].folder, "output")
    context = hcl.declared(ROOT / "modules" / "context", "variable")
    for argument, used in wiring.CONTEXT_SWITCHES.items():
        assert argument in context
        modules = {path.name for path in ROOT.glob("modules/*/*")}
        assert modules >= set(used)
    switched = {c.name for c in CAPABILITIES.values() if c.uses(*wiring.CONTEXT_SWITCHES["api_gateway_logging"])}
    assert {"order_authorization", "step_up_auth", "openapi_service"} <= switched


def test_a_root_of_some_has_those_only() -> None:
    files = root.files({"web_acl_logging", "step_up_auth"})
    assert set(files) == {"main.tf", "identity.tf", "posture.tf"}
    assert "config_recorder" not in files["posture.tf"].replace("config_recorder = {}", "")
    assert "finding_export" not in files["posture.tf"]
    assert "order_authorization" not in files["main.tf"]
    assert "coalesce(var.api_gateway_logging, anytrue([" in files["main.tf"]  # the account's role can be left alone
    assert "var.step_up_auth != null," in files["main.tf"]
    assert "user_directory" not in files["identity.tf"].replace("Uses the pool of user_directory", "").replace(
        "The output `authorizer` of user_directory", ""
    )


def test_a_capability_may_take_what_it_needs_from_another() -> None:
    with_pool = dict(root.rules(CAPABILITIES["inactive_users"], ["inactive_users", "user_directory"]))
    alone = dict(root.rules(CAPABILITIES["inactive_users"], ["inactive_users"]))
    assert '"inactive_users needs user_pool_arns, or user_directory."' in with_pool.values()
    assert '"inactive_users needs user_pool_arns."' in alone.values()
    assert not [condition for condition in alone if "user_directory" in condition]


def test_descriptions_come_from_the_module() -> None:
    assert root.description(CAPABILITIES["inactive_users"]).endswith(
        " { user_pool_arns } for the defaults, null for off. See modules/identity/inactive_users."
    )
    assert "Needs a recorder: config_recorder = {}" in root.description(CAPABILITIES["web_acl_logging"])
    for capability in CAPABILITIES.values():
        assert len(capability.summary) > 40, capability.name
        assert "](" not in capability.summary


def test_good_values_are_taken(variables: Path) -> None:
    strings = {"RecordState": [{"value": "ACTIVE", "comparison": "EQUALS"}, {"value": "ARCHIVED"}]}
    keys = {"a": {"description": "A", "grants": {"g": {"grantee_principal": "p", "operations": []}}}, "b": None}
    given = {
        "finding_export": {"filters": {"strings": strings, "dates": None}, "destination": None},
        "kms_rotation": {"keys": keys},
        "country_embargo": {},
        "config_recorder": None,
        "inactive_users": {"user_pool_arns": []},
    }
    assert refusals(variables, **given) == []


@pytest.mark.parametrize(
    ("name", "value", "start", "names"),
    [
        ("finding_export", {"expiraton_days": 3}, "finding_export has no setting expiraton_days. ", "expiration_days"),
        ("finding_export", {"a": 1, "b": None}, "finding_export has no setting a, b. ", "expiration_days"),
        ("finding_export", {"filters": {"strngs": {}}}, "finding_export.filters has no setting strngs. ", "strings"),
        (
            "finding_export",
            {"filters": {"strings": {"Id": [{"value": "x"}, None, {"vlue": "y"}], "Title": None}}},
            "finding_export.filters.strings[*][*] has no setting vlue. ",
            "value",
        ),
        (
            "kms_rotation",
            {"keys": {"none": None, "a": {"grants": {"none": 3, "g": {"operatons": []}}}}},
            "kms_rotation.keys[*].grants[*] has no setting operatons. ",
            "operations",
        ),
        (
            "access_analyzer",
            {"archive_rules": {"partner": [{"criteria": "resource", "equals": []}]}},
            "access_analyzer.archive_rules[*][*] has no setting equals. ",
            "eq",
        ),
        ("web_acl_logging", {"recorder_name": "x"}, "web_acl_logging has no setting recorder_name. ", "scopes"),
        ("web_acl_logging", {"context": {}}, "web_acl_logging has no setting context. ", "scopes"),
        ("country_embargo", True, "country_embargo must be an object", "null for off"),
        ("country_embargo", [], "country_embargo must be an object", "null for off"),
        ("inactive_users", {"inactive_days": 30}, "inactive_users needs user_pool_arns, or user_directory.", ""),
        (
            "order_authorization",
            {"user_pool_arn": None},
            "order_authorization needs user_pool_arn and client_ids, or user_directory.",
            "",
        ),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    variables: Path, name: str, value: object, start: str, names: str
) -> None:
    [said] = refusals(variables, **{name: value})
    assert said.startswith(start)
    assert names in said.removeprefix(start)


def test_all_that_is_refused_is_named_at_once(variables: Path) -> None:
    wrong = {
        "finding_export": {"expiraton_days": 3},
        "kms_rotation": {"keys": {"orders": {"description": "Orders", "rotation_perod_days": 9}}},
        "access_analyzer": {"archive_rules": {"partner": [{"criteria": "resource", "equals": []}]}},
        "country_embargo": True,
        "inactive_users": {"inactive_days": 30},
        "secret_replication": [],
        "web_acl_logging": {"recorder_name": "default"},
    }
    said = refusals(variables, **wrong)
    assert sorted(text.replace(".", " ").split()[0] for text in said) == sorted(wrong)


def test_each_object_of_each_type_has_a_rule() -> None:
    """There are as many rules as objects: each refuses a misspelled name in its own object."""
    for capability in CAPABILITIES.values():
        text = "".join(hcl.expression(capability.variables[name].get("type", "any")) for name in capability.settings)
        objects = list(root.objects(capability.type, "", ""))
        assert len(objects) == text.count("object(") + 1
