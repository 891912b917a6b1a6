"""QuickSight's resources of one account and Region, and what SPICE holds.

Source: QuickSight API reference. A resource keeps the members of the request that made it, and its descriptions have
them again, with what QuickSight adds.
"""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from moto.core.base_backend import BackendDict
from moto.quicksight.models import QuickSightBackend as Moto

from local.services.base import operation

from . import neighbours
from .exceptions import InvalidParameterValueException, ResourceExistsException, ResourceNotFoundException

Data = dict[str, Any]
_SUCCESS = "CREATION_SUCCESSFUL"


class Resource:
    """One resource: what its description has, its permissions, tags and, where it has some, its definition."""

    def __init__(self, arn: str, shown: Data, permissions: list[Data] | None, tags: list[Data] | None) -> None:
        self.arn, self.shown, self.version = arn, shown, 1
        self.created = self.updated = time.time()
        self.permissions = {one["Principal"]: sorted(one["Actions"]) for one in permissions or []}
        self.tags = {tag["Key"]: tag["Value"] for tag in tags or []}
        self.definition: Data = {}
        self.source_arn = ""

    def change(self, shown: Data) -> None:
        """Replace what the description has."""
        self.shown, self.updated, self.version = shown, time.time(), self.version + 1

    def granted(self) -> list[Data]:
        """Return the permissions."""
        return [{"Principal": principal, "Actions": actions} for principal, actions in self.permissions.items()]

    def regrant(self, grant: list[Data] | None, revoke: list[Data] | None) -> None:
        """Give and take actions of principals."""
        for one in revoke or []:
            left = sorted({*self.permissions.get(one["Principal"], [])} - {*one["Actions"]})
            self.permissions[one["Principal"]] = left
            if not left:
                del self.permissions[one["Principal"]]
        for one in grant or []:
            known = self.permissions.get(one["Principal"], [])
            self.permissions[one["Principal"]] = sorted({*known, *one["Actions"]})


def columns_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (dataset identifier, column) of each column that a definition uses, at any depth."""
    if isinstance(value, dict):
        if value.keys() >= {"DataSetIdentifier", "ColumnName"}:
            yield value["DataSetIdentifier"], value["ColumnName"]
        for inner in value.values():
            yield from columns_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from columns_in(inner)


def _timed(resource: Resource) -> Data:
    return {"Arn": resource.arn, "CreatedTime": resource.created, "LastUpdatedTime": resource.updated}


class QuickSightBackend(Moto):
    """Resources of one account and Region, by kind and id."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.kept: dict[str, dict[str, Resource]] = {}
        self.schedules: dict[tuple[str, str], Data] = {}
        self.ingestions: dict[str, dict[str, Data]] = {}
        self.spice: dict[str, list[Data]] = {}
        self._lock = threading.RLock()

    # Of all kinds

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:quicksight:{self.region_name}:{self.account_id}:{kind}/{name}"

    def _one(self, kind: str, name: str) -> Resource:
        try:
            return self.kept[kind][name]
        except KeyError:
            raise ResourceNotFoundException(f"{kind} {name} is not found") from None

    def _make(
        self, kind: str, name: str, shown: Data, permissions: list[Data] | None, tags: list[Data] | None
    ) -> Resource:
        with self._lock:
            of_kind = self.kept.setdefault(kind, {})
            if name in of_kind:
                raise ResourceExistsException(f"{kind} {name} already exists")
            made = of_kind[name] = Resource(self._arn(kind, name), shown, permissions, tags)
        return made

    def _drop(self, kind: str, name: str) -> Data:
        resource = self._one(kind, name)
        del self.kept[kind][name]
        return {"Arn": resource.arn, "Status": 200}

    def _of_arn(self, arn: str) -> Resource:
        kind, _, name = arn.rpartition(":")[2].partition("/")
        return self._one(kind, name)

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        """Return the tags of a resource."""
        return {"Tags": [{"Key": k, "Value": v} for k, v in self._of_arn(resource_arn).tags.items()], "Status": 200}

    @operation()
    def tag_resource(self, resource_arn: str, tags: list[Data]) -> Data:
        """Set tags of a resource."""
        self._of_arn(resource_arn).tags.update({tag["Key"]: tag["Value"] for tag in tags})
        return {"Status": 200}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags of a resource."""
        for key in tag_keys:
            self._of_arn(resource_arn).tags.pop(key, None)
        return {"Status": 200}

    # Data sources

    @operation(unchecked=("DataSourceParameters",))
    def create_data_source(
        self,
        aws_account_id: str,
        data_source_id: str,
        name: str,
        type: str,  # noqa: A002 - the API's name
        data_source_parameters: Data | None = None,
        permissions: list[Data] | None = None,
        tags: list[Data] | None = None,
        **_: Any,
    ) -> Data:
        """Create a data source, and try its connection: one that Athena refuses has the status of a failure."""
        if type != "ATHENA":
            raise InvalidParameterValueException(f"The local cloud has no data sources of the type {type}")
        workgroup = ((data_source_parameters or {}).get("AthenaParameters") or {}).get("WorkGroup") or "primary"
        shown = {"Name": name, "Type": type, "DataSourceParameters": {"AthenaParameters": {"WorkGroup": workgroup}}}
        made = self._make("datasource", data_source_id, shown, permissions, tags)
        self._try(made)
        return {
            "Arn": made.arn,
            "DataSourceId": data_source_id,
            "CreationStatus": "CREATION_IN_PROGRESS",
            "Status": 202,
        }

    def _try(self, source: Resource) -> None:
        try:
            self._query(source, "default", "SELECT 1 AS one")
            source.shown.pop("ErrorInfo", None)
            source.shown["Status"] = _SUCCESS
        except neighbours.QueryRefused as refused:
            source.shown |= {
                "Status": "CREATION_FAILED",
                "ErrorInfo": {"Type": "ACCESS_DENIED", "Message": str(refused)},
            }

    def _query(self, source: Resource, database: str, sql: str) -> list[Data]:
        workgroup = source.shown["DataSourceParameters"]["AthenaParameters"]["WorkGroup"]
        return neighbours.current.query(self.account_id, self.region_name, workgroup, database, sql)

    @operation()
    def describe_data_source(self, aws_account_id: str, data_source_id: str) -> Data:
        """Return a data source."""
        source = self._one("datasource", data_source_id)
        return {"DataSource": {"DataSourceId": data_source_id, **_timed(source), **source.shown}, "Status": 200}

    @operation(unchecked=("DataSourceParameters",))
    def update_data_source(
        self, aws_account_id: str, data_source_id: str, name: str, data_source_parameters: Data | None = None, **_: Any
    ) -> Data:
        """Change a data source, and try its connection again."""
        source = self._one("datasource", data_source_id)
        source.change(source.shown | {"Name": name, "DataSourceParameters": data_source_parameters})
        self._try(source)
        return {"Arn": source.arn, "DataSourceId": data_source_id, "UpdateStatus": "UPDATE_SUCCESSFUL", "Status": 202}

    @operation()
    def delete_data_source(self, aws_account_id: str, data_source_id: str) -> Data:
        """Delete a data source. Its datasets stay, and can no longer be refreshed."""
        return {**self._drop("datasource", data_source_id), "DataSourceId": data_source_id}

    @operation()
    def describe_data_source_permissions(self, aws_account_id: str, data_source_id: str) -> Data:
        """Return who may do what with a data source."""
        source = self._one("datasource", data_source_id)
        return {
            "DataSourceArn": source.arn,
            "DataSourceId": data_source_id,
            "Permissions": source.granted(),
            "Status": 200,
        }

    @operation()
    def update_data_source_permissions(
        self,
        aws_account_id: str,
        data_source_id: str,
        grant_permissions: list[Data] | None = None,
        revoke_permissions: list[Data] | None = None,
    ) -> Data:
        """Change who may do what with a data source."""
        source = self._one("datasource", data_source_id)
        source.regrant(grant_permissions, revoke_permissions)
        return {
            "DataSourceArn": source.arn,
            "DataSourceId": data_source_id,
            "Permissions": source.granted(),
            "Status": 200,
        }

    # Datasets

    def _data_set_shown(self, given: Data) -> Data:
        """Return what a dataset shows. Raise InvalidParameterValueException for a table that cannot be read."""
        tables = given["PhysicalTableMap"]
        for table in tables.values():
            if "RelationalTable" not in table:
                raise InvalidParameterValueException("The local cloud has only datasets of relational tables")
            self._of_arn(table["RelationalTable"]["DataSourceArn"])
        logical = given.get("LogicalTableMap") or {
            str(uuid.uuid4()): {"Alias": name, "Source": {"PhysicalTableId": name}} for name in tables
        }
        for one in logical.values():
            if one["Source"].get("PhysicalTableId") not in tables:
                raise InvalidParameterValueException(f"{one['Alias']} has no physical table")
        columns = [column for table in tables.values() for column in table["RelationalTable"]["InputColumns"]]
        return {**given, "LogicalTableMap": logical, "OutputColumns": columns}

    @operation(unchecked=("PhysicalTableMap", "LogicalTableMap"))
    def create_data_set(
        self,
        aws_account_id: str,
        data_set_id: str,
        name: str,
        physical_table_map: Data,
        import_mode: str,
        logical_table_map: Data | None = None,
        permissions: list[Data] | None = None,
        tags: list[Data] | None = None,
        **_: Any,
    ) -> Data:
        """Create a dataset; with SPICE, load it."""
        given = {
            "Name": name,
            "PhysicalTableMap": physical_table_map,
            "LogicalTableMap": logical_table_map,
            "ImportMode": import_mode,
        }
        made = self._make("dataset", data_set_id, self._data_set_shown(given), permissions, tags)
        answer = {"Arn": made.arn, "DataSetId": data_set_id, "Status": 201}
        if import_mode == "SPICE":
            ingestion = self.ingest(data_set_id)
            answer |= {"IngestionArn": ingestion["Arn"], "IngestionId": ingestion["IngestionId"]}
        return answer

    @operation()
    def describe_data_set(self, aws_account_id: str, data_set_id: str) -> Data:
        """Return a dataset."""
        found = self._one("dataset", data_set_id)
        return {"DataSet": {"DataSetId": data_set_id, **_timed(found), **found.shown}, "Status": 200}

    @operation(unchecked=("PhysicalTableMap", "LogicalTableMap"))
    def update_data_set(
        self,
        aws_account_id: str,
        data_set_id: str,
        name: str,
        physical_table_map: Data,
        import_mode: str,
        logical_table_map: Data | None = None,
        **_: Any,
    ) -> Data:
        """Change a dataset; with SPICE, load it."""
        found = self._one("dataset", data_set_id)
        given = {
            "Name": name,
            "PhysicalTableMap": physical_table_map,
            "LogicalTableMap": logical_table_map,
            "ImportMode": import_mode,
        }
        found.change(self._data_set_shown(given))
        if import_mode == "SPICE":
            self.ingest(data_set_id)
        return {"Arn": found.arn, "DataSetId": data_set_id, "Status": 200}

    @operation()
    def delete_data_set(self, aws_account_id: str, data_set_id: str) -> Data:
        """Delete a dataset, with its refreshes and its rows in SPICE."""
        answer = {**self._drop("dataset", data_set_id), "DataSetId": data_set_id}
        for key in [key for key in self.schedules if key[0] == data_set_id]:
            del self.schedules[key]
        self.ingestions.pop(data_set_id, None)
        self.spice.pop(data_set_id, None)
        return answer

    @operation()
    def describe_data_set_permissions(self, aws_account_id: str, data_set_id: str) -> Data:
        """Return who may do what with a dataset."""
        found = self._one("dataset", data_set_id)
        return {"DataSetArn": found.arn, "DataSetId": data_set_id, "Permissions": found.granted(), "Status": 200}

    @operation()
    def update_data_set_permissions(
        self,
        aws_account_id: str,
        data_set_id: str,
        grant_permissions: list[Data] | None = None,
        revoke_permissions: list[Data] | None = None,
    ) -> Data:
        """Change who may do what with a dataset."""
        found = self._one("dataset", data_set_id)
        found.regrant(grant_permissions, revoke_permissions)
        return {"DataSetArn": found.arn, "DataSetId": data_set_id, "Status": 200}

    @operation()
    def describe_data_set_refresh_properties(self, aws_account_id: str, data_set_id: str) -> Data:
        """Refuse: incremental refreshes are not set up, and cannot be without SPICE."""
        if self._one("dataset", data_set_id).shown["ImportMode"] != "SPICE":
            raise InvalidParameterValueException("Refresh properties are only for datasets in SPICE")
        raise ResourceNotFoundException("The dataset has no refresh properties")

    # SPICE

    def ingest(self, data_set_id: str) -> Data:
        """Load a dataset, by a query for each table, and return the ingestion."""
        found = self._one("dataset", data_set_id)
        identity = str(uuid.uuid4())
        made: Data = {
            "Arn": f"{found.arn}/ingestion/{identity}",
            "IngestionId": identity,
            "IngestionStatus": "COMPLETED",
            "CreatedTime": time.time(),
        }
        loaded: list[Data] = []
        try:
            for table in found.shown["PhysicalTableMap"].values():
                relation = table["RelationalTable"]
                columns = ", ".join(f'"{column["Name"]}"' for column in relation["InputColumns"])
                sql = f'SELECT {columns} FROM "{relation["Schema"]}"."{relation["Name"]}"'
                loaded += self._query(self._of_arn(relation["DataSourceArn"]), relation["Schema"], sql)
            self.spice[data_set_id] = loaded
            made["RowInfo"] = {"RowsIngested": len(loaded), "RowsDropped": 0, "TotalRowsInDataset": len(loaded)}
        except neighbours.QueryRefused as refused:  # what was loaded before stays
            made |= {"IngestionStatus": "FAILED", "ErrorInfo": {"Type": "SQL_EXCEPTION", "Message": str(refused)}}
        self.ingestions.setdefault(data_set_id, {})[identity] = made
        return made

    def rows(self, data_set_id: str) -> list[Data]:
        """Return the rows of a dataset in SPICE."""
        self._one("dataset", data_set_id)
        return copy.deepcopy(self.spice.get(data_set_id, []))

    @operation()
    def list_ingestions(self, aws_account_id: str, data_set_id: str, **_: Any) -> Data:
        """Return the ingestions of a dataset, the newest first."""
        self._one("dataset", data_set_id)
        return {"Ingestions": list(reversed(self.ingestions.get(data_set_id, {}).values())), "Status": 200}

    @operation()
    def create_refresh_schedule(self, aws_account_id: str, data_set_id: str, schedule: Data) -> Data:
        """Set up a refresh, which only datasets in SPICE have."""
        found, name = self._one("dataset", data_set_id), schedule["ScheduleId"]
        if found.shown["ImportMode"] != "SPICE":
            raise InvalidParameterValueException("A refresh schedule is only for datasets in SPICE")
        if (data_set_id, name) in self.schedules:
            raise ResourceExistsException(f"The schedule {name} already exists")
        arn = f"{found.arn}/refresh-schedule/{name}"
        self.schedules[data_set_id, name] = {"StartAfterDateTime": time.time(), **schedule, "Arn": arn}
        return {"ScheduleId": name, "Arn": arn, "Status": 200}

    def _schedule(self, data_set_id: str, name: str) -> Data:
        try:
            return self.schedules[data_set_id, name]
        except KeyError:
            raise ResourceNotFoundException(f"The schedule {name} is not found") from None

    @operation()
    def describe_refresh_schedule(self, aws_account_id: str, data_set_id: str, schedule_id: str) -> Data:
        """Return a refresh."""
        found = self._schedule(data_set_id, schedule_id)
        return {"RefreshSchedule": found, "Arn": found["Arn"], "Status": 200}

    @operation()
    def update_refresh_schedule(self, aws_account_id: str, data_set_id: str, schedule: Data) -> Data:
        """Change a refresh."""
        found = self._schedule(data_set_id, schedule["ScheduleId"])
        found.update(schedule)
        return {"ScheduleId": found["ScheduleId"], "Arn": found["Arn"], "Status": 200}

    @operation()
    def delete_refresh_schedule(self, aws_account_id: str, data_set_id: str, schedule_id: str) -> Data:
        """Remove a refresh."""
        arn = self._schedule(data_set_id, schedule_id)["Arn"]
        del self.schedules[data_set_id, schedule_id]
        return {"ScheduleId": schedule_id, "Arn": arn, "Status": 200}

    # Templates, analyses and dashboards

    def _template_errors(self, definition: Data) -> list[Data]:
        """Return an error for each column that a template shows and its datasets do not have."""
        schemas = {
            one["Placeholder"]: {column["Name"] for column in one["DataSetSchema"]["ColumnSchemaList"]}
            for one in definition.get("DataSetConfigurations", [])
        }
        return [
            {"Type": "COLUMN_NOT_FOUND", "Message": f"{data_set}.{column} is not a column"}
            for data_set, column in columns_in(definition)
            if column not in schemas.get(data_set, ())
        ]

    @operation(unchecked=("Definition",))
    def create_template(
        self,
        aws_account_id: str,
        template_id: str,
        name: str = "",
        definition: Data | None = None,
        version_description: str = "",
        permissions: list[Data] | None = None,
        tags: list[Data] | None = None,
        **_: Any,
    ) -> Data:
        """Create a template from a definition. One with unknown columns is there, with the status of a failure."""
        if not definition:
            raise InvalidParameterValueException("The local cloud makes templates from definitions only")
        made = self._make(
            "template", template_id, {"Name": name, "Description": version_description}, permissions, tags
        )
        made.definition = definition
        return self._templated(template_id, made, 202)

    def _templated(self, template_id: str, made: Resource, status: int) -> Data:
        version = f"{made.arn}/version/{made.version}"
        return {
            "Arn": made.arn,
            "VersionArn": version,
            "TemplateId": template_id,
            "CreationStatus": "CREATION_IN_PROGRESS",
            "Status": status,
        }

    @operation()
    def describe_template(self, aws_account_id: str, template_id: str, **_: Any) -> Data:
        """Return a template with its newest version."""
        found = self._one("template", template_id)
        errors = self._template_errors(found.definition)
        version = {
            "VersionNumber": found.version,
            "CreatedTime": found.updated,
            "Status": "CREATION_FAILED" if errors else _SUCCESS,
            "Errors": errors,
            "Description": found.shown["Description"],
            "DataSetConfigurations": found.definition["DataSetConfigurations"],
        }
        shown = {"Name": found.shown["Name"], "TemplateId": template_id, "Version": version}
        return {"Template": {**_timed(found), **shown}, "Status": 200}

    @operation()
    def describe_template_definition(self, aws_account_id: str, template_id: str, **_: Any) -> Data:
        """Return the definition of a template."""
        found = self._one("template", template_id)
        return {
            "Name": found.shown["Name"],
            "TemplateId": template_id,
            "ResourceStatus": _SUCCESS,
            "Definition": found.definition,
            "Status": 200,
        }

    @operation(unchecked=("Definition",))
    def update_template(
        self,
        aws_account_id: str,
        template_id: str,
        definition: Data | None = None,
        name: str = "",
        version_description: str = "",
        **_: Any,
    ) -> Data:
        """Make a new version of a template."""
        found = self._one("template", template_id)
        found.change({"Name": name or found.shown["Name"], "Description": version_description})
        found.definition = definition or found.definition
        return self._templated(template_id, found, 200)

    @operation()
    def delete_template(self, aws_account_id: str, template_id: str, **_: Any) -> Data:
        """Delete a template. What was made from it stays."""
        return {**self._drop("template", template_id), "TemplateId": template_id}

    @operation()
    def describe_template_permissions(self, aws_account_id: str, template_id: str) -> Data:
        """Return who may do what with a template."""
        found = self._one("template", template_id)
        return {"TemplateArn": found.arn, "TemplateId": template_id, "Permissions": found.granted(), "Status": 200}

    def _instantiate(self, source: Data | None) -> tuple[str, Data, list[str]]:
        """Return the template's ARN, the definition with datasets in place of placeholders, and their ARNs."""
        asked = (source or {}).get("SourceTemplate")
        if not asked:
            raise InvalidParameterValueException("The local cloud makes analyses and dashboards from templates only")
        template = self._of_arn(asked["Arn"])
        references = {one["DataSetPlaceholder"]: one["DataSetArn"] for one in asked["DataSetReferences"]}
        definition = copy.deepcopy(template.definition)
        wanted = definition.pop("DataSetConfigurations")
        if {one["Placeholder"] for one in wanted} != references.keys():
            raise InvalidParameterValueException("The dataset references are not the placeholders of the template")
        for one in wanted:
            has = {column["Name"] for column in self._of_arn(references[one["Placeholder"]]).shown["OutputColumns"]}
            missing = {column["Name"] for column in one["DataSetSchema"]["ColumnSchemaList"]} - has
            if missing:
                raise InvalidParameterValueException(f"{one['Placeholder']} has no column {min(missing)}")
        definition["DataSetIdentifierDeclarations"] = [
            {"Identifier": placeholder, "DataSetArn": arn} for placeholder, arn in references.items()
        ]
        return template.arn, definition, sorted(references.values())

    def _sheets(self, found: Resource) -> list[Data]:
        return [
            {"SheetId": sheet["SheetId"], "Name": sheet.get("Name", "")} for sheet in found.definition.get("Sheets", [])
        ]

    @operation(unchecked=("SourceEntity",))
    def create_analysis(
        self,
        aws_account_id: str,
        analysis_id: str,
        name: str,
        source_entity: Data | None = None,
        permissions: list[Data] | None = None,
        tags: list[Data] | None = None,
        **_: Any,
    ) -> Data:
        """Create an analysis from a template."""
        definition, arns = self._instantiate(source_entity)[1:]
        made = self._make("analysis", analysis_id, {"Name": name, "DataSetArns": arns}, permissions, tags)
        made.definition = definition
        return {"Arn": made.arn, "AnalysisId": analysis_id, "CreationStatus": "CREATION_IN_PROGRESS", "Status": 202}

    @operation()
    def describe_analysis(self, aws_account_id: str, analysis_id: str) -> Data:
        """Return an analysis."""
        found = self._one("analysis", analysis_id)
        shown = {"AnalysisId": analysis_id, "Status": _SUCCESS, "Sheets": self._sheets(found), **found.shown}
        return {"Analysis": {**_timed(found), **shown}, "Status": 200}

    @operation()
    def describe_analysis_definition(self, aws_account_id: str, analysis_id: str) -> Data:
        """Return the definition of an analysis."""
        found = self._one("analysis", analysis_id)
        return {
            "AnalysisId": analysis_id,
            "Name": found.shown["Name"],
            "ResourceStatus": _SUCCESS,
            "Definition": found.definition,
            "Status": 200,
        }

    @operation(unchecked=("SourceEntity", "Definition"))
    def update_analysis(
        self, aws_account_id: str, analysis_id: str, name: str, source_entity: Data | None = None, **_: Any
    ) -> Data:
        """Change an analysis: its name, and what a template of now makes of it."""
        found = self._one("analysis", analysis_id)
        found.definition, arns = self._instantiate(source_entity)[1:]
        found.change({"Name": name, "DataSetArns": arns})
        return {"Arn": found.arn, "AnalysisId": analysis_id, "UpdateStatus": "UPDATE_SUCCESSFUL", "Status": 200}

    @operation()
    def delete_analysis(self, aws_account_id: str, analysis_id: str, **_: Any) -> Data:
        """Delete an analysis, here for good."""
        return {**self._drop("analysis", analysis_id), "AnalysisId": analysis_id}

    @operation()
    def describe_analysis_permissions(self, aws_account_id: str, analysis_id: str) -> Data:
        """Return who may do what with an analysis."""
        found = self._one("analysis", analysis_id)
        return {"AnalysisArn": found.arn, "AnalysisId": analysis_id, "Permissions": found.granted(), "Status": 200}

    @operation()
    def update_analysis_permissions(
        self,
        aws_account_id: str,
        analysis_id: str,
        grant_permissions: list[Data] | None = None,
        revoke_permissions: list[Data] | None = None,
    ) -> Data:
        """Change who may do what with an analysis."""
        found = self._one("analysis", analysis_id)
        found.regrant(grant_permissions, revoke_permissions)
        return {"AnalysisArn": found.arn, "AnalysisId": analysis_id, "Permissions": found.granted(), "Status": 200}

    @operation(unchecked=("SourceEntity",))
    def create_dashboard(
        self,
        aws_account_id: str,
        dashboard_id: str,
        name: str,
        source_entity: Data | None = None,
        permissions: list[Data] | None = None,
        tags: list[Data] | None = None,
        version_description: str = "",
        dashboard_publish_options: Data | None = None,
        **_: Any,
    ) -> Data:
        """Create a dashboard from a template, and publish it."""
        source, definition, arns = self._instantiate(source_entity)
        options = dashboard_publish_options or {}
        shown: Data = {"Name": name, "DataSetArns": arns, "Description": version_description, "options": options}
        made = self._make("dashboard", dashboard_id, shown, permissions, tags)
        made.definition, made.source_arn = definition, source
        return {
            "Arn": made.arn,
            "VersionArn": f"{made.arn}/version/1",
            "DashboardId": dashboard_id,
            "CreationStatus": "CREATION_IN_PROGRESS",
            "Status": 202,
        }

    @operation()
    def describe_dashboard(self, aws_account_id: str, dashboard_id: str, **_: Any) -> Data:
        """Return a dashboard with its newest version."""
        found = self._one("dashboard", dashboard_id)
        version = {
            "Arn": f"{found.arn}/version/{found.version}",
            "VersionNumber": found.version,
            "CreatedTime": found.updated,
            "Status": _SUCCESS,
            "SourceEntityArn": f"{found.source_arn}/version/1",
            "DataSetArns": found.shown["DataSetArns"],
            "Description": found.shown["Description"],
            "Sheets": self._sheets(found),
        }
        shown = {"DashboardId": dashboard_id, "Name": found.shown["Name"], "Version": version}
        return {"Dashboard": {**_timed(found), "LastPublishedTime": found.updated, **shown}, "Status": 200}

    @operation()
    def describe_dashboard_definition(self, aws_account_id: str, dashboard_id: str, **_: Any) -> Data:
        """Return the definition of a dashboard."""
        found = self._one("dashboard", dashboard_id)
        return {
            "DashboardId": dashboard_id,
            "Name": found.shown["Name"],
            "ResourceStatus": _SUCCESS,
            "Definition": found.definition,
            "DashboardPublishOptions": found.shown["options"],
            "Status": 200,
        }

    @operation(unchecked=("SourceEntity", "Definition"))
    def update_dashboard(
        self,
        aws_account_id: str,
        dashboard_id: str,
        name: str,
        source_entity: Data | None = None,
        version_description: str = "",
        dashboard_publish_options: Data | None = None,
        **_: Any,
    ) -> Data:
        """Make a new version of a dashboard."""
        found = self._one("dashboard", dashboard_id)
        found.source_arn, found.definition, arns = self._instantiate(source_entity)
        options = dashboard_publish_options or {}
        found.change({"Name": name, "DataSetArns": arns, "Description": version_description, "options": options})
        return {
            "Arn": found.arn,
            "VersionArn": f"{found.arn}/version/{found.version}",
            "DashboardId": dashboard_id,
            "CreationStatus": "CREATION_IN_PROGRESS",
            "Status": 200,
        }

    @operation()
    def update_dashboard_published_version(self, aws_account_id: str, dashboard_id: str, version_number: Any) -> Data:
        """Publish a version; here the newest one is always shown."""
        found = self._one("dashboard", dashboard_id)
        return {"DashboardId": dashboard_id, "DashboardArn": found.arn, "Status": 200}

    @operation()
    def delete_dashboard(self, aws_account_id: str, dashboard_id: str, **_: Any) -> Data:
        """Delete a dashboard with its versions."""
        return {**self._drop("dashboard", dashboard_id), "DashboardId": dashboard_id}

    @operation()
    def describe_dashboard_permissions(self, aws_account_id: str, dashboard_id: str) -> Data:
        """Return who may do what with a dashboard."""
        found = self._one("dashboard", dashboard_id)
        return {"DashboardArn": found.arn, "DashboardId": dashboard_id, "Permissions": found.granted(), "Status": 200}

    @operation()
    def update_dashboard_permissions(
        self,
        aws_account_id: str,
        dashboard_id: str,
        grant_permissions: list[Data] | None = None,
        revoke_permissions: list[Data] | None = None,
        **_: Any,
    ) -> Data:
        """Change who may do what with a dashboard."""
        found = self._one("dashboard", dashboard_id)
        found.regrant(grant_permissions, revoke_permissions)
        return {"DashboardArn": found.arn, "DashboardId": dashboard_id, "Permissions": found.granted(), "Status": 200}


quicksight_backends = BackendDict(
    QuickSightBackend,
    "quicksight",
    use_boto3_regions=True,
)
