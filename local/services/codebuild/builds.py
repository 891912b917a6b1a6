"""One build: its phases, from the source to the reports, with the permissions of the project's role.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.services import events
from local.settings import HOME
from tools.bootstrap import QUIET, checked_cli_config

from . import neighbours
from .buildspec import PHASES, STOPPED_BY, BuildspecError, Shell, Stopped, parse

Data = dict[str, Any]
_ECR = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^@:]+)[@:].+")
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
KITS = ("bin", "node_modules/.bin")
PUBLISH = ("codebuild:CreateReport", "codebuild:BatchPutTestCases", "codebuild:UpdateReport")


class PhaseFailed(Exception):
    """A phase that did not succeed: CodeBuild's code, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Build:
    """A build of a project, which runs in a thread of its own."""

    def __init__(self, project: Data, given: Data, number: int, scope: tuple[str, str], build_id: str) -> None:
        self.account, self.region = scope
        self.project, self.id, self.number = project, build_id, number
        self.arn = f"arn:aws:codebuild:{self.region}:{self.account}:build/{build_id}"
        self.given = given
        self.status, self.started, self.ended = "IN_PROGRESS", time.time(), 0.0
        self.phases: list[Data] = []
        self.exported: list[dict[str, str]] = []
        self.reports: list[Data] = []
        self._lines: list[Data] = []
        self._shell: Shell | None = None
        self._stopping = threading.Event()
        self._late = False

    # What the API shows

    def described(self) -> Data:
        """Return the build as BatchGetBuilds shows it."""
        shown: Data = {
            "id": self.id,
            "arn": self.arn,
            "buildNumber": self.number,
            "startTime": self.started,
            "currentPhase": "COMPLETED" if self.ended else self.phases[-1]["phaseType"] if self.phases else "SUBMITTED",
            "buildStatus": self.status,
            "projectName": self.project["name"],
            "phases": list(self.phases),
            "environment": self.project["environment"],
            "serviceRole": self.project["serviceRole"],
            "logs": {
                "groupName": self.log_group,
                "streamName": self.stream,
                "cloudWatchLogsArn": f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.log_group}"
                f":log-stream:{self.stream}",
            },
            "timeoutInMinutes": self.project.get("timeoutInMinutes", 60),
            "buildComplete": bool(self.ended),
            "initiator": self.given.get("initiator", "user"),
            "encryptionKey": self.project.get("encryptionKey", ""),
            "exportedEnvironmentVariables": self.exported,
            "reportArns": [report["arn"] for report in self.reports],
        }
        return shown | ({"endTime": self.ended} if self.ended else {})

    @property
    def log_group(self) -> str:
        """Return the log group: the project's setting, or the one that CodeBuild names."""
        chosen = (self.project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
        return str(chosen.get("groupName") or f"/aws/codebuild/{self.project['name']}")

    @property
    def stream(self) -> str:
        """Return the log stream."""
        return self.id.rpartition(":")[2]

    # The run

    def start(self) -> None:
        """Run in a thread."""
        threading.Thread(target=self.run, name=f"build {self.id}", daemon=True).start()

    def stop(self) -> None:
        """End the build as soon as possible."""
        self._stopping.set()
        if self._shell:
            self._shell.stop()

    def _expire(self) -> None:
        self._late = True
        self.stop()

    def run(self) -> None:
        """Run all phases. Whatever happens becomes the build's status."""
        timer = threading.Timer(60.0 * self.project.get("timeoutInMinutes", 60), self._expire)
        timer.daemon = True
        timer.start()
        folder = Path(tempfile.mkdtemp(prefix="codebuild-"))
        try:
            self._run(folder)
        except Stopped:
            self.status = "TIMED_OUT" if self._late else "STOPPED"
        except PhaseFailed:
            self.status = "FAILED"
        except Exception as error:  # CodeBuild's own fault, as AWS calls it
            self.status = "FAULT"
            self._say(f"{type(error).__name__}: {error}")
        finally:
            timer.cancel()
            shutil.rmtree(folder, ignore_errors=True)
        self.ended = time.time()
        self.phases.append({"phaseType": "COMPLETED", "startTime": self.ended})
        if self.status != "SUCCEEDED":
            neighbours.current.failed(self.project["name"], self.account, self.region)
        self._tell()

    def _run(self, folder: Path) -> None:
        self._tell()
        with self._phase("QUEUED"):
            credentials = self._assume()
            self._open_log(credentials)
        with self._phase("PROVISIONING"):
            self._check_image(credentials)
        with self._phase("DOWNLOAD_SOURCE"):
            try:
                spec = parse(self.project["source"].get("buildspec") or "")
            except BuildspecError as error:
                raise PhaseFailed("YAML_FILE_ERROR", str(error)) from None
            source, extra = self._download(credentials, folder)
        environ = {**self._environment(credentials, folder), **extra, **spec.variables, **self._variables()}
        self._shell = Shell(source, folder / "state", environ, self._say)
        failed = self._run_phases(spec.phases)
        self._flush(credentials)
        with self._phase("UPLOAD_ARTIFACTS"):  # "always attempted, even if the BUILD phase fails"
            self._publish(spec.reports, source, credentials)
        if not failed:
            self.exported = [{"name": name, "value": self._shell.value(name)} for name in spec.exported]
            self.status = "SUCCEEDED"
        else:
            self.status = "FAILED"

    def _run_phases(self, phases: Mapping[str, Mapping[str, Any]]) -> bool:
        """Run the phases of the buildspec. Return whether one failed."""
        failed, skipped = False, set[str]()
        for name in PHASES:
            phase = phases.get(name)
            if not phase or name in skipped:
                continue
            try:
                with self._phase(name.upper()):
                    succeeding = {"CODEBUILD_BUILD_SUCCEEDING": str(int(not failed))}
                    self._run_commands(phase, succeeding)
            except PhaseFailed:
                failed = True
                if phase.get("on-failure") != "CONTINUE":
                    skipped.update(STOPPED_BY.get(name, ()))
        return failed

    def _run_commands(self, phase: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        assert self._shell
        status = self._shell.run(list(phase.get("commands") or []), variables)
        last = self._shell.run(list(phase["finally"]), variables) if phase.get("finally") else 0
        if status or last:
            raise PhaseFailed(
                "COMMAND_EXECUTION_ERROR", f"Error while executing command. Reason: exit status {status or last}"
            )

    def _phase(self, name: str) -> _Phase:
        return _Phase(self, name)

    def _assume(self) -> Data:
        try:
            return neighbours.current.session(
                self.project["serviceRole"], f"AWSCodeBuild-{self.stream}", self.project["arn"]
            )
        except PermissionError:
            raise PhaseFailed(
                "CLIENT_ERROR",
                f"CodeBuild is not authorized to perform: sts:AssumeRole on {self.project['serviceRole']}",
            ) from None

    def _client(self, service: str, credentials: Data) -> Any:
        return neighbours.current.client(service, self.region, credentials)

    def _open_log(self, credentials: Data) -> None:
        try:
            self._client("logs", credentials).create_log_stream(logGroupName=self.log_group, logStreamName=self.stream)
        except (ClientError, BotoCoreError) as error:
            raise PhaseFailed(
                "ACCESS_DENIED",
                f"Service role {self.project['serviceRole']} does not allow AWS CodeBuild to create Amazon CloudWatch "
                f"Logs log streams for build {self.arn}. Error message: {error}",
            ) from None

    def _check_image(self, credentials: Data) -> None:
        """Ask IAM for what pulling the image needs. The image itself is not run here."""
        environment = self.project["environment"]
        found = _ECR.fullmatch(environment["image"])
        if not found or environment.get("imagePullCredentialsType") != "SERVICE_ROLE":
            return
        repository = f"arn:aws:ecr:{found[2]}:{found[1]}:repository/{found[3]}"
        for action, arn in [("ecr:GetAuthorizationToken", "*"), *((action, repository) for action in PULL)]:
            if not neighbours.current.may(credentials, action, arn, self.account, self.region):
                raise PhaseFailed(
                    "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE",
                    f"Unable to pull customer's container image. The role is not authorized to perform: {action}",
                )

    def _download(self, credentials: Data, folder: Path) -> tuple[Path, dict[str, str]]:
        """Fetch the sources. Return the primary one's folder, and the variables that name all folders."""
        source = folder / "src"
        source.mkdir()
        if self.given.get("sourceTypeOverride") == "S3":
            self._fetch(self.given["sourceLocationOverride"], self.given.get("sourceVersion"), source, credentials)
        elif self.project["source"]["type"] == "S3":
            self._fetch(self.project["source"]["location"], self.given.get("sourceVersion"), source, credentials)
        names = {"CODEBUILD_SRC_DIR": str(source)}
        versions = {
            one["sourceIdentifier"]: one["sourceVersion"]
            for one in self.given.get("secondarySourcesVersionOverride", [])
        }
        for one in self.given.get("secondarySourcesOverride", []):
            into = folder / f"src-{one['sourceIdentifier']}"
            into.mkdir()
            self._fetch(one["location"], versions.get(one["sourceIdentifier"]), into, credentials)
            names[f"CODEBUILD_SRC_DIR_{one['sourceIdentifier']}"] = str(into)
        return source, names

    def _fetch(self, location: str, version: str | None, into: Path, credentials: Data) -> None:
        bucket, _, key = location.partition("/")
        try:
            answer = self._client("s3", credentials).get_object(
                Bucket=bucket, Key=key, **({"VersionId": version} if version else {})
            )
            with zipfile.ZipFile(io.BytesIO(answer["Body"].read())) as archive:
                for info in archive.infolist():
                    target = Path(archive.extract(info, into))  # keeps names inside the folder
                    if mode := info.external_attr >> 16 & 0o777:
                        target.chmod(mode | 0o600 if target.is_file() else 0o755)
        except (ClientError, BotoCoreError, zipfile.BadZipFile) as error:
            raise PhaseFailed("CLIENT_ERROR", f"Error while downloading {bucket}/{key}: {error}") from None

    def _environment(self, credentials: Data, folder: Path) -> dict[str, str]:
        """Return what every process of a build has: nothing of this machine's user but the tools of set-up."""
        home = folder / "home"
        home.mkdir()
        kits = [HOME / "bin", HOME / "checkov" / "bin", *(HOME / "generators" / kit for kit in KITS)]
        tools = [*kits, Path(sys.executable).parent]
        names = {
            "aws_access_key_id": "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "aws_session_token": "AWS_SESSION_TOKEN",
        }
        kept = (
            "LANG",
            "LC_ALL",
            "TMPDIR",
            "AWS_ENDPOINT_URL",
            "SSL_CERT_FILE",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "NO_PROXY",
        )
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PATH": os.pathsep.join([*map(str, tools), os.environ.get("PATH", os.defpath)]),
            "HOME": str(home),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **{names[name]: str(value) for name, value in credentials.items()},
            **QUIET,
            # The provider that set-up found, without a download: the lock file of a module may not have its digest.
            "TF_CLI_CONFIG_FILE": str(checked_cli_config()),
            "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
            "CODEBUILD_BUILD_ID": self.id,
            "CODEBUILD_BUILD_ARN": self.arn,
            "CODEBUILD_BUILD_NUMBER": str(self.number),
            "CODEBUILD_INITIATOR": str(self.given.get("initiator", "user")),
        }

    def _variables(self) -> dict[str, str]:
        """Return the project's variables, and those of this build, which replace them."""
        listed = [*self.project["environment"].get("environmentVariables", [])]
        listed += self.given.get("environmentVariablesOverride", [])
        return {one["name"]: one["value"] for one in listed}

    # Log and reports

    def _say(self, line: str) -> None:
        self._lines.append({"timestamp": int(time.time() * 1000), "message": line or " "})

    def _flush(self, credentials: Data) -> None:
        lines, self._lines = self._lines, []
        for start in range(0, len(lines), 500):
            try:
                self._client("logs", credentials).put_log_events(
                    logGroupName=self.log_group, logStreamName=self.stream, logEvents=lines[start : start + 500]
                )
            except (ClientError, BotoCoreError) as error:
                raise PhaseFailed("ACCESS_DENIED", f"The log could not be written: {error}") from None

    def _publish(self, reports: Mapping[str, Mapping[str, Any]], source: Path, credentials: Data) -> None:
        for name, settings in reports.items():
            arn = name if name.startswith("arn:") else f"{self._arn('report-group')}/{self.project['name']}-{name}"
            for action in PUBLISH:
                if not neighbours.current.may(credentials, action, arn, self.account, self.region):
                    raise PhaseFailed(
                        "CLIENT_ERROR", f"Failed to upload the report: not authorized to perform: {action}"
                    )
            base = source / settings.get("base-directory", ".")
            files = [path for pattern in settings["files"] for path in sorted(base.glob(pattern))]
            cases = [case for path in files for case in test_cases(path)]
            if cases:
                report = f"{arn.replace(':report-group/', ':report/')}:{self.stream}"
                self.reports.append({"arn": report, "group": arn, "cases": cases})

    def _arn(self, kind: str) -> str:
        return f"arn:aws:codebuild:{self.region}:{self.account}:{kind}"

    def _tell(self) -> None:
        """Send the event of a change of status: "Build notifications input format reference" of the user guide."""
        detail = {
            "build-status": self.status,
            "project-name": self.project["name"],
            "build-id": self.arn,
            "current-phase": "COMPLETED" if self.ended else "SUBMITTED",
            "additional-information": {"initiator": self.given.get("initiator", "user"), "build-number": self.number},
            "version": "1",
        }
        events.emit("aws.codebuild", "CodeBuild Build State Change", detail, [self.arn], self.account, self.region)


class _Phase:
    """A phase of a build, in its list. Its failure is its context."""

    def __init__(self, build: Build, name: str) -> None:
        self._build, self._name = build, name

    def __enter__(self) -> None:
        if self._build._stopping.is_set():
            raise Stopped
        self._build.phases.append({"phaseType": self._name, "startTime": time.time()})

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        phase = self._build.phases[-1]
        phase["endTime"] = time.time()
        phase["durationInSeconds"] = int(phase["endTime"] - phase["startTime"])
        phase["phaseStatus"] = "FAILED" if error else "SUCCEEDED"
        if isinstance(error, PhaseFailed):
            phase["contexts"] = [{"statusCode": error.code, "message": error.message}]


def test_cases(path: Path) -> Iterator[Data]:
    """Yield the cases of a JUnit file. One that cannot be read has none."""
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, OSError):
        return
    for case in root.iter("testcase"):
        failure = case.find("failure")
        yield {
            "name": case.get("name", ""),
            "prefix": case.get("classname", ""),
            "status": "SUCCEEDED" if failure is None else "FAILED",
            "message": "" if failure is None else failure.get("message", ""),
        }
