"""What is wrong with a connector or a worker configuration. Plain values, no AWS; secrets never leave this module."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any


class Rules:
    """The module's rules about secrets: patterns in the syntax that RE2 and Python share."""

    NAMES = ("secret_names", "plain_names", "chosen_names", "placeholder", "inner_placeholder", "secret_values",
             "restarting_provider")  # fmt: skip

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """Raise KeyError, TypeError or re.error for patterns that are missing or malformed."""
        self._patterns = {name: re.compile(patterns[name]) for name in self.NAMES}

    def _found(self, name: str, text: str) -> bool:
        return bool(self._patterns[name].search(text))

    def secret(self, key: str, value: str) -> bool:
        """Return true if a property looks like a secret in plain text."""
        if self._found("secret_values", value):
            return True
        if not value or not self._found("secret_names", self._patterns["chosen_names"].sub("", key)):
            return False
        whole = "inner_placeholder" if key.endswith("jaas.config") else "placeholder"
        return not self._found("plain_names", key) and not self._found(whole, value)

    def findings(self, properties: Mapping[str, Any], plain: Collection[str] = ()) -> list[str]:
        """Return what is wrong with properties; without their values."""
        texts = {str(key): str(value) for key, value in properties.items()}
        secrets = sorted(key for key, value in texts.items() if key not in plain and self.secret(key, value))
        found = [f"secret in plain text: {key}" for key in secrets]
        for key, value in sorted(texts.items()):
            lifetime = re.sub(r"\.class$", ".param.secret.ttl.ms", key)
            if key.startswith("config.providers.") and self._found("restarting_provider", value):
                found += [] if lifetime in texts else [f"restarts every 5 minutes: {lifetime} is not set"]
        return found


def secrets(findings: Collection[str]) -> int:
    """Return the number of secrets in plain text among findings."""
    return sum(one.startswith("secret in plain text: ") for one in findings)


def read_properties(content: str) -> dict[str, str]:
    """Return the properties of a worker configuration's content, in Base64. Raise ValueError if it is not text.

    Comments, continued lines and the separators of java.util.Properties are understood; of its escapes, those of
    separators.
    """
    try:
        text = base64.b64decode(content, validate=True).decode()
    except ValueError:  # binascii.Error and UnicodeDecodeError are subclasses
        raise ValueError("the content is not text in Base64") from None
    found: dict[str, str] = {}
    for line in re.split(r"\r\n|\n|\r", re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*", r"\1", text)):
        if not (stripped := line.strip(" \t\f")) or stripped[0] in "#!":
            continue
        key, value = re.fullmatch(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", stripped).groups()  # type: ignore[union-attr]
        found[re.sub(r"\\(.)", r"\1", key)] = re.sub(r"\\(.)", r"\1", value)
    return found


def drift(declared: Mapping[str, Any], described: Mapping[str, Any]) -> list[str]:
    """Return how a connector differs from what Terraform declares: names of settings, never values."""
    wanted: Mapping[str, str] = declared.get("configuration") or {}
    actual = {str(k): _hash(str(v)) for k, v in (described.get("connectorConfiguration") or {}).items()}
    found = [f"setting changed: {key}" for key in sorted(wanted.keys() & actual) if wanted[key] != actual[key]]
    found += [f"setting missing: {key}" for key in sorted(wanted.keys() - actual)]
    found += [f"setting added: {key}" for key in sorted(actual.keys() - wanted)]
    if not _covers(described.get("capacity"), declared.get("capacity")):
        found.append("capacity changed")
    if used_by(described) != sorted(declared.get("uses") or ()):
        found.append("plugin or worker configuration changed")
    return found


def used_by(connector: Mapping[str, Any]) -> list[str]:
    """Return the ARNs of the plugins and, unless it is the service's default, the worker configuration in use."""
    found = [(one.get("customPlugin") or {}).get("customPluginArn") for one in connector.get("plugins") or ()]
    found.append((connector.get("workerConfiguration") or {}).get("workerConfigurationArn"))
    return sorted(str(arn) for arn in found if arn)


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _covers(actual: Any, wanted: Any) -> bool:
    """Return true if all that is wanted is so. AWS adds the defaults of what was not set."""
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(_covers(actual.get(key), value) for key, value in wanted.items())
    return bool(actual == wanted)
