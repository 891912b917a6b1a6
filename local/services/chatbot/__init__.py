"""Chatbot (Amazon Q Developer in chat applications): channel configurations, and the messages of their topics.

Beyond the API: `authorize_workspace` and `authorize_team` are the administrator's one-time sign-in, `messages`
returns what the members of the channel see.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID

from .models import backend


def install() -> None:
    """Serve Chatbot from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def authorize_workspace(team_id: str, name: str, account: str = ACCOUNT_ID) -> None:
    """Authorize Chatbot as a Slack workspace's owner does with the console's "Configure client"."""
    backend(account).workspaces[team_id] = name


def authorize_team(tenant_id: str, team_id: str, name: str, account: str = ACCOUNT_ID) -> None:
    """Authorize Chatbot for a team of Microsoft Teams."""
    backend(account).teams[tenant_id, team_id] = name


def messages(configuration: str, account: str = ACCOUNT_ID) -> list[dict[str, Any]]:
    """Return what a channel received, oldest first: `topic`, `posted` (whether the format is known), `message`."""
    return [entry for entry in backend(account).received if entry["configuration"] == configuration]


COMMANDS: dict[str, Any] = {
    "authorize_workspace": authorize_workspace,
    "authorize_team": authorize_team,
    "messages": messages,
}
