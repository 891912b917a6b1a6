"""The page's files."""

from __future__ import annotations

import json
import re

import pytest

from apps.contact_form import forms, page


@pytest.mark.parametrize("path", ["/", "/app.js", "/app.css"])
def test_files_have_a_strict_policy(path: str) -> None:
    answer = page.handler({"resource": path}, None)
    assert answer["statusCode"] == 200
    assert answer["body"]
    policy = answer["headers"]["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy


def test_the_form_sends_the_fields_that_the_api_takes() -> None:
    html = page.handler({"resource": "/"}, None)["body"]
    assert re.findall(r'<(?:input|textarea)[^>]*? name="(\w+)"', html, re.DOTALL) == list(forms.FIELDS)
    script = page.handler({"resource": "/app.js"}, None)["body"]
    assert f"const FIELDS = {json.dumps(forms.FIELDS)};" in script
    assert f'maxlength="{forms.MAXIMUM_EMAIL}"' in html


def test_the_page_runs_under_its_policy() -> None:
    html = page.handler({"resource": "/"}, None)["body"]
    assert not re.search(r"<script>|style=|\son\w+=|https?://", html)


def test_other_paths_do_not_exist() -> None:
    with pytest.raises(KeyError):
        page.handler({"resource": "/../settings.py"}, None)
