"""Projects, report groups and builds of one account and Region.

Source: CodeBuild API reference.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import operation

from .builds import Build
from .exceptions import InvalidInputException, ResourceAlreadyExistsException, ResourceNotFoundException

Data = dict[str, Any]


def _members(given: Data) -> Data:
    """Return the request's members under the API's names."""
    return {name[0] + "".join(part.title() for part in name.split("_"))[1:]: value for name, value in given.items()}


class CodeBuildBackend(BaseBackend):
    """CodeBuild in one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.projects: dict[str, Data] = {}
        self.groups: dict[str, Data] = {}
        self.builds: dict[str, Build] = {}
        self._lock = threading.RLock()

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:codebuild:{self.region_name}:{self.account_id}:{kind}/{name}"

    # Projects

    def _project(self, name: str) -> Data:
        try:
            return self.projects[name.rpartition("/")[2]]
        except KeyError:
            raise ResourceNotFoundException(f"Project cannot be found: {self._arn('project', name)}") from None

    @operation()
    def create_project(self, **given: Any) -> Data:
        """Create a project."""
        project, now = _members(given), time.time()
        with self._lock:
            if project["name"] in self.projects:
                raise ResourceAlreadyExistsException(f"Project already exists: {self._arn('project', project['name'])}")
            self.projects[project["name"]] = {
                "timeoutInMinutes": 60,
                "queuedTimeoutInMinutes": 480,
                "projectVisibility": "PRIVATE",
                "badge": {"badgeEnabled": False},
                "cache": {"type": "NO_CACHE"},
                **project,
                "arn": self._arn("project", project["name"]),
                "created": now,
                "lastModified": now,
            }
        return {"project": self.projects[project["name"]]}

    @operation()
    def update_project(self, **given: Any) -> Data:
        """Change what the request names."""
        changes = _members(given)
        project = self._project(changes["name"])
        project |= {**changes, "lastModified": time.time()}
        return {"project": project}

    @operation()
    def delete_project(self, name: str) -> Data:
        """Delete a project. AWS does not report one that does not exist."""
        self.projects.pop(name.rpartition("/")[2], None)
        return {}

    @operation()
    def batch_get_projects(self, names: list[str]) -> Data:
        """Return the projects that exist, and the names of those that do not."""
        known = [name for name in names if name.rpartition("/")[2] in self.projects]
        return {
            "projects": [self._project(name) for name in known],
            "projectsNotFound": [name for name in names if name not in known],
        }

    @operation()
    def list_projects(self, **_: Any) -> Data:
        """Return the names of all projects, in one page."""
        return {"projects": sorted(self.projects)}

    # Builds

    @operation()
    def start_build(self, project_name: str, **given: Any) -> Data:
        """Start a build."""
        project = self._project(project_name)
        if "buildspec_override" in given:
            raise InvalidInputException("The local cloud runs the project's buildspec only")
        with self._lock:
            number = 1 + sum(build.project["name"] == project["name"] for build in self.builds.values())
            build_id = f"{project['name']}:{uuid.uuid4()}"
            build = Build(dict(project), _members(given), number, (self.account_id, self.region_name), build_id)
            self.builds[build_id] = build
        build.start()
        return {"build": build.described()}

    def _build(self, build_id: str) -> Build:
        try:
            return self.builds[build_id.rpartition("/")[2]]
        except KeyError:
            raise ResourceNotFoundException(f"Build cannot be found: {build_id}") from None

    @operation()
    def batch_get_builds(self, ids: list[str]) -> Data:
        """Return the builds that exist, and the ids of those that do not."""
        known = [one for one in ids if one.rpartition("/")[2] in self.builds]
        return {
            "builds": [self._build(one).described() for one in known],
            "buildsNotFound": [one for one in ids if one not in known],
        }

    @operation()
    def stop_build(self, id: str) -> Data:  # noqa: A002 - the API's name
        """Stop a build."""
        build = self._build(id)
        build.stop()
        return {"build": build.described()}

    @operation()
    def list_builds_for_project(self, project_name: str, **_: Any) -> Data:
        """Return the ids of a project's builds, the newest first, in one page."""
        name = self._project(project_name)["name"]
        return {"ids": [build.id for build in reversed(self.builds.values()) if build.project["name"] == name]}

    # Reports

    @operation()
    def create_report_group(self, **given: Any) -> Data:
        """Create a report group."""
        group, now = _members(given), time.time()
        arn = self._arn("report-group", group["name"])
        with self._lock:
            if arn in self.groups:
                raise ResourceAlreadyExistsException(f"Report group already exists: {arn}")
            made = {**group, "arn": arn, "created": now, "lastModified": now, "status": "ACTIVE"}
            self.groups[arn] = made
        return {"reportGroup": made}

    @operation()
    def update_report_group(self, arn: str, **given: Any) -> Data:
        """Change what the request names."""
        if arn not in self.groups:
            raise ResourceNotFoundException(f"Report group cannot be found: {arn}")
        self.groups[arn] |= {**_members(given), "lastModified": time.time()}
        return {"reportGroup": self.groups[arn]}

    @operation()
    def delete_report_group(self, arn: str, delete_reports: bool = False) -> Data:
        """Delete a report group. One with reports is deleted only with them."""
        if not delete_reports and self._reports(arn):
            raise InvalidInputException("The report group has reports: set deleteReports to delete them, too")
        self.groups.pop(arn, None)
        for build in self.builds.values():
            build.reports = [report for report in build.reports if report["group"] != arn]
        return {}

    @operation()
    def batch_get_report_groups(self, report_group_arns: list[str]) -> Data:
        """Return the groups that exist, and the ARNs of those that do not."""
        return {
            "reportGroups": [self.groups[arn] for arn in report_group_arns if arn in self.groups],
            "reportGroupsNotFound": [arn for arn in report_group_arns if arn not in self.groups],
        }

    @operation()
    def list_report_groups(self, **_: Any) -> Data:
        """Return the ARNs of all groups, in one page."""
        return {"reportGroups": sorted(self.groups)}

    def _reports(self, group: str) -> list[Data]:
        found = [report for build in self.builds.values() for report in build.reports]
        return [report for report in reversed(found) if report["group"] == group]

    @operation()
    def list_reports_for_report_group(self, report_group_arn: str, **_: Any) -> Data:
        """Return the ARNs of a group's reports, the newest first, in one page."""
        return {"reports": [report["arn"] for report in self._reports(report_group_arn)]}

    @operation()
    def describe_test_cases(self, report_arn: str, **_: Any) -> Data:
        """Return the cases of a report, in one page."""
        for build in self.builds.values():
            for report in build.reports:
                if report["arn"] == report_arn:
                    return {"testCases": [{"reportArn": report_arn, **case} for case in report["cases"]]}
        raise ResourceNotFoundException(f"Report cannot be found: {report_arn}")


codebuild_backends = BackendDict(CodeBuildBackend, "codebuild")
