"""Secrets of identity providers are not in Terraform's state."""

from __future__ import annotations

import json

from local.cloud import Cloud
from local.terraform import Terraform
from tests.local.conftest import only_with

pytestmark = only_with("identity/user_directory")


def test_no_provider_secret_in_the_state(terraform: Terraform, cloud: Cloud) -> None:
    """Of every version of every secret; also in the saved backup, and in what a refresh reads back."""
    secrets = cloud.client("secretsmanager")
    words: set[str] = set()
    for name in ("switchyard-apple-key", "switchyard-partner"):
        for version in secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]:
            text = secrets.get_secret_value(SecretId=name, VersionId=version["VersionId"])["SecretString"]
            try:
                values = json.loads(text)
            except ValueError:
                values = {"private_key": text}
            words |= set(values.get("private_key", "").splitlines()[1:-1]) | {values.get("client_secret", "")}
    words.discard("")
    assert len(words) >= 3
    terraform.refresh("module.user_directory")
    for path in terraform.folder.glob("*.tfstate*"):
        state = path.read_text()
        assert "SignInWithApple" in state or path.suffix == ".backup"
        assert not [word for word in words if word in state]
        assert "PRIVATE KEY" not in state
