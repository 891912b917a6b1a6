"""Amazon Comprehend Medical: health data in an English text, by short lists of words.

DetectEntitiesV2 finds a few conditions and medicines, and names, ages and identifiers where a phrase announces them. It
understands far less than Comprehend Medical does, and has no traits, attributes or relations.
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve Comprehend Medical from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])
