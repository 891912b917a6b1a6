"""Amazon Comprehend on moto's backend: language, sentiment, key phrases, personal data and custom entities.

moto answers every text with the same sentiment. Here the answer follows from the text, the same in every run: an engine
for tests, which understands far less than Comprehend does. `train` gives a custom recognizer its words.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register

from .models import train


def install() -> None:
    """Serve Comprehend from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


COMMANDS: dict[str, Any] = {"train": train}
