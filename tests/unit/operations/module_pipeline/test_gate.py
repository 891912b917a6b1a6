"""The gate's stages, with programs that answer as Terraform and Checkov do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.module_pipeline import gate, leftovers, release
from operations.module_pipeline.leftovers import Leftover
from operations.module_pipeline.report import Case, Report
from operations.module_pipeline.source import Module, digest

MAIN = 'variable "a" {\n  description = "A."\n}\n\nresource "aws_sns_topic" "x" {\n  name = var.a\n}\n'
GOOD_SCAN = {"results": {"failed_checks": []}, "summary": {"passed": 1, "resource_count": 1}}
TESTED = [
    {"type": "test_abstract", "test_abstract": {"tests/a.tftest.hcl": ["a"]}},
    {"type": "test_run", "@testfile": "tests/a.tftest.hcl", "@testrun": "a", "test_run": {"status": "pass"}},
    {"type": "test_summary", "test_summary": {"passed": 1, "failed": 0, "errored": 0, "skipped": 0}},
]


class Bench:
    """A source with one module, programs on PATH, and an S3 that keeps what is written."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.source, self.tools, self.log = folder / "src", folder / "tools", folder / "log"
        self.objects: dict[str, dict[str, Any]] = {}
        self.refused = ""
        self.assumed: list[dict[str, Any]] = []
        self._environ = monkeypatch
        for one in (self.source, self.tools):
            one.mkdir()
        monkeypatch.setenv("PATH", f"{self.tools}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("CODEBUILD_SRC_DIR", str(self.source))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-build")
        monkeypatch.setattr("common.clients.client", lambda service: self)
        self.set(
            MODULE="topic", EXECUTION="e1", BUCKET="builds", REGISTRY_BUCKET="modules", BUCKET_OWNER="111122223333"
        )
        self.write({"main.tf": MAIN, "README.md": "`a`", "VERSION": "1.0.0", "tests/a.tftest.hcl": ""})
        self.answers()

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self._environ.setenv(name, value)

    def write(self, files: dict[str, str]) -> None:
        """Write files of the source."""
        for name, text in files.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def answers(self, **by_command: tuple[int, str]) -> None:
        """Let `terraform <command>` end with a status and an output. Good ones are the default."""
        defaults = {
            "fmt": (0, ""),
            "init": (0, ""),
            "validate": (0, '{"diagnostics": []}'),
            "test": (0, "\n".join(json.dumps(one) for one in TESTED)),
        }
        lines = ["#!/bin/sh", f'echo "$@" >> {self.log}', f"env >> {self.log}", 'case "$1" in']
        for name, (status, text) in {**defaults, **by_command}.items():
            (self.tools / f"{name}.out").write_text(text)
            lines.append(f"{name}) cat {self.tools}/{name}.out; exit {status} ;;")
        self._program("terraform", "\n".join([*lines, "esac"]))
        self.scan(GOOD_SCAN)

    def scan(self, report: dict[str, Any]) -> None:
        """Let Checkov write a report."""
        (self.tools / "scan.out").write_text(json.dumps(report))
        copy = f'for out; do :; done\ncp {self.tools}/scan.out "$(echo "$out" | cut -d, -f2)"'
        self._program("checkov", f"#!/bin/sh\n{copy}")

    def _program(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    # The parts of S3 and STS that the gate uses

    def put_object(self, **given: Any) -> dict[str, Any]:
        """Keep an object."""
        if self.refused:
            raise ClientError({"Error": {"Code": self.refused, "Message": "no"}}, "PutObject")
        if given.get("IfNoneMatch") and given["Key"] in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.objects[given["Key"]] = given
        return {}

    def head_object(self, **given: Any) -> dict[str, Any]:
        """Return an object's metadata."""
        if given["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": ""}}, "HeadObject")
        return {"Metadata": self.objects[given["Key"]]["Metadata"]}

    def assume_role(self, **given: Any) -> dict[str, Any]:
        """Return a session."""
        self.assumed.append(given)
        return {"Credentials": {"AccessKeyId": "of-the-sandbox", "SecretAccessKey": "s", "SessionToken": "t"}}

    # What a stage left

    def report(self, stage: str) -> dict[str, Any]:
        """Return the report in the bucket."""
        found: dict[str, Any] = json.loads(self.objects[f"reports/topic/e1/{stage}.json"]["Body"])
        return found

    def failures(self, stage: str) -> list[str]:
        """Return `suite: name` of what failed."""
        return [f"{case['suite']}: {case['name']}" for case in self.report(stage)["cases"] if case["failure"]]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_a_good_module_passes_its_checks(bench: Bench) -> None:
    assert gate.main(["check"]) == 0
    assert bench.failures("check") == []
    variables = (bench.source / ".gate" / "variables.sh").read_text()
    assert variables == "export MODULE_VERSION=1.0.0\nexport MODULE_RELEASE=new\n"
    assert bench.report("check")["facts"]["resources"] == 1
    assert not (bench.source / ".terraform").exists()


def test_all_that_is_wrong_is_named_at_once(bench: Bench) -> None:
    bench.write({"README.md": "", "VERSION": "1"})
    diagnostic = {
        "severity": "error",
        "summary": "Unsupported argument",
        "detail": "x",
        "range": {"filename": "main.tf", "start": {"line": 6}},
    }
    bench.answers(fmt=(3, "main.tf\n"), validate=(1, json.dumps({"diagnostics": [diagnostic]})))
    failed = {"check_id": "CKV_1", "check_name": "Encrypt", "resource": "aws_sns_topic.x", "file_path": "/main.tf"}
    bench.scan({"results": {"failed_checks": [failed]}, "summary": {"failed": 1}})
    assert gate.main(["check"]) == 1
    assert bench.failures("check") == [
        "layout: version",
        "fmt: main.tf",
        "checkov: CKV_1 aws_sns_topic.x",
        "validate: main.tf:6",
        "docs: variable a",
    ]
    assert not (bench.source / ".gate" / "variables.sh").exists()


def test_reports_are_kept_when_the_module_is_refused(bench: Bench) -> None:
    bench.scan({"results": {}, "summary": {"parsing_errors": 1}})
    assert gate.main(["check"]) == 1
    kept = sorted(key.rpartition("/")[2] for key in bench.objects)
    assert kept == ["check.json", "check.xml", "checkov.json", "variables.sh"]
    assert all(one["ExpectedBucketOwner"] == "111122223333" for one in bench.objects.values())


def test_a_check_that_could_not_run_is_a_failure(bench: Bench) -> None:
    bench.answers(init=(1, "could not connect"), fmt=(2, "Error: Invalid"))
    (bench.tools / "checkov").unlink()
    bench.set(PATH=f"{bench.tools}:/usr/bin:/bin")
    assert gate.main(["check"]) == 1
    assert bench.failures("check") == ["fmt: terraform fmt", "checkov: checkov", "validate: terraform init"]


def test_a_validation_without_an_answer_is_a_failure(bench: Bench) -> None:
    bench.answers(validate=(1, "crash"))
    assert gate.main(["check"]) == 1
    assert bench.failures("check") == ["validate: terraform validate"]


@pytest.mark.parametrize(("main", "state"), [(MAIN, "released"), (MAIN + "\n", "taken")])
def test_a_released_version_is_not_new(bench: Bench, main: str, state: str) -> None:
    assert gate.main(["release"]) == 0
    bench.write({"main.tf": main})
    assert gate.main(["check"]) == 0
    assert f"MODULE_RELEASE={state}" in (bench.source / ".gate" / "variables.sh").read_text()
    assert "nothing will be released" in bench.report("check")["notes"][0]


def test_the_release_is_the_source(bench: Bench) -> None:
    assert gate.main(["release"]) == 0
    made = bench.objects["registry/topic/1.0.0.zip"]
    assert made["Metadata"] == {
        "execution": "e1", "version": "1.0.0", "sha256": digest(Module(bench.source).archive()),
    }  # fmt: skip
    assert gate.main(["release"]) == 0  # a repeated build
    bench.write({"main.tf": MAIN + "\n"})
    assert gate.main(["release"]) == 1
    assert bench.failures("release") == ["release: VersionTaken"]
    assert bench.objects["registry/topic/1.0.0.zip"] is made


def test_tests_run_without_credentials(bench: Bench) -> None:
    assert gate.main(["test"]) == 0
    log = bench.log.read_text()
    assert "test -json -no-color -test-directory=tests" in log
    assert "AWS_ACCESS_KEY_ID" not in log
    assert bench.report("test")["facts"]["tests"] == "1 passed, 0 failed, 0 errored, 0 skipped"


@pytest.mark.parametrize("status", [0, 1])  # of Terraform with no tests, by version
def test_no_tests_fail_the_stage_in_every_version(bench: Bench, status: int) -> None:
    bench.answers(test=(status, '{"type": "test_summary", "test_summary": {"passed": 0}}'))
    assert gate.main(["test"]) == 1
    assert "terraform test: summary" in bench.failures("test")


def test_a_test_in_the_wrong_folder_fails_the_stage(bench: Bench) -> None:
    bench.write({"test/b.tftest.hcl": "", "tests/integration/c.tftest.hcl": ""})
    assert gate.main(["test"]) == 1
    assert bench.failures("test") == ["test files: test/b.tftest.hcl", "test files: tests/integration/c.tftest.hcl"]
    bench.set(INTEGRATION="true")
    assert gate.main(["test"]) == 1
    assert bench.failures("test") == ["test files: test/b.tftest.hcl"]


SANDBOX = {
    "TEST_ROLE_ARN": "arn:aws:iam::444455556666:role/test",
    "SWEEP_ROLE_ARN": "arn:aws:iam::444455556666:role/sweep",
    "EXTERNAL_ID": "tests-of-stack",
    "SANDBOX_REGION": "eu-west-1",
    "NAME_PREFIX": "stack",
    "BUDGET_MINUTES": "5",
}


def test_tests_of_the_sandbox_have_its_role_and_a_mark(bench: Bench) -> None:
    bench.set(**SANDBOX)
    assert gate.main(["integration"]) == 0
    [asked] = bench.assumed
    assert (asked["RoleArn"], asked["ExternalId"], asked["DurationSeconds"]) == (
        SANDBOX["TEST_ROLE_ARN"],
        "tests-of-stack",
        3600,
    )
    assert {tag["Key"]: tag["Value"] for tag in asked["Tags"]} == {"Module": "topic", "Execution": "e1"}
    run = (bench.source / ".gate" / "run-number").read_text()
    lines = bench.log.read_text().splitlines()
    assert "AWS_ACCESS_KEY_ID=of-the-sandbox" in lines
    assert "AWS_ACCESS_KEY_ID=of-the-build" not in lines
    assert f"TF_AWS_DEFAULT_TAGS_ModuleTest=stack/e1/{run}" in lines
    assert f"TF_VAR_test_run={run}" in lines
    assert not leftovers.ended(run)


def test_without_a_sandbox_nothing_is_tried(bench: Bench) -> None:
    assert gate.main(["integration"]) == 1
    assert bench.failures("integration") == ["integration: GateError"]
    assert not bench.log.exists()


def test_the_sweep_takes_what_belongs_to_the_execution(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.set(**SANDBOX)
    due: list[bool] = []

    def sweep(client: Any, prefix: str, chosen: leftovers.Due) -> list[Leftover]:
        due.extend([chosen("e1", "1"), chosen("e2", "1"), chosen("", "2")])
        return [Leftover("arn:a", "1", "removed"), Leftover("arn:b", "1", "failed", "AccessDenied: no")]

    monkeypatch.setattr(leftovers, "sweep", sweep)
    (bench.source / ".gate").mkdir()
    (bench.source / ".gate" / "run-number").write_text("2")
    assert gate.main(["sweep"]) == 1
    assert due == [True, False, True]
    assert bench.failures("sweep") == ["sweep: arn:b"]
    assert bench.report("sweep")["notes"] == ["arn:a was left by a test, and removed"]


def test_reports_that_cannot_be_kept_fail_the_stage(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.refused = "AccessDenied"
    assert gate.main(["test"]) == 1
    assert "the reports could not be kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MODULE_PATH": "../other"}, "leads out of the source"),
        ({"MODULE_PATH": "nothing"}, "has no folder nothing"),
        ({"RELEASE": "ftp"}, "RELEASE must be s3 or git_tag"),
        ({"BUDGET_MINUTES": "90"}, "BUDGET_MINUTES must be"),
        ({"ACCEPT_UNPARSED": "odd.tf"}, "ACCEPT_UNPARSED must be a JSON list"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    bench: Bench, variables: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.set(**variables)
    assert gate.main(["check"]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["all"], ["check", "test"]])
def test_usage(arguments: list[str]) -> None:
    assert gate.main(arguments) == 2


def test_a_tag_as_release(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def to_tag(*given: Any) -> str:
        asked.append(given)
        return release.NEW

    monkeypatch.setattr(release, "to_tag", to_tag)
    monkeypatch.setattr(release, "tag_state", lambda *_: release.TAKEN)
    bench.set(RELEASE="git_tag", MODULE_PATH="m")
    bench.write({f"m/{name}": text for name, text in {"main.tf": MAIN, "README.md": "`a`", "VERSION": "2.0.0"}.items()})
    assert gate.main(["release"]) == 0
    assert asked == [(bench.source, "v2.0.0", "topic 2.0.0")]
    assert gate.main(["check"]) == 0
    assert "MODULE_RELEASE=taken" in (bench.source / ".gate" / "variables.sh").read_text()


def test_a_report_of_nothing_has_not_passed() -> None:
    assert not Report("check").passed
    assert SimpleNamespace(passed=Report("check", [Case("a", "b")]).passed).passed


def test_a_report_survives_control_characters() -> None:
    import xml.etree.ElementTree as ET

    text = Report("check", [Case("a", "b\x00", "\x1b[31mno <&> \ud7ff\x08")]).junit()
    [failure] = ET.fromstring(text).iter("failure")
    assert "no <&>" in (failure.text or "")
