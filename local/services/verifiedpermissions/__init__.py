"""Amazon Verified Permissions on the real Cedar engine (cedarpy); moto and MiniStack have none.

Tokens are verified against the keys that the user pool publishes. Not here: OIDC identity sources other than
Cognito, policy store aliases, encryption settings, `BatchGetPolicy`.
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve Verified Permissions from here in moto. Idempotent."""
    register(sys.modules[__name__])
