"""AWS X-Ray: groups, sampling rules, and the filter expressions of groups; moto keeps the segments.

A filter knows `annotation.key` and `annotation[key]`, `service(name)`, `fault`, `error`, `throttle`, `responsetime`,
comparisons, AND, OR, NOT and parentheses; any other keyword is refused. Not here: service maps, insights, the counts
of traces that X-Ray publishes for a group.
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve X-Ray from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])
