"""The page: its files, its settings, and what its policy lets the browser do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from apps.training_feedback import page

STATIC = Path(page.__file__).parent / "static"
CONF = page.Settings(
    "eu-west-1", "eu-west-1_A", "client", "eu-west-1:pool", "BOT", "ALIAS", ["en_US"], {"en_US": "Joanna"}
)


@pytest.fixture(autouse=True)
def _conf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_conf", lambda: CONF)


@pytest.mark.parametrize("path", ["/", "/app.js", "/aws4fetch.js", "/app.css"])
def test_files_have_a_type_and_a_policy(path: str) -> None:
    answer = page.handler({"resource": path}, None)
    assert answer["statusCode"] == 200
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
    assert "unsafe" not in answer["headers"]["Content-Security-Policy"]
    assert answer["body"]


def test_settings() -> None:
    found = json.loads(page.handler({"resource": "/settings.json"}, None)["body"])
    assert found["bot_id"] == "BOT"
    assert found["voices"] == {"en_US": "Joanna"}
    script = (STATIC / "app.js").read_text()
    assert set(re.findall(r"\bsettings\.(\w+)(?!\w|\")", script)) == set(found)


def test_the_policy_names_each_endpoint_that_the_page_calls_and_no_other() -> None:
    script = (STATIC / "app.js").read_text()
    called = set(re.findall(r'endpoint\("([\w-]+)"\)', script)) | set(re.findall(r'cognito\("([\w-]+)"', script))
    allowed = set(re.findall(r"https://([\w-]+)\.eu-west-1\.amazonaws\.com", page.policy(CONF)))
    assert called == allowed == set(page.SERVICES)


def test_nothing_is_written_as_html_and_nothing_is_stored() -> None:
    script = (STATIC / "app.js").read_text()
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "cookie"):
        assert word not in script
    assert "<script>" not in (STATIC / "index.html").read_text()
    assert " style=" not in (STATIC / "index.html").read_text()
