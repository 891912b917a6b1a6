"""What the tests share: the module's rules as Terraform writes them, and properties in Base64."""

from __future__ import annotations

import base64
import json
import re

from data.connector_config.rules import Rules
from local.settings import ROOT

CONVERTERS = "key.converter=a.B\nvalue.converter=a.B\n"


def patterns() -> dict[str, str]:
    """Return `local.rules` of modules/data/connector_config/rules.tf."""
    text = (ROOT / "modules/data/connector_config/rules.tf").read_text()
    block = text.partition("  rules = {\n")[2].partition("\n  }\n")[0]
    found: dict[str, str] = {}
    for entry in re.finditer(r"(?ms)^    (\w+)\s+= (join\(.*?^    \]\)|\".*?\"$)", block):
        strings = [json.loads(one) for one in re.findall(r'"(?:[^"\\]|\\.)*"', entry[2])]
        found[entry[1]] = "|".join(strings[1:]) if entry[2].startswith("join") else strings[0]
    return found


RULES = Rules(patterns())


def encoded(text: str) -> str:
    """Return a properties file's content as the API takes it."""
    return base64.b64encode(text.encode()).decode()
