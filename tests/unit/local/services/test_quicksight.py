"""QuickSight of the local cloud: what is described is what was made, and SPICE holds what Athena answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import install_all, quicksight
from local.services.bridge import RESOURCE_ARNS
from local.services.quicksight import neighbours
from local.services.quicksight.models import quicksight_backends

ACCOUNT = {"AwsAccountId": "123456789012"}
PLACE: dict[str, Any] = {"account": "123456789012", "region": "eu-west-1"}
OWNER = "arn:aws:quicksight:us-east-1:123456789012:user/default/ann"


class Answers(neighbours.Neighbours):
    """An Athena with two rows, or one that refuses."""

    refuses = False

    def query(self, account: str, region: str, workgroup: str, database: str, sql: str) -> list[dict[str, Any]]:
        if self.refuses:
            raise neighbours.QueryRefused("no permission")
        return [{"a": "1"}, {"a": "2"}]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(neighbours, "current", Answers())
    install_all()
    with mock_aws():
        quicksight_backends.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("quicksight")
        quicksight_backends.clear()


def source(api: Any) -> str:
    made = api.create_data_source(
        **ACCOUNT,
        DataSourceId="s",
        Name="n",
        Type="ATHENA",
        DataSourceParameters={"AthenaParameters": {"WorkGroup": "w"}},
        Tags=[{"Key": "a", "Value": "b"}],
    )
    return str(made["Arn"])


def data_set(api: Any, mode: str = "SPICE", name: str = "d") -> str:
    table = {
        "DataSourceArn": source(api),
        "Catalog": "AwsDataCatalog",
        "Schema": "db",
        "Name": "t",
        "InputColumns": [{"Name": "a", "Type": "INTEGER"}],
    }
    made = api.create_data_set(
        **ACCOUNT, DataSetId=name, Name=name, PhysicalTableMap={"t": {"RelationalTable": table}}, ImportMode=mode
    )
    return str(made["Arn"])


def template(api: Any, column: str = "a") -> str:
    shown = {"FieldId": "f", "Column": {"DataSetIdentifier": "one", "ColumnName": column}}
    wells = {"TableUnaggregatedFieldWells": {"Values": [shown]}}
    visual = {"TableVisual": {"VisualId": "v", "ChartConfiguration": {"FieldWells": wells}}}
    definition = {
        "DataSetConfigurations": [
            {"Placeholder": "one", "DataSetSchema": {"ColumnSchemaList": [{"Name": "a", "DataType": "INTEGER"}]}}
        ],
        "Sheets": [{"SheetId": "x", "Visuals": [visual]}],
    }
    return str(api.create_template(**ACCOUNT, TemplateId="t", Name="t", Definition=definition)["Arn"])


def test_tags_are_those_of_the_arn(api: Any) -> None:
    arn = source(api)
    assert api.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    api.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    api.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert api.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]


def test_spice_holds_what_athena_answers(api: Any) -> None:
    data_set(api)
    assert quicksight.rows("d", **PLACE) == [{"a": "1"}, {"a": "2"}]
    assert quicksight.refresh("d", **PLACE)["RowInfo"]["RowsIngested"] == 2


def test_a_refusal_fails_the_ingestion_and_the_data_source(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data_set(api)
    monkeypatch.setattr(Answers, "refuses", True)
    failed = quicksight.refresh("d", **PLACE)
    assert (failed["IngestionStatus"], failed["ErrorInfo"]["Message"]) == ("FAILED", "no permission")
    assert len(quicksight.rows("d", **PLACE)) == 2, "what was loaded before stays"
    api.delete_data_source(**ACCOUNT, DataSourceId="s")
    source(api)
    described = api.describe_data_source(**ACCOUNT, DataSourceId="s")["DataSource"]
    assert described["Status"] == "CREATION_FAILED"


def test_without_a_logical_table_one_is_made(api: Any) -> None:
    data_set(api)
    found = api.describe_data_set(**ACCOUNT, DataSetId="d")["DataSet"]
    (made,) = found["LogicalTableMap"].values()
    assert made == {"Alias": "t", "Source": {"PhysicalTableId": "t"}}


def test_only_spice_has_a_refresh(api: Any) -> None:
    data_set(api, "DIRECT_QUERY")
    schedule = {"ScheduleId": "daily", "ScheduleFrequency": {"Interval": "DAILY"}, "RefreshType": "FULL_REFRESH"}
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        api.create_refresh_schedule(**ACCOUNT, DataSetId="d", Schedule=schedule)
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        api.describe_data_set_refresh_properties(**ACCOUNT, DataSetId="d")


def test_a_template_with_an_unknown_column_fails(api: Any) -> None:
    template(api, "b")
    version = api.describe_template(**ACCOUNT, TemplateId="t")["Template"]["Version"]
    assert (version["Status"], version["Errors"][0]["Type"]) == ("CREATION_FAILED", "COLUMN_NOT_FOUND")


def test_a_dashboard_is_made_of_a_template_and_its_datasets(api: Any) -> None:
    reference: dict[str, Any] = {"DataSetPlaceholder": "one", "DataSetArn": data_set(api)}
    entity: dict[str, Any] = {"SourceTemplate": {"Arn": template(api), "DataSetReferences": [reference]}}
    grants = [{"Principal": OWNER, "Actions": ["quicksight:DescribeDashboard", "quicksight:QueryDashboard"]}]
    api.create_dashboard(**ACCOUNT, DashboardId="b", Name="b", SourceEntity=entity, Permissions=grants)
    made = api.describe_dashboard_definition(**ACCOUNT, DashboardId="b")["Definition"]
    assert made["DataSetIdentifierDeclarations"] == [{"Identifier": "one", "DataSetArn": reference["DataSetArn"]}]
    revoke = [{"Principal": OWNER, "Actions": ["quicksight:QueryDashboard"]}]
    left = api.update_dashboard_permissions(**ACCOUNT, DashboardId="b", RevokePermissions=revoke)["Permissions"]
    assert left == [{"Principal": OWNER, "Actions": ["quicksight:DescribeDashboard"]}]
    entity["SourceTemplate"]["DataSetReferences"][0]["DataSetPlaceholder"] = "other"
    with pytest.raises(ClientError, match="placeholders"):
        api.create_analysis(**ACCOUNT, AnalysisId="a", Name="a", SourceEntity=entity)


def test_resources_of_calls() -> None:
    def arn(method: str, path: str, body: bytes = b"") -> str:
        return RESOURCE_ARNS["quicksight"]("", method, path, body, "eu-west-1", "1").rpartition(":")[2]

    assert arn("GET", "/accounts/1/data-sets/d/permissions") == "dataset/d"
    assert arn("POST", "/accounts/1/data-sources", b'{"DataSourceId": "s"}') == "datasource/s"
    assert arn("GET", "/accounts/1/data-sets/d/refresh-schedules/daily") == "dataset/d/refresh-schedule/daily"
    assert arn("GET", "/resources/arn:aws:quicksight:eu-west-1:1:template/t/tags") == "template/t"
    assert arn("GET", "/accounts/1/namespaces/default/users") == "*"
