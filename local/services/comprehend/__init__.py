"""Amazon Comprehend on moto's backend: dominant language and sentiment of a text, from small word lists.

moto answers every text with the same sentiment. Here the answer follows from the text, the same in every run: an engine
for tests, which understands far less than Comprehend does.
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve Comprehend from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])
