"""The program of the buildspecs: `python3 -m operations.module_pipeline.gate check|test|integration|sweep|release`.

It reads `settings.Build` from the environment, works on the source in CODEBUILD_SRC_DIR (or the current folder),
writes its reports into the folder `.gate`, uploads them if there is a bucket, and ends with status 1 if the module is
refused. Without a pipeline:

    MODULE_PATH=path/to/module PYTHONPATH=lambda_src python3 -m operations.module_pipeline.gate check
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from common import clients, settings

from . import checks, leftovers, programs, release, testing
from .errors import GateError
from .report import Report
from .settings import GIT_TAG, Build
from .source import REPORTS, Module

RUN_FILE = "run-number"
VARIABLES_FILE = "variables.sh"
CLEAN_UP = 900.0
"""Seconds beyond the budget in which an interrupted run destroys what it made."""
UNIT_SECONDS = 900.0
"""Seconds for tests that make nothing."""
SESSION = 3600
"""Longest session, in seconds, of a role that is assumed with the credentials of a role."""


class Gate:
    """One stage of a build."""

    def __init__(self, build: Build, source: Path) -> None:
        self.build, self.source = build, source
        self.reports = source / REPORTS
        self.folder = (source / build.module_path).resolve()
        if source.resolve() not in (self.folder, *self.folder.parents):
            raise GateError(f"{build.module_path} leads out of the source")
        if not self.folder.is_dir():
            raise GateError(f"The source has no folder {build.module_path}")
        self.reports.mkdir(parents=True, exist_ok=True)

    def check(self, report: Report) -> None:
        """Check the module, and find out whether its version is new."""
        with tempfile.TemporaryDirectory() as scratch:
            module = Module(self._copy(scratch))
            checks.run(module, self.build, self.reports, report)
            try:
                version = module.version()
            except GateError:
                return  # the layout check has named it
            known = self._state(module, version)
        report.facts["version"] = f"{version} ({known})"
        if known != release.NEW:
            content = "this content" if known == release.RELEASED else "other content"
            report.notes.append(f"version {version} was released with {content}: nothing will be released")
        lines = {"MODULE_VERSION": version, "MODULE_RELEASE": known}
        text = "".join(f"export {name}={value}\n" for name, value in lines.items())
        (self.reports / VARIABLES_FILE).write_text(text)

    def test(self, report: Report) -> None:
        """Run the tests that need no account: the process has no AWS credentials."""
        more = self.build.integration_directory if self.build.integration else ""
        self._tests(report, self.build.test_directory, programs.without_credentials(), more)

    def integration(self, report: Report) -> None:
        """Run the tests that make resources, in the sandbox, for as long as the budget allows."""
        seconds = self.build.budget_minutes * 60.0
        run = leftovers.new_run(seconds + CLEAN_UP)
        (self.reports / RUN_FILE).write_text(run)
        report.facts["run"] = run
        made = self._assume(self.build.test_role_arn)
        environ = {
            **programs.without_credentials(),
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
            "AWS_REGION": self.build.sandbox_region,
            f"TF_AWS_DEFAULT_TAGS_{leftovers.TAG}": leftovers.mark(self.build.name_prefix, self.build.execution, run),
            "TF_VAR_test_run": run,
        }
        self._tests(report, self.build.integration_directory, environ, self.build.test_directory, seconds)

    def sweep(self, report: Report) -> None:
        """Remove what the tests of this execution left."""
        made = self._assume(self.build.sweep_role_arn)
        keys: dict[str, Any] = {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"],
        }
        path = self.reports / RUN_FILE
        mine = path.read_text().strip() if path.exists() else ""

        def client(service: str) -> Any:
            return clients.make(service, region_name=self.build.sandbox_region, **keys)

        rows = leftovers.sweep(
            client, self.build.name_prefix, lambda execution, run: execution == self.build.execution or run == mine
        )
        report.facts["left by tests"] = len(rows)
        failed = [(row.arn, f"{row.outcome}: {row.reason}") for row in rows if not row.removed]
        report.notes += [f"{row.arn} was left by a test, and removed" for row in rows if row.removed]
        report.add("sweep", failed, "nothing of the tests is left")

    def release(self, report: Report) -> None:
        """Release the module as it came from its source: no earlier stage can have changed it."""
        module = Module(self.folder)
        version, archive = module.version(), module.archive()
        if self.build.release == GIT_TAG:
            where = release.tag_of(version)
            made = release.to_tag(self.source, where, f"{self.build.module} {version}")
        else:
            where = release.key_of(self.build.module, version)
            facts = {"execution": self.build.execution, "version": version}
            bucket, owner = self.build.registry_bucket, self.build.bucket_owner
            made = release.to_registry(clients.client("s3"), bucket, owner, where, archive, facts)
        report.facts["release"] = f"{where} ({made})"
        report.add("release", [], where)

    def keep(self, report: Report) -> None:
        """Write the stage's report, print it, and upload all reports if there is a bucket for them."""
        (self.reports / f"{report.stage}.xml").write_bytes(report.junit())
        (self.reports / f"{report.stage}.json").write_text(json.dumps(report.summary(), indent=2))
        print("\n".join(report.lines()), flush=True)
        if not self.build.bucket:
            return
        prefix = f"reports/{self.build.module}/{self.build.execution}"
        owner = {"ExpectedBucketOwner": self.build.bucket_owner} if self.build.bucket_owner else {}
        for path in sorted(self.reports.iterdir()):
            if path.is_file():
                body = path.read_bytes()
                clients.client("s3").put_object(
                    Bucket=self.build.bucket, Key=f"{prefix}/{path.name}", Body=body, **owner
                )

    def _copy(self, scratch: str) -> Path:
        return checks.copy_of(self.folder, Path(scratch) / (self.folder.name or "module"))

    def _state(self, module: Module, version: str) -> str:
        if self.build.release == GIT_TAG:
            return release.tag_state(self.source, release.tag_of(version))
        if not self.build.registry_bucket:
            return release.NEW
        key = release.key_of(self.build.module, version)
        bucket, owner = self.build.registry_bucket, self.build.bucket_owner
        return release.state(clients.client("s3"), bucket, owner, key, module.archive())

    def _tests(
        self, report: Report, directory: str, environ: Mapping[str, str], besides: str, seconds: float = UNIT_SECONDS
    ) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            module = Module(self._copy(scratch))
            init = [*checks.INIT, f"-test-directory={directory}"]
            started = programs.run(init, module.folder, programs.without_credentials())
            if started.status:
                report.add("terraform init", [("terraform init", started.said)])
                return
            verdict, done = testing.run(module.folder, directory, environ, seconds)
            (self.reports / f"{report.stage}.jsonl").write_text(done.output + done.errors)
            report.cases += verdict.cases
            report.facts["tests"] = verdict.text
            missed = testing.not_run(module.tests(), verdict, besides=besides)
            if missed:
                report.add("test files", missed)

    def _assume(self, role: str) -> dict[str, str]:
        if not role:
            raise GateError("No role of a sandbox account is set: the setting sandbox names one")
        tags = {"Module": self.build.module, "Execution": self.build.execution}
        made = clients.client("sts").assume_role(
            RoleArn=role,
            RoleSessionName=f"{self.build.module[:24]}-{self.build.execution}"[:64],
            DurationSeconds=SESSION,
            Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
            **({"ExternalId": self.build.external_id} if self.build.external_id else {}),
        )
        credentials: dict[str, str] = made["Credentials"]
        return credentials


STAGES: Mapping[str, Callable[[Gate, Report], None]] = {
    "check": Gate.check,
    "test": Gate.test,
    "integration": Gate.integration,
    "sweep": Gate.sweep,
    "release": Gate.release,
}


def main(arguments: Sequence[str]) -> int:
    """Run one stage. Return 0 if the module passes it. The report is kept in any case."""
    if len(arguments) != 1 or arguments[0] not in STAGES:
        print(f"usage: gate {'|'.join(STAGES)}", file=sys.stderr)
        return 2
    [stage] = arguments
    report = Report(stage)
    try:
        build = settings.load(Build)
        gate = Gate(build, Path(os.environ.get("CODEBUILD_SRC_DIR") or "."))
    except (GateError, settings.SettingsError) as error:
        print(f"FAILED {stage}: {error}", flush=True)
        return 1
    try:
        STAGES[stage](gate, report)
    except (GateError, ClientError, BotoCoreError) as error:
        report.add(stage, [(type(error).__name__, str(error))])
    try:
        gate.keep(report)
    except (ClientError, BotoCoreError) as error:
        print(f"FAILED {stage}: the reports could not be kept: {error}", flush=True)
        return 1
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
