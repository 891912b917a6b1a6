"""Attributes of OpenTelemetry spans that X-Ray finds: for the functions of your services, not for this one.

The exporters to X-Ray write span attributes as metadata, which no filter searches, except for those that the list
attribute `aws.xray.annotations` names, or that the collector's `indexed_attributes` names. The keys of annotations
have letters, digits and `_` only; an exporter replaces other characters with `_`.
https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/awsxrayexporter
"""

import re
from collections.abc import Mapping

INDEXED = "aws.xray.annotations"
MOST = 50
"""Annotations of one trace that X-Ray indexes."""

Value = str | bool | int | float


class TooManyAnnotations(Exception):
    """X-Ray would index only a part of the annotations."""


def searchable(annotations: Mapping[str, Value]) -> dict[str, Value | list[str]]:
    """Return the attributes to set on a span so that a trace group can filter by them.

        span.set_attributes(searchable({"PaymentStatus": "FAILED", "booking.id": "B1"}))

    The group's filter then names them as `annotation.PaymentStatus` and `annotation.booking_id`. Use no personal data:
    anyone who may read traces sees annotations. Raise TooManyAnnotations for more than 50.
    """
    named: dict[str, Value | list[str]] = {re.sub(r"[^A-Za-z0-9_]", "_", key): one for key, one in annotations.items()}
    if len(named) > MOST:
        raise TooManyAnnotations(f"A trace has at most {MOST} annotations, not {len(named)}.")
    return {**named, INDEXED: sorted(named)}
