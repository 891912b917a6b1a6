"""CodeArtifact: domains, repositories, tokens, and the endpoints of repositories for pip and npm.

An endpoint is an HTTP server on loopback that speaks what `uv publish`, `pip install`, `npm publish` and `npm install`
need. A token acts with the permissions of the principal that asked for it. Not here: other formats, upstreams,
external connections, package groups, policies of domains and repositories.
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve CodeArtifact from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])
