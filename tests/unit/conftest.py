"""Unit tests make hundreds of boto3 sessions and moto's user pools: what all of them read alike is read once."""

from __future__ import annotations

import functools
import json
import os
from types import SimpleNamespace

import botocore.loaders
import botocore.session
import moto.cognitoidp.models
from hypothesis import HealthCheck, settings
from joserfc import jwk

# Nothing is timed in a test: on a busy machine an example takes as long as it takes.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of `-n auto`: tests also wait, for processes and for time, and another can compute then."""
    return (os.cpu_count() or 1) + 1


@functools.cache
def _import_key(text: str) -> jwk.RSAKey:
    return jwk.RSAKey.import_key(json.loads(text))


# Always the same one; its prime numbers take a tenth of a second to find.
moto.cognitoidp.models.jwk = SimpleNamespace(  # type: ignore[assignment, attr-defined]
    RSAKey=SimpleNamespace(import_key=lambda key: _import_key(json.dumps(key)))
)
