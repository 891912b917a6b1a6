"""Secrets of identity providers are not in Terraform's state."""

from __future__ import annotations

import json

from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from tests.e2e.conftest import only_with

pytestmark = only_with("identity/user_directory")


def test_no_provider_secret_in_the_state(terraform: Terraform, cloud: Cloud) -> None:
    """No version of any secret is in the state, also not after a refresh."""
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
    applied = json.dumps(terraform.state())
    terraform.refresh("module.user_directory")
    for state in (applied, json.dumps(terraform.state())):
        assert "SignInWithApple" in state
        assert not [word for word in words if word in state]
        assert "PRIVATE KEY" not in state
