"""clients.client: one client per service, with the retries and timeouts that all functions share."""

import pytest

from common import clients


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clients.client.cache_clear()


def test_one_client_per_service() -> None:
    assert clients.client("sqs") is clients.client("sqs")
    assert clients.client("sqs") is not clients.client("sns")


def test_other_regions_and_credentials() -> None:
    assert clients.client("sqs", region="us-east-1").meta.region_name == "us-east-1"
    assert clients.client("sqs", region="us-east-1") is clients.client("sqs", region="us-east-1")
    made = clients.make("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
    assert made.meta.config.retries == clients.client("sqs").meta.config.retries


def test_configuration() -> None:
    config = clients.client("sqs").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 10}
    assert (config.connect_timeout, config.read_timeout) == (5, 30)
    assert config.user_agent_extra == "switchyard"


def test_attempts() -> None:
    assert clients.client("sqs", 1).meta.config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert clients.client("sqs", 1) is not clients.client("sqs")


def test_classes_of_errors_are_there_before_threads_ask_for_them() -> None:
    """Otherwise each thread may get its own, and an `except` misses the error of another's class."""
    assert clients.client("sqs")._exceptions is not None
