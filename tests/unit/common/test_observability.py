"""Log lines and metrics as they reach CloudWatch."""

import json
from types import SimpleNamespace

import pytest

from common import observability


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "example")
    observability.logger.cache_clear()


def test_fields_of_an_invocation_do_not_reach_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    observability.begin(SimpleNamespace(aws_request_id="r1"), run="a").info("started")
    observability.begin(SimpleNamespace(aws_request_id="r2")).info("started", extra={"pages": 3})
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (first["request_id"], first["run"], first["service"]) == ("r1", "a", "example")
    assert (second["request_id"], second["pages"]) == ("r2", 3)
    assert "run" not in second
    assert second["level"] == "INFO"


def test_metric_is_in_embedded_metric_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Switchyard")
    observability.count("FindingsExported", 300)
    line = json.loads(capsys.readouterr().out)
    definition = line["_aws"]["CloudWatchMetrics"][0]
    assert definition["Namespace"] == "Switchyard"
    assert definition["Metrics"] == [{"Name": "FindingsExported", "Unit": "Count"}]
    assert ["service"] in definition["Dimensions"] or definition["Dimensions"] == [["service"]]
    assert line["service"] == "example"
    assert line["FindingsExported"] == [300.0]
