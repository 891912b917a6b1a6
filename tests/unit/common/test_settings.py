"""settings.load: the types that it reads, and one message for all errors."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from common import settings


@dataclass(frozen=True)
class Example:
    bucket: str
    size: int
    rate: float = 3.0
    verbose: bool = False
    owner: str | None = None
    filters: dict[str, Any] = field(default_factory=dict)
    regions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError("RATE must be above 0")


def test_reads_every_type() -> None:
    environ = {
        "BUCKET": "b",
        "SIZE": "8",
        "RATE": "2.5",
        "VERBOSE": "True",
        "OWNER": "123456789012",
        "FILTERS": '{"Id": []}',
        "REGIONS": '["eu-west-1"]',
        "UNRELATED": "x",
    }
    assert settings.load(Example, environ) == Example("b", 8, 2.5, True, "123456789012", {"Id": []}, ["eu-west-1"])


def test_empty_means_absent() -> None:
    environ = {"BUCKET": "b", "SIZE": "8", "RATE": "", "OWNER": "", "FILTERS": ""}
    assert settings.load(Example, environ) == Example("b", 8)


def test_reads_the_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", "b")
    monkeypatch.setenv("SIZE", "1")
    assert settings.load(Example).size == 1


def test_one_message_names_all_that_is_missing_or_malformed() -> None:
    environ = {"RATE": "fast", "VERBOSE": "yes", "FILTERS": "[]", "REGIONS": "{"}
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(Example, environ)
    assert str(caught.value) == (
        "The function's environment is not usable: missing BUCKET, SIZE; RATE must be a number; "
        "VERBOSE must be true or false; FILTERS must be a JSON object; REGIONS must be a JSON list."
    )


def test_values_that_the_class_refuses() -> None:
    with pytest.raises(settings.SettingsError, match="RATE must be above 0"):
        settings.load(Example, {"BUCKET": "b", "SIZE": "1", "RATE": "0"})
